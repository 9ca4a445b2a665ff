import { Agent } from 'node:http';
import axios, {
  AxiosHeaders,
  type AxiosInstance,
  type AxiosRequestConfig,
  type InternalAxiosRequestConfig,
} from 'axios';
import fc from 'fast-check';
import type { CommonOptions } from '../../lib/index.js';
import { ACCOUNT, type Cloud, closeClouds, defer, envelope, SEND, type Seen, startCloud } from '../support/cloud.js';
import { CLIENT_ID, CLIENT_SECRET, createAuth, lookedUpBy, rejection, stopConnectors } from '../support/connector.js';
import { effort } from '../support/effort.js';
import { type Evil, outcomeOf, pollute, secretsIn, startEvil } from '../support/hostile.js';

afterEach(stopConnectors);

const MESSAGE = { text: 'message-4711' };
const BODY = JSON.stringify(MESSAGE);
const CONSUMER = 'sms-4915550001';

type Config = InternalAxiosRequestConfig & Record<string, unknown>;

const sends = (cloud: Cloud): Seen[] => cloud.seen.filter(({ service }) => service === 'send');

/** A request as it arrived, without the headers that may differ between two sends of it. */
function fingerprint({ method, url, headers, body }: Seen): object {
  const { authorization: _1, 'x-on-behalf': _2, 'x-lp-on-behalf': _3, host: _4, connection: _5, ...kept } = headers;
  return { method, url, body, headers: kept };
}

/** The moments after dispatch at which a hostile act can happen. */
const MOMENTS = [
  'in a timer',
  'while the AppJWT is fetched',
  'while the ConsumerJWS is fetched',
  'between refusal and replay',
  'while the refused token is renewed',
] as const;
type Moment = (typeof MOMENTS)[number];

/** Runs an act at one of the moments. The first send is refused, so that every request has a replay. */
function stage(cloud: Cloud, moment: Moment, act: () => void, code = 40102): void {
  const timer = defer();
  const renewal = code === 40102 ? 'sentinel' : 'idp';
  cloud.script.sentinel = (_, count) => {
    if (moment === 'in a timer' && count === 1) {
      setTimeout(() => {
        act();
        timer.resolve();
      }, 0);
      return undefined;
    }
    if (moment === 'while the AppJWT is fetched' && count === 1) act();
    if (moment === 'while the refused token is renewed' && renewal === 'sentinel' && count === 2) act();
    return undefined;
  };
  cloud.script.idp = (_, count) => {
    if (moment === 'while the ConsumerJWS is fetched' && count === 1) act();
    if (moment === 'while the refused token is renewed' && renewal === 'idp' && count === 2) act();
    return undefined;
  };
  cloud.script.send = (_, count) => {
    if (count > 1) return undefined;
    if (moment === 'between refusal and replay') act();
    const after = moment === 'in a timer' ? timer.promise : Promise.resolve();
    return { status: 401, body: envelope(code), after };
  };
}

/** The second server got no token, no secret and no message. */
function expectNothingAt(evil: Evil, cloud: Cloud): void {
  expect(secretsIn(evil.text(), cloud)).toEqual([]);
  expect(evil.text()).not.toContain(MESSAGE.text);
}

/** All sends arrived unchanged at the right server, each with tokens that were issued to this connector. */
function expectDelivered(cloud: Cloud, count = 2): void {
  const arrived = sends(cloud);
  expect(arrived.map(({ method, url, body }) => [method, url, body])).toEqual(Array(count).fill(['POST', SEND, BODY]));
  for (const { headers } of arrived) {
    expect(cloud.issued.appJwt).toContain(headers.authorization);
    expect(cloud.issued.consumerJws.get(CONSUMER)).toContain(headers['x-lp-on-behalf']);
    expect(headers.host).toBe(cloud.host);
  }
  expect([...cloud.issued.consumerJws.keys()]).toEqual([CONSUMER]);
}

/** Settings that Axios reads from the caller's config after the adapter has ended, with the package and without. */
const READ_LATE = ['signal', 'validateStatus'];

/** The caller gets the answer, unless Axios itself withholds it. */
function expectUnharmed(
  changes: readonly string[],
  { value, error, hangs }: Awaited<ReturnType<typeof outcomeOf>>,
): void {
  expect(hangs).toBeUndefined();
  if (changes.some((change) => READ_LATE.includes(change))) return;
  expect(error).toBeUndefined();
  expect(value).toMatchObject({ status: 200 });
}

// ---- Object.prototype ----

/** The property names of a property descriptor. */
const OF_DESCRIPTORS = ['get', 'set', 'writable'];
/** Names that Node's fetch keeps in its pool for an origin, and so for the next server that has the same port. */
const OF_FETCH = [
  'socketPath',
  'lookup',
  'host',
  'hostname',
  'port',
  'path',
  'createConnection',
  'agent',
  'dispatcher',
];

