import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axios, { type AxiosError, AxiosHeaders, type AxiosRequestConfig, type InternalAxiosRequestConfig } from 'axios';
import axiosRetry from 'axios-retry';
import { type CommonOptions, isConnectorAuthError } from '../../lib/index.js';
import { ACCOUNT, type Cloud, CONVERSATION, envelope, SEND, startCloud } from '../support/cloud.js';
import {
  type Connector,
  createAuth,
  lookedUpBy,
  rejection,
  startConnector,
  stopConnectors,
} from '../support/connector.js';
import { secretsIn } from '../support/hostile.js';
import { PRINTERS, print } from '../support/printers.js';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  await stopConnectors();
});

const CONSUMER = 'sms-4915550001';
const asC = { onBehalfOf: CONSUMER };
const tokenCalls = (cloud: Cloud) => cloud.count('sentinel') + cloud.count('idp');
const sends = (cloud: Cloud) => cloud.seen.filter(({ service }) => service === 'send');

/** A server on a Unix domain socket. A request with its `socketPath` goes there, whatever its URL is. */
async function startOnSocket(): Promise<{ socketPath: string; urls: string[] }> {
  const socketPath = join(tmpdir(), `request-errors-${process.pid}-${ends.length}.sock`);
  const urls: string[] = [];
  const server = createServer((request, response) => {
    urls.push(request.url ?? '');
    request.resume().on('end', () => response.end('{}'));
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  ends.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) =>
      server.close(() => {
        rmSync(socketPath, { force: true });
        resolve(undefined);
      }),
    );
  });
  return { socketPath, urls };
}

describe('a config with a socketPath is refused before any token is fetched', () => {
  it('given with the request, in the defaults, or by an interceptor', async () => {
    const { socketPath, urls } = await startOnSocket();
    const byInterceptor = await startConnector();
    byInterceptor.http.interceptors.request.use((config) => Object.assign(config, { socketPath }));
    const errors = [
      await rejection((await startConnector()).http.post(SEND, {}, { ...asC, socketPath })),
      await rejection((await startConnector({}, { socketPath })).http.post(SEND, {}, asC)),
      await rejection(byInterceptor.http.post(SEND, {}, asC)),
    ];
    for (const error of errors) expect(error).toMatchObject({ code: 'ERR_UNTRUSTED_ORIGIN', accountId: ACCOUNT });
    expect([urls, tokenCalls(byInterceptor.cloud)]).toEqual([[], 0]);
  });

  it.each(['', false, null, undefined])('but %p is none, as for Axios', async (socketPath) => {
    const { cloud, http } = await startConnector();
    await http.post(SEND, {}, { ...asC, socketPath: socketPath as never });
    expect(cloud.count('send')).toBe(1);
  });

  it.each<[string, unknown]>([
    ['a number', 5],
    ['an object', { path: '/tmp/a.sock' }],
    ['a list', ['/tmp/a.sock']],
    ['true', true],
    ['an abstract socket', '\0abstract'],
    ['a named pipe', '\\\\.\\pipe\\evil'],
  ])('%s', async (_, socketPath) => {
    for (const adapter of ['http', 'fetch']) {
      const { cloud, http } = await startConnector();
      const error = await rejection(http.post(SEND, {}, { ...asC, adapter, socketPath: socketPath as string }));
      expect(error).toMatchObject({ code: 'ERR_UNTRUSTED_ORIGIN', accountId: ACCOUNT, transient: false });
      expect([tokenCalls(cloud), cloud.count('send')]).toEqual([0, 0]);
    }
  });

  it('undefined counts as no socketPath', async () => {
    const { http } = await startConnector();
    await expect(http.post(SEND, {}, { ...asC, socketPath: undefined as never })).resolves.toMatchObject({
      status: 200,
    });
  });

  it('requests without tokens may have one', async () => {
    const { socketPath, urls } = await startOnSocket();
    const { cloud, http } = await startConnector();
    await http.post('/other', {}, { socketPath });
    await http.post(SEND, {}, { ...asC, socketPath, connectorAuth: false });
    expect(urls).toEqual(['/other', SEND]);
    expect(cloud.seen).toEqual([]);
  });
});

