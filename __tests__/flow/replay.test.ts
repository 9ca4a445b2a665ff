import axios, { type AxiosError, type AxiosRequestConfig } from 'axios';
import axiosRetry from 'axios-retry';
import { getSendApiError } from '../../lib/index.js';
import { type Cloud, defer, envelope, makeToken, type Script, SEND, until } from '../support/cloud.js';
import { rejection, startConnector, stopConnectors } from '../support/connector.js';

afterEach(stopConnectors);

const asC: AxiosRequestConfig = { onBehalfOf: 'c' };
const sends = (cloud: Cloud) => cloud.seen.filter(({ service }) => service === 'send');
const refuseFirst =
  (body: unknown, status = 401, headers = {}): Script =>
  (_, count) =>
    count === 1 ? { status, body, headers } : undefined;

describe('a refused token is renewed and the request replayed exactly once', () => {
  it.each([
    [40102, { sentinel: 2, idp: 1, send: 2 }],
    [40103, { sentinel: 1, idp: 2, send: 2 }],
  ])('%i renews that token alone', async (code, counts) => {
    const { cloud, http } = await startConnector();
    cloud.script.send = refuseFirst(envelope(code));
    const { status, data } = await http.post(SEND, { message: 'ä' }, asC);
    expect([status, data.code]).toEqual([200, 'OK']);
    for (const [service, count] of Object.entries(counts)) expect(cloud.count(service as 'idp')).toBe(count);
    const [first, second] = sends(cloud);
    const renewed = code === 40102 ? 'authorization' : 'x-lp-on-behalf';
    const kept = code === 40102 ? 'x-lp-on-behalf' : 'authorization';
    expect(second?.headers[renewed]).not.toBe(first?.headers[renewed]);
    expect(second?.headers[kept]).toBe(first?.headers[kept]);
    expect([second?.url, second?.body, second?.headers['content-type']]).toEqual([
      first?.url,
      first?.body,
      first?.headers['content-type'],
    ]);
  });

  it.each([
    ['with HTTP status 200', envelope(40102), 200],
    ['with HTTP status 500', envelope(40103), 500],
    ['with the code as a numeric string', envelope('40102'), 401],
    [
      'with a title that belongs to another code',
      { ...envelope(40102), body: { title: 'AppJWT is missing', errorCode: 40102 } },
      401,
    ],
    ['in an array of nothing else', [envelope(40102), envelope(40102)], 401],
  ])('%s', async (_, body, status) => {
    const { cloud, http } = await startConnector();
    cloud.script.send = refuseFirst(body, status);
    await expect(http.post(SEND, {}, asC)).resolves.toMatchObject({ status: 200, data: { code: 'OK' } });
    expect(cloud.count('send')).toBe(2);
  });

  it('whether Axios resolves or rejects the refusal', async () => {
    const { cloud, http } = await startConnector();
    cloud.script.send = refuseFirst(envelope(40102));
    await expect(http.post(SEND, {}, { ...asC, validateStatus: () => true })).resolves.toMatchObject({ status: 200 });
    expect(cloud.count('send')).toBe(2);
  });
});

describe('beside axios-retry, whichever was installed first', () => {
  it.each([true, false])(
    'its counts are what they are without us, and each attempt may be replayed once (first: %s)',
    async (first) => {
      const { cloud, auth } = await startConnector();
      const http = axios.create({ baseURL: cloud.origin });
      const retried: number[] = [];
      const policy = {
        retries: 2,
        retryCondition: (error: AxiosError) => error.response?.status === 503,
        onRetry: (count: number) => void retried.push(count),
      };
      if (first) axiosRetry(http, policy);
      auth.install(http);
      if (!first) axiosRetry(http, policy);
      const replies = [503, 40102, 503, 40103, 200];
      cloud.script.send = (_, count) => {
        const reply = replies[count - 1] ?? 200;
        return reply > 1_000 ? { status: 401, body: envelope(reply) } : { status: reply };
      };
      await expect(http.post(SEND, { a: 1 }, asC)).resolves.toMatchObject({ status: 200 });
      expect(retried).toEqual([1, 2]);
      expect([cloud.count('send'), cloud.count('sentinel'), cloud.count('idp')]).toEqual([5, 2, 2]);
      expect(new Set(sends(cloud).map(({ body }) => body))).toEqual(new Set(['{"a":1}']));
      await expect(http.post(SEND, {})).rejects.toMatchObject({ code: 'ERR_NO_CONSUMER' });
      expect(retried).toEqual([1, 2]);
    },
  );
});

