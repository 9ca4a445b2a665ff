import { decodeJwt } from 'jose';
import type { Emulator, Fault } from '../../lib/emulator/index.js';
import { until } from '../support/cloud.js';
import { ACCOUNT, appJwt, bearing, closeAll, consumerJws, event, post, read, SEND, start, text } from './client.js';
import { consumerOf, startPair } from './connector.js';

afterEach(closeAll);

const domain = (cloud: Emulator) => fetch(`${cloud.origin}/api/account/${ACCOUNT}/service/baseURI.json`);
/** The status of each of so many answers; 0 for a connection that broke. */
const statuses = async (cloud: Emulator, count: number, ask = domain): Promise<number[]> => {
  const seen: number[] = [];
  for (let index = 0; index < count; index++) {
    seen.push(
      await ask(cloud).then(
        async (answer) => {
          await answer.arrayBuffer();
          return answer.status;
        },
        () => 0,
      ),
    );
  }
  return seen;
};
const codeOf = async (cloud: Emulator, headers: Record<string, string>): Promise<number | undefined> =>
  (await read(await post(cloud, SEND, event('d'), headers))).body.errorCode;

describe('advanceClock', () => {
  it('makes AppJWTs expire, and those that follow are of the new time', async () => {
    const cloud = await start();
    const headers = await bearing(cloud);
    cloud.advanceClock(3_590_000);
    expect(await codeOf(cloud, headers)).toBeUndefined();
    cloud.advanceClock(10_000);
    expect(await codeOf(cloud, headers)).toBe(40102);
    const { iat = 0, exp = 0 } = decodeJwt(await appJwt(cloud));
    expect(exp - iat).toBe(3_600);
    expect(iat - Date.now() / 1_000).toBeGreaterThan(3_500);
  });

  it('ends the delay of a fault', async () => {
    const cloud = await start();
    cloud.failNext('domain', { delayMs: 3_600_000 });
    const asked = domain(cloud);
    await until(() => cloud.requests.length === 1);
    cloud.advanceClock(3_600_000);
    expect((await asked).status).toBe(200);
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, '5', undefined, 1e300])('never takes %p', async (ms) => {
    const cloud = await start();
    expect(() => cloud.advanceClock(ms as number)).toThrow(TypeError);
    expect(() => cloud.advanceClock(ms as number)).toThrow(/advanceClock: ms must be a number of milliseconds/);
  });
});

it('reset() forgets everything but the accounts and the webhook, and the clock goes back', async () => {
  const { cloud, posted } = await startPair({}, { retentionMs: 600_000, firstPauseMs: 600_000 }, (_, count) =>
    count === 1 ? 500 : 200,
  );
  const consumer = await consumerOf(cloud);
  const headers = await bearing(cloud);
  const id = await consumer.converse();
  const waiting = cloud.agentSays(id, 'Hi');
  await until(() => cloud.deliveries[0]?.status === 500);
  cloud.advanceClock(5_000);
  cloud.failNext('domain', { status: 503 });
  cloud.limit('domain', { calls: 1, perMs: 1_000 });
  cloud.chaos({ seed: 1, rate: 1, faults: [{ status: 500 }] });
  cloud.reset();
  expect(await waiting).toMatchObject({ state: 'given-up', attempts: 0 });
  expect([cloud.requests, cloud.messages, cloud.deliveries, cloud.conversations]).toEqual([[], [], [], []]);
  expect(cloud.snapshot()).toEqual({ conversations: [], consumers: [] });
  expect(await statuses(cloud, 3)).toEqual([200, 200, 200]);
  expect(await codeOf(cloud, headers)).toBe(40102);
  const Authorization = await appJwt(cloud);
  expect(Math.abs((decodeJwt(Authorization).iat ?? 0) - Date.now() / 1_000)).toBeLessThan(600);
  expect(await codeOf(cloud, { ...headers, Authorization })).toBe(40103);
  const next = await (await consumerOf(cloud)).converse();
  expect((await cloud.agentSays(next, 'Hi again')).state).toBe('delivered');
  expect(posted.at(-1)?.change.event.message).toBe('Hi again');
});