describe('the caller’s Host header is not sent', () => {
  it.each(['Host', 'host', 'HOST', 'hOsT'])('%s', async (name) => {
    for (const adapter of ['http', 'fetch']) {
      const { cloud, http } = await startConnector();
      cloud.script.send = (_, count) => (count === 1 ? { status: 401, body: envelope(40102) } : undefined);
      await http.post(SEND, {}, { ...asC, adapter, headers: { [name]: 'evil.example' } });
      expect(sends(cloud).map(({ headers }) => headers.host)).toEqual([cloud.host, cloud.host]);
    }
  });

  it('from the defaults, from an interceptor, and in two spellings', async () => {
    const { cloud, http } = await startConnector({}, { headers: { Host: 'evil.example' } });
    http.interceptors.request.use((config) => {
      config.headers.set('hOST', 'evil.example', true);
      return config;
    });
    await http.post(SEND, {}, { ...asC, headers: { host: 'evil.example', HOST: 'evil.example' } });
    expect(sends(cloud).map(({ headers }) => headers.host)).toEqual([cloud.host]);
  });

  it('from an interceptor that replaces the headers by a plain object', async () => {
    const { cloud, http } = await startConnector();
    http.interceptors.request.use((config) => {
      config.headers = { ...config.headers.toJSON(), Host: 'evil.example' } as never;
      return config;
    });
    await http.post(SEND, {}, asC);
    expect(sends(cloud).map(({ headers }) => headers.host)).toEqual([cloud.host]);
  });

  it('other requests keep their Host header', async () => {
    const { cloud, http } = await startConnector();
    await http.post('/other', {}, { headers: { Host: 'virtual.example' } });
    expect(cloud.seen[0]?.headers.host).toBe('virtual.example');
  });
});

/** One way to each error code. */
const FAILURES: Readonly<Record<string, (connector: Connector) => Promise<unknown>>> = {
  ERR_NO_CONSUMER: ({ http }) => http.post(SEND, {}),
  ERR_UNTRUSTED_ORIGIN: ({ http }) => http.post(`https://evil.example${SEND}`, {}, asC),
  ERR_UNKNOWN_ACCOUNT: ({ http }) => http.post(SEND.replace(ACCOUNT, '999'), {}, asC),
  ERR_DOMAIN_LOOKUP: ({ cloud, http }) => {
    cloud.script.domain = () => ({ status: 500 });
    return http.post(SEND, {}, asC);
  },
  ERR_APP_JWT: ({ cloud, http }) => {
    cloud.script.sentinel = ({ headers, body }) => ({ status: 400, body: { headers, body } });
    return http.post(SEND, {}, asC);
  },
  ERR_CONSUMER_JWS: ({ cloud, http }) => {
    cloud.script.idp = ({ headers, body }) => ({ status: 400, body: { headers, body } });
    return http.post(SEND, {}, asC);
  },
  'ERR_CONSUMER_JWS after a refusal': async ({ cloud, http }) => {
    cloud.script.send = ({ headers }) => ({ status: 401, body: { ...envelope(40103), headers } });
    cloud.script.idp = (_, count) => (count === 1 ? undefined : { status: 400 });
    return http.post(SEND, {}, asC);
  },
  'ERR_APP_JWT after two refusals': async ({ cloud, http }) => {
    cloud.script.send = (_, count) => ({ status: 401, body: envelope(count === 1 ? 40103 : 40102) });
    cloud.script.sentinel = (_, count) => (count === 1 ? undefined : { status: 400 });
    return http.post(SEND, {}, asC);
  },
  ERR_CLOSED: async ({ auth, http }) => {
    await http.post(SEND, {}, asC);
    void auth.close();
    return http.post(SEND, {}, asC);
  },
};