describe('a request is replayed at most once for each token', () => {
  it.each([
    { codes: [40102, 40103], counts: [3, 2, 2] },
    { codes: [40103, 40102], counts: [3, 2, 2] },
  ])('refused with $codes, it is delivered by the third send', async ({ codes, counts }) => {
    const { cloud, http, auth } = await startConnector();
    const replays: unknown[] = [];
    auth.on('replay', (event) => replays.push(event));
    cloud.script.send = (_, count) =>
      codes[count - 1] === undefined ? undefined : { status: 401, body: envelope(codes[count - 1] ?? 0) };
    await expect(http.post(SEND, {}, asC)).resolves.toMatchObject({ status: 200 });
    expect([cloud.count('send'), cloud.count('sentinel'), cloud.count('idp')]).toEqual(counts);
    const event = { accountId: '70012345', endpoint: 'send' };
    expect(replays).toEqual([
      { ...event, errorCode: codes[0], outcome: 'refused' },
      { ...event, errorCode: codes[1], outcome: 'succeeded' },
    ]);
  });

  it.each([
    { codes: [40102, 40102], counts: [2, 2, 1] },
    { codes: [40103, 40103], counts: [2, 1, 2] },
    { codes: [40102, 40103, 40102], counts: [3, 2, 2] },
    { codes: [40102, 40103, 40103], counts: [3, 2, 2] },
    { codes: [40103, 40102, 40103], counts: [3, 2, 2] },
  ])('refused with $codes, it reaches the caller, and the last token is renewed for the next', async (given) => {
    const { codes, counts } = given;
    const { cloud, http } = await startConnector();
    cloud.script.send = (_, count) =>
      codes[count - 1] === undefined ? undefined : { status: 401, body: envelope(codes[count - 1] ?? 0) };
    const error = await rejection(http.post(SEND, {}, asC));
    const last = codes.at(-1);
    expect(getSendApiError(error)).toEqual({
      errorCode: last,
      title: `Title of ${last}`,
      details: `Details of ${last}`,
      status: 401,
      replayed: true,
    });
    expect((error as AxiosError).response?.status).toBe(401);
    expect([cloud.count('send'), cloud.count('sentinel'), cloud.count('idp')]).toEqual(counts);
    await http.post(SEND, {}, asC);
    expect(cloud.count('send')).toBe(codes.length + 1);
    expect(cloud.count('sentinel') + cloud.count('idp')).toBe((counts[1] ?? 0) + (counts[2] ?? 0) + 1);
  });

  it.each([
    ['40001', { status: 400, body: envelope(40001, 400) }],
    ['40104', { status: 401, body: envelope(40104) }],
    ['40105', { status: 401, body: envelope(40105) }],
    ['a plain 401', { status: 401, body: { message: 'no' } }],
    ['a plain 401 in HTML', { status: 401, body: '<b>errorCode 40102</b>' }],
    ['429', { status: 429 }],
    ['503', { status: 503 }],
    ['a broken connection', { break: 'at-once' as const }],
    ['a code outside of the envelope', { status: 401, body: { errorCode: 40102 } }],
    ['a code in a text', { status: 401, body: { body: { details: '"errorCode": 40102' } } }],
    ['an array with one item that is fine', { status: 200, body: [envelope(40102), { code: 'OK', body: {} }] }],
    ['an empty array', { status: 401, body: [] }],
    ['truncated JSON', { status: 401, body: JSON.stringify(envelope(40102)).slice(0, -2) }],
    ['more than 64 KiB', { status: 401, body: { ...envelope(40102), padding: 'x'.repeat(70_000) } }],
  ])('%s is not replayed', async (_, reply) => {
    const { cloud, http } = await startConnector({}, { validateStatus: () => true });
    cloud.script.send = () => reply;
    await http.post(SEND, {}, asC).catch(() => {});
    expect([cloud.count('send'), cloud.count('sentinel'), cloud.count('idp')]).toEqual([1, 1, 1]);
  });

  it('when the replay fails in its own way, that is the error, and it says that there was a replay', async () => {
    const { cloud, http } = await startConnector();
    cloud.script.send = (_, count) =>
      count === 1 ? { status: 401, body: envelope(40102) } : { status: 503, body: '<html>' };
    const error = (await rejection(http.post(SEND, {}, asC))) as AxiosError;
    expect(error.response?.status).toBe(503);
    expect(getSendApiError(error)).toMatchObject({ errorCode: 40102, replayed: true });
    cloud.script.send = (_, count) => (count === 3 ? { status: 401, body: envelope(40102) } : { break: 'at-once' });
    const broken = (await rejection(http.post(SEND, {}, asC))) as AxiosError;
    expect(broken.code).toBe('ECONNRESET');
    expect(getSendApiError(broken)).toMatchObject({ replayed: true });
  });
});

