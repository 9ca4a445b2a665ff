import { metrics } from '@opentelemetry/api';
import type { Histogram } from '@opentelemetry/sdk-metrics';
import { type CommonOptions, createMemoryTokenStore } from '../../lib/index.js';
import { instrumentConnectorAuth } from '../../lib/opentelemetry.js';
import { defer, envelope, SEND, until } from '../support/cloud.js';
import { CLIENT_SECRET, createAuth, rejection, startConnector, stopConnectors } from '../support/connector.js';
import { endsWith, type Metric, startMetering, stopTelemetry } from '../support/telemetry.js';

afterEach(stopConnectors);
afterEach(stopTelemetry);

async function start(options: CommonOptions = {}, accounts = false) {
  const { provider, collect } = startMetering();
  endsWith(instrumentConnectorAuth({ meterProvider: provider, accounts }));
  return { ...(await startConnector(options)), collect };
}

/** The series of a metric: its attributes, without the common part of their names, and its value or count. */
function seriesOf(all: readonly Metric[], name: string): [object, number][] {
  const metric = all.find((one) => one.name === name);
  return (metric?.points ?? []).map(({ attributes, value }) => [
    Object.fromEntries(Object.entries(attributes).map(([key, text]) => [key.split('.').at(-1), text])),
    typeof value === 'number' ? value : value.count,
  ]);
}

/** The sum of a histogram's first series. */
function sumOf(all: readonly Metric[], name: string): number | undefined {
  const [first] = all.find((metric) => metric.name === name)?.points ?? [];
  return (first?.value as Histogram | undefined)?.sum;
}

it('counts fetches by kind, cause, source and outcome, with their duration', async () => {
  const store = createMemoryTokenStore();
  const shared = { store, storeSecret: 'a passphrase of the fleet' };
  const { cloud, auth, collect } = await start(shared);
  const startedAt = performance.now();
  await auth.getConsumerJws('a');
  await auth.close();
  await createAuth(cloud, shared).getAppJwt();
  cloud.script.idp = () => ({ status: 400 });
  await rejection(createAuth(cloud, shared).getConsumerJws('b'));
  const all = await collect();
  const common = { cause: 'initial', outcome: 'succeeded' };
  expect(seriesOf(all, 'liveperson.token.fetch.duration.seconds')).toEqual([
    [{ ...common, kind: 'appJwt', source: 'service' }, 1],
    [{ ...common, kind: 'consumerJws', source: 'service' }, 1],
    [{ ...common, kind: 'appJwt', source: 'store' }, 2],
    [{ ...common, kind: 'consumerJws', source: 'service', outcome: 'failed' }, 1],
  ]);
  expect(sumOf(all, 'liveperson.token.fetch.duration.seconds')).toBeLessThanOrEqual(
    (performance.now() - startedAt) / 1_000,
  );
});

it('counts each replay by code and outcome', async () => {
  const { cloud, http, auth, collect } = await start();
  await auth.getConsumerJws('c');
  const replies = [40103, 40102, undefined, 40103, 40103];
  cloud.script.send = (_, count) => {
    const code = replies[count - 1];
    return code === undefined ? undefined : { status: 401, body: envelope(code) };
  };
  await http.post(SEND, {}, { onBehalfOf: 'c' });
  await rejection(http.post(SEND, {}, { onBehalfOf: 'c' }));
  expect(seriesOf(await collect(), 'liveperson.replays')).toEqual([
    [{ code: 40103, outcome: 'refused' }, 2],
    [{ code: 40102, outcome: 'succeeded' }, 1],
  ]);
});

it('records how long each message waited for tokens', async () => {
  let now = 1_700_000_000_000;
  const { cloud, http, collect } = await start({ clock: { now: () => now } });
  cloud.script.idp = () => {
    now += 1_500;
    return undefined;
  };
  cloud.script.send = (_, count) => {
    now += 60_000;
    return count === 3 ? { status: 503 } : undefined;
  };
  await http.post(SEND, {}, { onBehalfOf: 'c' });
  await http.post(SEND, {}, { onBehalfOf: 'c' });
  await rejection(http.post(SEND, {}, { onBehalfOf: 'c' }));
  const all = await collect();
  const name = 'liveperson.message.wait.duration.seconds';
  expect(seriesOf(all, name)).toEqual([
    [{ outcome: 'succeeded' }, 2],
    [{ outcome: 'failed' }, 1],
  ]);
  expect(sumOf(all, name)).toBe(1.5);
});

