import { createRedisTokenStore } from 'axios-liveperson-auth/redis';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { describeFullTokenStore } from '../contract/token-store.js';
import { closeRedis, type RedisServer, startRedis } from './support/redis-server.js';

let server: RedisServer;
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  server = await startRedis();
});
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
});
afterAll(closeRedis);

async function connectNodeRedis(options: Parameters<typeof createClient>[0] = {}) {
  const client = createClient({ url: server.url, ...options });
  await client.connect();
  ends.push(() => client.close());
  return client;
}

function connectIoRedis(options: object = {}) {
  const client = new Redis(server.port, '127.0.0.1', options);
  ends.push(() => client.quit());
  return client;
}

describeFullTokenStore('Redis through node-redis', async () => {
  const [client, other] = [await connectNodeRedis(), await connectNodeRedis()];
  await client.flushAll();
  return { store: createRedisTokenStore(client), other: createRedisTokenStore(other) };
});

describeFullTokenStore('Redis through ioredis', async () => {
  const [client, other] = [connectIoRedis(), connectIoRedis()];
  await client.flushall();
  return { store: createRedisTokenStore(client), other: createRedisTokenStore(other) };
});

describeFullTokenStore('Redis through both, with a prefix', async () => {
  const [client, other] = [await connectNodeRedis(), connectIoRedis()];
  await client.flushAll();
  const prefix = 'connector:test:';
  return { store: createRedisTokenStore(client, { prefix }), other: createRedisTokenStore(other, { prefix }) };
});

it('every key has the prefix, and fleets with different ones share nothing', async () => {
  const client = await connectNodeRedis();
  await client.flushAll();
  const [one, two] = [createRedisTokenStore(client), createRedisTokenStore(client, { prefix: 'test:' })];
  await one.set('key', 'one');
  await two.lock('lock:key', 60_000);
  expect(await two.get('key')).toBeUndefined();
  expect((await client.keys('*')).sort()).toEqual(['axios-liveperson-auth:key', 'test:lock:key']);
});

it.each([undefined, null, {}, new Map(), { get: () => {}, set: () => {} }])(
  'what is no client (%p) is refused at once, with the reason',
  (client) => {
    expect(() => createRedisTokenStore(client as never)).toThrow(/redis .*or ioredis/);
  },
);

it('a prefix that is no string is refused', async () => {
  const client = await connectNodeRedis();
  expect(() => createRedisTokenStore(client, { prefix: 5 as never })).toThrow(/prefix must be a string/);
});