/** What an attacker puts on `Object.prototype`. */
const POLLUTIONS: Readonly<Record<string, (evil: Evil) => unknown>> = {
  // Names of Axios's settings.
  url: ({ origin }) => origin + SEND,
  baseURL: ({ origin }) => origin,
  proxy: ({ port }) => ({ protocol: 'http', host: '127.0.0.1', port }),
  transport: ({ transport }) => transport,
  socketPath: () => '/nowhere/evil.sock',
  headers: ({ host }) => ({ host, authorization: 'evil', 'x-evil': '1' }),
  adapter: ({ spy }) => spy(new Error('evil')),
  allowAbsoluteUrls: () => false,
  params: () => ({ evil: '1' }),
  paramsSerializer: ({ spy }) => spy('evil=1'),
  auth: () => ({ username: 'evil', password: 'evil' }),
  httpAgent: ({ agent }) => agent,
  httpsAgent: ({ agent }) => agent,
  agent: ({ agent }) => agent,
  data: () => 'evil',
  method: () => 'get',
  timeout: () => 60_000,
  maxRedirects: () => 5,
  beforeRedirect: ({ spy }) => spy(),
  fetchOptions: ({ spy }) => ({ method: 'get', dispatcher: { dispatch: spy(new Error('evil')) } }),
  dispatcher: ({ spy }) => ({ dispatch: spy(new Error('evil')) }),
  env: ({ spy }) => ({ fetch: spy(new Error('evil')) }),
  fetch: ({ spy }) => spy(new Error('evil')),
  signal: () => AbortSignal.abort(),
  cancelToken: () => ({ reason: 'evil', promise: Promise.resolve(), throwIfRequested: () => {} }),
  transformRequest: ({ spy }) => [spy('evil')],
  transformResponse: ({ spy }) => [spy('evil')],
  validateStatus: () => () => false,
  responseType: () => 'stream',
  transitional: () => ({ clarifyTimeoutError: true }),
  lookup: ({ spy }) => spy(),
  createConnection: ({ spy }) => spy(),
  maxBodyLength: () => 1,
  maxContentLength: () => 1,
  decompress: () => false,
  formSerializer: () => ({ visitor: () => 'evil' }),
  common: () => ({ 'x-evil': '1' }),
  post: () => ({ 'x-evil': '1' }),
  interceptors: () => ({}),
  request: ({ spy }) => spy(),
  response: () => ({ status: 401, data: envelope(40102) }),
  config: ({ origin }) => ({ url: origin + SEND }),
  // Names of Node's connection options.
  host: ({ host }) => host,
  hostname: () => '127.0.0.1',
  port: ({ port }) => port,
  path: () => '/evil',
  href: ({ origin }) => origin,
  protocol: () => 'https:',
  username: () => 'evil',
  password: () => 'evil',
  // Names of the request options and of createConnectorAuth's options.
  onBehalfOf: () => 'evil',
  connectorAuth: () => false,
  accountId: () => '666',
  clientId: () => 'evil',
  clientSecret: () => 'evil',
  credentials: ({ spy }) => spy({ clientId: 'evil', clientSecret: 'evil' }),
  consumerId: ({ spy }) => spy('evil'),
  onBehalfHeaders: () => ['x-evil'],
  authorizationPrefix: () => 'evil ',
  domainApi: ({ origin }) => origin,
  domainTtlMs: () => 0,
  domains: ({ origin }) => ({ sentinel: origin, idp: origin, asyncMessagingEnt: origin }),
  sentinel: ({ origin }) => origin,
  idp: ({ origin }) => origin,
  asyncMessagingEnt: ({ origin }) => origin,
  trustedOrigins: ({ origin }) => [origin],
  appJwtVersion: () => '2.0',
  retry: ({ spy }) => ({ retries: 1, retryCondition: spy(true), onRetry: spy() }),
  axiosConfig: ({ origin, port }) => ({
    baseURL: origin,
    proxy: { protocol: 'http', host: '127.0.0.1', port },
  }),
  store: ({ spy }) => ({
    get: spy(Promise.resolve()),
    set: spy(Promise.resolve()),
    delete: spy(Promise.resolve()),
    lock: spy(Promise.resolve()),
  }),
  storeSecret: () => 'a passphrase of the attacker',
  redact: () => false,
  logger: ({ spy }) => ({ debug: spy(), info: spy(), warn: spy(), error: spy() }),
  clock: () => ({ now: () => Number.NaN }),
  now: () => () => Number.NaN,
  // Names of properties in the services' answers and in the package's own objects.
  isWanted: ({ spy }) => spy(false),
  baseURIs: ({ host }) => [{ service: 'asyncMessagingEnt', baseURI: host }],
  baseURI: ({ host }) => host,
  service: () => 'asyncMessagingEnt',
  token: () => 'evil',
  access_token: () => 'evil',
  expires_in: () => 1,
  errorCode: () => 40103,
  error: () => 'evil',
  origin: ({ origin }) => origin,
  prefix: () => '/evil',
  kind: () => 'evil',
  reason: () => 'evil',
  promise: () => Promise.resolve('evil'),
  // The property names of a property descriptor: OF_DESCRIPTORS.
  get: ({ spy }) => spy('evil'),
  set: ({ spy }) => spy(),
  writable: () => false,
};

const POLLUTION_MOMENTS = ['before the factory', 'between factory and request', ...MOMENTS] as const;