describe('error.config of a ConnectorAuthError is usable', () => {
  const onlyAsked = Object.keys(FAILURES).filter((name) => name !== 'ERR_APP_JWT after two refusals');

  it.each(Object.keys(FAILURES))('%s', async (name) => {
    const connector = await startConnector();
    const error = await rejection(FAILURES[name]?.(connector) ?? Promise.resolve());
    expect([name, isConnectorAuthError(error)]).toEqual([name, true]);
    const { code, config } = error as AxiosError;
    expect(code).toBe(name.split(' ')[0]);
    expect([typeof config?.method, typeof config?.url]).toEqual(['string', 'string']);
    expect(config?.method).toBe('post');
    expect(config?.url).toContain('/messaging/consumer/conversation/send');
    expect(config?.baseURL).toBe(connector.cloud.origin);
    const headers = AxiosHeaders.from(config?.headers as AxiosHeaders);
    expect(headers.get('content-type')).toBe('application/json');
    for (const header of ['authorization', 'x-on-behalf', 'x-lp-on-behalf']) {
      expect([header, headers.has(header)]).toEqual([header, false]);
    }
    // A typical error interceptor builds such a text.
    expect(`${config?.method?.toUpperCase()} ${config?.url?.split('?')[0]}`).toMatch(/^POST .*\/send$/);
    for (const [printer, printWith] of Object.entries(PRINTERS)) {
      const text = print(printWith, error);
      expect([printer, secretsIn(text, connector.cloud)]).toEqual([printer, []]);
      expect([printer, text.includes(CONSUMER)]).toEqual([printer, false]);
    }
  });

  it.each(onlyAsked)('an error interceptor that reads it keeps the code and the message: %s', async (name) => {
    for (const first of [true, false]) {
      const cloud = await startCloud();
      const auth = createAuth(cloud);
      const http = axios.create({ baseURL: cloud.origin });
      if (!first) auth.install(http);
      http.interceptors.response.use(undefined, (error: AxiosError) => {
        const { method, url, headers, baseURL } = error.config as InternalAxiosRequestConfig;
        error.message += ` (${method?.toUpperCase()} ${url?.length} ${baseURL?.length} ${headers.get('x')})`;
        return Promise.reject(error);
      });
      if (first) auth.install(http);
      const error = await rejection(FAILURES[name]?.({ cloud, http, auth }) ?? Promise.resolve());
      expect(error).toMatchObject({ code: name.split(' ')[0], message: expect.stringContaining('(POST ') });
    }
  });

  it('to send the request again by hand, after the fault has passed', async () => {
    const { cloud, http } = await startConnector();
    cloud.script.sentinel = () => ({ status: 503 });
    const error = (await rejection(http.post(SEND, { text: 'ä' }, asC))) as AxiosError;
    expect(error).toMatchObject({ code: 'ERR_APP_JWT', transient: true });
    delete cloud.script.sentinel;
    await expect(http.request(error.config ?? {})).resolves.toMatchObject({ status: 200 });
    expect(sends(cloud).map(({ body }) => body)).toEqual(['{"text":"ä"}']);
  });
});

