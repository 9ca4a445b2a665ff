import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import axios, { type AxiosError, type AxiosRequestConfig } from 'axios';
import { type Cloud, envelope, SEND, startCloud, until } from '../support/cloud.js';
import { createAuth, startConnector, stopConnectors } from '../support/connector.js';
import { outcomeOf } from '../support/hostile.js';

// These tests check that a request settles and that its socket is closed, but not how long this takes.

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  await stopConnectors();
});

/** For sends that are never answered. */
const TIMEOUT = 300;
/** For sends of which a part is answered first: a busy machine answers sooner. */
const LONGER_TIMEOUT = 1_500;
const timeoutCodes = ['ECONNABORTED', 'ETIMEDOUT'];

interface RawServer {
  readonly origin: string;
  /** The number of connections on which a request has begun, and the number of these that are closed. */
  readonly begun: () => number;
  readonly over: () => number;
}

/** A raw server on loopback. It calls `serve` for each connection on which a request has begun. */
async function startRaw(serve: (socket: Socket, count: number) => void): Promise<RawServer> {
  const sockets = new Set<Socket>();
  let begun = 0;
  let over = 0;
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => {
      begun += 1;
      socket.on('close', () => {
        over += 1;
      });
      // Later data is read and ignored.
      socket.on('data', () => {});
      serve(socket, begun);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, begun: () => begun, over: () => over };
}

/** Writes again and again, until the connection is closed. */
function drip(socket: Socket, next: (count: number) => string, everyMs = 20): void {
  let count = 0;
  const timer = setInterval(() => socket.write(next(count++)), everyMs);
  socket.on('close', () => clearInterval(timer));
}