/** Whether Axios without the package delivers the message under a pollution, and whether the second server gets anything. */
async function sendBare(names: readonly string[], adapter: string): Promise<{ delivered: boolean; leaked: boolean }> {
  const cloud = await startCloud();
  const evil = await startEvil();
  const http = axios.create({ baseURL: cloud.origin });
  const undo = pollute(Object.fromEntries(names.map((name) => [name, POLLUTIONS[name]?.(evil)])));
  let outcome: Awaited<ReturnType<typeof outcomeOf>>;
  try {
    outcome = await outcomeOf(http.post(SEND, { ...MESSAGE }, { adapter, headers: { 'x-own': '1' } }));
  } finally {
    undo();
  }
  const { status } = (outcome.value ?? {}) as { status?: number };
  const arrived = sends(cloud).some(
    ({ url, body, headers }) => url === SEND && body === BODY && headers['x-own'] === '1',
  );
  return { delivered: status === 200 && arrived, leaked: evil.text() !== '' };
}

/** Sends a message under a pollution that starts at the given moment. */
async function sendPolluted(
  names: readonly string[],
  moment: (typeof POLLUTION_MOMENTS)[number],
  adapter: string,
  options: CommonOptions = {},
) {
  const cloud = await startCloud();
  const evil = await startEvil();
  let undo = () => {};
  const strike = () => {
    undo = pollute(Object.fromEntries(names.map((name) => [name, POLLUTIONS[name]?.(evil)])));
  };
  stage(cloud, moment as Moment, strike);
  let outcome: Awaited<ReturnType<typeof outcomeOf>>;
  try {
    if (moment === 'before the factory') strike();
    const auth = createAuth(cloud, options);
    const http = axios.create({ baseURL: cloud.origin });
    auth.install(http);
    if (moment === 'between factory and request') strike();
    outcome = await outcomeOf(http.post(SEND, { ...MESSAGE }, { onBehalfOf: CONSUMER, adapter }));
  } catch (error) {
    // A factory that throws is a failure too. It is checked after the prototype has been cleaned.
    outcome = { error };
  } finally {
    undo();
  }
  return { cloud, evil, outcome };
}

describe.each(['http', 'fetch'])('properties on Object.prototype have no effect (%s)', (adapter) => {
  const names = Object.keys(POLLUTIONS).filter((name) => adapter === 'http' || !OF_FETCH.includes(name));
  it.each(names)('%s', async (name) => {
    const bare = await sendBare([name], adapter);
    for (const moment of POLLUTION_MOMENTS) {
      const { cloud, evil, outcome } = await sendPolluted([name], moment, adapter);
      if (!bare.leaked) expect([moment, evil.text()]).toEqual([moment, '']);
      expect([moment, outcome.hangs]).toEqual([moment, undefined]);
      // A polluted property descriptor breaks half of npm. Here it only must not leak anything.
      if (!bare.delivered || OF_DESCRIPTORS.includes(name)) continue;
      expect([moment, outcome.error]).toEqual([moment, undefined]);
      expectDelivered(cloud);
      await closeClouds();
    }
  });
});

/** Sends a message with a new auth under a pollution, which then ends. A factory that throws is an outcome too. */
async function sendThenUndo(cloud: Cloud, options: CommonOptions, undo: () => void): ReturnType<typeof outcomeOf> {
  try {
    const http = axios.create({ baseURL: cloud.origin });
    createAuth(cloud, options).install(http);
    return await outcomeOf(http.post(SEND, MESSAGE, { onBehalfOf: CONSUMER }));
  } catch (error) {
    return { error };
  } finally {
    undo();
  }
}

describe('an inherited option is ignored', () => {
  it.each<[string, (evil: Evil) => Record<string, unknown>]>([
    ['onBehalfOf', () => ({ onBehalfOf: 'evil' })],
    ['consumerId', ({ spy }) => ({ consumerId: spy('evil') })],
  ])('%s names no consumer', async (_, properties) => {
    const cloud = await startCloud();
    const evil = await startEvil();
    const undo = pollute(properties(evil));
    let outcome: Awaited<ReturnType<typeof outcomeOf>>;
    try {
      const auth = createAuth(cloud);
      const http = axios.create({ baseURL: cloud.origin });
      auth.install(http);
      outcome = await outcomeOf(http.post(SEND, MESSAGE));
    } finally {
      undo();
    }
    expect(outcome.error).toMatchObject({ code: 'ERR_NO_CONSUMER' });
    expect([cloud.seen.length, evil.overheard]).toEqual([0, []]);
  });

  it('accountId, clientId and clientSecret do not clash with the user’s own credentials', async () => {
    const cloud = await startCloud();
    const evil = await startEvil();
    const {
      accountId: _1,
      clientId: _2,
      clientSecret: _3,
      ...options
    } = lookedUpBy(() => ({
      clientId: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
    })) as Record<string, unknown>;
    const undo = pollute({ accountId: '666', clientId: 'evil', clientSecret: 'evil' });
    const withoutBrand = { accountId: undefined, clientId: undefined, clientSecret: undefined, ...options };
    const outcome = await sendThenUndo(cloud, withoutBrand as never, undo);
    expect(outcome).toMatchObject({ value: { status: 200 } });
    expectDelivered(cloud, 1);
    expectNothingAt(evil, cloud);
  });

  it.each<[string, CommonOptions, (evil: Evil) => Record<string, unknown>]>([
    ['domains: {}', { domains: {} }, ({ origin }) => ({ sentinel: origin, idp: origin, asyncMessagingEnt: origin })],
    [
      'axiosConfig: {}',
      { axiosConfig: {} },
      ({ origin, port }) => ({ baseURL: origin, proxy: { host: '127.0.0.1', port } }),
    ],
    ['axiosConfig: {} and a transport', { axiosConfig: {} }, ({ transport }) => ({ transport })],
    ['axiosConfig: {} and an adapter', { axiosConfig: {} }, ({ spy }) => ({ adapter: spy() })],
    ['failureCooldownMs: { min: 0 }', { failureCooldownMs: { min: 0 } }, () => ({ max: 'evil' })],
    ['retry: {}', { retry: {} }, ({ spy }) => ({ retryCondition: spy(true), onRetry: spy(), retryDelay: spy(0) })],
    ['trustedOrigins: []', { trustedOrigins: [] }, ({ origin }) => ({ 0: origin, origin })],
  ])('inside an option too: %s', async (_, options, properties) => {
    const cloud = await startCloud();
    const evil = await startEvil();
    // Set before the pollution, because the tests' server looks up scripts by service name.
    stage(cloud, 'between refusal and replay', () => {});
    const undo = pollute(properties(evil));
    const outcome = await sendThenUndo(cloud, options, undo);
    expect(outcome).toMatchObject({ value: { status: 200 } });
    expectDelivered(cloud);
    expectNothingAt(evil, cloud);
  });
});

