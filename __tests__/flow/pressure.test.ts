import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import axios, { type AxiosAdapter } from 'axios';
import { createSelfSignedCertificate } from '../../lib/emulator/index.js';
import { createConnectorAuth, type FailureEvent, type RetryEvent } from '../../lib/index.js';
import { ACCOUNT, type Cloud, makeToken, type Reply, SEND, startCloud, until } from '../support/cloud.js';
import {
  CLIENT_ID,
  CLIENT_SECRET,
  createAuth,
  lookedUpBy,
  PATIENT,
  rejection,
  startConnector,
  stopConnectors,
} from '../support/connector.js';
import { HELD_MS, holdTimers, releaseTimers } from '../support/timers.js';

afterEach(stopConnectors);
afterEach(releaseTimers);
afterEach(() => void jest.restoreAllMocks());

const consumers = (count: number, prefix = 'c') => Array.from({ length: count }, (_, i) => `${prefix}-${i}`);
const COOLDOWN = { min: 5_000, max: 120_000 };

/** A clock of the test's own, and pauses that end when the test says so. */
function holdTime() {
  let time = 1_800_000_000_000;
  jest.spyOn(Math, 'random').mockReturnValue(0);
  return { clock: { now: () => time }, pass: (ms: number) => (time += ms) };
}

/** IDP allows so many calls between two pauses. */
function limitIdp(cloud: Cloud, calls: number, retryAfter?: string): { refill(): void } {
  let left = calls;
  cloud.script.idp = () => {
    left -= 1;
    if (left >= 0) return undefined;
    return { status: 429, ...(retryAfter && { headers: { 'retry-after': retryAfter } }) };
  };
  return {
    refill() {
      left = calls;
    },
  };
}

