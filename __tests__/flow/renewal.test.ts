import { Agent } from 'node:http';
import { connect, type TcpNetConnectOpts } from 'node:net';
import axios from 'axios';
import type { CommonOptions, TokenEvent } from '../../lib/index.js';
import { ACCOUNT, defer, envelope, makeToken, SEND, until } from '../support/cloud.js';
import { rejection, startConnector, stopConnectors } from '../support/connector.js';
import { effort } from '../support/effort.js';

afterEach(stopConnectors);

const asC = { onBehalfOf: 'c' };
const MINUTE = 60_000;
const HERD = effort(20_000);
const IN_FLIGHT = effort(5_000);

/** A connector whose time the test makes pass. */
async function startAt(options: CommonOptions = {}) {
  let time = 1_800_000_000_000;
  const connector = await startConnector({ clock: { now: () => time }, ...options });
  const causes: TokenEvent['cause'][] = [];
  connector.auth.on('token', ({ kind, cause }) => {
    if (kind === 'appJwt') causes.push(cause);
  });
  return { ...connector, causes, now: () => time, pass: (ms: number) => (time += ms) };
}

describe('an AppJWT near its end', () => {
  it('is renewed once in the background, and nobody waits', async () => {
    const { cloud, http, causes, pass } = await startAt();
    await http.post(SEND, {}, asC);
    pass(54 * MINUTE);
    await http.post(SEND, {}, asC);
    expect(cloud.count('sentinel')).toBe(1);
    pass(2 * MINUTE);
    const gate = defer();
    cloud.script.sentinel = () => ({ after: gate.promise, body: { access_token: makeToken({ aud: ACCOUNT }) } });
    // The renewal hangs, and a hundred requests go through.
    await Promise.all(Array.from({ length: 100 }, () => http.post(SEND, {}, asC)));
    await until(() => cloud.count('sentinel') === 2);
    expect(cloud.count('send')).toBe(102);
    gate.resolve();
    await until(() => causes.length === 2);
    await http.post(SEND, {}, asC);
    expect(causes).toEqual(['initial', 'ahead']);
    const tokens = cloud.seen.filter(({ service }) => service === 'send').map(({ headers }) => headers.authorization);
    expect(new Set(tokens.slice(0, 102)).size).toBe(1);
    expect(tokens[102]).not.toBe(tokens[0]);
    expect([cloud.count('sentinel'), cloud.count('idp')]).toEqual([2, 1]);
  });

  it('whose renewal fails is used on, and the tries grow rarer; at its end the error says why', async () => {
    let calls = 0;
    const createConnection = (options: TcpNetConnectOpts) => {
      calls += 1;
      return connect(options);
    };
    const { cloud, http, auth, pass } = await startAt({
      failureCooldownMs: { min: 10_000, max: 40_000 },
      domainTtlMs: 24 * 60 * MINUTE,
      axiosConfig: { httpAgent: Object.assign(new Agent(), { createConnection }) },
    });
    const unhandled: unknown[] = [];
    const onUnhandled = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', onUnhandled);
    const failures: string[] = [];
    auth.on('failure', ({ stage }) => failures.push(stage));
    await http.post(SEND, {}, asC);
    cloud.script.sentinel = () => ({ status: 503 });
    pass(56 * MINUTE);
    const tries: number[] = [];
    const callsBefore = calls;
    for (let seconds = 0; seconds < 200; seconds += 5) {
      await http.post(SEND, {}, asC);
      // A renewal has connected by now, since it began before the request did.
      if (calls - callsBefore > tries.length) tries.push(seconds);
      await until(() => failures.length === tries.length);
      pass(5_000);
    }
    expect(cloud.count('sentinel')).toBe(1 + tries.length);
    expect(tries).toEqual([0, 10, 30, 70, 110, 150, 190]);
    pass(MINUTE);
    await expect(http.post(SEND, {}, asC)).rejects.toMatchObject({ code: 'ERR_APP_JWT', status: 503, transient: true });
    expect(cloud.count('send')).toBe(41);
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
    process.off('unhandledRejection', onUnhandled);
  });

  it.each([1, 10, 40, 300, 330])(
    'that lives %i s in all is no loop: one call for each half of its life',
    async (seconds) => {
      const { cloud, http, causes, pass } = await startAt();
      cloud.script.sentinel = (_, count) => ({
        body: { access_token: makeToken({ aud: ACCOUNT, iat: 1_000, exp: 1_000 + seconds, count }) },
      });
      for (let i = 0; i < 20; i++) await http.post(SEND, {}, asC);
      expect(cloud.count('sentinel')).toBe(1);
      pass(seconds * 1_000 * 0.55 + (seconds === 330 ? 0 : 1));
      for (let i = 0; i < 20; i++) await http.post(SEND, {}, asC);
      await until(() => causes.length === 2);
      for (let i = 0; i < 20; i++) await http.post(SEND, {}, asC);
      expect(causes).toEqual(['initial', 'ahead']);
      expect([cloud.count('sentinel'), cloud.count('send')]).toEqual([2, 60]);
    },
  );

  it('that the service hands out again is used, and asked for no more often', async () => {
    const { cloud, http, causes, pass } = await startAt();
    const same = makeToken({ aud: ACCOUNT, iat: 1_000, exp: 4_600 });
    cloud.script.sentinel = () => ({ body: { access_token: same } });
    await http.post(SEND, {}, asC);
    pass(56 * MINUTE);
    for (let i = 0; i < 20; i++) await http.post(SEND, {}, asC);
    await until(() => causes.length === 2);
    for (let i = 0; i < 20; i++) await http.post(SEND, {}, asC);
    expect([cloud.count('sentinel'), cloud.count('send')]).toEqual([2, 41]);
  });
});

