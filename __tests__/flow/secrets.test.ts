import diagnostics from 'node:diagnostics_channel';
import { Agent, ClientRequest, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Readable } from 'node:stream';
import { inspect } from 'node:util';
import type {
  AxiosAdapter,
  AxiosError,
  AxiosRequestConfig,
  CreateAxiosDefaults,
  InternalAxiosRequestConfig,
} from 'axios';
import axiosRetry from 'axios-retry';
import type { CommonOptions } from '../../lib/index.js';
import { instrumentConnectorAuth } from '../../lib/opentelemetry.js';
import { defer, envelope, type Reply, type Script, SEND, type Service, until } from '../support/cloud.js';
import { CLIENT_SECRET, type Connector, rejection, startConnector, stopConnectors } from '../support/connector.js';
import { formsOf, PRINTERS, print } from '../support/printers.js';
import { closeServers, startHttp2Server } from '../support/server.js';
import { startMetering, startTracing, stopTelemetry } from '../support/telemetry.js';
import { HELD_MS, holdTimers, releaseTimers } from '../support/timers.js';

afterEach(closeServers);
afterEach(stopConnectors);
afterEach(stopTelemetry);
afterEach(releaseTimers);

const CONSUMER = 'sms-4915550001';
const never = new Promise<never>(() => {});

/** Something that goes wrong, or well, and hands out what leaves the package. */
type Scene = (connector: Connector) => Promise<unknown[]>;

const send =
  (request: AxiosRequestConfig = {}, body: () => unknown = () => ({ text: 'hello' })): Scene =>
  async ({ http }) => [
    await http.post(SEND, body(), { onBehalfOf: CONSUMER, ...request }).catch((error: unknown) => error),
  ];

const when =
  (service: Service, script: Reply | Script, scene: Scene = send()): Scene =>
  (connector) => {
    connector.cloud.script[service] = typeof script === 'function' ? script : () => script;
    return scene(connector);
  };

const refuse =
  (status: number): Script =>
  ({ headers, body }) => ({
    status,
    // It says back all that it was told, as a careless gateway does.
    body: { error: 'no', headers, body },
  });

const whileWaiting =
  (request: () => AxiosRequestConfig): Scene =>
  async (connector) => {
    const gate = defer();
    connector.cloud.script.idp = () => ({ after: gate.promise, status: 500 });
    const [error] = await send(request())(connector);
    gate.resolve();
    return [error];
  };

const aborted =
  (request: AxiosRequestConfig = {}): Scene =>
  async (connector) => {
    const abort = new AbortController();
    const gate = defer();
    connector.cloud.script.send = () => ({ after: gate.promise });
    const ended = send({ ...request, signal: abort.signal })(connector);
    await until(() => connector.cloud.count('send') === 1);
    abort.abort();
    const errors = await ended;
    gate.resolve();
    return errors;
  };

/** A stream that is read until it breaks off. */
const brokenStream =
  (type: string, request: AxiosRequestConfig = {}): Scene =>
  async (connector) => {
    const headers = { 'content-type': type };
    const reply: Reply = { headers, body: 'x'.repeat(100_000), break: 'half-way' };
    const [response] = await when('send', reply, send({ responseType: 'stream', ...request }))(connector);
    const { data } = response as { data: AsyncIterable<unknown> };
    const error = await rejection(
      (async () => {
        for await (const chunk of data) void chunk;
      })(),
    );
    return [response, error, data];
  };

const printAll = (values: unknown[]): string[] =>
  values.map((value) =>
    Object.values(PRINTERS)
      .map((printer) => print(printer, value))
      .join('\n'),
  );