// ---- The config after dispatch ----

/** Changes by code that has kept the config. */
const CHANGES: Readonly<Record<string, (config: Config, evil: Evil) => void>> = {
  'url, absolute': (config, { origin }) => {
    config.url = origin + SEND;
  },
  'url, another path': (config) => {
    config.url = `/api/account/${ACCOUNT}/elsewhere`;
  },
  baseURL: (config, { origin }) => {
    config.baseURL = origin;
  },
  'baseURL that wins over the URL': (config, { origin }) => {
    Object.assign(config, { baseURL: origin, allowAbsoluteUrls: false });
  },
  method: (config) => {
    config.method = 'get';
  },
  'headers, one set': (config) => {
    config.headers.set('x-evil', '1');
  },
  'headers, one deleted': (config) => {
    config.headers.delete('x-own');
  },
  'headers, cleared': (config) => {
    config.headers.clear();
  },
  'headers, the Host': (config, { host }) => {
    config.headers.set('host', host);
  },
  'headers, replaced': (config, { host }) => {
    config.headers = new AxiosHeaders({ 'x-evil': '1', host });
  },
  data: (config) => {
    config.data = 'evil';
  },
  'data, removed': (config) => {
    delete config.data;
  },
  params: (config) => {
    config.params = { evil: '1' };
  },
  paramsSerializer: (config) => {
    config.paramsSerializer = { serialize: () => 'evil=1' };
  },
  proxy: (config, { port }) => {
    config.proxy = { protocol: 'http', host: '127.0.0.1', port };
  },
  transport: (config, { transport }) => {
    config.transport = transport;
  },
  adapter: (config, { spy }) => {
    config.adapter = spy(Promise.resolve({ status: 200, data: 'evil', headers: {}, config })) as never;
  },
  socketPath: (config) => {
    config.socketPath = '/nowhere/evil.sock';
  },
  httpAgent: (config, { agent }) => {
    config.httpAgent = agent;
  },
  fetchOptions: (config, { spy }) => {
    config.fetchOptions = { method: 'get', dispatcher: { dispatch: spy(new Error('evil')) } };
  },
  'env.fetch': (config, { spy }) => {
    (config as AxiosRequestConfig).env = { fetch: spy(new Error('evil')) as never };
  },
  transformRequest: (config, { spy }) => {
    config.transformRequest = [spy('evil') as never];
  },
  auth: (config) => {
    config.auth = { username: 'evil', password: 'evil' };
  },
  timeout: (config) => {
    config.timeout = 1;
  },
  signal: (config) => {
    config.signal = AbortSignal.abort();
  },
  validateStatus: (config) => {
    config.validateStatus = () => false;
  },
  'size limits': (config) => {
    Object.assign(config, { maxBodyLength: 1, maxContentLength: 1 });
  },
  beforeRedirect: (config, { spy }) => {
    config.beforeRedirect = spy() as never;
  },
  'maxRedirects and the redirect': (config) => {
    config.maxRedirects = 10;
  },
  onBehalfOf: (config) => {
    config.onBehalfOf = 'evil';
  },
  connectorAuth: (config) => {
    config.connectorAuth = false;
  },
  'everything, deleted': (config) => {
    for (const name of Object.keys(config)) delete config[name];
  },
};

/** Sends a message whose config another interceptor has kept. */
async function sendKept(
  change: (config: Config, evil: Evil) => void,
  moment: Moment,
  request: AxiosRequestConfig = {},
  first = true,
) {
  const cloud = await startCloud();
  const evil = await startEvil();
  const http = axios.create({ baseURL: cloud.origin });
  let kept: Config | undefined;
  const keep = () =>
    http.interceptors.request.use((config) => {
      kept = config as Config;
      return config;
    });
  if (first) keep();
  createAuth(cloud).install(http);
  if (!first) keep();
  stage(cloud, moment, () => {
    if (!kept) throw new Error('there is no config to change');
    change(kept, evil);
  });
  const headers = { 'x-own': '1' };
  const outcome = await outcomeOf(http.post(SEND, { ...MESSAGE }, { onBehalfOf: CONSUMER, headers, ...request }));
  return { cloud, evil, outcome };
}