const refusal = (code: number): string => {
  const body = JSON.stringify(envelope(code));
  return `HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
};
const accepted = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n{"code":"OK"}';

/** Servers that never finish their answer. */
const SERVERS: Readonly<Record<string, (socket: Socket) => void>> = {
  'is silent': () => {},
  'switches protocols, then is silent': (socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n');
  },
  'switches protocols, and goes on talking': (socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n');
    drip(socket, () => 'x');
  },
  'says 100 Continue without end': (socket) => drip(socket, () => 'HTTP/1.1 100 Continue\r\n\r\n'),
  'says 102 Processing without end': (socket) => drip(socket, () => 'HTTP/1.1 102 Processing\r\n\r\n'),
  'says 103 Early Hints without end': (socket) =>
    drip(socket, () => 'HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n'),
  'sends its status line in drops': (socket) => {
    socket.write('HTTP/1.1 200 ');
    drip(socket, () => 'O');
  },
  'sends its headers in drops': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n');
    drip(socket, (count) => `x-header-${count}: 1\r\n`);
  },
};

const BODIES: Readonly<Record<string, (socket: Socket) => void>> = {
  'sends its body in drops': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n');
    drip(socket, () => ' ');
  },
  'sends its body in chunks without end': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n');
    drip(socket, () => '1\r\n \r\n');
  },
  'sends its body of a refusal in drops': (socket) => {
    socket.write('HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n');
    drip(socket, () => ' ');
  },
  'stops in the middle of its body': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{');
  },
};

/** A connector that has its tokens, and sends to the test's own server. */
async function startReady(origin: string, adapter: string) {
  const connector = await startConnector({ trustedOrigins: [origin] });
  await connector.auth.getConsumerJws('c');
  const send = (config: AxiosRequestConfig = {}) =>
    outcomeOf(
      connector.http.post(origin + SEND, { text: 'hello' }, { onBehalfOf: 'c', timeout: TIMEOUT, adapter, ...config }),
    );
  return { ...connector, send };
}

describe.each(['http', 'fetch'])('timeout limits a send by %s to a server that', (adapter) => {
  it.each(Object.keys(SERVERS))('%s', async (name) => {
    const server = await startRaw(SERVERS[name] ?? (() => {}));
    const { send } = await startReady(server.origin, adapter);
    const { error, hangs } = await send();
    expect(hangs).toBeUndefined();
    expect(axios.isAxiosError(error)).toBe(true);
    // Node's fetch accepts neither a switch of protocols nor 100 Continue, and fails at once.
    const codes = /switches|100/.test(name) ? [...timeoutCodes, 'ERR_NETWORK'] : timeoutCodes;
    expect(adapter === 'http' ? ['ECONNABORTED'] : codes).toContain((error as AxiosError).code);
    await until(() => server.over() === server.begun());
    expect(server.begun()).toBe(1);
  });

  it('accepts no connection', async () => {
    const { origin } = await startDeaf();
    const { send } = await startReady(origin, adapter);
    const { error, hangs } = await send();
    expect(hangs).toBeUndefined();
    expect(axios.isAxiosError(error)).toBe(true);
    expect(adapter === 'http' ? ['ECONNABORTED'] : timeoutCodes).toContain((error as AxiosError).code);
  });

  it.each(['is silent', 'switches protocols, then is silent', 'says 102 Processing without end'])(
    '%s, the replay as well as the first send',
    async (name) => {
      const server = await startRaw((socket, count) => {
        if (count === 1) socket.end(refusal(40102));
        else SERVERS[name]?.(socket);
      });
      const { send, cloud } = await startReady(server.origin, adapter);
      const { error, hangs } = await send({ timeout: LONGER_TIMEOUT });
      expect(hangs).toBeUndefined();
      expect(axios.isAxiosError(error)).toBe(true);
      await until(() => server.over() === server.begun());
      expect([server.begun(), cloud.count('sentinel')]).toEqual([2, 2]);
    },
  );

  it.each<[string, AxiosRequestConfig]>([
    ['by default', {}],
    ['with clarifyTimeoutError', { transitional: { clarifyTimeoutError: true } }],
    ['with timeoutErrorMessage', { timeoutErrorMessage: 'too slow for us' }],
    ['with both', { transitional: { clarifyTimeoutError: true }, timeoutErrorMessage: 'too slow for us' }],
  ])('is silent, with the error of bare Axios: %s', async (_, config) => {
    const server = await startRaw(() => {});
    const bare = await outcomeOf(axios.post(server.origin + SEND, {}, { timeout: TIMEOUT, adapter, ...config }));
    const { send } = await startReady(server.origin, adapter);
    const ours = await send(config);
    const words = ({ error }: { error?: unknown }) => {
      const { name, code, message } = (error ?? {}) as Partial<AxiosError>;
      return { name, code, message };
    };
    expect(words(ours)).toEqual(words(bare));
    if (adapter === 'http') {
      const switching = await startRaw(SERVERS['switches protocols, then is silent'] ?? (() => {}));
      const { send: sendThere } = await startReady(switching.origin, adapter);
      expect(words(await sendThere(config))).toEqual(words(bare));
    }
  });

  it('answers in time: nothing is cut off, and nothing waits for the timer', async () => {
    const server = await startRaw((socket) => {
      socket.write('HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n');
      setTimeout(() => socket.end(accepted), 20);
    });
    const { send } = await startReady(server.origin, adapter);
    expect(await send({ timeout: 20_000 })).toMatchObject({ value: { status: 200, data: { code: 'OK' } } });
  });
});

describe('timeout limits a send by http to a server that', () => {
  it.each(Object.keys(BODIES))('%s', async (name) => {
    const server = await startRaw(BODIES[name] ?? (() => {}));
    const { send } = await startReady(server.origin, 'http');
    const { error, hangs } = await send();
    expect(hangs).toBeUndefined();
    expect(error).toMatchObject({ code: 'ECONNABORTED' });
    await until(() => server.over() === server.begun());
  });

  it.each<[string, AxiosRequestConfig]>([
    ['without redirects', { maxRedirects: 0 }],
    ['with redirects', { maxRedirects: 5 }],
    ['with an agent that keeps connections', { httpAgent: new Agent({ keepAlive: true }) }],
    ['with an agent of one socket', { httpAgent: new Agent({ keepAlive: true, maxSockets: 1 }) }],
    ['with a string as timeout', { timeout: String(TIMEOUT) as never }],
  ])('switches protocols or talks without end, %s', async (_, config) => {
    for (const name of ['switches protocols, and goes on talking', 'says 102 Processing without end']) {
      const server = await startRaw(SERVERS[name] ?? (() => {}));
      const { send } = await startReady(server.origin, 'http');
      const { error, hangs } = await send(config);
      expect(hangs).toBeUndefined();
      expect(error).toMatchObject({ code: 'ECONNABORTED' });
      await until(() => server.over() === server.begun());
    }
  });

  it('is silent, while other requests wait for the agent’s only socket', async () => {
    const server = await startRaw(() => {});
    const { send } = await startReady(server.origin, 'http');
    const httpAgent = new Agent({ keepAlive: true, maxSockets: 1 });
    ends.push(() => httpAgent.destroy());
    const outcomes = await Promise.all([send({ httpAgent }), send({ httpAgent }), send({ httpAgent })]);
    for (const { error, hangs } of outcomes) {
      expect(hangs).toBeUndefined();
      expect(error).toMatchObject({ code: 'ECONNABORTED' });
    }
  });
});

describe('an answer that bare Axios accepts is not cut off', () => {
  it('a slow answer without a timeout', async () => {
    const server = await startRaw((socket) => {
      socket.write('HTTP/1.1 102 Processing\r\n\r\n');
      setTimeout(() => socket.end(accepted), 500);
    });
    const { send } = await startReady(server.origin, 'http');
    expect(await send({ timeout: 0 })).toMatchObject({ value: { status: 200 } });
  });

  it('a streamed answer that takes longer than the timeout', async () => {
    const serve = (socket: Socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 30\r\n\r\n');
      drip(socket, (count) => (count < 30 ? 'x' : ''), 60);
    };
    const read = async (outcome: Promise<{ value?: unknown }>) => {
      const { data } = (await outcome).value as { data: AsyncIterable<Buffer> };
      let size = 0;
      for await (const chunk of data) size += chunk.length;
      return size;
    };
    const server = await startRaw(serve);
    // The server answers only one request on each connection.
    const httpAgent = new Agent({ keepAlive: false });
    const config: AxiosRequestConfig = { responseType: 'stream', timeout: LONGER_TIMEOUT, httpAgent };
    // With redirects on, Axios times the whole answer.
    expect(await read(outcomeOf(axios.post(server.origin + SEND, {}, { ...config, maxRedirects: 0 })))).toBe(30);
    const { send } = await startReady(server.origin, 'http');
    expect(await read(send(config))).toBe(30);
  });
});

/** A server whose process never accepts. When its backlog is full, new connections get no answer. */
async function startDeaf(): Promise<{ origin: string }> {
  const script = `
    const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      process.stdout.write(String(server.address().port), () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
    });`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  ends.push(() => child.kill('SIGKILL'));
  const [text] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(text);
  for (let i = 0; i < 8; i++) {
    const filler = connect(port, '127.0.0.1').on('error', () => {});
    ends.push(() => filler.destroy());
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  return { origin: `http://127.0.0.1:${port}` };
}