/** A scene whose agent has other requests open, some of them on the connections that the scene has used. */
const besideOthers =
  (scene: (request: AxiosRequestConfig) => Scene): Scene =>
  async (connector) => {
    const agent = new Agent({ keepAlive: true });
    const ended = await scene({ httpAgent: agent })(connector);
    const gate = defer();
    connector.cloud.script.send = () => ({ after: gate.promise });
    const before = connector.cloud.count('send');
    const others = Promise.all(Array.from({ length: 3 }, () => send({ httpAgent: agent })(connector)));
    await until(() => connector.cloud.count('send') === before + 3);
    const late = await send({ httpAgent: agent, timeout: 20, redact: ['password'] } as AxiosRequestConfig)(connector);
    // They must be printed while the others are open.
    const texts = printAll([...ended, ...late]);
    gate.resolve();
    const responses = (await others).flat();
    agent.destroy();
    return [...texts, ...responses];
  };

const overHttp2 =
  (scene: Scene): Scene =>
  async (connector) => {
    const { host } = await startHttp2Server(connector.cloud.serve);
    connector.cloud.script.domain = () => ({
      body: {
        baseURIs: ['sentinel', 'idp', 'asyncMessagingEnt'].map((service) => ({
          service,
          baseURI: service === 'asyncMessagingEnt' ? host : connector.cloud.host,
        })),
      },
    });
    return scene(connector);
  };

const SCENES: Readonly<Record<string, Scene>> = {
  'an accepted message': send(),
  'Sentinel’s no': when('sentinel', refuse(401)),
  'Sentinel’s failure': when('sentinel', refuse(503)),
  'Sentinel’s broken connection': when('sentinel', { break: 'at-once' }),
  'Sentinel’s cut-off answer': when('sentinel', { body: { access_token: 'x' }, break: 'half-way' }),
  'Sentinel’s redirect': when('sentinel', { status: 302, headers: { location: '/elsewhere' } }),
  'Sentinel’s long answer': when('sentinel', { body: 'x'.repeat(100_000) }),
  'Sentinel’s silence': async (connector) => {
    const limits = holdTimers();
    const ended = when('sentinel', { after: never })(connector);
    await until(() => connector.cloud.count('sentinel') === 1);
    limits.end();
    return ended;
  },
  'IDP’s no to the consumer': when('idp', refuse(400)),
  'IDP’s no to the AppJWT': when('idp', refuse(401)),
  'IDP’s broken connection': when('idp', { break: 'at-once' }),
  'the Domain API’s no': when('domain', refuse(404)),
  'the Domain API’s failure': when('domain', { break: 'at-once' }),
  'an abort while waiting': whileWaiting(() => ({ signal: AbortSignal.timeout(30) })),
  'a timeout while waiting': whileWaiting(() => ({ timeout: 30 })),
  'a place that may not have the tokens': send({ baseURL: 'http://127.0.0.1:1' }),
  'no consumer': send({ onBehalfOf: '' }),
  'a closed auth': async (connector) => {
    const before = await send()(connector);
    connector.auth.close();
    return [...before, ...(await send()(connector))];
  },
  'no new token for the replay': async (connector) => {
    await send()(connector);
    connector.cloud.refuse(...connector.cloud.issued.appJwt);
    return when('sentinel', refuse(401))(connector);
  },
  'a body that cannot be sent twice': (connector) =>
    when(
      'send',
      { status: 401, body: envelope(40102) },
      send({}, () => Readable.from(['{}'])),
    )(connector),
  'a body that breaks off': send({}, () =>
    Readable.from(
      (async function* () {
        yield '{';
        throw new Error('the source broke');
      })(),
    ),
  ),
  'a proxy': (connector) => {
    const { hostname, port } = new URL(connector.cloud.origin);
    const proxy = { protocol: 'http', host: hostname, port: Number(port) };
    return when('send', { status: 503, body: {} }, send({ proxy }))(connector);
  },
};