describe.each(['http', 'fetch'])('a change to the config after dispatch has no effect (%s)', (adapter) => {
  it.each(Object.keys(CHANGES))('%s', async (name) => {
    const untouched = await sendKept(() => {}, 'in a timer', { adapter });
    const [expected] = sends(untouched.cloud).map(fingerprint);
    for (const moment of MOMENTS) {
      for (const first of [true, false]) {
        const { cloud, evil, outcome } = await sendKept(CHANGES[name] ?? (() => {}), moment, { adapter }, first);
        expect([moment, evil.text()]).toEqual([moment, '']);
        expectUnharmed([name], outcome);
        expectDelivered(cloud);
        expect(sends(cloud).map(fingerprint)).toEqual([expected, expected]);
        await closeClouds();
      }
    }
  });
});

describe('a change inside the objects of the config has no effect', () => {
  it.each(MOMENTS)('of params, %s', async (moment) => {
    const change = ({ params }: Config) => Object.assign(params, { evil: '1', v: '4' });
    const { cloud, evil, outcome } = await sendKept(change, moment, {
      url: SEND.split('?')[0] ?? '',
      params: { v: '3' },
      method: 'post',
    });
    expect(outcome).toMatchObject({ value: { status: 200 } });
    expect(sends(cloud).map(({ url }) => url)).toEqual(Array(2).fill(expect.stringMatching(/[?&]v=3$/)));
    expect(evil.text()).toBe('');
  });

  it.each(MOMENTS)('of proxy, %s', async (moment) => {
    const cloud = await startCloud();
    const evil = await startEvil();
    const http = axios.create({ baseURL: cloud.origin });
    let kept: Config | undefined;
    http.interceptors.request.use((config) => {
      kept = config as Config;
      return config;
    });
    createAuth(cloud).install(http);
    stage(cloud, moment, () => Object.assign(kept?.proxy || {}, { host: '127.0.0.1', port: evil.port }));
    // The messaging host is its own proxy.
    const proxy = { protocol: 'http', host: '127.0.0.1', port: Number(cloud.host.split(':')[1]) };
    const outcome = await outcomeOf(http.post(SEND, MESSAGE, { onBehalfOf: CONSUMER, proxy }));
    expect(outcome).toMatchObject({ value: { status: 200 } });
    expect(sends(cloud).map(({ url }) => url)).toEqual(Array(2).fill(cloud.origin + SEND));
    expect(evil.text()).toBe('');
  });

  it('of the instance’s defaults', async () => {
    const cloud = await startCloud();
    const evil = await startEvil();
    const http = axios.create({ baseURL: cloud.origin });
    createAuth(cloud).install(http);
    stage(cloud, 'while the AppJWT is fetched', () => {
      http.defaults.baseURL = evil.origin;
      http.defaults.headers.common['x-evil'] = '1';
      http.defaults.adapter = evil.spy() as never;
    });
    await http.post(SEND, MESSAGE, { onBehalfOf: CONSUMER });
    expectDelivered(cloud);
    for (const { headers } of sends(cloud)) expect(headers['x-evil']).toBeUndefined();
    expect(evil.text()).toBe('');
  });
});

describe('a change in a microtask', () => {
  // An early change comes before dispatch and counts like a change by an interceptor. A late one comes after dispatch.
  const DEPTHS = Array.from({ length: 60 }, (_, depth) => depth);

  it.each<[string, (config: Config, evil: Evil) => void]>([
    ['of the host', (config, { origin }) => Object.assign(config, { url: origin + SEND })],
    ['of the baseURL', (config, { origin }) => Object.assign(config, { baseURL: origin })],
    ['of the proxy', (config, { port }) => Object.assign(config, { proxy: { host: '127.0.0.1', port } })],
    ['of the body', (config) => Object.assign(config, { data: '{"text":"other"}' })],
    ['of the method', (config) => Object.assign(config, { method: 'put' })],
    ['of a header', (config) => config.headers.set('x-own', 'other')],
  ])('%s never sends a token to another place, and the replay equals the first send', async (name, change) => {
    const cloud = await startCloud();
    const evil = await startEvil();
    const auth = createAuth(cloud);
    for (const depth of DEPTHS) {
      const http = axios.create({ baseURL: cloud.origin, headers: { 'x-own': '1' } });
      auth.install(http);
      http.interceptors.request.use((config) => {
        void (async () => {
          for (let i = 0; i < depth; i++) await undefined;
          change(config as Config, evil);
        })();
        return config;
      });
      const before = cloud.count('send');
      cloud.script.send = (_, count) => (count === before + 1 ? { status: 401, body: envelope(40102) } : undefined);
      const outcome = await outcomeOf(http.post(SEND, MESSAGE, { onBehalfOf: CONSUMER }));
      expect(outcome.hangs).toBeUndefined();
      const arrived = sends(cloud).slice(before).map(fingerprint);
      for (const each of arrived) expect([depth, each]).toEqual([depth, arrived[0]]);
    }
    // Bare Axios uses a proxy that an interceptor has set in time. No other change leads to the second server.
    if (name !== 'of the proxy') expect(secretsIn(evil.text(), cloud)).toEqual([]);
  });
});