describe('with an axios-retry that retries everything', () => {
  const NON_TRANSIENT = Object.keys(FAILURES).filter((name) => !/DOMAIN|two refusals/.test(name));

  /** An instance with axios-retry and the package on it, in either order. */
  function join(cloud: Cloud, first: boolean, options: CommonOptions = {}) {
    const auth = createAuth(cloud, options);
    const http = axios.create({ baseURL: cloud.origin });
    const retried: number[] = [];
    if (!first) auth.install(http);
    axiosRetry(http, {
      retries: 3,
      retryDelay: () => 1,
      retryCondition: () => true,
      onRetry: (count) => void retried.push(count),
    });
    if (first) auth.install(http);
    return { auth, http, retried, cloud };
  }

  it.each(NON_TRANSIENT)('a ConnectorAuthError that is not transient is never retried: %s', async (name) => {
    for (const first of [true, false]) {
      const single = await startConnector();
      await rejection(FAILURES[name]?.(single) ?? Promise.resolve());
      const cloud = await startCloud();
      const { http, auth, retried } = join(cloud, first);
      const error = await rejection(FAILURES[name]?.({ cloud, http, auth }) ?? Promise.resolve());
      expect(error).toMatchObject({ code: name.split(' ')[0], transient: false });
      expect(retried).toEqual([]);
      // The servers saw exactly what they see without axios-retry.
      expect(cloud.seen.map(({ service }) => service)).toEqual(single.cloud.seen.map(({ service }) => service));
    }
  });

  it('not even if the request itself asks for retries', async () => {
    const consumerId = jest.fn(() => undefined);
    const cloud = await startCloud();
    const { http } = join(cloud, true, { consumerId });
    const config = { 'axios-retry': { retries: 5, retryCondition: () => true, retryDelay: () => 1 } };
    await expect(http.post(SEND, {}, config as AxiosRequestConfig)).rejects.toMatchObject({ code: 'ERR_NO_CONSUMER' });
    expect(consumerId).toHaveBeenCalledTimes(1);
  });

  it('consumerId() and credentials() are called once for a message that gets nothing from them', async () => {
    for (const first of [true, false]) {
      const consumerId = jest.fn(() => undefined);
      const credentials = jest.fn(() => undefined);
      const cloud = await startCloud();
      await rejection(join(cloud, first, { consumerId }).http.post(SEND, {}));
      await rejection(join(cloud, first, lookedUpBy(credentials)).http.post(SEND, {}, asC));
      expect([consumerId.mock.calls.length, credentials.mock.calls.length]).toEqual([1, 1]);
    }
  });

  it.each([
    ['ERR_APP_JWT', 'sentinel'],
    ['ERR_CONSUMER_JWS', 'idp'],
    ['ERR_DOMAIN_LOOKUP', 'domain'],
  ] as const)('a transient one is retried, and the message is delivered: %s', async (_, service) => {
    for (const first of [true, false]) {
      const cloud = await startCloud();
      const { http, retried } = join(cloud, first);
      cloud.script[service] = (_, count) => (count <= 2 ? { status: 503 } : undefined);
      await expect(http.post(SEND, { text: 'ä' }, asC)).resolves.toMatchObject({ status: 200 });
      expect([retried, cloud.count(service)]).toEqual([[1, 2], 3]);
      expect(sends(cloud).map(({ body }) => body)).toEqual(['{"text":"ä"}']);
    }
  });

  it('a transient one that lasts reaches the caller after the last retry', async () => {
    const cloud = await startCloud();
    const { http, retried } = join(cloud, true);
    cloud.script.sentinel = () => ({ status: 503 });
    await expect(http.post(SEND, {}, asC)).rejects.toMatchObject({ code: 'ERR_APP_JWT', transient: true });
    expect([retried, cloud.count('sentinel')]).toEqual([[1, 2, 3], 4]);
  });

  it('other errors are retried as without the package', async () => {
    const cloud = await startCloud();
    const { http, retried } = join(cloud, true);
    cloud.script.send = (_, count) => (count <= 2 ? { status: 400, body: {} } : undefined);
    await expect(http.post(SEND, {}, asC)).resolves.toMatchObject({ status: 200 });
    expect(retried).toEqual([1, 2]);
  });
});