const refusedTwice = { status: 401, body: envelope(40103) };
/** What goes wrong with the user's own request, for either adapter. */
const OWN_SCENES: Readonly<Record<string, (request: AxiosRequestConfig) => Scene>> = {
  'an accepted message': (request) => send(request),
  'a replayed message': (request) =>
    when('send', (_, count) => (count === 1 ? refusedTwice : undefined), send(request)),
  'a replay that is refused too': (request) => when('send', refusedTwice, send(request)),
  'an error that validateStatus lets through': (request) =>
    when('send', refusedTwice, send({ ...request, validateStatus: () => true })),
  'a failure': (request) => when('send', { status: 503, body: 'busy' }, send(request)),
  'a failure, as a stream': (request) =>
    when(
      'send',
      { status: 503, body: 'busy', headers: { 'content-type': 'text/plain' } },
      send({ ...request, responseType: 'stream' }),
    ),
  'a stream that was read': (request) => async (connector) => {
    const reply: Reply = { headers: { 'content-type': 'text/plain' }, body: 'x'.repeat(100_000) };
    const [response] = await when('send', reply, send({ ...request, responseType: 'stream' }))(connector);
    for await (const chunk of (response as { data: AsyncIterable<unknown> }).data) void chunk;
    return [response];
  },
  'a refusal, as a stream': (request) => when('send', refusedTwice, send({ ...request, responseType: 'stream' })),
  bytes: (request) => when('send', { status: 503, body: 'busy' }, send({ ...request, responseType: 'arraybuffer' })),
  'a broken connection': (request) => when('send', { break: 'at-once' }, send(request)),
  'a cut-off answer': (request) => when('send', { body: 'x'.repeat(100), break: 'half-way' }, send(request)),
  'a stream that breaks off': (request) => brokenStream('text/plain', request),
  'a JSON stream that breaks off': (request) => brokenStream('application/json', request),
  'a stream that is too long': (request) => brokenStream('text/plain', { ...request, maxContentLength: 10 }),
  'an answer that is too long': (request) =>
    when('send', { body: 'x'.repeat(1_000) }, send({ ...request, maxContentLength: 10 })),
  'a redirect': (request) => when('send', { status: 302, headers: { location: '/elsewhere' } }, send(request)),
  'a timeout': (request) =>
    when('send', { after: never }, async (connector) => {
      await connector.auth.getConsumerJws(CONSUMER);
      return send({ ...request, timeout: 100 })(connector);
    }),
  'an abort': (request) => aborted(request),
};

const EVERY_SCENE = { ...SCENES };
for (const [name, scene] of Object.entries(OWN_SCENES)) {
  EVERY_SCENE[`${name} (http)`] = scene({ adapter: 'http' });
  EVERY_SCENE[`${name} (http, its agent has other requests open)`] = besideOthers(scene);
  EVERY_SCENE[`${name} (fetch)`] = scene({ adapter: 'fetch' });
  // Over HTTP/2, Axios does not report an answer that breaks off.
  if (!/break|broken|cut-off/.test(name))
    EVERY_SCENE[`${name} (HTTP/2)`] = overHttp2(scene({ httpVersion: 2, baseURL: '' }));
}

/** Collects what an APM tool gets: the messages of the channels, the spans and the metrics. */
function observe() {
  const messages: unknown[] = [];
  const hear = (message: unknown) => messages.push(message);
  const subscriber = (message: unknown) => void hear(message);
  const channels = ['request', 'token'].flatMap((name) =>
    ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((part) => `tracing:axios-liveperson-auth:${name}:${part}`),
  );
  for (const channel of channels) diagnostics.subscribe(channel, subscriber);
  const spans = startTracing();
  const { provider, collect } = startMetering();
  const end = instrumentConnectorAuth({ tracerProvider: spans.provider, meterProvider: provider, accounts: true });
  return {
    stop() {
      end();
      for (const channel of channels) diagnostics.unsubscribe(channel, subscriber);
    },
    async told(): Promise<unknown[]> {
      const shown = spans.named().map(({ name, attributes, status, events, links }) => ({
        ...{ name, attributes, status, events, links },
      }));
      return [...new Set(messages), ...shown, ...(await collect())];
    },
  };
}