// ---- consumerId ----

describe.each<[string, (change: () => void) => Promise<void> | void]>([
  ['at once', (change) => change()],
  [
    'after a while',
    async (change) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      change();
    },
  ],
  [
    'after it has answered',
    (change) => {
      setImmediate(change);
    },
  ],
])('a change to the config by consumerId() %s does not change the request', (_, when) => {
  it.each(Object.keys(CHANGES))('%s', async (name) => {
    const cloud = await startCloud();
    const evil = await startEvil();
    const http = axios.create({ baseURL: cloud.origin, headers: { 'x-own': '1' } });
    const consumerId = (config: InternalAxiosRequestConfig) => {
      const done = when(() => CHANGES[name]?.(config as Config, evil));
      return done ? done.then(() => CONSUMER) : CONSUMER;
    };
    createAuth(cloud, { consumerId }).install(http);
    cloud.script.send = (_, count) => (count === 1 ? { status: 401, body: envelope(40102) } : undefined);
    const outcome = await outcomeOf(http.post(SEND, { ...MESSAGE }));
    expect(evil.text()).toBe('');
    expectUnharmed([name], outcome);
    expectDelivered(cloud);
    for (const { headers } of sends(cloud)) expect([headers['x-own'], headers['x-evil']]).toEqual(['1', undefined]);
  });
});

describe('options of libraries that are inherited', () => {
  it('status: the object there gets no token', async () => {
    const cloud = await startCloud();
    // The test's server reads it as its default status.
    const status = Object.create({ valueOf: () => 200 });
    const http = axios.create({ baseURL: cloud.origin });
    createAuth(cloud).install(http);
    const undo = pollute({ status });
    try {
      for (let i = 0; i < 2; i++) await http.post(SEND, MESSAGE, { onBehalfOf: CONSUMER });
    } finally {
      undo();
    }
    expect(Object.keys(status)).toEqual([]);
    expect(cloud.count('send')).toBe(2);
  });

  it('cacheKey: each consumer keeps its own ConsumerJWS', async () => {
    const cloud = await startCloud();
    const http = axios.create({ baseURL: cloud.origin });
    const undo = pollute({ cacheKey: () => 1 });
    try {
      createAuth(cloud).install(http);
    } finally {
      undo();
    }
    const consumers = ['a', 'b', 'c'];
    await Promise.all(consumers.map((consumer) => http.post(SEND, { consumer }, { onBehalfOf: consumer })));
    for (const { body, headers } of sends(cloud)) {
      expect(cloud.issued.consumerJws.get(JSON.parse(body).consumer)).toEqual([headers['x-lp-on-behalf']]);
    }
    expect(cloud.count('send')).toBe(3);
  });

  it('response: a broken connection is not taken for a refusal', async () => {
    const cloud = await startCloud();
    const http = axios.create({ baseURL: cloud.origin });
    createAuth(cloud).install(http);
    cloud.script.send = () => ({ break: 'at-once' });
    const undo = pollute({ response: { status: 401, data: { body: { errorCode: 40102 } } } });
    let outcome: Awaited<ReturnType<typeof outcomeOf>>;
    try {
      outcome = await outcomeOf(http.post(SEND, MESSAGE, { onBehalfOf: CONSUMER }));
    } finally {
      undo();
    }
    expect(outcome.error).toMatchObject({ code: 'ECONNRESET' });
    expect([cloud.count('send'), cloud.count('sentinel')]).toEqual([1, 1]);
  });
});

it('consumerId() can read the request, but cannot change it', async () => {
  const cloud = await startCloud();
  const seen: unknown[] = [];
  const consumerId = (config: InternalAxiosRequestConfig) => {
    seen.push(config.url, config.method, config.data, config.headers.get('x-own'));
    config.data = 'evil';
    return CONSUMER;
  };
  const http = axios.create({ baseURL: cloud.origin });
  createAuth(cloud, { consumerId }).install(http);
  await http.post(SEND, MESSAGE, { headers: { 'x-own': '1' } });
  expect(seen).toEqual([SEND, 'post', BODY, '1']);
  expectDelivered(cloud, 1);
});

// ---- Configs that are not plain objects ----

/** Returns the config that an interceptor returns instead of its own. */
type Replace = (config: Config, evil: Evil) => unknown;

async function sendReplaced(replace: Replace, installed: boolean, request: AxiosRequestConfig = {}) {
  const cloud = await startCloud();
  const evil = await startEvil();
  const http: AxiosInstance = axios.create({ baseURL: cloud.origin });
  if (installed) createAuth(cloud).install(http);
  http.interceptors.request.use((config) => replace(config as Config, evil) as InternalAxiosRequestConfig);
  const outcome = await outcomeOf(http.post(SEND, { ...MESSAGE }, { onBehalfOf: CONSUMER, ...request }));
  return { cloud, evil, outcome };
}

