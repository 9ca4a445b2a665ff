import { Agent, type RequestListener } from 'node:http';
import { connect, createServer, type Socket, type TcpNetConnectOpts } from 'node:net';
import axios, { type AxiosError, isAxiosError } from 'axios';
import { isConnectorAuthError } from '../../lib/index.js';
import { ACCOUNT, makeToken, type Reply, SEND, type Service, startCloud, until } from '../support/cloud.js';
import { CLIENT_SECRET, rejection, startConnector, stopConnectors } from '../support/connector.js';
import { closeServers, startServer } from '../support/server.js';
import { HELD_MS, holdTimers, releaseTimers } from '../support/timers.js';

afterEach(stopConnectors);
afterEach(releaseTimers);
afterEach(closeServers);

const STAGES = [
  ['domain', 'ERR_DOMAIN_LOOKUP'],
  ['sentinel', 'ERR_APP_JWT'],
  ['idp', 'ERR_CONSUMER_JWS'],
] as const;

const REPLIES: [string, Reply, { status?: number; transient?: boolean }][] = [
  ['status 400', { status: 400, body: { error: 'invalid_request' } }, { status: 400, transient: false }],
  ['status 403 in HTML', { status: 403, body: '<html>no</html>' }, { status: 403, transient: false }],
  ['status 429', { status: 429, headers: { 'retry-after': '7' } }, { status: 429, transient: true }],
  ['status 500', { status: 500 }, { status: 500, transient: true }],
  ['a redirect', { status: 302, headers: { location: '/elsewhere' } }, { status: 302, transient: false }],
  ['HTML', { status: 200, body: '<html>welcome</html>' }, { status: 200, transient: false }],
  ['truncated JSON', { status: 200, body: '{"access_token": "abc' }, { status: 200, transient: false }],
  ['an empty body', { status: 200, body: '' }, { status: 200, transient: false }],
  ['null', { status: 200, body: 'null' }, { status: 200, transient: false }],
  ['an array', { status: 200, body: [] }, { status: 200, transient: false }],
  ['no token', { status: 200, body: { fine: true } }, { status: 200, transient: false }],
  ['a token that is no text', { status: 200, body: { access_token: 5, token: {} } }, { status: 200, transient: false }],
  [
    'a token that is no JWT',
    { status: 200, body: { access_token: 'abc', token: 'abc' } },
    { status: 200, transient: false },
  ],
  [
    'a token with more than a token in it',
    { status: 200, body: { access_token: `${makeToken({})}\r\nX: 1`, token: `${makeToken({})}\r\nX: 1` } },
    { status: 200 },
  ],
  [
    'a token for another account',
    { status: 200, body: { access_token: makeToken({ aud: 'other' }), token: makeToken({ account_id: 'other' }) } },
    { status: 200 },
  ],
  ['more than 64 KiB', { status: 200, body: { padding: 'x'.repeat(70_000) } }, { transient: false }],
  ['a connection that breaks', { break: 'at-once' }, { transient: true }],
  [
    'an answer that breaks off',
    { status: 200, body: { padding: 'x'.repeat(1_000) }, break: 'half-way' },
    { transient: true },
  ],
];

describe.each(STAGES)('%s answering with', (service, code) => {
  it.each(REPLIES)('%s is a clear error, and the next request tries again', async (_, reply, expected) => {
    const { cloud, http, auth } = await startConnector();
    const failures: unknown[] = [];
    auth.on('failure', (event) => failures.push(event));
    const origin = service as Service;
    cloud.script[origin] = () => reply;
    const error = await rejection(http.post(SEND, {}, { onBehalfOf: 'consumer-5550001' }));
    expect(error).toMatchObject({ name: 'ConnectorAuthError', code, accountId: ACCOUNT, ...expected });
    expect(isConnectorAuthError(error)).toBe(true);
    expect(isAxiosError(error)).toBe(true);
    expect((error as Error).message).toMatch(/\. (Check|This may pass)/);
    expect(cloud.count('send')).toBe(0);
    expect(cloud.count('other')).toBe(0);
    expect(failures.at(-1)).toMatchObject({ stage: service, code, accountId: ACCOUNT });
    const shown = JSON.stringify([error, failures]) + (error as Error).stack;
    for (const secret of [CLIENT_SECRET, encodeURIComponent(CLIENT_SECRET), 'signature', 'consumer-5550001']) {
      expect(shown).not.toContain(secret);
    }
    delete cloud.script[origin];
    await expect(http.post(SEND, {}, { onBehalfOf: 'consumer-5550001' })).resolves.toMatchObject({ status: 200 });
  });
});

