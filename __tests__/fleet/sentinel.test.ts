import { createRedisTokenStore } from 'axios-liveperson-auth/redis';
import { Redis } from 'ioredis';
import * as ioredis5 from 'ioredis-5';
import { createSentinel } from 'redis';
import * as redis5 from 'redis-5';
import { type Cloud, closeClouds, startCloud, until } from '../support/cloud.js';
import { createAuth, stopConnectors } from '../support/connector.js';
import { MASTER_NAME, type RedisSentinel, startRedisSentinel } from './support/redis-sentinel.js';
import { closeRedis } from './support/redis-server.js';

let redis: RedisSentinel;
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  redis = await startRedisSentinel();
});
afterEach(async () => {
  await Promise.all([stopConnectors(), closeClouds()]);
  await Promise.all(ends.splice(0).map((end) => end()));
});
afterAll(closeRedis);

type Client = Parameters<typeof createRedisTokenStore>[0];

const sentinels = () => [{ host: '127.0.0.1', port: redis.sentinel.port }];
const nodeRedisOptions = () => ({ name: MASTER_NAME, sentinelRootNodes: sentinels(), scanInterval: 100 });
const ioRedisOptions = () => ({ name: MASTER_NAME, sentinels: sentinels(), enableOfflineQueue: false });

const CLIENTS: Record<string, () => Promise<Client>> = {
  'redis 6': () => connectNodeRedis(createSentinel(nodeRedisOptions())),
  'redis 5': () => connectNodeRedis(redis5.createSentinel(nodeRedisOptions())),
  'ioredis 6': () => connectIoRedis(new Redis(ioRedisOptions())),
  'ioredis 5': () => connectIoRedis(new ioredis5.Redis(ioRedisOptions())),
};

const connectAny = () => connectIoRedis(new Redis(ioRedisOptions()));

interface NodeRedisSentinel {
  on(event: 'error', listener: () => void): unknown;
  connect(): Promise<unknown>;
  destroy(): unknown;
}

async function connectNodeRedis(client: Client & NodeRedisSentinel): Promise<Client> {
  client.on('error', () => {});
  await client.connect();
  ends.push(() => client.destroy());
  return client;
}

interface IoRedis {
  readonly status: string;
  on(event: 'error', listener: () => void): unknown;
  disconnect(): void;
}

async function connectIoRedis(client: Client & IoRedis): Promise<Client> {
  client.on('error', () => {});
  await until(() => client.status === 'ready');
  ends.push(() => client.disconnect());
  return client;
}

function join(cloud: Cloud, client: Client, prefix: string) {
  const store = createRedisTokenStore(client, { prefix });
  const auth = createAuth(cloud, { store, storeSecret: 'a passphrase of the test' });
  const faults: string[] = [];
  auth.on('store-error', ({ operation, reason, code }) => faults.push(`${operation} ${reason} ${code}`));
  return { auth, store, faults };
}

describe('through a Redis Sentinel', () => {
  it.each(Object.entries(CLIENTS))('%s shares the tokens of a cold start', async (name, connect) => {
    const cloud = await startCloud();
    const [first, second] = [join(cloud, await connect(), `${name}:`), join(cloud, await connect(), `${name}:`)];
    const tokens = await Promise.all([first, second].map(({ auth }) => auth.getConsumerJws('c')));
    expect(tokens[0]).toBe(tokens[1]);
    expect(await first.auth.getAppJwt()).toBe(await second.auth.getAppJwt());
    expect([cloud.count('sentinel'), cloud.count('idp')]).toEqual([1, 1]);
    expect([...first.faults, ...second.faults]).toEqual([]);
  });

  it('every client reads from the new master and writes to it after a failover', async () => {
    const cloud = await startCloud();
    const first = join(cloud, await connectAny(), 'failover:');
    await first.auth.getConsumerJws('before');
    await first.auth.close();
    const clients = await Promise.all(
      Object.entries(CLIENTS).map(async ([name, connect]) => [name, await connect()] as const),
    );
    const oldMaster = await redis.masterPort();
    await redis.failOver();
    expect(await redis.masterPort()).not.toBe(oldMaster);

    for (const [name, client] of clients) {
      const second = join(cloud, client, 'failover:');
      await untilWritable(second.store);
      await second.auth.getConsumerJws('before');
      await second.auth.getConsumerJws(name);
      await second.auth.close();
      const third = join(cloud, await connectAny(), 'failover:');
      await third.auth.getConsumerJws(name);
      expect([...second.faults, ...third.faults]).toEqual([]);
    }
    expect([cloud.count('sentinel'), cloud.count('idp')]).toEqual([1, 1 + clients.length]);
  });
});

/** Until the client has found the new master. The old one refuses writes, because it is a replica. */
async function untilWritable(store: ReturnType<typeof createRedisTokenStore>): Promise<void> {
  for (;;) {
    try {
      return void (await store.set('probe', 'value', 60_000));
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