/** Plays a scene, and gives all that left the package. */
async function play(scene: Scene, options: CommonOptions = {}, defaults: CreateAxiosDefaults = {}) {
  const lines: unknown[] = [];
  const warn = (warning: Error) => lines.push(warning, inspect(warning, { depth: 10 }));
  process.on('warning', warn);
  const say = (line: string) => lines.push(line);
  const logger = { debug: say, info: say, warn: say, error: say };
  const connector = await startConnector(
    { tokenTimeoutMs: HELD_MS, logger, ...options },
    { proxy: false, ...defaults },
  );
  const { auth, cloud } = connector;
  for (const name of ['token', 'replay', 'failure', 'evict'] as const) auth.on(name, (event) => lines.push(event));
  const { stop, told } = observe();
  const things: unknown[] = await scene(connector);
  await new Promise((resolve) => setImmediate(resolve));
  lines.push(...(await told()));
  stop();
  process.off('warning', warn);
  const secrets = [CLIENT_SECRET, ...cloud.issued.appJwt, ...[...cloud.issued.consumerJws.values()].flat()];
  lines.push(auth.inspect(), auth);
  // Where the user's own message and its consumer cannot stand, nobody's id may.
  expect(print(PRINTERS['util.inspect at any depth'] as never, lines)).not.toContain(CONSUMER);
  return { things: [...things, ...lines], secrets };
}

/** What of the secrets stands in the things, however they are printed. */
function leaks(things: unknown[], secrets: string[], printers = PRINTERS): string[] {
  const forms = secrets.flatMap(formsOf);
  const found: string[] = [];
  for (const [name, printer] of Object.entries(printers)) {
    for (const thing of things) {
      const text = print(printer, thing);
      const form = forms.find((one) => text.includes(one)) ?? /signature\d+/.exec(text)?.[0];
      if (form) found.push(`${name}: …${text.slice(Math.max(0, text.indexOf(form) - 300), text.indexOf(form) + 20)}`);
    }
  }
  // The first few tell enough.
  return found.slice(0, 3);
}

describe('no token and no secret can be read in what leaves the package', () => {
  it.each(Object.keys(EVERY_SCENE))('of %s', async (name) => {
    const { things, secrets } = await play(EVERY_SCENE[name] as Scene);
    expect(things.length).toBeGreaterThan(2);
    expect(leaks(things, secrets)).toEqual([]);
  });

  it.each(['a failure (http)', 'a failure, as a stream (http)', 'a failure (fetch)'])(
    'but with redact: false, of %s, it can: so the test would see it',
    async (name) => {
      const { things, secrets } = await play(EVERY_SCENE[name] as Scene, { redact: false });
      const [inspectAll] = Object.entries(PRINTERS).slice(1);
      expect(leaks(things, secrets, Object.fromEntries([inspectAll as [string, never]]))).not.toEqual([]);
    },
  );
});

/** What `util.inspect` shows in the place of an object. */
const shownBy = (object: object | undefined): unknown =>
  (object as Record<symbol, () => unknown>)[inspect.custom]?.call(object);

