// Events as metrics, of OpenTelemetry and of prom-client: npm run example metrics
// With OpenTelemetry, `axios-liveperson-auth/opentelemetry` records them for you: see the example observability.
import assert from 'node:assert/strict';
import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import axios from 'axios';
import {
  type ConnectorAuth,
  createConnectorAuth,
  createMemoryTokenStore,
  type TokenStore,
} from 'axios-liveperson-auth';
import { startEmulator } from 'axios-liveperson-auth/emulator';
import { Counter, Histogram, Registry } from 'prom-client';

/** Labels have few values each: no consumer, not even its hash, since there are as many of these as consumers. */
function countWithOpenTelemetry(auth: ConnectorAuth): void {
  const meter = metrics.getMeter('axios-liveperson-auth');
  const tokens = meter.createHistogram('liveperson.token.duration', { unit: 'ms' });
  const replays = meter.createCounter('liveperson.replays');
  const failures = meter.createCounter('liveperson.failures');
  auth.on('token', ({ kind, accountId, cause, durationMs }) => tokens.record(durationMs, { kind, accountId, cause }));
  auth.on('replay', ({ accountId, errorCode, outcome }) => replays.add(1, { accountId, errorCode, outcome }));
  auth.on('failure', ({ stage, accountId, code }) => failures.add(1, { stage, accountId, code }));
}

/** @returns a function that counts the events of one ConnectorAuth. A process may have several */
function countWithPromClient(register: Registry): (auth: ConnectorAuth) => void {
  const common = { registers: [register] };
  const tokens = new Histogram({
    ...common,
    name: 'liveperson_token_seconds',
    help: 'Fetching a token, retries included',
    labelNames: ['kind', 'account', 'cause', 'source'],
  });
  const replays = new Counter({
    ...common,
    name: 'liveperson_replays_total',
    help: 'Replays, by the code that refused the request',
    labelNames: ['account', 'code', 'outcome'],
  });
  const failures = new Counter({
    ...common,
    name: 'liveperson_failures_total',
    help: 'Failed token calls',
    labelNames: ['stage', 'account', 'code'],
  });
  const storeErrors = new Counter({
    ...common,
    name: 'liveperson_store_errors_total',
    help: 'Faults of the shared store',
    labelNames: ['account', 'operation', 'reason'],
  });
  return (auth) => {
    auth.on('token', ({ kind, accountId: account, cause, source, durationMs }) =>
      tokens.observe({ kind, account, cause, source }, durationMs / 1_000),
    );
    auth.on('replay', ({ accountId: account, errorCode: code, outcome }) => replays.inc({ account, code, outcome }));
    auth.on('failure', ({ stage, accountId: account, code }) => failures.inc({ stage, account, code }));
    auth.on('store-error', ({ accountId: account, operation, reason }) =>
      storeErrors.inc({ account, operation, reason }),
    );
  };
}

const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const provider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] });
metrics.setGlobalMeterProvider(provider);
const register = new Registry();

const account = { accountId: '70012345', clientId: 'metrics-app', clientSecret: 'metrics-secret' };
const cloud = await startEmulator({ accounts: [account] });
/** A store that you share with other processes. Here it is in memory, and can be down. */
const memory = createMemoryTokenStore();
let isDown = false;
const store: TokenStore = {
  ...memory,
  get: async (key) => {
    if (isDown) throw new Error('The store is down.');
    return memory.get(key);
  },
};
const storeSecret = 'a passphrase that all processes have';

const http = axios.create();
const auth = createConnectorAuth({ ...account, domainApi: cloud.origin, retry: false, store, storeSecret });
auth.install(http);
countWithOpenTelemetry(auth);
const count = countWithPromClient(register);
count(auth);

const event = { type: 'ContentEvent', contentType: 'text/plain', message: 'Hello' };
const item = { kind: 'req', id: '1', type: 'ms.PublishEvent', body: { dialogId: 'd', event } };
const send = (onBehalfOf: string) =>
  http.post(`/api/account/${account.accountId}/messaging/consumer/conversation/send?v=3`, item, { onBehalfOf });
await Promise.all([send('sms-1'), send('sms-2')]);
cloud.revokeAppJwts();
await send('sms-1');
isDown = true;
cloud.failNext('idp', { status: 503 });
await send('sms-3').catch(({ code }) => console.log(`A message failed: ${code}`));

isDown = false;

// Another process takes its tokens from the store.
const other = createConnectorAuth({ ...account, domainApi: cloud.origin, store, storeSecret });
count(other);
await other.getConsumerJws('sms-1');

console.log('\nOpenTelemetry');
await provider.forceFlush();
const [scope] = exporter.getMetrics().at(-1)?.scopeMetrics ?? [];
for (const { descriptor, dataPoints } of scope?.metrics ?? []) {
  for (const { attributes, value } of dataPoints) {
    const count = typeof value === 'number' ? value : value.count;
    console.log(`  ${descriptor.name} ${Object.values(attributes).join(' ')}: ${count}`);
  }
}

console.log('\nprom-client');
const lines = (await register.metrics()).split('\n').filter((line) => /^liveperson\w+_(total|count)/.test(line));
for (const line of lines) console.log(`  ${line}`);
assert(lines.some((line) => /replays_total.*succeeded.* 1$/.test(line)));

await provider.shutdown();
await Promise.all([auth.close(), other.close()]);
await cloud.close();