describe('an error prints with any value on the config, in linear time', () => {
  const LINEAR: readonly string[] = [
    'util.inspect',
    'console.error',
    'console.error, formatted',
    'JSON.stringify',
    'string and stack',
  ];

  /** An object with shared parts. Each level has the next level twice, so each level would double the size of a copy. */
  const graph = (depth: number, isPlain: boolean, onRead: () => unknown = () => {}): unknown => {
    let part: unknown = {
      get end() {
        onRead();
        return true;
      },
    };
    for (let level = 0; level < depth; level++) {
      const both = { left: part, right: part };
      part = isPlain ? both : Object.assign(new (class Part {})(), both);
    }
    // In a list, because Axios copies plain objects deeply, but not lists.
    return [part];
  };

  const thrower = (): object => {
    const boom = () => {
      throw new Error('the getter throws');
    };
    return Object.defineProperties(new (class Session {})(), {
      token: { get: boom, enumerable: true },
      toJSON: { get: boom, enumerable: false },
      // Axios 1.17 itself reads the tag of a value of the config, but not of a value inside an instance.
      tagged: { value: Object.defineProperty({}, Symbol.toStringTag, { get: boom }), enumerable: true },
    });
  };

  /** The errors to print: our own, and Axios's errors that have the config of a Send API request. */
  const ERRORS: Readonly<Record<string, (connector: Connector, config: object) => Promise<unknown>>> = {
    'a ConnectorAuthError': ({ http }, config) => http.post(SEND, {}, config),
    'a ConnectorAuthError of a service': ({ cloud, http }, config) => {
      cloud.script.sentinel = () => ({ status: 503 });
      return http.post(SEND, {}, { ...asC, ...config });
    },
    'an error of the Send API': ({ cloud, http }, config) => {
      cloud.script.send = () => ({ status: 400, body: envelope(40001) });
      return http.post(SEND, {}, { ...asC, ...config });
    },
    'an error of the connection': ({ cloud, http }, config) => {
      cloud.script.send = () => ({ break: 'at-once' });
      return http.post(SEND, {}, { ...asC, ...config });
    },
  };

  async function failWith(name: string, config: object): Promise<unknown> {
    const connector = await startConnector();
    return rejection(ERRORS[name]?.(connector, config) ?? Promise.resolve());
  }

  describe.each(Object.keys(ERRORS))('%s', (name) => {
    it.each([true, false])('with a graph that shares its parts (plain: %s)', async (isPlain) => {
      // The length of the text stands for the work. The deep graph is printed only after the check that the text does not
      // double with each level, because it would never end.
      const sizes = new Map<string, number[]>();
      let reads = 0;
      for (const depth of [6, 10, 14]) {
        const error = await failWith(name, { meta: graph(depth, isPlain, () => (reads += 1)) });
        for (const printer of LINEAR) {
          const text = PRINTERS[printer]?.(error) ?? '';
          sizes.set(printer, [...(sizes.get(printer) ?? []), text.length]);
        }
      }
      for (const [printer, [small = 0, , large = 0]] of sizes) {
        expect([printer, large < small * 4 + 2_000]).toEqual([printer, true]);
      }
      expect(reads).toBeLessThan(1_000);
      const error = await failWith(name, { meta: graph(40, isPlain) });
      for (const printer of LINEAR) expect((PRINTERS[printer]?.(error) ?? '').length).toBeLessThan(1_000_000);
    });

    it.each<[string, () => unknown]>([
      ['a getter that throws', thrower],
      ['one in a list', () => [thrower()]],
      [
        'a Proxy that throws',
        () => {
          const trap = () => {
            throw new Error('the trap throws');
          };
          return [
            new Proxy(
              {},
              { get: trap, ownKeys: trap, getPrototypeOf: trap, getOwnPropertyDescriptor: trap, has: trap },
            ),
          ];
        },
      ],
      [
        'a revoked Proxy',
        () => {
          const { proxy, revoke } = Proxy.revocable({}, {});
          revoke();
          return [proxy];
        },
      ],
      [
        'a circle',
        () => {
          const circle: Record<string, unknown> = {};
          circle.self = circle;
          return [circle];
        },
      ],
      ['a BigInt', () => [10n]],
      [
        'a toJSON() that throws',
        () => [
          {
            toJSON: () => {
              throw new Error('toJSON throws');
            },
          },
        ],
      ],
    ])('with %s', async (_, value) => {
      const error = await failWith(name, { meta: value() });
      expect(axios.isAxiosError(error)).toBe(true);
      for (const printer of LINEAR) {
        expect(() => PRINTERS[printer]?.(error)).not.toThrow();
      }
    });
  });

  it('a getter that throws on the config itself', async () => {
    const { http } = await startConnector();
    http.interceptors.request.use((config) =>
      Object.defineProperty(config, 'session', {
        enumerable: true,
        get: () => {
          throw new Error('the getter throws');
        },
      }),
    );
    const error = await rejection(http.post(SEND, {}));
    expect(error).toBeInstanceOf(Error);
    for (const printer of LINEAR) expect(() => PRINTERS[printer]?.(error)).not.toThrow();
  });
});