describe('when there can be no replay', () => {
  it('for want of a new token, the ConnectorAuthError is returned, and the refusal stands behind it', async () => {
    const { cloud, http } = await startConnector();
    cloud.script.send = refuseFirst(envelope(40102));
    cloud.script.sentinel = (_, count) =>
      count === 1 ? undefined : { status: 401, body: { error: 'invalid_client' } };
    const error = await rejection(http.post(SEND, {}, asC));
    expect(error).toMatchObject({ code: 'ERR_APP_JWT', status: 401 });
    expect(getSendApiError(error)).toMatchObject({ errorCode: 40102, replayed: false, reason: 'no-token' });
    expect(cloud.count('send')).toBe(1);
  });

  it('each of those who wait for the same token gets an error of its own: only the refused one’s says so', async () => {
    const { cloud, http } = await startConnector();
    const gate = defer();
    cloud.script.send = refuseFirst(envelope(40102));
    cloud.script.sentinel = (_, count) => (count === 1 ? undefined : { status: 503, after: gate.promise });
    const refused = rejection(http.post(SEND, {}, asC));
    await until(() => cloud.count('sentinel') === 2);
    const neverSent = rejection(http.post(SEND, {}, asC));
    gate.resolve();
    expect(getSendApiError(await refused)).toMatchObject({ errorCode: 40102 });
    expect(await neverSent).toMatchObject({ code: 'ERR_APP_JWT', status: 503, transient: true });
    expect(getSendApiError(await neverSent)).toBeUndefined();
    expect([cloud.count('sentinel'), cloud.count('send')]).toEqual([2, 1]);
  });

  it('after an abort while the token is renewed: Axios cancels, nothing is sent again', async () => {
    const { cloud, http } = await startConnector();
    const never = defer();
    const abort = new AbortController();
    cloud.script.send = refuseFirst(envelope(40102));
    cloud.script.sentinel = (_, count) => {
      if (count === 2) abort.abort();
      return count === 1 ? undefined : { after: never.promise };
    };
    const error = await rejection(http.post(SEND, {}, { ...asC, signal: abort.signal }));
    expect(axios.isCancel(error)).toBe(true);
    never.resolve();
    expect(cloud.count('send')).toBe(1);
  });
});

