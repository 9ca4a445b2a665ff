import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createClient } from 'redis';
import { type Cloud, closeClouds, defer, makeToken, startCloud, until } from '../support/cloud.js';
import { endMembers, startMember, startMembers } from './support/fleet.js';
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

/** On a machine this busy a process may well be kept waiting for longer than a store usually may take. */
const PATIENT = { storeTimeoutMs: 20_000 };
/** What a process may lose to others on this machine, besides. */
const NOISE_MS = 1_500;

it('8 processes that start together with the same 500 consumers cost one Sentinel call and 500 IDP calls in all', async () => {
  const fleet = await startMembers(8, { ...options(), ...PATIENT, storeSecret: 'a passphrase of the test' });
  const consumers = consumersOf('sms-', 500);
  const done = await Promise.all(fleet.map((member) => member.obtain(consumers)));
  expect(counts()).toEqual([1, 500]);
  expect(done.flatMap(({ failures }) => failures)).toEqual([]);
  expect(done.map(({ fromService, fromStore }) => fromService + fromStore)).toEqual(Array(8).fill(501));
  expect(done.reduce((sum, { fromService }) => sum + fromService, 0)).toBe(501);
  expect(done.map(({ faults }) => faults)).toEqual(Array(8).fill({}));

  const client = await createClient({ url: redis.url }).connect();
  // What lies there: a token each, no consumer in clear, and no lock that was left behind.
  let keys: string[] = [];
  // The last of it is written, and the last lock given back, while the callers have their tokens already.
  for (let i = 0; i < 100 && (keys.length !== 501 || keys.some((key) => key.includes('lock:'))); i++) {
    keys = await client.keys('*');
  }
  client.destroy();
  expect(keys).toHaveLength(501);
  expect(keys.filter((key) => /lock:|sms-/.test(key))).toEqual([]);
});

it('when the lock’s holder is killed, the others go on within the lock’s time, one of them with a call', async () => {
  const tuning = { ...options(), ...PATIENT, tokenTimeoutMs: 1_000 };
  const [holder, ...others] = await startMembers(4, tuning);
  const gate = defer();
  cloud.script.sentinel = (_, count) => (count === 1 ? { after: gate.promise } : undefined);
  const dying = holder?.obtain(['c']).catch(() => 'died');
  await until(() => cloud.count('sentinel') === 1);
  const waiting = Promise.all(others.map((member) => member.obtain(['c'])));
  await holder?.kill();
  const done = await waiting;
  gate.resolve();
  expect(await dying).toBe('died');
  expect(done.flatMap(({ failures }) => failures)).toEqual([]);
  expect(counts()).toEqual([2, 1]);
  for (const { slowestMs } of done) expect(slowestMs).toBeLessThan(3 * tuning.tokenTimeoutMs + NOISE_MS);
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
    expect(done?.faults).toMatchObject({ 'get unusable': 14, 'get failed': 7 });
    const third = await startMember({ ...options(), ...PATIENT });
    expect(await third.obtain(consumers)).toMatchObject({ failures: [], fromService: 0, fromStore: 21, faults: {} });
    client.destroy();
  });
});