describe('a clock that is wrong', () => {
  it.each([-5 * 60, 5 * 60])('by %i minutes costs no renewal', async (minutes) => {
    const { cloud, http, pass } = await startAt();
    pass(minutes * MINUTE);
    for (let i = 0; i < 10; i++) await http.post(SEND, {}, asC);
    expect(cloud.count('sentinel')).toBe(1);
  });

  it('and steps back keeps a dead token for one replay at most', async () => {
    const { cloud, http, pass } = await startAt({ forcedRefreshIntervalMs: 5_000 });
    await http.post(SEND, {}, asC);
    pass(-24 * 60 * MINUTE);
    cloud.refuse(cloud.issued.appJwt[0]);
    for (let i = 0; i < 10; i++) await http.post(SEND, {}, asC);
    expect([cloud.count('sentinel'), cloud.count('send')]).toEqual([2, 12]);
  });

  it('and steps back after a forced renewal does not keep the next from being made', async () => {
    const { cloud, http, pass } = await startAt({ forcedRefreshIntervalMs: 5_000 });
    for (const serial of [0, 1]) {
      await http.post(SEND, {}, asC);
      cloud.refuse(cloud.issued.appJwt[serial]);
      if (serial === 1) pass(-24 * 60 * MINUTE);
    }
    for (let i = 0; i < 10; i++) await http.post(SEND, {}, asC);
    expect([cloud.count('sentinel'), cloud.count('send')]).toEqual([3, 14]);
  });

  it('and steps back during a cool-down ends it', async () => {
    const { cloud, http, pass } = await startAt({ failureCooldownMs: { min: 5_000, max: 15_000 } });
    cloud.script.sentinel = () => ({ status: 503 });
    await expect(http.post(SEND, {}, asC)).rejects.toMatchObject({ code: 'ERR_APP_JWT' });
    delete cloud.script.sentinel;
    pass(-24 * 60 * MINUTE);
    expect((await http.post(SEND, {}, asC)).status).toBe(200);
  });

  it('and steps forward costs one call', async () => {
    const { cloud, http, pass } = await startAt();
    await http.post(SEND, {}, asC);
    pass(24 * 60 * MINUTE);
    for (let i = 0; i < 10; i++) await http.post(SEND, {}, asC);
    expect(cloud.count('sentinel')).toBe(2);
  });
});

