import { createMemoryTokenStore, type TokenStore } from '../../lib/index.js';
import { ACCOUNT, defer, until } from '../support/cloud.js';
import { rejection, startConnector, stopConnectors } from '../support/connector.js';

afterEach(stopConnectors);

const never = new Promise<never>(() => {});

it('shows the calls that are open and those that wait for a turn', async () => {
  const { cloud, auth } = await startConnector({ maxConcurrentTokenRequests: 2 });
  await auth.getAppJwt();
  const gate = defer();
  cloud.script.idp = () => ({ after: gate.promise, status: 400 });
  const failures = ['a', 'b', 'c', 'd', 'e'].map((consumer) => rejection(auth.getConsumerJws(consumer)));
  await until(() => cloud.count('idp') === 2);
  const idle = { open: 0, waiting: 0 };
  expect(auth.inspect()).toMatchObject({
    calls: { open: 2, waiting: 3 },
    accounts: [{ accountId: ACCOUNT, calls: { domain: idle, sentinel: idle, idp: { open: 2, waiting: 3 } } }],
  });
  gate.resolve();
  await Promise.all(failures);
  expect(auth.inspect().calls).toEqual(idle);
});

it('shows an account that has only calls so far', async () => {
  const { cloud, auth } = await startConnector();
  cloud.script.domain = () => ({ after: never });
  rejection(auth.getAppJwt());
  await until(() => cloud.count('domain') === 1);
  expect(auth.inspect().accounts).toMatchObject([
    { accountId: ACCOUNT, hostsAgeMs: undefined, appJwt: undefined, calls: { domain: { open: 1, waiting: 0 } } },
  ]);
});

it('shows each cool-down, whose it is, and when the next attempt is', async () => {
  let now = 1_000_000;
  const { cloud, auth } = await startConnector({
    clock: { now: () => now },
    failureCooldownMs: { min: 5_000, max: 60_000 },
  });
  const hash = expect.stringMatching(/^[\da-f]{64}$/);
  cloud.script.domain = () => ({ status: 500 });
  await rejection(auth.getAppJwt());
  expect(auth.inspect().cooldowns).toEqual([{ code: 'ERR_DOMAIN_LOOKUP', accountId: ACCOUNT, retryAt: 1_005_000 }]);
  delete cloud.script.domain;
  auth.invalidate();
  cloud.script.sentinel = () => ({ status: 401 });
  await rejection(auth.getAppJwt());
  expect(auth.inspect().cooldowns).toEqual([{ code: 'ERR_APP_JWT', accountId: ACCOUNT, retryAt: 1_005_000 }]);
  delete cloud.script.sentinel;
  auth.invalidate();
  cloud.script.idp = () => ({ status: 400 });
  await rejection(auth.getConsumerJws('sms-5550001'));
  const single = { code: 'ERR_CONSUMER_JWS', accountId: ACCOUNT, consumer: hash, retryAt: 1_005_000 };
  expect(auth.inspect().cooldowns).toEqual([single]);
  expect(JSON.stringify(auth.inspect())).not.toContain('5550001');
  now += 5_000;
  expect(auth.inspect().cooldowns).toEqual([]);
});

it('shows the cool-down of a service that is down for the account', async () => {
  const { cloud, auth } = await startConnector({
    clock: { now: () => 1_000_000 },
    failureCooldownMs: { min: 5_000, max: 60_000 },
  });
  await auth.getAppJwt();
  cloud.script.idp = () => ({ status: 503 });
  await Promise.all(['a', 'b', 'c', 'd'].map((consumer) => rejection(auth.getConsumerJws(consumer))));
  expect(auth.inspect().cooldowns).toContainEqual({
    ...{ code: 'ERR_CONSUMER_JWS', accountId: ACCOUNT, retryAt: expect.any(Number) },
  });
});

it('shows the state of the store', async () => {
  let now = 1_000_000;
  const options = { clock: { now: () => now }, storeSecret: 'a passphrase of the fleet' };
  const none = await startConnector();
  expect(none.auth.inspect().store).toBeUndefined();
  const store = createMemoryTokenStore();
  const { auth } = await startConnector({ ...options, store });
  await auth.getAppJwt();
  expect(auth.inspect().store).toEqual({ state: 'used', retryAt: undefined });
  const silent: TokenStore = { get: () => never, set: () => never, delete: () => never };
  const slow = await startConnector({ ...options, store: silent, storeTimeoutMs: 20 });
  await slow.auth.getAppJwt();
  expect(slow.auth.inspect().store).toEqual({ state: 'resting', retryAt: 1_002_000 });
  now += 2_000;
  expect(slow.auth.inspect().store).toEqual({ state: 'used', retryAt: undefined });
});

it('is JSON-safe', async () => {
  const { cloud, auth } = await startConnector({
    store: createMemoryTokenStore(),
    storeSecret: 'a passphrase of the fleet',
    failureCooldownMs: { min: 5_000, max: 60_000 },
    clock: { now: () => 1_000_000.25 },
  });
  cloud.script.idp = () => ({ status: 400 });
  await rejection(auth.getConsumerJws('a'));
  const snapshot = auth.inspect();
  expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot);
  const numbers = JSON.stringify(snapshot).match(/-?\d+\.\d+/g);
  expect(numbers).toBeNull();
});
