import { readFileSync } from 'node:fs';
import { Redis as UpstashRedis } from '@upstash/redis';
import { createRedisTokenStore } from 'axios-liveperson-auth/redis';
import { createCache } from 'cache-manager';
import { Cluster, Redis } from 'ioredis';
import * as ioredis5 from 'ioredis-5';
import { createClient, createClientPool, createCluster } from 'redis';
import * as redis4 from 'redis-4';
import * as redis5 from 'redis-5';
import { createConnectorAuth } from '../../lib/index.js';
import { describeFullTokenStore } from '../contract/token-store.js';
import { startCloud, until } from '../support/cloud.js';
import { createAuth, stopConnectors } from '../support/connector.js';
import { startRedisCluster } from './support/redis-cluster.js';
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

/** Each client with two connections: what one process writes, the other reads. */
const CLIENTS: Record<string, () => Promise<Clients>> = {
  'redis 6': async () => pairOf(async () => connectNodeRedis()),
  'redis 6 with RESP2': async () => pairOf(async () => connectNodeRedis({ RESP: 2 })),
  'a pool of redis 6': async () =>
    pairOf(async () => {
      const pool = createClientPool({ url: server.url });
      await pool.connect();
      ends.push(() => pool.close());
      return pool;
    }),
  'redis 5': async () =>
    pairOf(async () => {
      const client = await redis5.createClient({ url: server.url }).connect();
      ends.push(() => client.close());
      return client;
    }),
  'redis 5 with RESP3': async () =>
    pairOf(async () => {
      const client = await redis5.createClient({ url: server.url, RESP: 3 }).connect();
      ends.push(() => client.close());
      return client;
    }),
  'redis 4': async () =>
    pairOf(async () => {
      const client = await redis4.createClient({ url: server.url }).connect();
      ends.push(() => client.quit());
      return client;
    }),
  'ioredis 6': async () => pairOf(async () => connectIoRedis()),
  'ioredis 6 with a keyPrefix': async () => pairOf(async () => connectIoRedis({ keyPrefix: 'shop:' })),
  'ioredis 5': async () =>
    pairOf(async () => {
      const client = new ioredis5.Redis(server.port, '127.0.0.1');
      ends.push(() => client.quit());
      return client;
    }),
};

type Client = Parameters<typeof createRedisTokenStore>[0];
type Clients = readonly [Client, Client];

async function pairOf(connect: () => Promise<Client>): Promise<Clients> {
  const clients = [await connect(), await connect()] as const;
  await (await connectNodeRedis()).flushAll();
  return clients;
}

describe.each(Object.entries(CLIENTS))('%s', (_, connect) => {
  describeFullTokenStore('Redis', async () => {
    const [client, other] = await connect();
    return { store: createRedisTokenStore(client), other: createRedisTokenStore(other) };
  });

  it('shares the tokens of a cold start', async () => {
    const cloud = await startCloud();
    const stores = (await connect()).map((client) => createRedisTokenStore(client));
    const faults: unknown[] = [];
    const auths = stores.map((store) => createAuth(cloud, { store, storeSecret: 'a passphrase of the test' }));
    for (const auth of auths) auth.on('store-error', (fault) => faults.push(fault));
    const consumers = ['a', 'b', 'c'];
    await Promise.all(auths.flatMap((auth) => consumers.map((consumer) => auth.getConsumerJws(consumer))));
    expect([cloud.count('sentinel'), cloud.count('idp'), faults]).toEqual([1, 3, []]);
    await stopConnectors();
  });
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

describe('clients that cannot be used are refused, with what to do', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['redis 4 in legacyMode', () => redis4.createClient({ legacyMode: true }), /without legacyMode/],
    ['legacy() of redis 5', () => redis5.createClient().legacy(), /without legacyMode or legacy\(\)/],
    ['legacy() of redis 6', () => createClient().legacy(), /without legacyMode or legacy\(\)/],
    ['a REST client', () => new UpstashRedis({ url: 'https://x.example', token: 't' }), /rediss:\/\/ URL/],
    ['redis 3', () => ({ get() {}, set() {}, del() {}, pttl() {}, eval() {}, internal_send_command() {} }), /Update/],
  ])('%s', (_, create, message) => {
    expect(() => createRedisTokenStore(create() as never)).toThrow(message);
  });

  it.each<[string, () => unknown, RegExp]>([
    ['a client of redis', () => createClient(), /createRedisTokenStore\(client\)/],
    ['a client of ioredis', () => new Redis({ lazyConnect: true }), /createRedisTokenStore\(client\)/],
    ['a cache of cache-manager', () => createCache(), /Keyv/],
  ])('%s as store', (_, create, message) => {
    const account = { accountId: '1', clientId: 'a', clientSecret: 'b', storeSecret: false as const };
    expect(() => createConnectorAuth({ ...account, store: create() as never })).toThrow(message);
  });

  it('an object with the commands that the store needs is accepted', async () => {
    const client = await connectNodeRedis();
    const store = createRedisTokenStore({
      get: (key: string) => client.get(key),
      set: (key: string, value: string, options?: { PX?: number; NX?: true }) => client.set(key, value, options),
      del: (key: string) => client.del(key),
      pTTL: (key: string) => client.pTTL(key),
      eval: (script: string, options: { keys: string[]; arguments: string[] }) => client.eval(script, options),
    });
    await store.set('key', 'value');
    expect(await store.get('key')).toBe('value');
  });
});