describe('a 429', () => {
  it.each([
    [20, 300, undefined, 5_000],
    [50, 300, '7', 7_000],
  ])(
    'an IDP that allows %i calls per pause serves %i new consumers: none fails, at most 1.2 × the calls',
    async (allowed, count, retryAfter, pauseMs) => {
      holdTime();
      const pauses = holdTimers(pauseMs);
      const { cloud, auth } = await startConnector({ retry: {} });
      const limit = limitIdp(cloud, allowed, retryAfter);
      const tokens = Promise.all(consumers(count).map((consumer) => auth.getConsumerJws(consumer)));
      let done = false;
      void tokens.then(() => (done = true));
      let paused = 0;
      while (!done) {
        await until(() => done || pauses.waiting > 0);
        if (done) break;
        paused += 1;
        limit.refill();
        pauses.end();
      }
      expect(new Set(await tokens).size).toBe(count);
      expect(cloud.count('idp')).toBeLessThanOrEqual(1.2 * count);
      expect(paused).toBeLessThanOrEqual(1.3 * Math.ceil(count / allowed));
    },
  );

  it('of IDP pauses that account’s calls to IDP alone', async () => {
    holdTime();
    const pauses = holdTimers(5_000);
    const cloud = await startCloud();
    const secrets = { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET };
    const auth = createAuth(cloud, { ...lookedUpBy(() => secrets), retry: {} });
    let isLimited = true;
    cloud.script.idp = ({ url }) => (isLimited && url.includes('limited') ? { status: 429 } : undefined);
    const first = auth.getConsumerJws('a', { accountId: 'limited' });
    await until(() => pauses.waiting === 1);
    const second = auth.getConsumerJws('b', { accountId: 'limited' });
    expect(await auth.getConsumerJws('a', { accountId: 'other' })).toEqual(expect.any(String));
    auth.invalidate({ accountId: 'limited' });
    expect(await auth.getAppJwt({ accountId: 'limited' })).toEqual(expect.any(String));
    expect(cloud.count('idp')).toBe(2);
    isLimited = false;
    pauses.end();
    await Promise.all([first, second]);
    expect(cloud.count('idp')).toBe(4);
  });

  it('keeps the order of the calls: the refused one goes first', async () => {
    holdTime();
    const pauses = holdTimers(5_000);
    const { cloud, auth } = await startConnector({ retry: {}, maxConcurrentTokenRequests: 1 });
    await auth.getAppJwt();
    const limit = limitIdp(cloud, 0);
    const names = consumers(4);
    const tokens = names.map((consumer) => auth.getConsumerJws(consumer));
    await until(() => pauses.waiting === 1);
    // The refused call is back in the queue.
    await new Promise((resolve) => setTimeout(resolve, 20));
    limit.refill();
    delete cloud.script.idp;
    pauses.end();
    await Promise.all(tokens);
    const asked = cloud.seen
      .filter(({ service }) => service === 'idp')
      .map(({ body }) => JSON.parse(body).ext_consumer_id);
    expect(asked).toEqual(['c-0', ...names]);
  });

  it('a caller that gives up during the pause leaves the queue alone', async () => {
    holdTime();
    const pauses = holdTimers(5_000);
    const { cloud, auth } = await startConnector({ retry: {}, maxConcurrentTokenRequests: 1 });
    const limit = limitIdp(cloud, 0);
    const controller = new AbortController();
    const first = auth.getConsumerJws('a');
    await until(() => pauses.waiting === 1);
    const aborted = rejection(auth.getConsumerJws('b', { signal: controller.signal }));
    const third = auth.getConsumerJws('c');
    controller.abort();
    expect(await aborted).toMatchObject({ code: 'ERR_CANCELED' });
    limit.refill();
    delete cloud.script.idp;
    pauses.end();
    await Promise.all([first, third]);
    expect(cloud.count('idp')).toBe(3);
  });

  it('does not spend the tries of calls that wait together', async () => {
    holdTime();
    const pauses = holdTimers(5_000);
    const { cloud, auth } = await startConnector({ retry: { retries: 1 } });
    cloud.script.idp = () => ({ status: 429 });
    const tokens = ['a', 'b'].map((consumer) => auth.getConsumerJws(consumer));
    for (let paused = 0; paused < 6; paused += 1) {
      await until(() => pauses.waiting === 1);
      if (paused === 5) delete cloud.script.idp;
      pauses.end();
    }
    expect(await Promise.all(tokens)).toEqual([expect.any(String), expect.any(String)]);
  });

  it('for ever: a bounded number of calls, and every caller gets the error with the next try', async () => {
    const { clock } = holdTime();
    const { cloud, auth } = await startConnector({
      retry: { retries: 3, retryDelay: () => 1 },
      clock,
      failureCooldownMs: COOLDOWN,
    });
    cloud.script.idp = () => ({ status: 429 });
    const errors = await Promise.all(consumers(1_000).map((consumer) => rejection(auth.getConsumerJws(consumer))));
    for (const error of errors)
      expect(error).toMatchObject({
        code: 'ERR_CONSUMER_JWS',
        status: 429,
        transient: true,
        retryAt: clock.now() + 5_000,
      });
    expect(cloud.count('idp')).toBeLessThan(60);
  });

  it('that asks for a year ends every wait at once, and IDP is asked again after failureCooldownMs.max', async () => {
    const { clock, pass } = holdTime();
    const { cloud, auth } = await startConnector({ retry: {}, clock, failureCooldownMs: COOLDOWN });
    limitIdp(cloud, 0, '31536000');
    const errors = await Promise.all(consumers(100).map((consumer) => rejection(auth.getConsumerJws(consumer))));
    for (const error of errors) expect(error).toMatchObject({ status: 429, retryAt: clock.now() + 120_000 });
    expect(cloud.count('idp')).toBeLessThanOrEqual(16);
    const before = cloud.count('idp');
    pass(119_999);
    await rejection(auth.getConsumerJws('new'));
    expect(cloud.count('idp')).toBe(before);
    pass(1);
    delete cloud.script.idp;
    // The clock of the options ends the pause, if it is faster than real time.
    await auth.getConsumerJws('new');
  });

  it('close() ends a pause and every wait in it', async () => {
    const { cloud, auth } = await startConnector({ retry: {} });
    limitIdp(cloud, 0, '59');
    const waiting = consumers(20).map((consumer) => rejection(auth.getConsumerJws(consumer)));
    await until(() => cloud.count('idp') === 16);
    await auth.close();
    for (const error of await Promise.all(waiting)) expect(error).toMatchObject({ code: 'ERR_CLOSED' });
    expect(cloud.count('idp')).toBe(16);
  });
});