class OwnConfig {
  constructor(config: object) {
    Object.assign(this, config);
  }
}

describe('a config that is not a plain object is read as bare Axios reads it', () => {
  const without = ({ [String()]: _, ...config }: Config, name: string): Config => {
    delete config[name];
    return config as Config;
  };

  it.each<[string, Replace]>([
    ['an instance of a class', (config) => new OwnConfig(config)],
    ['an object without a prototype', (config) => Object.assign(Object.create(null), config)],
    ['a frozen one', (config) => Object.freeze({ ...config })],
    ['one that inherits everything', (config) => Object.assign(Object.create(config), { headers: config.headers })],
    [
      'one that inherits its url',
      (config) => Object.assign(Object.create({ url: config.url }), without(config, 'url')),
    ],
    [
      'one that inherits another url',
      (config, { origin }) => Object.assign(Object.create({ url: origin + SEND, baseURL: origin }), config),
    ],
    [
      'one that inherits the other url alone',
      (config, { origin }) => Object.assign(Object.create({ url: origin + SEND }), without(config, 'url')),
    ],
    [
      'one that inherits the other baseURL alone',
      (config, { origin }) => Object.assign(Object.create({ baseURL: origin }), without(config, 'baseURL')),
    ],
    [
      'one that inherits a proxy',
      (config, { port }) => Object.assign(Object.create({ proxy: { host: '127.0.0.1', port } }), config),
    ],
    ['one that inherits a transport', (config, { transport }) => Object.assign(Object.create({ transport }), config)],
    ['one that inherits a body', (config) => Object.assign(Object.create({ data: 'evil' }), without(config, 'data'))],
    [
      'one with a getter in its class',
      (config, { origin }) =>
        new (class extends OwnConfig {
          get proxy() {
            return { host: '127.0.0.1', port: Number(origin.split(':')[2]) };
          }
        })(config),
    ],
    ['a Proxy of itself', (config) => new Proxy(config, {})],
  ])('%s', async (name, replace) => {
    const bare = await sendReplaced(replace, false);
    const { cloud, evil, outcome } = await sendReplaced(replace, true);
    expect(outcome.hangs).toBeUndefined();
    // Every message that bare Axios delivers is delivered. Only a Send API request to the second server is refused.
    const arrived = (each: Cloud, { cloud: right }: { cloud: Cloud }) =>
      each.seen
        .filter(({ service }) => !['domain', 'sentinel', 'idp'].includes(service))
        .map(({ method, url, body }) => [method, url.replace(right.origin, ''), body]);
    const strays = arrived(bare.evil.cloud, bare);
    const isHostChosen = strays.length > 0 && bare.cloud.count('send') === 0 && !/proxy|transport|getter/.test(name);
    if (isHostChosen) {
      expect(outcome.error).toMatchObject({ code: 'ERR_UNTRUSTED_ORIGIN' });
      expect([evil.text(), cloud.seen.map(({ service }) => service)]).toEqual([
        '',
        expect.not.arrayContaining(['idp']),
      ]);
      return;
    }
    expect(arrived(cloud, { cloud })).toEqual(arrived(bare.cloud, bare));
    expect(arrived(evil.cloud, { cloud })).toEqual(strays);
    // A proxy or a transport that bare Axios uses too is the user's own.
    if (strays.length === 0) expect(secretsIn(evil.text(), cloud)).toEqual([]);
    for (const { url, headers } of cloud.seen.filter(({ service }) => ['send', 'other'].includes(service))) {
      expect(headers.authorization !== undefined).toBe(url === SEND);
    }
    if ((bare.outcome.value as { status?: number } | undefined)?.status === 200) {
      expect(outcome).toMatchObject({ value: { status: 200 } });
    }
  });
});

describe('a config whose property has another value at a later read', () => {
  const READS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24, 32];
  const OTHER: Readonly<Record<string, (evil: Evil) => unknown>> = {
    url: ({ origin }) => origin + SEND,
    baseURL: ({ origin }) => origin,
    data: () => 'other',
    method: () => 'put',
    socketPath: () => '/nowhere/evil.sock',
    transport: ({ transport }) => transport,
  };

  /** Returns the other value after `reads` reads. */
  const turn = (reads: number, own: unknown, other: unknown) => {
    let count = 0;
    return () => (count++ < reads ? own : other);
  };

  const KINDS: Readonly<Record<string, (config: Config, name: string, next: () => unknown) => unknown>> = {
    'a getter': (config, name, next) =>
      Object.defineProperty(config, name, { get: next, set: () => {}, enumerable: true, configurable: true }),
    'a Proxy': (config, name, next) =>
      new Proxy(config, { get: (target, key) => (key === name ? next() : Reflect.get(target, key)) }),
  };

  it.each(Object.keys(KINDS).flatMap((kind) => Object.keys(OTHER).map((name): [string, string] => [kind, name])))(
    '%s of %s sends no token and no message to the second server',
    async (kind, name) => {
      // A transport that the config has at dispatch is the caller's own.
      for (const reads of name === 'transport' ? READS.slice(1) : READS) {
        const { cloud, evil, outcome } = await sendReplaced((config, evil) => {
          const own = config[name];
          return KINDS[kind]?.(config, name, turn(reads, own, OTHER[name]?.(evil)));
        }, true);
        expect([reads, outcome.hangs]).toEqual([reads, undefined]);
        expect([reads, secretsIn(evil.text(), cloud)]).toEqual([reads, []]);
        expect(evil.text()).not.toContain(MESSAGE.text);
        for (const { method, url, headers } of sends(cloud)) {
          if (headers.authorization) expect([reads, method, url]).toEqual([reads, 'POST', SEND]);
        }
        await closeClouds();
      }
    },
  );

  it('both sends have the value of the first read', async () => {
    for (const reads of READS) {
      const { cloud, outcome } = await sendReplaced(
        (config) => KINDS['a getter']?.(config, 'data', turn(reads, config.data, '{"text":"other"}')),
        true,
      );
      expect(outcome).toMatchObject({ value: { status: 200 } });
      expect(new Set(sends(cloud).map(({ body }) => body)).size).toBe(1);
      await closeClouds();
    }
  });
});