describe('limit', () => {
  it('answers so many calls in a time, and the rest with 429 and Retry-After', async () => {
    const cloud = await start();
    cloud.limit('domain', { calls: 2, perMs: 5_000, retryAfter: 5 });
    expect(await statuses(cloud, 4)).toEqual([200, 200, 429, 429]);
    const refused = await domain(cloud);
    expect([refused.headers.get('retry-after'), await read(refused)]).toEqual(['5', expect.any(Object)]);
    cloud.advanceClock(5_000);
    expect(await statuses(cloud, 3)).toEqual([200, 200, 429]);
    // Other services are not limited.
    expect(await appJwt(cloud)).toMatch(/^eyJ/);
    cloud.limit('domain');
    expect(await statuses(cloud, 3)).toEqual([200, 200, 200]);
  });

  it('has no Retry-After by default, and a refused message does not arrive', async () => {
    const cloud = await start();
    const headers = await bearing(cloud);
    cloud.limit('send', { calls: 1, perMs: 600_000 });
    await post(cloud, SEND, event('d'), headers);
    const refused = await post(cloud, SEND, event('d'), headers);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, null]);
    expect(cloud.messages).toHaveLength(1);
  });

  it.each<[string, unknown, string]>([
    ['sentinal', { calls: 1, perMs: 1 }, 'limit: service must be one of domain, sentinel, idp, conversation, send.'],
    ['idp', { calls: 0, perMs: 1 }, 'calls must be a whole number from 1; received 0'],
    ['idp', { calls: 1, perMs: 0 }, 'perMs must be whole milliseconds from 1'],
    ['idp', { calls: 1 }, 'perMs must be'],
    ['idp', { calls: 1, perMs: 1, retryAfter: -1 }, 'retryAfter must be'],
    ['idp', { calls: 1, perMS: 1 }, 'There is no field perMS here'],
    ['idp', null, 'give an object'],
  ])('refuses %s with %j', async (service, limit, message) => {
    const cloud = await start();
    expect(() => cloud.limit(service as never, limit as never)).toThrow(TypeError);
    expect(() => cloud.limit(service as never, limit as never)).toThrow(message);
  });
});

describe('chaos', () => {
  const faults = [{ status: 503 }, { reset: true }, { status: 429, service: 'domain' as const }];

  it('gives the same faults for the same seed and requests, and others for another seed', async () => {
    const runs = [];
    for (const seed of [7, 7, 8]) {
      const cloud = await start();
      cloud.chaos({ seed, rate: 0.5, faults });
      runs.push((await statuses(cloud, 40)).join());
    }
    expect(runs[0]).toBe(runs[1]);
    expect(runs[0]).not.toBe(runs[2]);
    for (const status of ['200', '503', '429', ',0']) expect(runs[0]).toContain(status);
  });

  it('is the same whatever another service is asked between, and when it starts again', async () => {
    const cloud = await start();
    cloud.chaos({ seed: 'x', rate: 0.5, faults });
    const first = await statuses(cloud, 20);
    cloud.chaos({ seed: 'x', rate: 0.5, faults });
    const second = [];
    for (let index = 0; index < 20; index++) {
      await fetch(`${cloud.origin}/sentinel/well-known/jwks`).catch(() => {});
      second.push(...(await statuses(cloud, 1)));
    }
    expect(second).toEqual(first);
  });

  it.each([
    [0, [200, 200, 200]],
    [1, [503, 503, 503]],
  ])('a rate of %i gives %j', async (rate, expected) => {
    const cloud = await start();
    cloud.chaos({ seed: 1, rate, faults: [{ status: 503 }] });
    expect(await statuses(cloud, 3)).toEqual(expected);
    cloud.chaos({});
    expect(await statuses(cloud, 2)).toEqual([200, 200]);
  });

  it.each<[object, string]>([
    [{ seed: 1, rate: 2, faults }, 'rate must be a number from 0 to 1'],
    [{ rate: 1, faults }, 'seed must be a number or a text'],
    [{ seed: 1, rate: 1 }, 'faults must be a list of at least one fault'],
    [{ seed: 1, rate: 1, faults: [] }, 'faults must be a list of at least one fault'],
    [{ seed: 1, rate: 1, faults: [{ statusCode: 500 }] }, 'faults[0]: There is no field statusCode here'],
    [{ seed: 1, rate: 1, faults: [{ status: 99 }] }, 'faults[0]: status must be'],
    [{ seed: 1, rate: 1, faults: [{ status: 500, times: 2 }] }, 'There is no field times here'],
    [{ seed: 1, rate: 1, faults: [{ status: 500, service: 'x' }] }, 'service must be one of'],
    [{ seed: 1, rate: 1, fault: [] }, 'There is no field fault here'],
  ])('refuses %j, and goes on as before', async (chaos, message) => {
    const cloud = await start();
    cloud.chaos({ seed: 1, rate: 1, faults: [{ status: 418 }] });
    expect(() => cloud.chaos(chaos as never)).toThrow(TypeError);
    expect(() => cloud.chaos(chaos as never)).toThrow(message);
    expect(await statuses(cloud, 1)).toEqual([418]);
  });
});

