import { context, SpanStatusCode, trace } from '@opentelemetry/api';
import { NodeTracerProvider, type ReadableSpan, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { instrumentConnectorAuth } from '../../lib/opentelemetry.js';
import { ACCOUNT, CONVERSATION, defer, envelope, makeToken, SEND, until } from '../support/cloud.js';
import { createAuth, rejection, startConnector, stopConnectors } from '../support/connector.js';
import { endsWith, instrumentFetch, instrumentHttp, startTracing, stopTelemetry } from '../support/telemetry.js';

afterEach(stopConnectors);
afterEach(stopTelemetry);

function instrument(options?: Parameters<typeof instrumentConnectorAuth>[0]): () => void {
  const end = instrumentConnectorAuth(options);
  endsWith(end);
  return end;
}

const idOf = (span: ReadableSpan | undefined) => span?.spanContext().spanId;
const hasServer = (span: ReadableSpan) => span.attributes['server.address'] ?? span.attributes['net.peer.name'];

const ADAPTERS = [
  ['http', instrumentHttp],
  ['fetch', instrumentFetch],
] as const;

describe.each(ADAPTERS)('with the instrumentation of %s', (adapter, instrumentAdapter) => {
  it.each([
    [40102, 'appJwt'],
    [40103, 'consumerJws'],
  ])(
    'a message that was refused once (%i) is one span, two HTTP spans beneath it and one token span',
    async (code, kind) => {
      const spans = startTracing();
      instrumentAdapter();
      instrument();
      const { cloud, http } = await startConnector({ axiosConfig: { adapter } }, { adapter });
      await http.post(SEND, {}, { onBehalfOf: 'sms-5550001' });
      spans.reset();
      cloud.script.send = (_, count) => (count === 2 ? { status: 401, body: envelope(code) } : undefined);
      await http.post(SEND, {}, { onBehalfOf: 'sms-5550001' });

      const [message, ...others] = spans.named('liveperson.send');
      expect(others).toEqual([]);
      expect(message?.attributes).toMatchObject({
        'http.request.resend_count': 1,
        'liveperson.outcome': 'succeeded',
        'liveperson.error.code': code,
        'server.address': '127.0.0.1',
        'server.port': Number(cloud.host.split(':')[1]),
      });
      expect(message?.attributes).not.toHaveProperty('error.type');
      expect(message?.status.code).toBe(SpanStatusCode.UNSET);
      const children = spans.childrenOf(message);
      const tokens = children.filter(({ name }) => name === 'liveperson.token');
      const sends = children.filter((span) => hasServer(span) && span.name !== 'liveperson.token');
      expect([children.length, tokens.length, sends.length]).toEqual([3, 1, 2]);
      expect(tokens[0]?.attributes).toMatchObject({
        'liveperson.token.kind': kind,
        'liveperson.token.cause': 'refused',
        'liveperson.token.source': 'service',
        'liveperson.outcome': 'succeeded',
        'server.address': '127.0.0.1',
      });
      // The call to the service is beneath the span of its token.
      expect(spans.childrenOf(tokens[0])).toHaveLength(1);
      expect(new Set(spans.named().map((span) => span.spanContext().traceId)).size).toBe(1);
    },
  );
});

it('a message that fails has the code that says why as error.type', async () => {
  const spans = startTracing();
  instrument();
  const { cloud, http } = await startConnector();
  await http.post(CONVERSATION, {}, { onBehalfOf: 'a' });
  const send = (answer: object, config = {}) => {
    cloud.script.send = () => answer;
    return rejection(http.post(SEND, {}, { onBehalfOf: 'a', ...config }));
  };
  await send({ status: 400, body: envelope(40001) });
  await send({ status: 401, body: envelope(40103) });
  await send({ status: 503 });
  cloud.script.idp = () => ({ status: 400 });
  await send({ status: 401, body: envelope(40103) });
  await rejection(http.post(SEND, {}, { onBehalfOf: '' }));
  const shown = spans
    .named('liveperson.send')
    .map(({ attributes, status }) => [attributes['liveperson.outcome'], attributes['error.type'], status.code]);
  expect(shown).toEqual([
    ['failed', '40001', SpanStatusCode.ERROR],
    ['refused', '40103', SpanStatusCode.ERROR],
    ['failed', 'ERR_BAD_RESPONSE', SpanStatusCode.ERROR],
    ['no-token', 'ERR_CONSUMER_JWS', SpanStatusCode.ERROR],
    ['failed', 'ERR_NO_CONSUMER', SpanStatusCode.ERROR],
  ]);
  const failed = spans.named('liveperson.token').at(-1);
  expect(failed?.attributes).toMatchObject({ 'liveperson.outcome': 'failed', 'error.type': 'ERR_CONSUMER_JWS' });
  expect(spans.named('liveperson.conversation')).toHaveLength(1);
});

it('a renewal in the background is a root span, with a link to the message that triggered it', async () => {
  let now = Date.now();
  const spans = startTracing();
  instrumentHttp();
  instrument();
  const { cloud, http, auth } = await startConnector({ clock: { now: () => now } });
  await http.post(SEND, {}, { onBehalfOf: 'a' });
  spans.reset();
  now += 3_400_000;
  const renewed = new Promise((resolve) => auth.on('token', resolve));
  await http.post(SEND, {}, { onBehalfOf: 'a' });
  await renewed;
  await until(() => spans.named('liveperson.token').length > 0);
  const [message] = spans.named('liveperson.send');
  const [token] = spans.named('liveperson.token');
  expect(token?.attributes).toMatchObject({ 'liveperson.token.cause': 'ahead' });
  expect(token?.parentSpanContext).toBeUndefined();
  expect(token?.spanContext().traceId).not.toBe(message?.spanContext().traceId);
  expect(token?.links.map((link) => link.context.spanId)).toEqual([idOf(message)]);
  expect(spans.childrenOf(token)).toHaveLength(1);
  expect(cloud.count('sentinel')).toBe(2);
});

it('messages that wait for the same fetch link to its span', async () => {
  const spans = startTracing();
  instrument();
  const { cloud, http } = await startConnector();
  const gate = defer();
  const token = makeToken({ account_id: ACCOUNT, ext_consumer_id: 'a' });
  cloud.script.idp = () => ({ after: gate.promise, status: 201, body: { token } });
  const sends = [1, 2, 3].map(() => http.post(SEND, {}, { onBehalfOf: 'a' }));
  await until(() => cloud.count('idp') === 1);
  gate.resolve();
  await Promise.all(sends);
  const messages = spans.named('liveperson.send');
  const tokens = spans.named('liveperson.token');
  const jws = tokens.find(({ attributes }) => attributes['liveperson.token.kind'] === 'consumerJws');
  const appJwt = tokens.find(({ attributes }) => attributes['liveperson.token.kind'] === 'appJwt');
  expect(tokens).toHaveLength(2);
  const [owner, ...waiting] = [...messages].sort((a, b) => a.links.length - b.links.length);
  expect(owner?.links).toEqual([]);
  expect(jws?.parentSpanContext?.spanId).toBe(idOf(owner));
  expect(appJwt?.parentSpanContext?.spanId).toBe(idOf(jws));
  for (const message of waiting) expect(message.links.map((link) => link.context.spanId)).toEqual([idOf(jws)]);
  for (const message of waiting) expect(message.attributes['liveperson.waited_ms']).toBeGreaterThanOrEqual(0);
});

it('spans are children of the span of the caller', async () => {
  const spans = startTracing();
  instrument();
  const { http } = await startConnector();
  const tracer = trace.getTracer('the connector');
  await tracer.startActiveSpan('webhook', async (span) => {
    await http.post(SEND, {}, { onBehalfOf: 'a' });
    expect(trace.getSpan(context.active())).toBe(span);
    span.end();
  });
  expect(spans.named('liveperson.send')[0]?.parentSpanContext?.spanId).toBe(idOf(spans.named('webhook')[0]));
});

describe('instrumenting twice gives one set of spans', () => {
  it('before and after install, until both have ended', async () => {
    const spans = startTracing();
    const first = instrument();
    const { http } = await startConnector();
    const second = instrument();
    const send = async () => {
      spans.reset();
      await http.post(SEND, {}, { onBehalfOf: 'a' });
      return spans.named('liveperson.send').length;
    };
    expect(await send()).toBe(1);
    first();
    first();
    expect(await send()).toBe(1);
    second();
    expect(await send()).toBe(0);
  });

  it('with two copies of OpenTelemetry’s API and of the bridge', async () => {
    const spans = startTracing();
    instrument();
    jest.isolateModules(() => {
      const api = require('@opentelemetry/api') as typeof import('@opentelemetry/api');
      expect(api.trace).not.toBe(trace);
      const copy = require('../../lib/opentelemetry.js') as typeof import('../../lib/opentelemetry.js');
      expect(copy.instrumentConnectorAuth).not.toBe(instrumentConnectorAuth);
      endsWith(copy.instrumentConnectorAuth());
    });
    const { http } = await startConnector();
    await http.post(SEND, {}, { onBehalfOf: 'a' });
    expect([spans.named('liveperson.send').length, spans.named('liveperson.token').length]).toEqual([1, 2]);
  });

  it('and a copy of the bridge alone shows the messages of the other build', async () => {
    const spans = startTracing();
    jest.isolateModules(() => {
      const copy = require('../../lib/opentelemetry.js') as typeof import('../../lib/opentelemetry.js');
      endsWith(copy.instrumentConnectorAuth());
    });
    const { http } = await startConnector();
    await http.post(SEND, {}, { onBehalfOf: 'a' });
    const [message] = spans.named('liveperson.send');
    expect(spans.childrenOf(message).length).toBe(1);
  });
});

it('uses the tracer provider that it gets, and shows the account only if that is wanted', async () => {
  const spans = startTracing();
  trace.disable();
  const end = instrument({ tracerProvider: spans.provider });
  const { cloud, http } = await startConnector();
  await http.post(SEND, {}, { onBehalfOf: 'a' });
  expect(JSON.stringify(spans.named().map(({ attributes }) => attributes))).not.toContain('70012345');
  end();
  instrument({ tracerProvider: spans.provider, accounts: true });
  await http.post(SEND, {}, { onBehalfOf: 'b' });
  expect(spans.named('liveperson.send').at(-1)?.attributes['liveperson.account']).toBe('70012345');
  expect(cloud.count('send')).toBe(2);
});

it.each([
  ['a text', 'x', /takes \{ tracerProvider/],
  ['a tracer for a provider', { tracerProvider: {} }, /tracerProvider must be a TracerProvider/],
  ['a meter for a provider', { meterProvider: 1 }, /meterProvider must be a MeterProvider/],
  ['accounts by name', { accounts: ['70012345'] }, /accounts must be true or false/],
])('refuses %s', (_, options, message) => {
  expect(() => instrumentConnectorAuth(options as never)).toThrow(message);
});

it('a tracer, a span or a context that throws changes nothing', async () => {
  const broken = () => {
    throw new Error('mine');
  };
  instrument({ tracerProvider: { getTracer: () => ({ startSpan: broken, startActiveSpan: broken }) } });
  const { cloud, http } = await startConnector();
  await http.post(SEND, {}, { onBehalfOf: 'a' });
  expect(cloud.count('send')).toBe(1);
  await stopTelemetry();

  const { provider } = startTracing();
  const half = {
    getTracer: () => ({ startSpan: () => ({ spanContext: broken, setAttributes: broken, end: broken }) }),
  };
  instrument({ tracerProvider: half as never });
  jest.spyOn(context, 'with').mockImplementation(broken);
  await http.post(SEND, {}, { onBehalfOf: 'b' });
  jest.restoreAllMocks();
  expect(cloud.count('send')).toBe(2);
  expect(provider).toBeDefined();
});

it.each([
  [
    'throws',
    () => {
      throw new Error('mine');
    },
  ],
  ['never answers', () => {}],
])('an exporter that %s changes nothing', async (_, exportSpans) => {
  const spanProcessors = [new SimpleSpanProcessor({ export: exportSpans, shutdown: async () => {} })];
  instrument({ tracerProvider: new NodeTracerProvider({ spanProcessors }) });
  const { cloud, http } = await startConnector();
  cloud.script.send = (_seen, count) => (count === 1 ? { status: 401, body: envelope(40102) } : undefined);
  const { data } = await http.post(SEND, {}, { onBehalfOf: 'a' });
  await new Promise((resolve) => setImmediate(resolve));
  expect(data).toMatchObject({ code: 'OK' });
  expect(cloud.count('send')).toBe(2);
});

it('token fetches outside of a message have spans too', async () => {
  const spans = startTracing();
  instrument();
  const { cloud } = await startConnector();
  await createAuth(cloud).getConsumerJws('a');
  expect(spans.named('liveperson.token').map(({ attributes }) => attributes['liveperson.token.kind'])).toEqual([
    'appJwt',
    'consumerJws',
  ]);
});