// ---- All together ----

describe('any pollution and any change at any moment', () => {
  const someOf = (names: string[]) => fc.subarray(names, { maxLength: 3 });
  const act = fc.record({
    polluted: someOf(Object.keys(POLLUTIONS).filter((name) => !OF_FETCH.includes(name))),
    pollutedAt: fc.constantFrom(...POLLUTION_MOMENTS),
    changed: someOf(Object.keys(CHANGES)),
    changedAt: fc.constantFrom(...MOMENTS),
    adapter: fc.constantFrom('http', 'fetch'),
    code: fc.constantFrom(40102, 40103),
    keptFirst: fc.boolean(),
  });

  it('the second server gets nothing, and the right server gets the unchanged message', async () => {
    let delivered = 0;
    const property = fc.asyncProperty(act, async ({ polluted, pollutedAt, changed, changedAt, ...how }) => {
      const bare = await sendBare(polluted, how.adapter);
      const cloud = await startCloud();
      const evil = await startEvil();
      let kept: Config | undefined;
      let undo = () => {};
      const strike = () => {
        undo = pollute(Object.fromEntries(polluted.map((name) => [name, POLLUTIONS[name]?.(evil)])));
      };
      const change = () => {
        for (const name of changed) if (kept) CHANGES[name]?.(kept, evil);
      };
      stage(cloud, changedAt, change, how.code);
      const scripts = { ...cloud.script };
      stage(cloud, pollutedAt as Moment, strike, how.code);
      for (const service of ['sentinel', 'idp', 'send'] as const) {
        const second = cloud.script[service];
        cloud.script[service] = (seen, count) => {
          const reply = scripts[service]?.(seen, count);
          return second?.(seen, count) ?? reply;
        };
      }
      let outcome: Awaited<ReturnType<typeof outcomeOf>>;
      try {
        if (pollutedAt === 'before the factory') strike();
        const http = axios.create({ baseURL: cloud.origin });
        const keep = () =>
          http.interceptors.request.use((config) => {
            kept = config as Config;
            return config;
          });
        if (how.keptFirst) keep();
        createAuth(cloud).install(http);
        if (!how.keptFirst) keep();
        if (pollutedAt === 'between factory and request') strike();
        const request = { onBehalfOf: CONSUMER, adapter: how.adapter };
        outcome = await outcomeOf(http.post(SEND, { ...MESSAGE }, request));
      } catch (error) {
        outcome = { error };
      } finally {
        undo();
      }
      if (!bare.leaked) expectNothingAt(evil, cloud);
      for (const { body } of sends(cloud)) expect(body).toBe(BODY);
      if (bare.delivered && !polluted.some((name) => OF_DESCRIPTORS.includes(name))) {
        expectUnharmed(changed, outcome);
        expectDelivered(cloud);
        delivered += 1;
      }
      await closeClouds();
    });
    const runs = effort(300);
    const { failed, seed, counterexample, errorInstance } = await fc.check(property, {
      numRuns: runs,
      endOnFailure: true,
    });
    if (failed) throw new Error(`With seed ${seed}: ${JSON.stringify(counterexample)}: ${errorInstance}`);
    // The generated cases are useful: bare Axios delivers most of them too.
    expect(delivered).toBeGreaterThan(runs / 2);
  }, 120_000);
});

describe('the config that the caller gets back', () => {
  it('is the caller’s own, without tokens', async () => {
    const cloud = await startCloud();
    const http = axios.create({ baseURL: cloud.origin });
    createAuth(cloud).install(http);
    let kept: InternalAxiosRequestConfig | undefined;
    http.interceptors.request.use((config) => {
      kept = config;
      return config;
    });
    const agent = new Agent();
    const { config } = await http.post(SEND, MESSAGE, { onBehalfOf: CONSUMER, httpAgent: agent });
    expect(config).toMatchObject({ url: SEND, method: 'post', data: BODY, onBehalfOf: CONSUMER });
    expect(config.headers.has('authorization')).toBe(false);
    expect(kept?.headers.has('authorization')).toBe(false);
    const error = await rejection(http.post(SEND, MESSAGE));
    expect(error).toMatchObject({ code: 'ERR_NO_CONSUMER', config: { url: SEND } });
    agent.destroy();
  });
});
