import { envelope, SEND } from '../support/cloud.js';
import { startConnector, stopConnectors } from '../support/connector.js';

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
  expect(() => auth.on('tokens' as never, () => {})).toThrow(/there is no event "tokens"/);
  expect(() => auth.on('token', undefined as never)).toThrow(/must be a function/);
});
