import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createClient } from 'redis';
import { type Cloud, closeClouds, defer, makeToken, startCloud, until } from '../support/cloud.js';
import { endMembers, type Member, startMember, startMembers } from './support/fleet.js';
import { closeRedis, type RedisServer, startRedis } from './support/redis-server.js';

let redis: RedisServer;
let cloud: Cloud;

beforeEach(async () => {
  [redis, cloud] = await Promise.all([startRedis(), startCloud()]);
});
afterEach(async () => {
  await endMembers();
  await Promise.all([closeRedis(), closeClouds()]);
});

const consumersOf = (name: string, count: number) => Array.from({ length: count }, (_, index) => `${name}${index}`);
const counts = () => [cloud.count('sentinel'), cloud.count('idp')];
const options = () => ({ domainApi: cloud.origin, redisUrl: redis.url });

/** What a process may lose to others on a busy machine. */
const NOISE_MS = 1_500;
/** No time is judged here, so a busy machine must not make Redis look slow. */
const PATIENT = { storeTimeoutMs: 20_000 };

describe('processes that start together, with default options', () => {
  it.each([
    [8, 500, { storeSecret: 'a passphrase of the test' }],
    [4, 500, {}],
    [2, 1_000, {}],
    [16, 200, {}],
  ])('%i with the same %i consumers cost one call for each token', async (processes, count, own) => {
    const fleet = await startMembers(processes, { ...options(), ...own });
    const consumers = consumersOf('sms-', count);
    const client = await createClient({ url: redis.url }).connect();
    await client.configResetStat();
    const done = await Promise.all(fleet.map((member) => member.obtain(consumers)));
    expect(done.flatMap(({ failures }) => failures)).toEqual([]);
    expect(done.map(({ fromService, fromStore }) => fromService + fromStore)).toEqual(Array(processes).fill(count + 1));
    expect(cloud.count('sentinel')).toBe(1);
    expect(cloud.count('idp')).toBeGreaterThanOrEqual(count);
    expect(cloud.count('idp')).toBeLessThanOrEqual(count * 1.02);
    const [, commands] = /total_commands_processed:(\d+)/.exec(await client.info('stats')) ?? [];
    expect(Number(commands)).toBeLessThan(8 * count * processes);

    // The last writes and releases may still be under way.
    let keys: string[] = [];
    for (let i = 0; i < 100 && (keys.length !== count + 1 || keys.some((key) => key.includes('lock:'))); i++) {
      keys = await client.keys('*');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    client.destroy();
    expect(keys).toHaveLength(count + 1);
    expect(keys.filter((key) => /lock:|sms-/.test(key))).toEqual([]);
  });
});

describe('when the holder of a lock', () => {
  it.each<[string, (holder: Member) => unknown]>([
    ['is killed', (holder) => holder.kill()],
    ['is frozen', (holder) => holder.freeze()],
  ])('%s, the others go on within 6 s, one of them with a call, and report it', async (_, end) => {
    const [holder, ...others] = await startMembers(4, { ...options(), ...PATIENT });
    const gate = defer();
    cloud.script.sentinel = (_, count) => (count === 1 ? { after: gate.promise } : undefined);
    const dying = holder?.obtain(['c']).catch(() => undefined);
    await until(() => cloud.count('sentinel') === 1);
    const waiting = Promise.all(others.map((member) => member.obtain(['c'])));
    if (holder) await end(holder);
    const done = await waiting;
    gate.resolve();
    expect(done.flatMap(({ failures }) => failures)).toEqual([]);
    expect(counts()).toEqual([2, 1]);
    for (const { slowestMs } of done) expect(slowestMs).toBeLessThan(6_000 + NOISE_MS);
    expect(done.some(({ faults }) => faults['lock failed LOCK_EXPIRED'])).toBe(true);
    holder?.thaw();
    await holder?.kill();
    await dying;
  });
});

it('a process with one new consumer does not wait for one with a thousand', async () => {
  const slow = () => ({ after: new Promise((resolve) => setTimeout(resolve, 50)) });
  cloud.script.idp = ({ body }) => ({
    ...slow(),
    status: 201,
    body: { token: makeToken({ ext_consumer_id: JSON.parse(body).ext_consumer_id }) },
  });
  const [one, two] = await startMembers(2, { ...options(), ...PATIENT });
  const all = one?.obtain(consumersOf('c', 1_000));
  await until(() => cloud.count('idp') > 20);
  await two?.obtain(['c999']);
  // It made the call itself, or waited for one call. The other process had most of its calls before it.
  expect(cloud.count('idp')).toBeLessThan(500);
  await all;
  expect(counts()).toEqual([1, 1_000]);
});

it('no message is lost when all tokens are revoked again and again while processes restart', async () => {
  const settings = { ...options(), ...PATIENT };
  const consumers = consumersOf('c', 10);
  const fleet = await startMembers(3, settings);
  for (let round = 0; round < 3; round++) {
    await Promise.all(fleet.map((member) => member.send(consumers)));
    await fleet.shift()?.kill();
    fleet.push(await startMember(settings));
    cloud.refuse(...cloud.issued.appJwt, ...[...cloud.issued.consumerJws.values()].flat());
    const done = await Promise.all(fleet.map((member) => member.send(consumers)));
    expect(done.map(({ statuses }) => statuses)).toEqual(Array(3).fill({ 200: 10 }));
    // Revocations that follow at once are held back by forcedRefreshIntervalMs.
    await new Promise((resolve) => setTimeout(resolve, 5_000));
  }
});

it('the last tokens are in the store when a process ends right after close()', async () => {
  const [one, two] = await startMembers(2, { ...options(), ...PATIENT });
  expect(await one?.closeAfter('c')).toBe(0);
  expect(await two?.obtain(['c'])).toMatchObject({ failures: [], fromService: 0, fromStore: 2 });
});

it('the example shares its tokens through Redis', async () => {
  const env = { ...process.env, REDIS_URL: redis.url };
  const { stdout } = await promisify(execFile)('node_modules/.bin/tsx', ['examples/fleet.ts'], { env });
  expect(stdout).toContain('The tokens are shared through Redis.');
  expect(stdout).toContain('What the cloud saw: sentinel × 1, idp × 2, send × 4');
});

describe('in the middle of traffic', () => {
  it.each<[string, () => unknown, () => unknown]>([
    ['stopped', () => redis.stop(), () => redis.start()],
    ['paused', () => redis.pause(), () => redis.resume()],
  ])(
    'Redis is %s: no request fails, none waits for it for long, and it is used again when it is back',
    async (_, end, begin) => {
      const storeTimeoutMs = 250;
      const [one, two] = await startMembers(2, { ...options(), storeTimeoutMs });
      const obtain = async (name: string) => {
        const consumers = consumersOf(name, 20);
        return [await one?.obtain(consumers), await two?.obtain(consumers)].map((done) => {
          if (!done) throw new Error('no answer');
          return done;
        });
      };
      await obtain('before');
      expect(counts()).toEqual([1, 20]);

      await end();
      for (const name of ['out', 'still out', 'out yet']) {
        for (const { failures, slowestMs } of await obtain(name)) {
          expect(failures).toEqual([]);
          expect(slowestMs).toBeLessThan(storeTimeoutMs + NOISE_MS);
        }
      }
      expect(counts()).toEqual([1, 20 + 3 * 40]);

      await begin();
      // It was left alone for two seconds at most.
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      await obtain('reconnecting');
      const before = cloud.count('idp');
      const [, second] = await obtain('back');
      expect(cloud.count('idp') - before).toBe(20);
      expect(second).toMatchObject({ failures: [], fromStore: 20, faults: {} });
    },
  );

  it('Redis holds rubbish: no request fails, and the rubbish is written over', async () => {
    const [one, two] = await startMembers(2, { ...options(), ...PATIENT });
    const consumers = consumersOf('c', 20);
    await one?.obtain(consumers);
    const client = await createClient({ url: redis.url }).connect();
    for (const [index, key] of (await client.keys('*')).entries()) {
      if (index % 3 === 0) await client.set(key, 'rubbish');
      else if (index % 3 === 1) await client.set(key, JSON.stringify({ v: 1, key, token: makeToken({}) }));
      else await client.multi().del(key).lPush(key, 'a list').exec();
    }
    const done = await two?.obtain(consumers);
    expect(done).toMatchObject({ failures: [], fromService: 21, fromStore: 0 });
    expect(done?.faults).toMatchObject({ 'get unusable': 14, 'get failed WRONGTYPE': 7 });
    const third = await startMember({ ...options(), ...PATIENT });
    expect(await third.obtain(consumers)).toMatchObject({ failures: [], fromService: 0, fromStore: 21, faults: {} });
    client.destroy();
  });
});