describe('an outage costs a handful of calls, whatever the number of requests', () => {
  const DOWN: Reply = { status: 503 };
  const outages: [string, 'domain' | 'sentinel' | 'idp', string][] = [
    ['the Domain API', 'domain', 'ERR_DOMAIN_LOOKUP'],
    ['Sentinel', 'sentinel', 'ERR_APP_JWT'],
    ['IDP', 'idp', 'ERR_CONSUMER_JWS'],
  ];
  it.each(outages)(
    '%s: 1,000 consumers at once, and 1,000 after them; the first after retryAt asks again',
    async (_, service, code) => {
      const { clock, pass } = holdTime();
      const { cloud, http } = await startConnector({ clock, failureCooldownMs: COOLDOWN });
      cloud.script[service] = () => DOWN;
      const send = (consumer: string) => http.post(SEND, {}, { onBehalfOf: consumer });
      for (const prefix of ['first', 'second']) {
        const errors = await Promise.all(consumers(1_000, prefix).map((consumer) => rejection(send(consumer))));
        for (const error of errors) expect(error).toMatchObject({ code, status: 503, retryAt: clock.now() + 5_000 });
      }
      expect(cloud.count(service)).toBeLessThan(25);
      expect(cloud.count('send')).toBe(0);
      delete cloud.script[service];
      const calls = cloud.count(service);
      pass(4_999);
      await rejection(send('late'));
      expect(cloud.count(service)).toBe(calls);
      pass(1);
      await Promise.all(consumers(100).map(send));
      expect(cloud.count('send')).toBe(100);
    },
  );

  it('credentials(): one call per cool-down; the error is ERR_CREDENTIALS and has the cause', async () => {
    const { clock, pass } = holdTime();
    const cause = new Error('the vault is sealed');
    const credentials = jest.fn<unknown, []>(() => Promise.reject(cause));
    const { cloud, http, auth } = await startConnector({
      ...lookedUpBy(credentials),
      clock,
      failureCooldownMs: COOLDOWN,
    });
    const failures: FailureEvent[] = [];
    auth.on('failure', (failure) => failures.push(failure));
    const send = (consumer: string) => http.post(SEND, {}, { onBehalfOf: consumer });
    for (let i = 0; i < 20; i += 1) {
      const error = await rejection(send('c'));
      expect(error).toMatchObject({
        code: 'ERR_CREDENTIALS',
        accountId: ACCOUNT,
        transient: true,
        retryAt: clock.now() + 5_000,
        config: { method: 'post', url: SEND },
      });
      expect((error as Error).cause).toBe(cause);
    }
    expect(credentials).toHaveBeenCalledTimes(1);
    expect(failures).toMatchObject([{ stage: 'credentials', code: 'ERR_CREDENTIALS', accountId: ACCOUNT }]);
    credentials.mockReturnValue({ clientId: CLIENT_ID, clientSecret: CLIENT_SECRET });
    pass(5_000);
    await send('c');
    expect([credentials.mock.calls.length, cloud.count('send')]).toEqual([2, 1]);
  });

  it('one consumer that IDP fails for is no outage: the others go on', async () => {
    const { clock } = holdTime();
    const { cloud, auth } = await startConnector({ clock, failureCooldownMs: COOLDOWN });
    cloud.script.idp = ({ body }) =>
      body.includes('bad') ? { status: 500, body: { internalErrorCode: 9007 } } : undefined;
    for (const consumer of consumers(5)) {
      expect(await rejection(auth.getConsumerJws('bad'))).toMatchObject({ status: 500, internalErrorCode: '9007' });
      await auth.getConsumerJws(consumer);
    }
    expect(cloud.count('idp')).toBe(6);
  });

  it('a rotated secret while the vault is down: Sentinel is asked once per cool-down', async () => {
    const { clock } = holdTime();
    const credentials = jest.fn((): unknown => ({ clientId: CLIENT_ID, clientSecret: CLIENT_SECRET }));
    const { cloud, auth } = await startConnector({ ...lookedUpBy(credentials), clock, failureCooldownMs: COOLDOWN });
    await auth.getOrigin('idp', { accountId: ACCOUNT });
    credentials.mockImplementation(() => Promise.reject(new Error('sealed')));
    cloud.script.sentinel = () => ({ status: 401, body: { error: 'invalid_client' } });
    for (let i = 0; i < 10; i += 1)
      expect(await rejection(auth.getAppJwt({ accountId: ACCOUNT }))).toMatchObject({
        code: 'ERR_APP_JWT',
        status: 401,
      });
    expect([cloud.count('sentinel'), credentials.mock.calls.length]).toEqual([1, 2]);
  });
});