describe('failNext', () => {
  it.each<[Fault, number]>([
    [{ afterAcceptance: true }, 0],
    [{ afterAcceptance: true, reset: true }, 0],
    [{ afterAcceptance: true, status: 502 }, 502],
    [{ cutOff: true }, 200],
  ])('%j loses the answer of a message that has arrived', async (fault, status) => {
    const { cloud, posted } = await startPair();
    const consumer = await consumerOf(cloud);
    const id = await consumer.converse();
    cloud.failNext('send', fault);
    const answer = await consumer.say(id, text('Hi')).catch(() => undefined);
    expect(answer?.status ?? 0).toBe(status === 200 ? 0 : status);
    expect(cloud.messages.at(-1)).toMatchObject({ type: 'ms.PublishEvent', sequence: 0 });
    expect(cloud.requests.at(-1)?.status).toBe(status);
    await until(() => posted.length === 2);
    expect((await consumer.say(id, text('Hi'))).body.body).toEqual({ sequence: 1 });
  });

  it.each<[Fault, number]>([
    [{ reset: true }, 0],
    [{ status: 502 }, 502],
  ])('%j alone lets nothing arrive', async (fault, status) => {
    const { cloud } = await startPair();
    const consumer = await consumerOf(cloud);
    const id = await consumer.converse();
    cloud.failNext('send', fault);
    expect((await consumer.say(id, text('Hi')).catch(() => undefined))?.status ?? 0).toBe(status);
    expect(cloud.messages.some(({ type }) => type === 'ms.PublishEvent')).toBe(false);
  });

  it('counts hundreds of millions of times without holding them', async () => {
    const cloud = await start();
    cloud.failNext('domain', { status: 503, times: 300_000_000 });
    cloud.failNext('domain', { status: 500, times: 2 });
    expect(await statuses(cloud, 2)).toEqual([503, 503]);
    cloud.clearFaults();
    for (let index = 0; index < 1_000; index++) cloud.failNext('domain', {});
    expect(() => cloud.failNext('domain', {})).toThrow(/1000 faults wait for domain already/);
  });

  it.each<[string, unknown, string]>([
    ['sentinal', { status: 500 }, 'service must be one of domain, sentinel, idp, conversation, send.'],
    ['unknown', { status: 500 }, 'service must be one of'],
    ['idp', { statusCode: 500 }, 'There is no field statusCode here; use status, body'],
    ['idp', { status: '500' }, 'status must be a number'],
    ['idp', { status: 500.5 }, 'status must be an HTTP status'],
    ['idp', { delayMs: 3e9 }, 'delayMs must be whole milliseconds from 0 to 2147483647'],
    ['idp', { headers: { 'a b': 'c' } }, 'headers has a name or a value that HTTP does not allow: "a b"'],
    ['idp', { reset: 'yes' }, 'reset must be true or false'],
    ['idp', undefined, 'give an object'],
  ])('refuses %s with %j', async (service, fault, message) => {
    const cloud = await start();
    expect(() => cloud.failNext(service as never, fault as never)).toThrow(TypeError);
    expect(() => cloud.failNext(service as never, fault as never)).toThrow(message);
  });
});

it('the other calls refuse misuse too', async () => {
  const cloud = await start();
  expect(() => cloud.revokeAppJwts(7 as never)).toThrow(TypeError);
  expect(() => cloud.revokeConsumerJws({} as never)).toThrow(TypeError);
  await expect(cloud.redeliver('x' as never)).rejects.toThrow(TypeError);
});

it('version 1 of Sentinel says expires_in where it is told to', async () => {
  const path = `/sentinel/api/account/${ACCOUNT}/app/token?v=1.0`;
  const form = 'grant_type=client_credentials&client_id=id&client_secret=secret';
  const [silent, telling] = [await start(), await start({ v1ExpiresIn: true })];
  expect((await read(await post(silent, path, form))).expires_in).toBeUndefined();
  expect((await read(await post(telling, path, form))).expires_in).toBe('3600');
});

it('the Domain API does not name the Messaging REST API, which is not there', async () => {
  const { baseURIs } = await read(await domain(await start()));
  const names = baseURIs.map(({ service }: { service: string }) => service);
  expect(names).toEqual(expect.arrayContaining(['sentinel', 'idp', 'asyncMessagingEnt', 'swift']));
  expect(names).not.toContain('messagingRestApiDomain');
});

it('logs keep the newest 10,000 entries', async () => {
  const cloud = await start();
  const authorization = await appJwt(cloud);
  const headers = { authorization, 'x-lp-on-behalf': await consumerJws(cloud, 'c', authorization) };
  const [{ adapter }, config] = [cloud, (await import('axios')).default];
  const http = config.create({ adapter, baseURL: cloud.origin });
  for (let index = 0; index < 10_010; index++) await http.post(SEND, event('d'), { headers });
  expect([cloud.requests.length, cloud.messages.length]).toEqual([10_000, 10_000]);
  expect(cloud.messages.at(-1)?.sequence).toBe(10_009);
  expect(cloud.messages[0]?.sequence).toBe(10);
});