describe('a request that is almost a Send API request', () => {
  const path = `/api/account/${ACCOUNT}/messaging/consumer/conversation`;

  async function startLogged() {
    const lines: string[] = [];
    const others: string[] = [];
    const logger = {
      debug: (line: string) => void others.push(line),
      info: (line: string) => void others.push(line),
      warn: (line: string) => void lines.push(line),
      error: (line: string) => void others.push(line),
    };
    const connector = await startConnector({ logger });
    const reached: string[] = [];
    // Without the network, because some of these URLs have a host of their own.
    const adapter = async (config: InternalAxiosRequestConfig) => {
      reached.push(`${config.method} ${config.url}`);
      return { data: {}, status: 404, statusText: '', headers: {}, config };
    };
    const ask = (method: string, url: string, config: AxiosRequestConfig = {}) =>
      connector.http
        .request({ method, url, data: { text: 'hello' }, ...asC, adapter, validateStatus: () => true, ...config })
        .catch(() => {});
    return { ...connector, lines, others, reached, ask };
  }

  const NEAR_MISSES: [string, string, string][] = [
    ['another case', 'post', `${path.replace('/api', '/API')}/send`],
    ['another case further down', 'post', `${path.replace('conversation', 'Conversation')}`],
    ['another case at its end', 'post', `${path}/SEND`],
    ['a trailing slash', 'post', `${path}/send/`],
    ['a trailing slash of a conversation', 'post', `${path}/`],
    ['conversations', 'post', `${path}s/send`],
    ['conversations, of a conversation', 'post', `${path}s`],
    ['no first part', 'post', `${path.replace('/api', '')}/send`],
    ['two slashes at its beginning', 'post', `/${path}/send`],
    ['PUT', 'put', `${path}/send`],
  ];

  it.each(NEAR_MISSES)('gives one warning: %s', async (_, method, url) => {
    const { lines, ask, cloud, reached } = await startLogged();
    await ask(method, `${url}?v=3&secret=query-4711`);
    expect(lines).toEqual([expect.stringMatching(/not authenticated/i)]);
    for (let i = 0; i < 5; i++) await ask(method, `${url}?v=3&secret=query-${i}`, { onBehalfOf: `consumer-${i}` });
    expect(lines).toHaveLength(1);
    // The warning has the reason and the path, but not the query or the consumer.
    expect(lines[0]).toMatch(/because/i);
    expect(lines[0]?.toLowerCase()).toContain('conversation');
    expect(lines[0]).not.toMatch(/query-|secret=|consumer-\d|4915550001|hello/);
    expect([cloud.seen, reached.length]).toEqual([[], 6]);
  });

  it('gives one warning for each path', async () => {
    const { lines, ask } = await startLogged();
    for (let i = 0; i < 3; i++) for (const [, method, url] of NEAR_MISSES) await ask(method, url);
    expect(lines).toHaveLength(NEAR_MISSES.length);
    expect(new Set(lines).size).toBe(NEAR_MISSES.length);
  });

  it('is logged without user, password and characters that forge a line, and not at all if it is very long', async () => {
    const { lines, ask } = await startLogged();
    await ask('post', `//user:PASSWORD@gateway.example${path}s`);
    await ask('post', `${path}s`.replace(ACCOUNT, '1\n2026-01-01 ERROR forged \u001b[2J'));
    await ask('post', `${path}s${'/'.repeat(100_000)}`);
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).not.toMatch(/PASSWORD|user|[^\x20-\ufffd]|ERROR forged/);
  });

  it('gives a warning also after an authenticated request to the same URL', async () => {
    const { lines, http, ask } = await startLogged();
    await http.post(SEND, {}, asC);
    expect(lines).toEqual([]);
    await ask('put', SEND);
    await ask('delete', SEND);
    expect(lines).toEqual([expect.stringMatching(/not authenticated, because its method is not POST/)]);
  });

  it('is sent unchanged and without tokens', async () => {
    const { cloud, http } = await startLogged();
    await http.post(`${path}/send/?v=3`, { a: 1 }, { ...asC, validateStatus: () => true });
    expect(cloud.seen.map(({ url, headers, body }) => [url, headers.authorization, body])).toEqual([
      [`${path}/send/?v=3`, undefined, '{"a":1}'],
    ]);
  });

  it('authenticated requests and requests to other services give no line', async () => {
    const { lines, ask, http, cloud } = await startLogged();
    for (const url of [SEND, CONVERSATION, SEND.replace('?v=3', ''), cloud.origin + SEND])
      await http.post(url, {}, asC);
    for (const [method, url] of [
      ['post', '/other'],
      ['post', '/'],
      ['get', '/api/account/70012345/service/baseURI.json'],
      ['post', `/api/account/${ACCOUNT}/login`],
      ['post', '/conversation'],
      ['post', '/send'],
      ['post', 'https://hooks.example/services/send?to=conversation'],
      ['post', `/anything?x=${SEND}`],
      ['post', `https://shop.example/graphql#${SEND}`],
    ] as const) {
      await ask(method, url);
    }
    expect(lines).toEqual([]);
    expect(cloud.count('send')).toBe(3);
  });

  it('a logger that throws changes nothing', async () => {
    const fail = () => {
      throw new Error('the disk is full');
    };
    const { http, cloud } = await startConnector({ logger: { debug: fail, info: fail, warn: fail, error: fail } });
    await http.post(`${path}/send/`, {}, { ...asC, validateStatus: () => true });
    expect(cloud.seen).toHaveLength(1);
  });

  it('is sent without a logger too', async () => {
    const { http, cloud } = await startConnector();
    await http.post(`${path}/send/`, {}, { ...asC, validateStatus: () => true });
    expect([cloud.seen.length, tokenCalls(cloud)]).toEqual([1, 0]);
  });
});
