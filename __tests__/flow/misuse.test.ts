import { type ConnectorAuth, createConnectorAuth } from '../../lib/index.js';
import { ACCOUNT, closeClouds, SEND, startCloud } from '../support/cloud.js';
import { createAuth, rejection, startConnector, stopConnectors } from '../support/connector.js';

/** Misuse in plain JavaScript gets a TypeError that says what to do, and changes nothing. */
afterEach(stopConnectors);
afterEach(closeClouds);

const offline = () => createConnectorAuth({ accountId: ACCOUNT, clientId: 'id', clientSecret: 'the-secret' });

const thrownBy = async (call: (auth: never) => unknown): Promise<Error> => {
  const auth: ConnectorAuth = offline();
  const error = await rejection(Promise.resolve().then(() => call(auth as never)));
  await auth.close();
  return error as Error;
};

it.each<[string, (auth: { [method: string]: (...args: unknown[]) => unknown }) => unknown, RegExp]>([
  ['an account id alone', (auth) => auth.invalidate?.('70012345'), /takes \{ accountId\?, consumerId\? \} or nothing/],
  ['null', (auth) => auth.invalidate?.(null), /received null/],
  ['a misspelt name', (auth) => auth.invalidate?.({ acountId: 'x' }), /there is no acountId/],
  ['a name that may be a secret', (auth) => auth.invalidate?.({ 'the secret!': 1 }), /there is no such name/],
  [
    'a number',
    (auth) => auth.invalidate?.({ accountId: 70012345 }),
    /accountId must be a string; received a value of type num/,
  ],
  ['a list', (auth) => auth.invalidate?.(['1']), /received an array/],
  ['a promise', (auth) => auth.invalidate?.(Promise.resolve()), /received a promise/],
  ['no function', (auth) => auth.runOnBehalfOf?.('c'), /a consumer id and a function to run; received undefined/],
  ['a promise as the function', (auth) => auth.runOnBehalfOf?.('c', Promise.resolve()), /received a promise/],
  [
    'an account id as options',
    (auth) => auth.getAppJwt?.('70012345'),
    /getAppJwt\(\) takes \{ accountId\?, signal\? \}/,
  ],
  ['a misspelt option', (auth) => auth.getAppJwt?.({ acountId: '1' }), /there is no acountId/],
  ['a controller', (auth) => auth.getAppJwt?.({ signal: new AbortController() }), /must be an AbortSignal/],
  ['an account id', (auth) => auth.getConsumerJws?.('c', '1'), /getConsumerJws\(\) takes/],
  ['no service', (auth) => auth.getOrigin?.(), /such as 'asyncMessagingEnt'; received undefined/],
  ['an empty service', (auth) => auth.getOrigin?.(''), /received an empty string/],
  ['options in place of a service', (auth) => auth.getOrigin?.({ accountId: '1' }), /received a value of type object/],
  ['no listener', (auth) => auth.on?.('token'), /the listener of token must be a function/],
  ['an unknown event', (auth) => auth.on?.('tokens', () => {}), /use one of token, replay/],
  ['nothing', (auth) => auth.install?.(), /takes an Axios instance/],
  ['a promise for an instance', (auth) => auth.install?.(Promise.resolve()), /takes an Axios instance/],
])('%s: %s', async (_, call, message) => {
  const error = await thrownBy(call as never);
  expect(error).toBeInstanceOf(TypeError);
  expect(error.message).toMatch(message);
  expect(error.message).not.toContain('the secret!');
});

it.each(['accountId', 'clientSecret', 'domainApi', 'credentials', 'store'])(
  'a promise for the option %s: await it first',
  (name) => {
    const options = { accountId: ACCOUNT, clientId: 'id', clientSecret: 's', [name]: Promise.resolve('x') };
    expect(() => createConnectorAuth(options as never)).toThrow(
      new RegExp(`^createConnectorAuth: ${name} must be .*; received a promise\\. Await it first\\.$`),
    );
  },
);

it('a promise of the options: await it first', () => {
  expect(() => createConnectorAuth(Promise.resolve({}) as never)).toThrow(
    new TypeError('createConnectorAuth: options must be an object; received a promise. Await it first.'),
  );
});

it('a wrong target of invalidate() drops no token', async () => {
  const { cloud, auth, http } = await startConnector();
  await http.post(SEND, {}, { onBehalfOf: 'c' });
  for (const target of ['c', { acountId: ACCOUNT }, { consumerId: 5 }])
    expect(() => auth.invalidate(target as never)).toThrow(TypeError);
  await http.post(SEND, {}, { onBehalfOf: 'c' });
  expect([cloud.count('sentinel'), cloud.count('idp'), cloud.count('send')]).toEqual([1, 1, 2]);
});

it('a service that the Domain API does not know is named', async () => {
  const cloud = await startCloud();
  cloud.script.domain = ({ url }) => (url.includes('sentinal') ? { status: 404 } : { body: { baseURIs: [] } });
  const auth = createAuth(cloud);
  const error = await rejection(auth.getOrigin('sentinal'));
  expect(error).toMatchObject({
    code: 'ERR_DOMAIN_LOOKUP',
    status: 404,
    accountId: ACCOUNT,
    message: expect.stringMatching(/no host for the service "sentinal" of account .* Check its name, such as sentinel/),
  });
});

it('events and snapshots have whole milliseconds, whatever the clock', async () => {
  let ms = 1_800_000_000_000.25;
  for (const clock of [undefined, { now: () => (ms += 0.7) }]) {
    const { auth, http } = await startConnector(clock ? { clock } : {});
    const numbers: unknown[] = [];
    auth.on('token', ({ durationMs, expiresAt }) => numbers.push(durationMs, expiresAt));
    await http.post(SEND, {}, { onBehalfOf: 'c' });
    const [account] = auth.inspect().accounts;
    numbers.push(account?.hostsAgeMs, account?.appJwt?.ageMs, account?.appJwt?.expiresInMs);
    const given = numbers.filter((number) => number !== undefined);
    expect(given.length).toBeGreaterThan(5);
    expect(given.filter((number) => !Number.isInteger(number))).toEqual([]);
  }
});
