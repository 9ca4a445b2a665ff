import { createConnectorAuth } from '../../lib/index.js';
import { ACCOUNT, defer, envelope, SEND, startCloud, until } from '../support/cloud.js';
import { PATIENT, rejection, startConnector, stopConnectors } from '../support/connector.js';

afterEach(stopConnectors);

it('tell of tokens and replays, and name no consumer', async () => {
  const { cloud, http, auth } = await startConnector();
  const events: object[] = [];
  auth.on('token', (event) => events.push(event));
  auth.on('replay', (event) => events.push(event));
  cloud.script.send = (_, count) => (count === 1 ? { status: 401, body: envelope(40103) } : undefined);
  await http.post(SEND, {}, { onBehalfOf: 'consumer-5550001' });
  const consumer = expect.stringMatching(/^[\da-f]{64}$/);
  expect(events).toEqual([
    expect.objectContaining({
      kind: 'appJwt',
      cause: 'initial',
      source: 'service',
      expiresAt: expect.any(Number),
      durationMs: expect.any(Number),
    }),
    expect.objectContaining({ kind: 'consumerJws', cause: 'initial', consumer, expiresAt: undefined }),
    expect.objectContaining({ kind: 'consumerJws', cause: 'refused', consumer }),
    { accountId: '70012345', endpoint: 'send', errorCode: 40103, outcome: 'succeeded' },
  ]);
  expect(JSON.stringify([events, auth.inspect()])).not.toMatch(/5550001|signature/);
  expect(auth.inspect()).toMatchObject({
    consumers: { count: 1 },
    accounts: [{ accountId: '70012345', appJwt: { state: 'usable' } }],
  });
});

it('tell how long a token took, by the clock', async () => {
  let now = 1_700_000_000_000;
  const { cloud, auth } = await startConnector({ clock: { now: () => now } });
  const took: string[] = [];
  auth.on('token', ({ kind, durationMs }) => took.push(`${kind} ${durationMs}`));
  const takes = (ms: number) => () => {
    now += ms;
    return undefined;
  };
  cloud.script.sentinel = takes(250);
  cloud.script.idp = takes(40);
  await auth.getAppJwt();
  await auth.getConsumerJws('c');
  expect(took).toEqual(['appJwt 250', 'consumerJws 40']);
});

it.each([
  ['succeeded', {}, {}],
  ['refused', { status: 401, body: envelope(40103) }, {}],
  ['failed', { status: 503 }, {}],
  ['failed', { status: 400, body: envelope(40001) }, { validateStatus: () => true }],
  ['no-token', {}, {}],
])('tell how a replay ended: %s', async (outcome, second, request) => {
  const { cloud, http, auth } = await startConnector({ retry: false });
  const outcomes: unknown[] = [];
  auth.on('replay', (event) => outcomes.push(event.outcome));
  await auth.getConsumerJws('c');
  if (outcome === 'no-token') cloud.script.idp = () => ({ status: 400 });
  cloud.script.send = (_, count) => (count === 1 ? { status: 401, body: envelope(40103) } : second);
  await http.post(SEND, {}, { onBehalfOf: 'c', ...request }).catch(() => {});
  expect(outcomes).toEqual([outcome]);
  expect(cloud.count('send')).toBe(outcome === 'no-token' ? 1 : 2);
});

it('tell of no replay that the caller did not wait for', async () => {
  const { cloud, http, auth } = await startConnector();
  const outcomes: unknown[] = [];
  auth.on('replay', (event) => outcomes.push(event.outcome));
  await auth.getConsumerJws('c');
  const gate = defer();
  cloud.script.idp = () => ({ after: gate.promise });
  cloud.script.send = () => ({ status: 401, body: envelope(40103) });
  const abort = new AbortController();
  const ended = rejection(http.post(SEND, {}, { onBehalfOf: 'c', signal: abort.signal }));
  await until(() => cloud.count('idp') === 2);
  abort.abort();
  await ended;
  gate.resolve();
  expect([outcomes, cloud.count('send')]).toEqual([[], 1]);
});

