// Events as metrics, of OpenTelemetry and of prom-client: npm run example metrics
import assert from 'node:assert/strict';
import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import axios from 'axios';
import { type ConnectorAuth, createConnectorAuth } from 'axios-liveperson-auth';
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

function countWithPromClient(auth: ConnectorAuth, register: Registry): void {
  const common = { registers: [register] };
  const tokens = new Histogram({
    ...common,
    name: 'liveperson_token_seconds',
    help: 'Fetching a token, retries included',
    labelNames: ['kind', 'account', 'cause'],
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
  auth.on('token', ({ kind, accountId: account, cause, durationMs }) =>
    tokens.observe({ kind, account, cause }, durationMs / 1_000),
  );
  auth.on('replay', ({ accountId: account, errorCode: code, outcome }) => replays.inc({ account, code, outcome }));
  auth.on('failure', ({ stage, accountId: account, code }) => failures.inc({ stage, account, code }));
}

const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const provider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] });
metrics.setGlobalMeterProvider(provider);
const register = new Registry();

const account = { accountId: '70012345', clientId: 'metrics-app', clientSecret: 'metrics-secret' };
const cloud = await startEmulator({ accounts: [account] });
const http = axios.create();
const auth = createConnectorAuth({ ...account, domainApi: cloud.origin, retry: false });
auth.install(http);
countWithOpenTelemetry(auth);
countWithPromClient(auth, register);

const event = { type: 'ContentEvent', contentType: 'text/plain', message: 'Hello' };
const item = { kind: 'req', id: '1', type: 'ms.PublishEvent', body: { dialogId: 'd', event } };
const send = (onBehalfOf: string) =>
  http.post(`/api/account/${account.accountId}/messaging/consumer/conversation/send?v=3`, item, { onBehalfOf });
await Promise.all([send('sms-1'), send('sms-2')]);
cloud.revokeAppJwts();
await send('sms-1');
cloud.failNext('idp', { status: 503 });
await send('sms-3').catch(({ code }) => console.log(`A message failed: ${code}`));

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
await auth.close();
await cloud.close();