describe('commands', () => {
  /** A client that counts its commands. */
  async function countCommands() {
    const client = await connectNodeRedis();
    await client.flushAll();
    const commands: string[] = [];
    const counting = new Proxy(client, {
      get(target, name) {
        const value = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          commands.push(String(name));
          return value.apply(target, args);
        };
      },
    });
    return { client, commands, store: createRedisTokenStore(counting) };
  }

  it('a cold pair of tokens takes 3 of them before the writes, and each later read 1', async () => {
    const cloud = await startCloud();
    const { commands, store } = await countCommands();
    let before = 0;
    cloud.script.idp = () => {
      before = commands.length;
      return undefined;
    };
    const first = createAuth(cloud, { store });
    await first.getConsumerJws('c');
    // The write of the AppJWT and the release of its lock may be among them.
    expect(before - commands.slice(0, before).filter((name) => name === 'set').length).toBeLessThanOrEqual(4);
    await first.close();
    commands.length = 0;
    const second = createAuth(cloud, { store });
    await second.getConsumerJws('c');
    expect(commands).toEqual(['eval']);
    await second.getAppJwt();
    expect(commands).toEqual(['eval', 'eval']);
    await stopConnectors();
  });

  it('contain no token and no value of an entry, but for SET', async () => {
    const cloud = await startCloud();
    const monitor = await connectNodeRedis();
    const seen: string[] = [];
    await monitor.monitor((line) => seen.push(line));
    const store = createRedisTokenStore(await connectNodeRedis());
    const auth = createAuth(cloud, { store, storeSecret: false });
    const jws = await auth.getConsumerJws('c');
    const jwt = await auth.getAppJwt();
    const { default: axios } = await import('axios');
    const http = axios.create({ baseURL: cloud.origin });
    auth.install(http);
    cloud.refuse(jws, jwt);
    await http.post('/api/account/70012345/messaging/consumer/conversation/send?v=3', {}, { onBehalfOf: 'c' });
    await auth.close();
    await until(() => seen.filter((line) => /"SET" /.test(line)).length === 4);
    const others = seen.filter((line) => !/"SET" /.test(line));
    expect(others.some((line) => line.includes('sha1hex'))).toBe(true);
    for (const part of [jws, jwt, jws.split('.')[2], jwt.split('.')[2]])
      expect(others.filter((line) => line.includes(part as string))).toEqual([]);
    await stopConnectors();
  });

  it('are those of the ACL line in docs/fleet.md', async () => {
    const cloud = await startCloud();
    const page = readFileSync('docs/fleet.md', 'utf8');
    const [, rule = ''] = /^ACL SETUSER connector (.*)$/m.exec(page) ?? [];
    const admin = await connectNodeRedis();
    await admin.sendCommand(['ACL', 'SETUSER', 'connector', ...rule.split(' ')]);
    const [, password = ''] = />(\S+)/.exec(rule) ?? [];
    const client = await connectNodeRedis({ username: 'connector', password });
    const faults: unknown[] = [];
    const { default: axios } = await import('axios');
    const http = axios.create({ baseURL: cloud.origin });
    const auth = createAuth(cloud, { store: createRedisTokenStore(client) });
    auth.on('store-error', (fault) => faults.push(fault));
    auth.install(http);
    for (let times = 0; times < 2; times++) {
      await http.post('/api/account/70012345/messaging/consumer/conversation/send?v=3', {}, { onBehalfOf: 'c' });
      cloud.refuse(...cloud.issued.appJwt, ...(cloud.issued.consumerJws.get('c') ?? []));
    }
    auth.invalidate();
    await auth.close();
    expect(faults).toEqual([]);
    await expect(client.sendCommand(['CONFIG', 'GET', '*'])).rejects.toThrow('NOPERM');
    await stopConnectors();
  });

  it('a store whose user may not run scripts fails no request, and one event says so', async () => {
    const cloud = await startCloud();
    const admin = await connectNodeRedis();
    await admin.sendCommand(['ACL', 'SETUSER', 'weak', 'on', '>pw', '~*', '+get', '+set', '+del', '+pttl', '+hello']);
    const client = await connectNodeRedis({ username: 'weak', password: 'pw' });
    const faults: string[] = [];
    const auth = createAuth(cloud, { store: createRedisTokenStore(client) });
    auth.on('store-error', ({ operation, reason, code }) => faults.push(`${operation} ${reason} ${code}`));
    await auth.getConsumerJws('c');
    expect(faults).toEqual(['get failed NOPERM', 'get failed NOPERM']);
    await stopConnectors();
  });

  it('renew the life of a ConsumerJWS that is used', async () => {
    const cloud = await startCloud();
    const client = await connectNodeRedis();
    await client.flushAll();
    const store = createRedisTokenStore(client);
    const first = createAuth(cloud, { store });
    await first.getConsumerJws('c');
    await first.close();
    const [key = ''] = await client.keys('*consumerJws*');
    const DAY = 86_400_000;
    expect(await client.pTTL(key)).toBeGreaterThan(29 * DAY);
    await client.pExpire(key, 3_600_000);
    const second = createAuth(cloud, { store });
    await second.getConsumerJws('c');
    await second.close();
    expect(await client.pTTL(key)).toBeGreaterThan(29 * DAY);
    expect(cloud.count('idp')).toBe(1);
    await stopConnectors();
  });
});