it('beside them, inspect() tells ages and states', async () => {
  let now = 1_000_000;
  const { cloud, http, auth } = await startConnector({ clock: { now: () => now }, maxConsumers: 5 });
  const accounts = () => auth.inspect().accounts;
  const idle = { open: 0, waiting: 0 };
  expect(auth.inspect()).toEqual({
    ...{ closed: false, consumers: { count: 0, max: 5 }, calls: idle, cooldowns: [], accounts: [] },
  });
  await http.post(SEND, {}, { onBehalfOf: 'c' });
  now += 60_000;
  const appJwt = { state: 'usable', ageMs: 60_000, expiresInMs: 3_540_000 };
  const calls = { domain: idle, sentinel: idle, idp: idle };
  expect(accounts()).toEqual([{ accountId: ACCOUNT, hostsAgeMs: 60_000, appJwt, calls }]);
  now += 3_600_000;
  expect(accounts()).toMatchObject([{ appJwt: { state: 'expired', ageMs: 3_660_000, expiresInMs: -60_000 } }]);
  auth.invalidate();
  expect(accounts()).toMatchObject([{ appJwt: { state: 'invalidated' } }]);
  await auth.getAppJwt();
  cloud.script.send = () => ({ status: 401, body: envelope(40102) });
  cloud.script.sentinel = () => ({ status: 503 });
  await rejection(http.post(SEND, {}, { onBehalfOf: 'c' }));
  expect(accounts()).toMatchObject([{ appJwt: { state: 'refused' } }]);
  auth.close();
  expect(auth.inspect().closed).toBe(true);
});

it('tell of failures: whose, what to do, and until when they are remembered', async () => {
  const { cloud, auth } = await startConnector({
    clock: { now: () => 1_000 },
    failureCooldownMs: { min: 5_000, max: 5_000 },
  });
  const failures: object[] = [];
  auth.on('failure', (event) => failures.push(event));
  cloud.script.domain = () => ({ status: 500, body: { internalErrorCode: '9007' } });
  for (let i = 0; i < 3; i++) await rejection(auth.getConsumerJws('consumer-5550001'));
  delete cloud.script.domain;
  auth.invalidate();
  cloud.script.idp = () => ({ status: 400 });
  for (let i = 0; i < 3; i++) await rejection(auth.getConsumerJws('consumer-5550001'));
  cloud.script.sentinel = () => ({ status: 503 });
  auth.invalidate();
  for (let i = 0; i < 3; i++) await rejection(auth.getConsumerJws('consumer-5550001'));
  const common = {
    accountId: '70012345',
    message: expect.stringMatching(/answered \d{3}/),
    internalErrorCode: undefined,
    retryAt: 6_000,
  };
  expect(failures).toEqual([
    {
      ...common,
      stage: 'domain',
      code: 'ERR_DOMAIN_LOOKUP',
      status: 500,
      transient: true,
      internalErrorCode: '9007',
    },
    {
      ...common,
      stage: 'idp',
      consumer: expect.stringMatching(/^[\da-f]{64}$/),
      code: 'ERR_CONSUMER_JWS',
      status: 400,
      transient: false,
    },
    { ...common, stage: 'sentinel', code: 'ERR_APP_JWT', status: 503, transient: true },
  ]);
});

it('tell of no failure that the package has cured by itself', async () => {
  let secret = 'old';
  const cloud = await startCloud();
  const auth = createConnectorAuth({
    credentials: () => ({ clientId: 'id', clientSecret: secret }),
    domainApi: cloud.origin,
    forcedRefreshIntervalMs: 0,
    ...PATIENT,
  });
  const failures: object[] = [];
  auth.on('failure', (event) => failures.push(event));
  await auth.getAppJwt({ accountId: ACCOUNT });
  secret = 'new';
  auth.invalidate();
  cloud.script.sentinel = ({ body }) => (body.includes('old') ? { status: 401, body: {} } : undefined);
  cloud.script.idp = (_, count) => (count === 1 ? { status: 401, body: {} } : undefined);
  await auth.getConsumerJws('c', { accountId: ACCOUNT });
  expect([cloud.count('sentinel'), cloud.count('idp')]).toEqual([3, 2]);
  expect(failures).toEqual([]);
  auth.close();
});

it('a listener that throws, now or later, changes nothing; one that is taken off hears nothing', async () => {
  const { http, auth } = await startConnector();
  const heard = jest.fn();
  auth.on('token', () => {
    throw new Error('mine');
  });
  auth.on('token', async () => {
    throw new Error('mine, later');
  });
  const off = auth.on('token', heard);
  await http.post(SEND, {}, { onBehalfOf: 'a' });
  off();
  await http.post(SEND, {}, { onBehalfOf: 'b' });
  expect(heard).toHaveBeenCalledTimes(2);
});

it('there are no others', async () => {
  const { auth } = await startConnector();
  expect(() => auth.on('tokens' as never, () => {})).toThrow(
    'on(): there is no event "tokens"; use one of token, replay, retry, failure, evict, store-error.',
  );
  expect(() => auth.on('token', undefined as never)).toThrow(/must be a function/);
});