describe('the operator is told at once', () => {
  it('one line at the first failed attempt, one when it is over; an event for each retry', async () => {
    const { clock } = holdTime();
    const pauses = holdTimers(5_000);
    const longer = holdTimers(10_000);
    const lines: string[] = [];
    const write = (line: string) => lines.push(line);
    const logger = { debug: () => {}, info: write, warn: write, error: write };
    const { cloud, auth } = await startConnector({ retry: {}, clock, logger });
    const retries: RetryEvent[] = [];
    auth.on('retry', (event) => retries.push(event));
    cloud.script.sentinel = (_, count) =>
      count < 3 ? { status: 503, body: { internalErrorCode: '1234', secret: CLIENT_SECRET } } : undefined;
    const token = auth.getAppJwt();
    await until(() => pauses.waiting === 1);
    expect(lines).toEqual([
      `axios-liveperson-auth: Sentinel answered 503 (internalErrorCode 1234) for account ${ACCOUNT}. The host was ${cloud.host}. The next attempt is at 2027-01-15T08:00:05.000Z. If it goes on, run \`npx axios-liveperson-auth doctor\`.`,
    ]);
    pauses.end();
    await until(() => longer.waiting === 1);
    longer.end();
    await token;
    const common = { stage: 'sentinel', accountId: ACCOUNT, status: 503, code: undefined, internalErrorCode: '1234' };
    expect(retries).toEqual([
      { ...common, attempt: 1, retryAt: clock.now() + 5_000, message: expect.stringContaining(cloud.host) },
      { ...common, attempt: 2, retryAt: clock.now() + 10_000, message: expect.stringContaining(cloud.host) },
    ]);
    expect(lines.slice(1)).toEqual([`axios-liveperson-auth: Sentinel has recovered for account ${ACCOUNT}.`]);
  });

  it('a certificate of an unknown issuer is not retried, and the message says how to trust it', async () => {
    const { key, cert } = createSelfSignedCertificate();
    let connections = 0;
    const server = createServer({ key, cert }).on('tlsClientError', () => (connections += 1));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const { auth } = await startConnector({ retry: {}, domains: { sentinel: `https://127.0.0.1:${port}` } });
      const error = await rejection(auth.getAppJwt());
      expect(error).toMatchObject({ code: 'ERR_APP_JWT', transient: false });
      expect((error as Error).message).toMatch(
        /NODE_EXTRA_CA_CERTS.*The host was 127\.0\.0\.1:\d+\. Run `npx axios-liveperson-auth doctor`/,
      );
      await until(() => connections === 1);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('https:// at a port that speaks http is not retried, and the message names port and option', async () => {
    const { cloud, auth } = await startConnector({ retry: {} });
    const tls = createAuth(cloud, { retry: {}, domains: { sentinel: `https://${cloud.host}` } });
    await auth.getAppJwt();
    const error = await rejection(tls.getAppJwt());
    expect(error).toMatchObject({ code: 'ERR_APP_JWT', transient: false });
    expect((error as Error).message).toMatch(
      /port does not speak the protocol of the URL\. Check the port.* in domains\.sentinel/,
    );
  });

  it('a proxy of the environment that cannot be reached is named', async () => {
    const before = process.env.http_proxy;
    process.env.http_proxy = 'http://127.0.0.1:1';
    try {
      const auth = createConnectorAuth({
        accountId: ACCOUNT,
        clientId: CLIENT_ID,
        clientSecret: CLIENT_SECRET,
        domainApi: 'http://api.example.invalid',
        retry: false,
        ...PATIENT,
      });
      const error = await rejection(auth.getAppJwt());
      expect((error as Error).message).toContain('The call went through the proxy of http_proxy');
      await auth.close();
    } finally {
      if (before === undefined) delete process.env.http_proxy;
      else process.env.http_proxy = before;
    }
  });
});

describe('moves and rotations', () => {
  /** An account whose messaging host moves from one cloud to another. */
  async function startMove(options: object = {}) {
    const { clock, pass } = holdTime();
    const [old, next] = [await startCloud(), await startCloud()];
    let host = old.host;
    old.script.domain = () => undefined;
    const domain = await startCloud();
    domain.script.domain = () => ({
      body: {
        baseURIs: [
          { service: 'asyncMessagingEnt', baseURI: host },
          { service: 'sentinel', baseURI: domain.host },
          { service: 'idp', baseURI: domain.host },
        ],
      },
    });
    const auth = createAuth(domain, { clock, forcedRefreshIntervalMs: 5_000, ...options });
    const http = axios.create();
    auth.install(http);
    const send = () => http.post(SEND, {}, { onBehalfOf: 'c' });
    await send();
    return { auth, send, pass, old, next, domain, move: () => (host = next.host) };
  }

  it.each(['http', 'fetch'] as const)(
    'after a connect failure, the next request looks the host up again (%s)',
    async (adapter) => {
      const { send, old, next, domain, move, auth } = await startMove();
      const http = axios.create({ adapter });
      auth.install(http);
      await old.close();
      move();
      const failed = await rejection(http.post(SEND, {}, { onBehalfOf: 'c' }));
      expect(failed).toMatchObject({ code: adapter === 'http' ? expect.stringMatching(/^ECONN/) : 'ERR_NETWORK' });
      await send();
      expect([next.count('send'), domain.count('domain')]).toEqual([1, 2]);
    },
  );

  it('at most once per forcedRefreshIntervalMs', async () => {
    const { send, old, domain, pass } = await startMove();
    await old.close();
    for (let i = 0; i < 5; i += 1) await rejection(send());
    expect(domain.count('domain')).toBe(2);
    pass(5_000);
    for (let i = 0; i < 5; i += 1) await rejection(send());
    expect(domain.count('domain')).toBe(3);
  });

  it('the old host stays in use while the Domain API is down', async () => {
    const { send, old, domain } = await startMove();
    old.script.send = (_, count) => (count === 2 ? { break: 'at-once' } : undefined);
    await rejection(send());
    domain.script.domain = () => ({ status: 503 });
    await send();
    expect(old.count('send')).toBe(3);
  });

  it('invalidate() forgets the hosts, invalidate({ consumerId }) does not', async () => {
    const { auth, send, next, domain, move } = await startMove();
    move();
    auth.invalidate({ consumerId: 'c' });
    await send();
    expect([next.count('send'), domain.count('domain')]).toEqual([0, 1]);
    auth.invalidate();
    await send();
    expect([next.count('send'), domain.count('domain')]).toEqual([1, 2]);
  });

  it('credentials() that says undefined after invalidate() takes effect', async () => {
    const credentials = jest.fn((): unknown => ({ clientId: CLIENT_ID, clientSecret: CLIENT_SECRET }));
    const { cloud, http, auth } = await startConnector(lookedUpBy(credentials));
    const send = () => http.post(SEND, {}, { onBehalfOf: 'c' });
    await send();
    credentials.mockReturnValue(undefined);
    auth.invalidate({ consumerId: 'c' });
    await send();
    auth.invalidate({ accountId: ACCOUNT });
    expect(await rejection(send())).toMatchObject({ code: 'ERR_UNKNOWN_ACCOUNT' });
    expect(cloud.count('send')).toBe(2);
  });

  it('credentials() that says undefined after Sentinel refused them takes effect', async () => {
    const credentials = jest.fn((): unknown => ({ clientId: CLIENT_ID, clientSecret: CLIENT_SECRET }));
    const { cloud, auth } = await startConnector(lookedUpBy(credentials));
    const get = () => rejection(auth.getAppJwt({ accountId: ACCOUNT }));
    cloud.script.sentinel = () => {
      credentials.mockReturnValue(undefined);
      return { status: 401 };
    };
    for (let i = 0; i < 3; i += 1) expect(await get()).toMatchObject({ code: 'ERR_UNKNOWN_ACCOUNT' });
    expect(cloud.count('sentinel')).toBe(1);
  });
});

it("another account's hosts from the Domain API are not used", async () => {
  const { cloud, http } = await startConnector();
  const services = ['sentinel', 'idp', 'asyncMessagingEnt'];
  cloud.script.domain = () => ({
    body: { baseURIs: services.map((service) => ({ service, account: '70099999', baseURI: cloud.host })) },
  });
  const error = await rejection(http.post(SEND, {}, { onBehalfOf: 'c' }));
  expect(error).toMatchObject({ code: 'ERR_DOMAIN_LOOKUP' });
  expect([cloud.count('sentinel'), cloud.count('send')]).toEqual([0, 0]);
});

describe('a renewal in the background', () => {
  it('makes one attempt', async () => {
    const { clock, pass } = holdTime();
    const { cloud, http, auth } = await startConnector({
      clock,
      retry: { retries: 3, retryDelay: () => 0 },
      failureCooldownMs: COOLDOWN,
    });
    const failures: FailureEvent[] = [];
    auth.on('failure', (failure) => failures.push(failure));
    await http.post(SEND, {}, { onBehalfOf: 'c' });
    cloud.script.sentinel = () => ({ status: 503 });
    pass(56 * 60_000);
    for (let i = 0; i < 3; i += 1) await http.post(SEND, {}, { onBehalfOf: 'c' });
    await until(() => failures.length === 1);
    expect(cloud.count('sentinel')).toBe(2);
  });

  it.each([503, 429])('does not keep a finished process alive (%i)', async (status) => {
    const cloud = await startCloud();
    cloud.script.sentinel = (_, count) => (count > 1 ? { status, headers: { 'retry-after': '50' } } : undefined);
    const entry = pathToFileURL(join(__dirname, '../../dist/esm/index.js'));
    const script = `
      import axios from 'axios';
      import { createConnectorAuth } from '${entry}';
      let now = Date.now();
      const auth = createConnectorAuth({
        accountId: '${ACCOUNT}', clientId: 'id', clientSecret: 's', domainApi: '${cloud.origin}', clock: { now: () => now },
      });
      const http = axios.create({ proxy: false });
      auth.install(http);
      const failed = new Promise((resolve) => auth.on('failure', resolve));
      await http.post('${SEND}', {}, { onBehalfOf: 'c' });
      now += 56 * 60_000;
      await http.post('${SEND}', {}, { onBehalfOf: 'c' });
      await failed;
      console.log(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length, 'timers');
    `;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { cwd: join(__dirname, '../..') });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    await once(child, 'close');
    expect([output, cloud.count('sentinel')]).toEqual(['0 timers\n', 2]);
  });

  it('gets its retries when a request comes to wait for it', async () => {
    const { clock, pass } = holdTime();
    const { cloud, http, auth } = await startConnector({
      clock,
      retry: { retries: 1, retryDelay: () => 0 },
      tokenTimeoutMs: HELD_MS,
    });
    await http.post(SEND, {}, { onBehalfOf: 'c' });
    const limits = holdTimers();
    cloud.script.sentinel = (_, count) => (count === 2 ? { after: new Promise(() => {}) } : undefined);
    pass(56 * 60_000);
    await http.post(SEND, {}, { onBehalfOf: 'c' });
    await until(() => cloud.count('sentinel') === 2);
    pass(4 * 60_000);
    const token = auth.getAppJwt();
    limits.end();
    expect(await token).toBe(cloud.issued.appJwt[1]);
    expect(cloud.count('sentinel')).toBe(3);
  });
});

it.each([
  ['a list of consumers', { ext_consumer_id: ['sms-2', 'c'] }],
  ['a list of accounts', { account_id: ['1', ACCOUNT] }],
  ['a number that is no safe integer', { ext_consumer_id: Number('9007199254740993') }, '9007199254740992'],
])('a ConsumerJWS with %s is refused', async (_, claims, consumer = 'c') => {
  const { cloud, auth } = await startConnector();
  cloud.script.idp = () => ({ status: 201, body: { token: makeToken({ account_id: ACCOUNT, ...claims }) } });
  expect(await rejection(auth.getConsumerJws(consumer))).toMatchObject({ code: 'ERR_CONSUMER_JWS', status: 201 });
});

describe('token calls stay bounded', () => {
  it('a retryDelay that throws ends no turn early and blocks no later call', async () => {
    const retryDelay = () => {
      throw new Error('no delay');
    };
    const { cloud, auth } = await startConnector({ retry: { retryDelay }, maxConcurrentTokenRequests: 1 });
    cloud.script.idp = ({ body }) => (body.includes('c-') ? { status: 503 } : undefined);
    for (const consumer of consumers(3)) await rejection(auth.getConsumerJws(consumer));
    expect(await auth.getConsumerJws('fine')).toEqual(expect.any(String));
  });

  it.each([{ retries: -1 }, { retries: '3' }, { retryDelay: 5 }, { retryCondition: true }, { onRetry: 'x' }])(
    'retry: %j is refused',
    (retry) => {
      expect(() => createAuth({ origin: 'http://127.0.0.1:1' }, { retry: retry as never })).toThrow(
        /retry must be an axios-retry configuration or false/,
      );
    },
  );

  it('an AppJWT that has expired on arrival costs a bounded number of calls', async () => {
    const { cloud, auth } = await startConnector();
    cloud.script.sentinel = (_, count) => ({
      body: { access_token: makeToken({ aud: ACCOUNT, iat: 1, exp: 1.0000001, count }) },
    });
    await auth.getConsumerJws('c');
    expect(cloud.count('sentinel')).toBeLessThan(10);
    expect(cloud.count('idp')).toBe(1);
  });

  it('an adapter that resolves with a 429 is understood', async () => {
    holdTime();
    const pauses = holdTimers(1_000);
    const send = axios.getAdapter('http');
    const adapter: AxiosAdapter = (config) => send({ ...config, validateStatus: () => true });
    const { cloud, auth } = await startConnector({ retry: {}, axiosConfig: { adapter } });
    cloud.script.sentinel = (_, count) => (count === 1 ? { status: 429, headers: { 'retry-after': '1' } } : undefined);
    const token = auth.getAppJwt();
    await until(() => pauses.waiting === 1);
    pauses.end();
    expect(await token).toBe(cloud.issued.appJwt[0]);
  });

  it('invalidate() of one account leaves the lookups of others alone', async () => {
    const cloud = await startCloud();
    const secrets = { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET };
    const auth = createAuth(cloud, { ...lookedUpBy(() => secrets), failureCooldownMs: COOLDOWN });
    cloud.script.domain = () => {
      auth.invalidate({ accountId: 'a' });
      return { status: 403 };
    };
    for (let i = 0; i < 5; i += 1) await rejection(auth.getOrigin('idp', { accountId: 'b' }));
    expect(cloud.count('domain')).toBe(1);
  });

  it('retryAt after a 429 is when the pause ends, also with a shorter cool-down', async () => {
    const { clock, pass } = holdTime();
    const { cloud, auth } = await startConnector({ clock, failureCooldownMs: { min: 100, max: 60_000 } });
    cloud.script.sentinel = (_, count) => (count === 1 ? { status: 429 } : undefined);
    expect(await rejection(auth.getAppJwt())).toMatchObject({ retryAt: clock.now() + 5_000 });
    pass(5_000);
    await auth.getAppJwt();
  });
});

describe('credentials() that changes its mind', () => {
  it('in the object that it has returned: Sentinel is asked with the new secret', async () => {
    const secrets = { clientId: CLIENT_ID, clientSecret: 'old' };
    const { cloud, auth } = await startConnector(lookedUpBy(async () => secrets));
    await auth.getOrigin('idp', { accountId: ACCOUNT });
    cloud.script.sentinel = ({ body }) => {
      secrets.clientSecret = 'new';
      return body.includes('old') ? { status: 401 } : undefined;
    };
    expect(await auth.getAppJwt({ accountId: ACCOUNT })).toBe(cloud.issued.appJwt[0]);
  });

  it('with a getter that throws: ERR_CREDENTIALS with the cause', async () => {
    const cause = new Error('vault');
    const found = {
      clientSecret: 's',
      get clientId() {
        throw cause;
      },
    };
    const { auth } = await startConnector(lookedUpBy(() => found));
    const error = await rejection(auth.getAppJwt({ accountId: ACCOUNT }));
    expect(error).toMatchObject({ code: 'ERR_CREDENTIALS' });
    expect((error as Error).cause).toBe(cause);
  });
});