describe('in a cluster', () => {
  let nodes: RedisServer[];
  beforeAll(async () => {
    nodes = await startRedisCluster();
  });

  const CLUSTERS: Record<string, () => Promise<Client>> = {
    'redis 6': async () => {
      const client = createCluster({ rootNodes: nodes.map(({ url }) => ({ url })) });
      client.on('error', () => {});
      await client.connect();
      ends.push(() => client.destroy());
      return client;
    },
    'ioredis 6 with a keyPrefix': async () => {
      const addresses = nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
      const client = new Cluster(addresses, { keyPrefix: 'shop:', redisOptions: { maxRetriesPerRequest: 1 } });
      client.on('error', () => {});
      await until(() => client.status === 'ready');
      ends.push(() => client.disconnect());
      return client;
    },
  };

  it.each(Object.entries(CLUSTERS))(
    '%s shares tokens, and one hung shard does not rest the others',
    async (_, connect) => {
      const cloud = await startCloud();
      const faults: string[] = [];
      const join = async (storeTimeoutMs: number) => {
        const store = createRedisTokenStore(await connect());
        const auth = createAuth(cloud, { store, storeTimeoutMs });
        auth.on('store-error', ({ operation, reason }) => faults.push(`${operation} ${reason}`));
        return auth;
      };
      const consumers = Array.from({ length: 60 }, (_, index) => `c${index}`);
      const [first, second] = [await join(20_000), await join(20_000)];
      await Promise.all([first, second].flatMap((auth) => consumers.map((consumer) => auth.getConsumerJws(consumer))));
      await Promise.all([first.close(), second.close()]);
      expect([cloud.count('sentinel'), cloud.count('idp'), faults]).toEqual([1, 60, []]);

      const third = await join(300);
      await third.getConsumerJws('warm');
      const asked = cloud.count('idp');
      nodes[0]?.pause();
      try {
        for (const consumer of consumers) await third.getConsumerJws(consumer);
        // The tokens of two shards come from the store.
        expect(cloud.count('idp') - asked).toBeGreaterThan(0);
        expect(cloud.count('idp') - asked).toBeLessThan(45);
      } finally {
        nodes[0]?.resume();
      }
      await stopConnectors();
    },
  );
});