it('shows the queue, the cool-downs and the tokens in memory, of all auths together', async () => {
  const { cloud, auth, collect } = await start({
    maxConcurrentTokenRequests: 1,
    failureCooldownMs: { min: 60_000, max: 60_000 },
  });
  await auth.getConsumerJws('a');
  const other = createAuth(cloud);
  await other.getConsumerJws('b');
  await other.getConsumerJws('c');
  const gate = defer();
  cloud.script.idp = (_, count) => (count === 4 ? { status: 400 } : { after: gate.promise, status: 400 });
  await rejection(auth.getConsumerJws('d'));
  const failures = ['e', 'f', 'g'].map((consumer) => rejection(auth.getConsumerJws(consumer)));
  await until(() => cloud.count('idp') === 5);
  const all = await collect();
  expect(seriesOf(all, 'liveperson.calls.open')).toContainEqual([{ kind: 'idp' }, 1]);
  expect(seriesOf(all, 'liveperson.calls.waiting')).toEqual([
    [{ kind: 'domain' }, 0],
    [{ kind: 'sentinel' }, 0],
    [{ kind: 'idp' }, 2],
  ]);
  expect(seriesOf(all, 'liveperson.cooldowns')).toEqual([
    [{ code: 'ERR_DOMAIN_LOOKUP' }, 0],
    [{ code: 'ERR_APP_JWT' }, 0],
    [{ code: 'ERR_CONSUMER_JWS' }, 1],
  ]);
  expect(seriesOf(all, 'liveperson.tokens')).toEqual([
    [{ kind: 'consumerJws' }, 3],
    [{ kind: 'appJwt' }, 2],
  ]);
  gate.resolve();
  await Promise.all(failures);
});

it('counts the faults of the store', async () => {
  const broken = async () => {
    throw new Error('down');
  };
  const store = { get: broken, set: broken, delete: broken };
  const { auth, collect } = await start({ store, storeSecret: 'a passphrase of the fleet' });
  await auth.getAppJwt();
  await auth.close();
  expect(seriesOf(await collect(), 'liveperson.store.errors')).toEqual([
    [{ kind: 'appJwt', operation: 'get', reason: 'failed' }, 1],
    [{ kind: 'appJwt', operation: 'set', reason: 'failed' }, 1],
  ]);
});

/** All kinds of things that metrics tell of. */
async function playEverything(accounts: boolean) {
  const broken = async () => {
    throw new Error('down');
  };
  const store = { get: broken, set: broken, delete: broken };
  const connector = await start({ store, storeSecret: 'a passphrase of the fleet' }, accounts);
  const { cloud, http } = connector;
  cloud.script.send = (_, count) => (count === 1 ? { status: 401, body: envelope(40103) } : undefined);
  for (const consumer of ['sms-5550001', 'sms-5550002']) await http.post(SEND, {}, { onBehalfOf: consumer });
  return connector;
}

it('each metric has a description and a unit, and attributes of few values', async () => {
  const { cloud, collect } = await playEverything(false);
  const all = await collect();
  expect(all.map(({ name }) => name).sort()).toEqual([
    'liveperson.calls.open',
    'liveperson.calls.waiting',
    'liveperson.cooldowns',
    'liveperson.message.wait.duration.seconds',
    'liveperson.replays',
    'liveperson.store.errors',
    'liveperson.token.fetch.duration.seconds',
    'liveperson.tokens',
  ]);
  for (const { description, unit, points } of all) {
    expect(description).toMatch(/^[A-Z].{10}/);
    expect(unit).toMatch(/^(s|\{\w+\})$/);
    expect(points.length).toBeGreaterThan(0);
    for (const { attributes } of points)
      for (const key of Object.keys(attributes))
        expect(key).toMatch(/(kind|cause|source|outcome|code|operation|reason)$/);
  }
  const text = JSON.stringify(all);
  for (const secret of [CLIENT_SECRET, '5550001', '70012345', cloud.host, ...cloud.issued.appJwt])
    expect(text).not.toContain(secret);
  expect(text).not.toMatch(/[\da-f]{64}/);
});

it('the account is an attribute if that is wanted', async () => {
  const { collect } = await playEverything(true);
  for (const { name, points } of await collect()) {
    const accounts = points.map(({ attributes }) => attributes['liveperson.account']);
    // The number of consumers in memory is one for all accounts.
    if (name === 'liveperson.tokens') expect(accounts).toEqual([undefined, '70012345']);
    else expect(new Set(accounts)).toEqual(new Set(['70012345']));
  }
});

it('uses the global meter provider, also one that is registered later', async () => {
  endsWith(instrumentConnectorAuth());
  const { http } = await startConnector();
  const { provider, collect } = startMetering();
  metrics.setGlobalMeterProvider(provider);
  await http.post(SEND, {}, { onBehalfOf: 'a' });
  expect(seriesOf(await collect(), 'liveperson.message.wait.duration.seconds')).toEqual([
    [{ outcome: 'succeeded' }, 1],
  ]);
  expect(seriesOf(await collect(), 'liveperson.tokens')).toEqual([
    [{ kind: 'consumerJws' }, 1],
    [{ kind: 'appJwt' }, 1],
  ]);
});

it('instrumenting twice counts once, and what has ended counts nothing', async () => {
  const { provider, collect } = startMetering();
  const ends = [1, 2].map(() => instrumentConnectorAuth({ meterProvider: provider }));
  const { http } = await startConnector();
  const sent = async () => {
    await http.post(SEND, {}, { onBehalfOf: 'a' });
    return seriesOf(await collect(), 'liveperson.message.wait.duration.seconds')[0]?.[1];
  };
  expect(await sent()).toBe(1);
  ends[0]?.();
  expect(await sent()).toBe(2);
  ends[1]?.();
  expect(await sent()).toBe(2);
});