describe('a server that refuses every token', () => {
  it.each([
    [40102, 'sentinel'],
    [40103, 'idp'],
  ] as const)(
    '(%i) costs one call at %s in each forcedRefreshIntervalMs, and two sends for each request',
    async (code, service) => {
      const { cloud, http, pass } = await startAt({ forcedRefreshIntervalMs: 5_000 });
      await http.post(SEND, {}, asC);
      cloud.script.send = () => ({ status: 401, body: envelope(code) });
      const sendTen = () => Promise.all(Array.from({ length: 10 }, () => rejection(http.post(SEND, {}, asC))));
      await sendTen();
      pass(4_999);
      await sendTen();
      expect([cloud.count(service), cloud.count('send')]).toEqual([2, 41]);
      pass(1);
      await sendTen();
      expect([cloud.count(service), cloud.count('send')]).toEqual([3, 61]);
    },
  );
});

describe('a no', () => {
  it.each([
    ['for good', { status: 401, body: { error: 'invalid_client' } }, false],
    ['for now', { status: 503 }, true],
    ['by a token of another account', { body: { access_token: makeToken({ aud: 'other' }) } }, false],
  ])('%s is given from memory, for twice as long each time, and says until when', async (_, reply, transient) => {
    const { cloud, http, now, pass } = await startAt({ failureCooldownMs: { min: 5_000, max: 15_000 } });
    cloud.script.sentinel = () => reply;
    for (const [tries, pauseMs] of [5_000, 10_000, 15_000, 15_000].entries()) {
      const retryAt = now() + pauseMs;
      for (let i = 0; i < 5; i++) {
        await expect(http.post(SEND, {}, asC)).rejects.toMatchObject({ code: 'ERR_APP_JWT', transient, retryAt });
        pass(pauseMs / 5 - 1);
      }
      expect(cloud.count('sentinel')).toBe(tries + 1);
      pass(5);
    }
    // One that is heard again begins anew.
    delete cloud.script.sentinel;
    await http.post(SEND, {}, asC);
    expect([cloud.count('sentinel'), cloud.count('send')]).toEqual([5, 1]);
    pass(24 * 60 * MINUTE);
    cloud.script.sentinel = () => reply;
    const retryAt = now() + 5_000;
    await expect(http.post(SEND, {}, asC)).rejects.toMatchObject({ code: 'ERR_APP_JWT', retryAt });
  });

  it('to one consumer is no other’s', async () => {
    const { cloud, http, auth, pass } = await startAt({ failureCooldownMs: { min: 5_000, max: 15_000 } });
    cloud.script.idp = ({ body }) => (body.includes('bad') ? { status: 400, body: {} } : undefined);
    for (let i = 0; i < 5; i++) {
      await expect(http.post(SEND, {}, { onBehalfOf: 'bad' })).rejects.toMatchObject({
        code: 'ERR_CONSUMER_JWS',
        status: 400,
      });
      await http.post(SEND, {}, { onBehalfOf: 'good' });
    }
    expect([cloud.count('idp'), cloud.count('sentinel'), cloud.count('send')]).toEqual([2, 1, 5]);
    auth.invalidate({ consumerId: 'bad' });
    await expect(auth.getConsumerJws('bad')).rejects.toMatchObject({ code: 'ERR_CONSUMER_JWS' });
    expect(cloud.count('idp')).toBe(3);
    pass(5_000);
    delete cloud.script.idp;
    await auth.getConsumerJws('bad');
  });

  it.each([
    ['12', 429, 12_000],
    ['120', 429, 15_000],
    ['31536000', 429, 15_000],
    ['12', 503, 12_000],
    ['12', 404, 5_000],
    ['soon', 429, 5_000],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 429, 5_000],
  ])('is over after Retry-After: %s with a %i, within the limits of the option', async (retryAfter, status, ms) => {
    const { cloud, auth, now } = await startAt({ failureCooldownMs: { min: 5_000, max: 15_000 } });
    cloud.script.sentinel = () => ({ status, headers: { 'retry-after': retryAfter } });
    await expect(auth.getAppJwt()).rejects.toMatchObject({ status, retryAt: now() + ms });
  });

  it('ends with invalidate(), and each caller has an error of its own', async () => {
    const { cloud, auth } = await startAt({ failureCooldownMs: { min: 5_000, max: 15_000 } });
    cloud.script.sentinel = () => ({ status: 401, body: {} });
    const [first, second] = [await rejection(auth.getAppJwt()), await rejection(auth.getAppJwt())];
    expect(second).toEqual(first);
    expect(second).not.toBe(first);
    expect(axios.isAxiosError(second)).toBe(true);
    delete cloud.script.sentinel;
    auth.invalidate();
    await auth.getAppJwt();
    expect(cloud.count('sentinel')).toBe(2);
  });
});

