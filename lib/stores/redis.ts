import { randomUUID } from 'node:crypto';
import type { TokenStore } from './token-store.js';

export type { TokenLock, TokenStore } from './token-store.js';

/** What the store calls of a client, a cluster or a pool of the package `redis` (node-redis 4 and later). */
export interface NodeRedisLike {
  get(key: string): Promise<unknown>;
  set(key: string, value: string, options?: { PX?: number; NX?: true }): Promise<unknown>;
  del(key: string): Promise<unknown>;
  pTTL(key: string): Promise<unknown>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
}

/** What the store calls of a client or a cluster of the package `ioredis`. */
export interface IoRedisLike {
  get(key: string): Promise<unknown>;
  set(key: string, value: string): Promise<unknown>;
  set(key: string, value: string, px: 'PX', ttlMs: number): Promise<unknown>;
  set(key: string, value: string, px: 'PX', ttlMs: number, nx: 'NX'): Promise<unknown>;
  del(key: string): Promise<unknown>;
  pttl(key: string): Promise<unknown>;
  eval(script: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>;
}

/** What `createRedisTokenStore` can be told. */
export interface RedisTokenStoreOptions {
  /**
   * What stands before every key. Fleets that must not share tokens, such as test and production, need different ones.
   * @default 'axios-liveperson-auth:'
   */
  prefix?: string | undefined;
}

/** Only what is still ours is deleted, or lives longer: between a look at it and the deed it may have become another's. */
const DELETE_IF_EQUAL = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";
const EXTEND_IF_EQUAL =
  "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0";

/**
 * A token store on Redis 2.6.12 or later (or Valkey), for a client of `redis` or `ioredis` that is yours to connect and to
 * end. It uses GET, SET, DEL, PTTL, PEXPIRE and EVAL.
 *
 * @example
 * const redis = await createClient({ url }).on('error', log).connect();
 * const auth = createConnectorAuth({ accountId, clientId, clientSecret, store: createRedisTokenStore(redis) });
 *
 * @throws TypeError when the client is neither, or the prefix is no string
 */
export function createRedisTokenStore(
  client: NodeRedisLike | IoRedisLike,
  { prefix = 'axios-liveperson-auth:' }: RedisTokenStoreOptions = {},
): Required<TokenStore> {
  if (typeof prefix !== 'string') throw new TypeError('createRedisTokenStore: prefix must be a string.');
  const { get, set, setIfAbsent, del, pttl, evaluate } = commandsOf(client);

  return {
    async get(key) {
      // What is no string (a client that was told to answer with buffers) is for the caller to judge.
      return ((await get(prefix + key)) as string | null) ?? undefined;
    },
    set: (key, value, ttlMs) => set(prefix + key, value, ttlMs === undefined ? undefined : Math.ceil(ttlMs)),
    delete: (key, value) =>
      value === undefined ? del(prefix + key) : evaluate(DELETE_IF_EQUAL, prefix + key, [value]),
    async lock(key, ttlMs) {
      const owner = randomUUID();
      const name = prefix + key;
      if (!(await setIfAbsent(name, owner, Math.ceil(ttlMs)))) return undefined;
      return Object.assign(() => evaluate(DELETE_IF_EQUAL, name, [owner]), {
        extend: (newTtlMs: number) => evaluate(EXTEND_IF_EQUAL, name, [owner, String(Math.ceil(newTtlMs))]),
      });
    },
    async getTtl(key) {
      // Negative where there is no entry, or it has no end.
      const leftMs = Number(await pttl(prefix + key));
      return leftMs > 0 ? leftMs : undefined;
    },
  };
}

/** The commands that the store needs, whichever client carries them out. */
interface Commands {
  get(key: string): Promise<unknown>;
  set(key: string, value: string, ttlMs: number | undefined): Promise<unknown>;
  /** Falsy when the key is there already. */
  setIfAbsent(key: string, value: string, ttlMs: number): Promise<unknown>;
  del(key: string): Promise<unknown>;
  pttl(key: string): Promise<unknown>;
  evaluate(script: string, key: string, values: string[]): Promise<unknown>;
}

/** Tells the two clients apart by what they can do: each spells PTTL in its own way. */
function commandsOf(client: NodeRedisLike | IoRedisLike): Commands {
  const common = { get: (key: string) => client.get(key), del: (key: string) => client.del(key) };
  if (isNodeRedis(client)) {
    return {
      ...common,
      set: (key, value, ttlMs) => client.set(key, value, ttlMs === undefined ? {} : { PX: ttlMs }),
      setIfAbsent: (key, value, ttlMs) => client.set(key, value, { PX: ttlMs, NX: true }),
      pttl: (key) => client.pTTL(key),
      evaluate: (script, key, values) => client.eval(script, { keys: [key], arguments: values }),
    };
  }
  if (isIoRedis(client)) {
    return {
      ...common,
      set: (key, value, ttlMs) => (ttlMs === undefined ? client.set(key, value) : client.set(key, value, 'PX', ttlMs)),
      setIfAbsent: (key, value, ttlMs) => client.set(key, value, 'PX', ttlMs, 'NX'),
      pttl: (key) => client.pttl(key),
      evaluate: (script, key, values) => client.eval(script, 1, key, ...values),
    };
  }
  throw new TypeError(
    'createRedisTokenStore: the client must be one of the package redis (version 4 or later) or ioredis; this one has neither pTTL() nor pttl().',
  );
}

const isNodeRedis = (client: NodeRedisLike | IoRedisLike): client is NodeRedisLike =>
  typeof (client as Partial<NodeRedisLike> | null)?.pTTL === 'function';
const isIoRedis = (client: NodeRedisLike | IoRedisLike): client is IoRedisLike =>
  typeof (client as Partial<IoRedisLike> | null)?.pttl === 'function';