it('a ConsumerJWS for another consumer is never kept', async () => {
  const { cloud, http } = await startConnector();
  cloud.script.idp = () => ({
    status: 201,
    body: { token: makeToken({ account_id: ACCOUNT, ext_consumer_id: 'other' }) },
  });
  await expect(http.post(SEND, {}, { onBehalfOf: 'c' })).rejects.toMatchObject({ code: 'ERR_CONSUMER_JWS' });
  await expect(http.post(SEND, {}, { onBehalfOf: 'c' })).rejects.toMatchObject({ code: 'ERR_CONSUMER_JWS' });
  expect([cloud.count('idp'), cloud.count('send')]).toEqual([2, 0]);
});

it('Retry-After says when to come back', async () => {
  const { cloud, auth } = await startConnector({ clock: { now: () => 1_800_000_000_000 } });
  cloud.script.sentinel = () => ({ status: 429, headers: { 'retry-after': '7' } });
  await expect(auth.getAppJwt()).rejects.toMatchObject({ retryAt: 1_800_000_007_000 });
});

it('a service that does not answer in time is an error after tokenTimeoutMs', async () => {
  const asked: string[] = [];
  // What a retry policy of the user's own has to go by.
  const retryCondition = ({ code, message }: AxiosError) => asked.push(`${code}: ${message}`) > 1;
  const limits = holdTimers();
  const { cloud, auth } = await startConnector({ tokenTimeoutMs: HELD_MS, retry: { retries: 1, retryCondition } });
  cloud.script.sentinel = () => ({ after: new Promise(() => {}) });
  const failed = rejection(auth.getAppJwt());
  await until(() => cloud.count('sentinel') === 1);
  limits.end();
  expect(await failed).toMatchObject({
    code: 'ERR_APP_JWT',
    transient: true,
    message: expect.stringContaining('in time'),
  });
  expect(asked).toEqual([`ECONNABORTED: timeout of ${HELD_MS}ms exceeded`]);
});

/** An agent that counts the answers that have begun to arrive from an origin. */
function createCountingAgent(origin: string) {
  const sockets: Socket[] = [];
  const createConnection = (options: TcpNetConnectOpts) => {
    const socket = connect(options);
    if (String(options.port) === new URL(origin).port) sockets.push(socket);
    return socket;
  };
  const httpAgent = Object.assign(new Agent(), { createConnection });
  return { httpAgent, begun: () => sockets.filter(({ bytesRead }) => bytesRead > 0).length };
}