describe('a herd', () => {
  it(`of ${HERD} consumers keeps at most maxConcurrentTokenRequests calls open, first come first served`, async () => {
    const { cloud, auth } = await startConnector({ maxConcurrentTokenRequests: 7, maxConsumers: HERD });
    let open = 0;
    let most = 0;
    let wave = defer();
    cloud.script.idp = (_, count) => {
      open += 1;
      most = Math.max(most, open);
      const after = wave.promise.then(() => {
        open -= 1;
      });
      // None is answered before as many are open as may be. If there were one more, it would have time to arrive.
      if (count % 7 === 0 || count === HERD) {
        if (count === 7) setTimeout(wave.resolve, 50);
        else wave.resolve();
        wave = defer();
      }
      return { after, status: 201, body: { token: makeToken({ account_id: ACCOUNT }) } };
    };
    const consumers = Array.from({ length: HERD }, (_, index) => `c${index}`);
    await Promise.all(consumers.map((consumer) => auth.getConsumerJws(consumer)));
    expect(cloud.count('idp')).toBe(HERD);
    expect(most).toBe(7);
    const order = cloud.seen
      .filter(({ service }) => service === 'idp')
      .map(({ body }) => JSON.parse(body).ext_consumer_id);
    // The seven of a wave may overtake each other.
    const waves = order.map((consumer) => Math.floor(Number(consumer.slice(1)) / 7));
    expect(waves).toEqual(order.map((_, index) => Math.floor(index / 7)));
    expect(cloud.count('sentinel')).toBe(1);
  });

  it(`of ${IN_FLIGHT} requests in flight when the AppJWT is revoked costs one Sentinel call, and each is sent twice at most`, async () => {
    const { cloud, http, auth } = await startConnector({ forcedRefreshIntervalMs: 5_000 });
    const httpAgent = new Agent({ keepAlive: true, maxSockets: 200 });
    await auth.getConsumerJws('c');
    const revoked = defer();
    const [old] = cloud.issued.appJwt;
    cloud.script.send = ({ headers }) => {
      if (headers.authorization !== old) return undefined;
      // Those that came before it was revoked hear of it late, when others have a new one already.
      return { after: revoked.promise, status: 401, body: envelope(40102) };
    };
    const sends = Array.from({ length: IN_FLIGHT }, (_, id) => http.post(SEND, { id }, { ...asC, httpAgent }));
    await until(() => cloud.count('send') === Math.min(200, IN_FLIGHT));
    revoked.resolve();
    const statuses = (await Promise.all(sends)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect([cloud.count('sentinel'), cloud.count('idp')]).toEqual([2, 1]);
    const counts = new Map<string, number>();
    for (const { service, body } of cloud.seen) if (service === 'send') counts.set(body, (counts.get(body) ?? 0) + 1);
    expect(counts.size).toBe(IN_FLIGHT);
    expect(new Set(counts.values())).toEqual(new Set([2]));
    httpAgent.destroy();
  });

  it('is not held up by one that waits for its retry', async () => {
    const { cloud, auth } = await startConnector({
      maxConcurrentTokenRequests: 1,
      retry: { retries: 1, retryDelay: () => 60_000 },
    });
    await auth.getAppJwt();
    cloud.script.idp = ({ body }) => (body.includes('slow') ? { status: 503 } : undefined);
    const slow = rejection(auth.getConsumerJws('slow'));
    await until(() => cloud.count('idp') === 1);
    await auth.getConsumerJws('quick');
    auth.close();
    expect(await slow).toMatchObject({ code: 'ERR_CLOSED' });
  });
});