it('a timeout beside a signal and a cancel token leaves no listener on the token', async () => {
  const { http } = await startConnector();
  const { token } = axios.CancelToken.source();
  const { signal } = new AbortController();
  for (let i = 0; i < 3; i++)
    await http.post(SEND, {}, { onBehalfOf: 'c', timeout: 60_000, signal, cancelToken: token });
  expect((token as unknown as { _listeners: unknown[] })._listeners ?? []).toEqual([]);
});

it('a cancel token beside a signal and a timeout ends a send with its own message', async () => {
  const { cloud, http } = await startConnector();
  const source = axios.CancelToken.source();
  cloud.script.send = () => {
    source.cancel('enough');
    return { after: new Promise(() => {}) };
  };
  const { signal } = new AbortController();
  const { error } = await outcomeOf(
    http.post(SEND, {}, { onBehalfOf: 'c', timeout: 60_000, signal, cancelToken: source.token }),
  );
  expect(axios.isCancel(error)).toBe(true);
  expect(error).toMatchObject({ message: 'enough' });
});

describe('a replay is not lost when the server closes the connection of the refused request', () => {
  const MESSAGES = 200;

  /** Refuses the first sends of each message and then ends their connection, like a load balancer that drains. */
  async function startClosing(how: 'FIN' | 'RST', cloud: Cloud, codes: number[], status = 401) {
    const sends = new Map<string, number>();
    cloud.script.send = ({ body }) => {
      const { id } = JSON.parse(body) as { id: string };
      const count = sends.get(id) ?? 0;
      sends.set(id, count + 1);
      const code = codes[count];
      return code ? { status, body: envelope(code) } : undefined;
    };
    const ended = new Set<Socket>();
    const server = createHttpServer((request, response) => {
      response.on('finish', () => {
        if (response.statusCode !== status) return;
        const { socket } = request;
        ended.add(socket);
        if (how === 'FIN') socket.end();
        else socket.resetAndDestroy();
      });
      void cloud.serve(request, response);
    });
    server.on('connection', (socket) => {
      socket.on('error', () => {});
    });
    server.keepAliveTimeout = 60_000;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ends.push(() => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    });
    /** Waits until both sides have seen the closed connections, because a first send on a dying connection is not tested here. */
    const settled = async () => {
      await until(() => [...ended].every(({ destroyed }) => destroyed));
      for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
    };
    return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sends, settled };
  }

  it.each([400, 403, 500])('with a refusal of status %i', async (status) => {
    const cloud = await startCloud();
    const { origin } = await startClosing('RST', cloud, [40102], status);
    const auth = createAuth(cloud, { trustedOrigins: [origin] });
    const httpAgent = new Agent({ keepAlive: true });
    ends.push(() => httpAgent.destroy());
    const http = axios.create({ baseURL: origin, httpAgent });
    auth.install(http);
    const sent = Array.from({ length: 50 }, (_, id) => http.post(SEND, { id: String(id) }, { onBehalfOf: 'c' }));
    for (const { status: delivered } of await Promise.all(sent)) expect(delivered).toBe(200);
  });

  describe.each(['FIN', 'RST'] as const)('with %s', (how) => {
    it.each<[string, number, number, number[]]>([
      ['one socket', 1, 1, [40102]],
      ['ten sockets', 10, 10, [40102]],
      ['any number of sockets', Number.POSITIVE_INFINITY, MESSAGES, [40102]],
      ['one socket, both tokens refused', 1, 1, [40102, 40103]],
      ['any number of sockets, both tokens refused', Number.POSITIVE_INFINITY, MESSAGES, [40103, 40102]],
    ])('through %s', async (_, maxSockets, atOnce, codes) => {
      // With 60 s the replay follows at once, with 0 after a renewal. Both come just when the connection dies.
      for (const forcedRefreshIntervalMs of [60_000, 0]) {
        const cloud = await startCloud();
        const { origin, sends, settled } = await startClosing(how, cloud, codes);
        const auth = createAuth(cloud, { trustedOrigins: [origin], forcedRefreshIntervalMs });
        const httpAgent = new Agent({ keepAlive: true, maxSockets });
        ends.push(() => httpAgent.destroy());
        const http = axios.create({ baseURL: origin, httpAgent });
        auth.install(http);
        await auth.getConsumerJws('c');
        const outcomes: unknown[] = [];
        for (let id = 0; id < MESSAGES; id += atOnce) {
          const batch = Array.from({ length: Math.min(atOnce, MESSAGES - id) }, (_, index) =>
            http.post(SEND, { id: `m${id + index}` }, { onBehalfOf: 'c' }).then(
              ({ status }) => status,
              (error: AxiosError) => error.code,
            ),
          );
          outcomes.push(...(await Promise.all(batch)));
          await settled();
        }
        expect(outcomes.filter((outcome) => outcome !== 200)).toEqual([]);
        expect([...sends.values()].filter((count) => count !== codes.length + 1)).toEqual([]);
        expect(sends.size).toBe(MESSAGES);
      }
    });
  });
});