describe('what is left to read', () => {
  const onBehalfOf = CONSUMER;

  it.each(['http', 'fetch'])('of the request (%s): method, host, path and the URL that answered', async (adapter) => {
    const { cloud, http } = await startConnector();
    const path = SEND.split('?')[0] as string;
    const request = (sent: string) => ({
      method: 'POST',
      host: cloud.host,
      path: sent,
      res: { responseUrl: cloud.origin + sent },
    });
    const response = await http.post(SEND, {}, { onBehalfOf, adapter });
    expect(response.request).toEqual(request(SEND));
    const withParams = await http.post(path, {}, { onBehalfOf, adapter, params: { v: 3, q: 'ä' } });
    expect(withParams.request).toEqual(request(`${path}?v=3&q=%C3%A4`));
    const relative = await http.post(SEND, {}, { onBehalfOf, adapter, baseURL: '' });
    expect(relative.request).toEqual(request(SEND));
    cloud.script.send = () => ({ status: 503 });
    const failed = await rejection(http.post(SEND, {}, { onBehalfOf, adapter }));
    expect(failed).toMatchObject({ request: request(SEND), response: { request: request(SEND), status: 503 } });
  });

  it('of a request that had no answer: where it went', async () => {
    const { cloud, http } = await startConnector();
    cloud.script.send = () => ({ break: 'at-once' });
    const { request } = (await rejection(http.post(SEND, {}, { onBehalfOf }))) as AxiosError;
    expect(request).toEqual({ method: 'POST', host: cloud.host, path: SEND });
  });

  it('of the config: all but its agents and the consumer, who is the hash that events have', async () => {
    const { cloud, http, auth } = await startConnector();
    const consumers: unknown[] = [];
    auth.on('token', ({ consumer }) => consumers.push(consumer));
    const httpAgent = new Agent({ keepAlive: true });
    const meta: Record<string, unknown> = { tries: [1, { at: new Date(0) }], agent: httpAgent };
    meta.self = meta;
    await http.post(SEND, {}, { onBehalfOf });
    cloud.script.send = () => ({ status: 503 });
    http.interceptors.request.use((config) => Object.assign(config, { meta }));
    const request = { onBehalfOf, httpAgent, headers: { 'X-Mine': 'yes' } };
    const { config } = (await rejection(http.post(SEND, { text: 'hello' }, request))) as AxiosError;
    for (const shown of [JSON.parse(JSON.stringify(config)), shownBy(config)]) {
      expect(shown).toMatchObject({
        method: 'post',
        url: SEND,
        data: '{"text":"hello"}',
        httpAgent: '[Agent]',
        onBehalfOf: consumers[1],
        meta: { tries: [1, { at: '1970-01-01T00:00:00.000Z' }], agent: '[Agent]', self: '[Circular]' },
        headers: { 'X-Mine': 'yes', 'Content-Type': 'application/json' },
      });
    }
    expect(config).toMatchObject({ onBehalfOf, httpAgent, meta });
    httpAgent.destroy();
  });

  const strict = { silentJSONParsing: false, forcedJSONParsing: true, clarifyTimeoutError: false };
  const LATER: Readonly<Record<string, (abort: AbortController) => AxiosRequestConfig>> = {
    'its answer, which Axios cannot parse': () => ({ responseType: 'json', transitional: strict, adapter: broken }),
    'its signal, which comes with the answer': (abort) => ({ signal: abort.signal, adapter: abortedBy(abort) }),
  };
  const answer = (config: InternalAxiosRequestConfig, data = '{}') => ({
    ...{ data, status: 200, statusText: 'OK', headers: {}, config },
  });
  const broken: AxiosAdapter = async (config) => answer(config, '{"broken');
  const abortedBy =
    (source: AbortController): AxiosAdapter =>
    async (config) => {
      source.abort();
      return answer(config);
    };

  it.each(Object.keys(LATER))('of the config of a request that fails when it was answered, by %s', async (name) => {
    const { http } = await startConnector();
    await http.post(SEND, {}, { onBehalfOf });
    const request = LATER[name]?.(new AbortController());
    const { config } = (await rejection(http.post(SEND, {}, { onBehalfOf, ...request }))) as AxiosError;
    expect(shownBy(config)).toMatchObject({ onBehalfOf: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  it('of the config of a request that fails while it waits for tokens, but with redact: false itself', async () => {
    for (const redact of [true, false]) {
      const { cloud, http } = await startConnector({ redact });
      const gate = defer();
      cloud.script.idp = () => ({ after: gate.promise });
      const { config } = (await rejection(http.post(SEND, {}, { onBehalfOf, timeout: 30 }))) as AxiosError;
      gate.resolve();
      const hashed = { onBehalfOf: expect.stringMatching(/^[0-9a-f]{64}$/) };
      expect(shownBy(config)).toEqual(redact ? expect.objectContaining(hashed) : undefined);
      expect(config).toMatchObject({ onBehalfOf });
    }
  });

  class Connections {
    readonly open = ['Authorization: secret'];
    used = 0;
    readonly request = (...args: Parameters<typeof httpRequest>) => {
      this.used += 1;
      return httpRequest(...args);
    };
  }
  it.each([
    ['transport', () => ({ transport: new Connections() })],
    ['fetchOptions', () => ({ fetchOptions: { dispatcher: new Connections() }, adapter: 'custom' })],
  ])('of the config of an accepted message with %s: not what may hold connections', async (_, request) => {
    const { http } = await startConnector();
    await http.post(SEND, {}, { onBehalfOf });
    const given = request() as AxiosRequestConfig;
    const adapter = given.adapter ? async (config: InternalAxiosRequestConfig) => answer(config) : undefined;
    const { config } = await http.post(SEND, {}, { onBehalfOf, ...given, ...(adapter && { adapter }) });
    expect(inspect(config, { depth: Infinity })).toContain('[Connections]');
    if (given.transport) expect(given.transport).toMatchObject({ used: 1 });
    expect(inspect(config, { depth: Infinity }) + JSON.stringify(config)).not.toContain('secret');
  });

  it('of agents: their names, once for all, and with redact: false all of them', async () => {
    for (const redact of [true, false]) {
      const { http } = await startConnector({ redact });
      const agents = { httpAgent: new Agent(), httpsAgent: new HttpsAgent() };
      await http.post(SEND, {}, { onBehalfOf, ...agents });
      const { config } = await http.post(SEND, {}, { onBehalfOf, ...agents });
      expect(inspect(config.httpsAgent) === '[Agent]').toBe(redact);
      expect(inspect(config.httpAgent) === '[Agent]').toBe(redact);
      expect(shownBy(config)).toBeUndefined();
    }
    const { http } = await startConnector();
    const [httpAgent, httpsAgent] = [new Agent(), new HttpsAgent()].map((agent) =>
      Object.assign(agent, { toJSON: () => 'mine' }),
    );
    await http.post(SEND, {}, { onBehalfOf, httpAgent, httpsAgent });
    expect(JSON.stringify([httpAgent, httpsAgent])).toBe('["mine","mine"]');
  });

  it('of the config of any other accepted message: itself', async () => {
    const { http } = await startConnector();
    const { config } = await http.post(SEND, {}, { onBehalfOf });
    await http.post(SEND, {}, { onBehalfOf });
    const second = await http.post(SEND, {}, { onBehalfOf });
    expect(shownBy(second.config)).toBeUndefined();
    expect(config).toMatchObject({ onBehalfOf });
  });

  it('of everything else on the instance: all of it', async () => {
    const { http } = await startConnector();
    const { request, config } = await http.get('/other');
    expect(request).toBeInstanceOf(ClientRequest);
    expect(Reflect.ownKeys(config)).not.toContain('toJSON');
  });
});

it('a retry goes through the user’s own agent again', async () => {
  const { cloud, http } = await startConnector();
  const httpAgent = new Agent({ keepAlive: true, maxSockets: 1 });
  const createConnection = jest.spyOn(httpAgent, 'createConnection' as never);
  axiosRetry(http, { retries: 2, retryDelay: () => 0, retryCondition: () => true });
  cloud.script.send = (_, count) => (count < 3 ? { status: 429, body: {} } : undefined);
  const { config } = await http.post(SEND, {}, { onBehalfOf: CONSUMER, httpAgent });
  expect(config.httpAgent).toBe(httpAgent);
  expect(cloud.count('send')).toBe(3);
  expect(createConnection).toHaveBeenCalledTimes(1);
  httpAgent.destroy();
});