describe('IDP', () => {
  it('refusing the AppJWT renews it and is asked once more', async () => {
    const { cloud, http } = await startConnector();
    cloud.script.idp = (_, count) => (count === 1 ? { status: 401, body: {} } : undefined);
    await http.post(SEND, {}, asC);
    expect([cloud.count('sentinel'), cloud.count('idp'), cloud.count('send')]).toEqual([2, 2, 1]);
    expect(sends(cloud)[0]?.headers.authorization).toBe(cloud.issued.appJwt[1]);
  });

  it('refusing it again is an error', async () => {
    const { cloud, http } = await startConnector();
    cloud.script.idp = () => ({ status: 401, body: {} });
    await expect(http.post(SEND, {}, asC)).rejects.toMatchObject({ code: 'ERR_CONSUMER_JWS', status: 401 });
    expect([cloud.count('sentinel'), cloud.count('idp'), cloud.count('send')]).toEqual([2, 2, 0]);
  });
});

describe('tokens are dropped by value', () => {
  it('a late refusal of an old token drops no newer one', async () => {
    const { cloud, http } = await startConnector();
    const gate = defer();
    cloud.script.send = ({ body }, count) => {
      if (count === 1) return { status: 401, body: envelope(40102), after: gate.promise };
      return body.includes('quick') && count === 2 ? { status: 401, body: envelope(40102) } : undefined;
    };
    const slow = http.post(SEND, { is: 'slow' }, asC);
    await until(() => cloud.count('send') > 0);
    await http.post(SEND, { is: 'quick' }, asC);
    gate.resolve();
    await slow;
    expect([cloud.count('sentinel'), cloud.count('send')]).toEqual([2, 4]);
    expect(sends(cloud).at(-1)?.headers.authorization).toBe(cloud.issued.appJwt[1]);
  });
});

describe('50 consumers, sends and revocations in random order', () => {
  it('every request arrives with its own consumer’s token, and none is sent more than three times', async () => {
    const { cloud, http } = await startConnector();
    const consumers = Array.from({ length: 50 }, (_, index) => `consumer-${index}`);
    const random = lcg(7);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
    const work: Promise<unknown>[] = [];
    for (let i = 0; i < 1_000; i++) {
      if (i % 40 === 39) cloud.refuse(...cloud.issued.appJwt);
      if (i % 7 === 6) cloud.refuse(...(cloud.issued.consumerJws.get(pick(consumers)) ?? []));
      const consumer = pick(consumers);
      work.push(
        http
          .post(SEND, { id: i, consumer }, { onBehalfOf: consumer })
          .catch((error) => expect(getSendApiError(error)?.replayed).toBe(true)),
      );
      if (i % 5 === 0) await Promise.race(work.slice(-3));
    }
    await Promise.all(work);
    const sendsById = new Map<number, number>();
    for (const { body, headers } of sends(cloud)) {
      const { id, consumer } = JSON.parse(body);
      sendsById.set(id, (sendsById.get(id) ?? 0) + 1);
      expect(cloud.issued.consumerJws.get(consumer)).toContain(headers['x-lp-on-behalf']);
      expect(cloud.issued.appJwt).toContain(headers.authorization);
    }
    expect(sendsById.size).toBe(1_000);
    expect(Math.max(...sendsById.values())).toBeLessThanOrEqual(3);
  });
});

describe('a new token that the service gives for the refused one', () => {
  it('may be the very same: the request is still sent at most twice', async () => {
    const { cloud, http } = await startConnector();
    const same = makeToken({ ext_consumer_id: 'c' });
    cloud.script.idp = () => ({ status: 201, body: { token: same } });
    cloud.script.send = () => ({ status: 401, body: envelope(40103) });
    expect(getSendApiError(await rejection(http.post(SEND, {}, asC)))).toMatchObject({
      errorCode: 40103,
      replayed: true,
    });
    expect([cloud.count('idp'), cloud.count('send')]).toEqual([2, 2]);
  });
});

/** A small deterministic generator, so that a failure can be repeated. */
function lcg(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}