// Against both, Axios's own timeout never ends: it starts anew with each byte, and is over with an upgrade.
describe.each<[string, RequestListener]>([
  [
    'answers drop by drop',
    (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const drops = setInterval(() => response.write(' '), 5);
      response.on('close', () => clearInterval(drops));
    },
  ],
  [
    'switches protocols',
    (request) => {
      request.socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    },
  ],
])('a service that %s', (_, listener) => {
  it.each(STAGES)('as %s is an error after tokenTimeoutMs, and is let go', async (service, code) => {
    let closed = 0;
    const { origin } = await startServer((request, response) => {
      request.socket.on('close', () => {
        closed += 1;
      });
      listener(request, response);
    });
    const place = service === 'domain' ? { domainApi: origin } : { domains: { [service]: origin } };
    const { httpAgent, begun } = createCountingAgent(origin);
    const limits = holdTimers();
    const { auth } = await startConnector({ ...place, tokenTimeoutMs: HELD_MS, axiosConfig: { httpAgent } });
    const failed = rejection(auth.getConsumerJws('c'));
    await until(() => begun() === 1);
    limits.end();
    expect(await failed).toMatchObject({
      code,
      transient: true,
      message: expect.stringContaining('in time'),
    });
    await until(() => closed === 1);
  });

  it('is asked again by the retry policy, and holds nobody up once it is well', async () => {
    let calls = 0;
    const { origin } = await startServer((request, response) => {
      calls += 1;
      if (calls <= 2) listener(request, response);
      else response.end(JSON.stringify({ access_token: makeToken({ aud: ACCOUNT }) }));
    });
    const { httpAgent, begun } = createCountingAgent(origin);
    const limits = holdTimers();
    const { http } = await startConnector({
      domains: { sentinel: origin },
      axiosConfig: { httpAgent },
      tokenTimeoutMs: HELD_MS,
      maxConcurrentTokenRequests: 1,
      retry: { retries: 2, retryDelay: () => 1 },
    });
    const sent = http.post(SEND, {}, { onBehalfOf: 'c' });
    for (const attempts of [1, 2]) {
      await until(() => begun() === attempts);
      limits.end();
    }
    expect((await sent).status).toBe(200);
    expect(calls).toBe(3);
  });
});

it('the longest tokenTimeoutMs does not end a call early', async () => {
  const { http } = await startConnector({ tokenTimeoutMs: 2 ** 31 - 1 });
  expect((await http.post(SEND, {}, { onBehalfOf: 'c' })).status).toBe(200);
});

it('a service that is not there is an error', async () => {
  const nobody = createServer();
  const port = await new Promise<number>((resolve) => {
    nobody.listen(0, '127.0.0.1', () => resolve((nobody.address() as { port: number }).port));
  });
  await new Promise((resolve) => nobody.close(resolve));
  const { auth } = await startConnector({ domainApi: `http://127.0.0.1:${port}` });
  await expect(auth.getAppJwt()).rejects.toMatchObject({
    code: 'ERR_DOMAIN_LOOKUP',
    transient: true,
    message: expect.stringContaining('ECONNREFUSED'),
  });
});

