// A connector in OpenTelemetry, and the trace that a refused message leaves: npm run example observability
import assert from 'node:assert/strict';
import { trace } from '@opentelemetry/api';
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici';
import {
  ConsoleSpanExporter,
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import axios from 'axios';
import { createConnectorAuth } from 'axios-liveperson-auth';
import { startEmulator } from 'axios-liveperson-auth/emulator';
import { instrumentConnectorAuth } from 'axios-liveperson-auth/opentelemetry';

// Your connector has an exporter for your APM here.
const collected = new InMemorySpanExporter();
const provider = new NodeTracerProvider({
  spanProcessors: [new SimpleSpanProcessor(new ConsoleSpanExporter()), new SimpleSpanProcessor(collected)],
});
provider.register();
// With Axios's http adapter, use @opentelemetry/instrumentation-http, and load it before Axios.
const fetchInstrumentation = new UndiciInstrumentation();
const endInstrumentation = instrumentConnectorAuth();

const account = { accountId: '70012345', clientId: 'observed-app', clientSecret: 'observed-secret' };
const cloud = await startEmulator({ accounts: [account] });
const http = axios.create({ adapter: 'fetch' });
const auth = createConnectorAuth({ ...account, domainApi: cloud.origin, axiosConfig: { adapter: 'fetch' } });
auth.install(http);

const send = (message: string) => {
  const event = { type: 'ContentEvent', contentType: 'text/plain', message };
  const item = { kind: 'req', id: '1', type: 'ms.PublishEvent', body: { dialogId: 'd', event } };
  const path = `/api/account/${account.accountId}/messaging/consumer/conversation/send?v=3`;
  return http.post(path, item, { onBehalfOf: 'sms-4915550001' });
};

/** A webhook of the connector, in the way its own instrumentation shows it. */
const handleWebhook = (text: string) =>
  trace.getTracer('connector').startActiveSpan('webhook', async (span) => {
    await send(text);
    span.end();
  });

await handleWebhook('Hello');
cloud.revokeAppJwts();
collected.reset();
await handleWebhook('Still there?');

console.log('\nThe trace of the message that was refused once:');
const spans = collected.getFinishedSpans();
const childrenOf = (parent: ReadableSpan | undefined) =>
  spans
    .filter(({ parentSpanContext }) => parentSpanContext?.spanId === parent?.spanContext().spanId)
    .sort((a, b) => a.startTime[0] - b.startTime[0] || a.startTime[1] - b.startTime[1]);

function print(span: ReadableSpan, depth: number): void {
  const shown = ['liveperson.token.kind', 'liveperson.token.cause', 'liveperson.error.code', 'liveperson.outcome'];
  const names = [...shown, 'http.request.resend_count', 'url.path', 'http.response.status_code'];
  const values = names.filter((name) => name in span.attributes).map((name) => `${name}=${span.attributes[name]}`);
  console.log(`${'  '.repeat(depth)}${span.name} ${values.join(' ')}`.trimEnd());
  for (const child of childrenOf(span)) print(child, depth + 1);
}
for (const root of childrenOf(undefined)) print(root, 1);

const [message] = spans.filter(({ name }) => name === 'liveperson.send');
assert.equal(message?.attributes['http.request.resend_count'], 1);

endInstrumentation();
fetchInstrumentation.disable();
await auth.close();
await cloud.close();
await provider.shutdown();