describe('the Domain API', () => {
  const entry = (service: string, baseURI: string) => ({ service, account: ACCOUNT, baseURI });

  it('may list all services under the page of one, or name one on the page of all', async () => {
    const { cloud, http } = await startConnector();
    cloud.script.domain = ({ url }) => {
      const service = /service\/(\w+)\/baseURI/.exec(url)?.[1];
      return { body: service ? { baseURIs: [entry(service, cloud.host)] } : entry('asyncMessagingEnt', cloud.host) };
    };
    await http.post(SEND, {}, { onBehalfOf: 'c' });
    expect(cloud.seen.filter(({ service }) => service === 'domain').map(({ url }) => url)).toContain(
      `/api/account/${ACCOUNT}/service/sentinel/baseURI.json?version=1.0`,
    );
  });

  it('may have the page of one service alone', async () => {
    const { cloud, auth } = await startConnector();
    cloud.script.domain = ({ url }) =>
      /service\/baseURI/.test(url) ? { status: 404 } : { body: entry('idp', cloud.host) };
    await expect(auth.getOrigin('idp')).resolves.toBe(cloud.origin);
    await expect(auth.getOrigin('sentinel')).rejects.toMatchObject({ code: 'ERR_DOMAIN_LOOKUP' });
  });

  it('is asked for the page of a service that its list names without a host', async () => {
    const { cloud, auth } = await startConnector();
    cloud.script.domain = ({ url }) =>
      /service\/baseURI/.test(url) ? { body: { baseURIs: [{ service: 'idp' }] } } : { body: entry('idp', cloud.host) };
    await expect(auth.getOrigin('idp')).resolves.toBe(cloud.origin);
    expect(cloud.count('domain')).toBe(2);
  });

  it('is asked for one service after the other where each has but its own page', async () => {
    const { cloud, auth } = await startConnector();
    cloud.script.domain = ({ url }) => {
      const service = /service\/(\w+)\/baseURI/.exec(url)?.[1];
      return service ? { body: entry(service, cloud.host) } : { status: 404 };
    };
    const asked = ['idp', 'sentinel', 'swift'].map((service) => auth.getOrigin(service));
    await expect(Promise.all(asked)).resolves.toEqual([cloud.origin, cloud.origin, cloud.origin]);
  });

  it('is asked again after domainTtlMs; when that fails the old hosts go on serving', async () => {
    let now = 1_700_000_000_000;
    const { cloud, auth } = await startConnector({
      clock: { now: () => now },
      domainTtlMs: 1_000,
      retry: { retries: 5 },
    });
    await auth.getOrigin('idp');
    now += 999;
    await auth.getOrigin('idp');
    expect(cloud.count('domain')).toBe(1);
    now += 1;
    cloud.script.domain = () => ({ status: 503 });
    await expect(auth.getOrigin('idp')).resolves.toBe(cloud.origin);
    await expect(auth.getOrigin('idp')).resolves.toBe(cloud.origin);
    expect(cloud.count('domain')).toBe(2);
    now += 1_000;
    cloud.script.domain = () => ({ body: { baseURIs: [entry('idp', 'localhost:1')] } });
    await expect(auth.getOrigin('idp')).resolves.toBe('http://localhost:1');
  });

  it('sends requests to the host that it names now, and no longer to the one it named before', async () => {
    let now = 1_700_000_000_000;
    const { cloud, auth } = await startConnector({ clock: { now: () => now }, domainTtlMs: 1_000 });
    const moved = await startCloud();
    const http = axios.create();
    auth.install(http);
    const send = (url: string) => http.post(url, {}, { onBehalfOf: 'c' });
    for (const ms of [0, 999]) {
      now += ms;
      await send(SEND);
      await send(cloud.origin + SEND);
    }
    expect([cloud.count('domain'), cloud.count('send')]).toEqual([1, 4]);
    cloud.script.domain = () => ({ body: { baseURIs: [entry('asyncMessagingEnt', moved.host)] } });
    now += 1;
    await send(SEND);
    await expect(send(cloud.origin + SEND)).rejects.toMatchObject({ code: 'ERR_UNTRUSTED_ORIGIN' });
    await send(moved.origin + SEND);
    expect([cloud.count('domain'), cloud.count('send'), moved.count('send')]).toEqual([2, 4, 2]);
  });

  it('is asked each time with a domainTtlMs of 0', async () => {
    const { cloud, http, auth } = await startConnector({ domainTtlMs: 0 });
    for (const calls of [1, 2]) {
      expect(await auth.getOrigin('swift')).toBe(cloud.origin);
      expect(cloud.count('domain')).toBe(calls);
    }
    expect((await http.post(SEND, {}, { onBehalfOf: 'c' })).status).toBe(200);
  });

  it.each(['constructor', '__proto__', '../x'])('knows no service by the name of %s', async (service) => {
    const { auth, cloud } = await startConnector();
    cloud.script.domain = ({ url }) => (/service\/baseURI/.test(url) ? undefined : { status: 404 });
    await expect(auth.getOrigin(service)).rejects.toMatchObject({ code: 'ERR_DOMAIN_LOOKUP' });
  });

  it('is not asked for a service that has a fixed origin', async () => {
    const { cloud, http, auth } = await startConnector();
    const { origin } = cloud;
    const fixed = await startConnector({ domains: { sentinel: origin, idp: origin, asyncMessagingEnt: origin } });
    await fixed.http.post(origin + SEND, {}, { onBehalfOf: 'c' });
    expect(fixed.cloud.count('domain') + cloud.count('domain')).toBe(0);
    expect(cloud.count('send')).toBe(1);
    void [http, auth];
  });
});
