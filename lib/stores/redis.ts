import { createHash, randomUUID } from 'node:crypto';
import { createShardFinder } from './redis-cluster.js';
import { commandsOf, type IoRedisLike, type NodeRedisLike } from './redis-commands.js';
import {
  type Claimed,
  lockKeyOf,
  ROUND_TRIPS,
  type RoundTrips,
  type TokenLock,
  type TokenStore,
} from './token-store.js';

export type { IoRedisLike, NodeRedisLike } from './redis-commands.js';
export type { TokenLock, TokenStore } from './token-store.js';

/** The options of `createRedisTokenStore`. */
export interface RedisTokenStoreOptions {
  /**
   * Text before every key. Fleets that must not share tokens, such as test and production, need different prefixes.
   * @default 'axios-liveperson-auth:'
   */
  prefix?: string | undefined;
}

/** In bytes. A longer value is cut in Redis, so that it does not burden the process. No entry is nearly as long. */
const LONGEST_VALUE = 64 * 1024;

/** The lock's value is the owner and a serial number. The number changes with each extension, so others see that the owner lives. */
const SCRIPTS = {
  read: `local values = redis.call('MGET', unpack(KEYS))
local out = {}
for i = 1, #KEYS do
  local value = values[i]
  if value then out[2 * i] = redis.call('PTTL', KEYS[i]) else out[2 * i] = -1 end
  if value and #value > ${LONGEST_VALUE} then value = string.sub(value, 1, ${LONGEST_VALUE + 1}) end
  out[2 * i - 1] = value
end
return out`,
  watch: `return redis.call('MGET', unpack(KEYS))`,
  claim: `local out = {}
for i = 1, #KEYS / 2 do
  local key, lock, owner, known = KEYS[2 * i - 1], KEYS[2 * i], ARGV[2 * i], ARGV[2 * i + 1]
  local value = redis.pcall('GET', key)
  if type(value) == 'table' then
    out[i] = {2, value.err}
  else
    if value and #value > ${LONGEST_VALUE} then value = string.sub(value, 1, ${LONGEST_VALUE + 1}) end
    if value and (known == '' or redis.sha1hex(value) ~= known) then
      out[i] = {0, value, redis.call('PTTL', key)}
    else
      local holder = redis.call('GET', lock)
      if holder and string.sub(holder, 1, #owner) ~= owner then
        out[i] = {0}
      else
        redis.call('SET', lock, owner .. ':0', 'PX', ARGV[1])
        out[i] = {1}
      end
    end
  end
end
return out`,
  release: `if string.sub(redis.call('GET', KEYS[1]) or '', 1, #ARGV[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`,
  extend: `if string.sub(redis.call('GET', KEYS[1]) or '', 1, #ARGV[1]) ~= ARGV[1] then return 0 end
return redis.call('SET', KEYS[1], ARGV[1] .. ':' .. ARGV[2], 'PX', ARGV[3])`,
  keep: `return redis.call('PEXPIRE', KEYS[1], ARGV[1])`,
  // Another process may replace the entry between a read and the delete. A digest, because tracing tools record arguments.
  deleteIfEqual: `local value = redis.call('GET', KEYS[1])
if value and redis.sha1hex(value) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`,
} as const;

/** Fewer keys than Lua's `unpack` takes. */
const BATCH_SIZE = 100;

/**
 * A token store on Redis 2.8 or later, or Valkey. You connect and end the client: a client, cluster, Sentinel or pool of `redis`
 * (node-redis 4 or later), or a client or cluster of `ioredis`. docs/fleet.md lists the commands that its user needs.
 *
 * @example
 * const store = createRedisTokenStore(client);
 * const auth = createConnectorAuth({ accountId, clientId, clientSecret, store, storeSecret });
 *
 * @throws TypeError if the client cannot be used, or the prefix is not a string
 */
export function createRedisTokenStore(
  client: NodeRedisLike | IoRedisLike,
  { prefix = 'axios-liveperson-auth:' }: RedisTokenStoreOptions = {},
): Required<TokenStore> {
  if (typeof prefix !== 'string') throw new TypeError('createRedisTokenStore: prefix must be a string.');
  const commands = commandsOf(client);
  const findShard = createShardFinder(client);
  // In a cluster, the braces keep an entry and its lock on the same shard.
  const nameOf = (key: string) => prefix + (findShard ? key.replace(/^(lock:)?(.*)$/, '$1{$2}') : key);
  const run = (script: keyof typeof SCRIPTS, keys: readonly string[], ...args: string[]) =>
    commands.evaluate(SCRIPTS[script], keys.map(nameOf), args);

  function lockBy(owner: string, key: string): TokenLock {
    let extensions = 0;
    return Object.assign(() => run('release', [key], owner), {
      extend: (ttlMs: number) => run('extend', [key], owner, String(++extensions), wholeMs(ttlMs)),
    });
  }

  const roundTrips: RoundTrips = {
    batchSize: findShard ? 1 : BATCH_SIZE,
    async read(keys) {
      const answer = listOf(await run('read', keys));
      return keys.map((_, index) => ({ value: answer[2 * index], leftMs: toNumber(answer[2 * index + 1]) }));
    },
    watch: async (keys) => listOf(await run('watch', keys.map(lockKeyOf))),
    async claim(attempts, lockMs) {
      const keys = attempts.flatMap(({ key }) => [key, lockKeyOf(key)]);
      const args = attempts.flatMap(({ owner, known }) => [owner, known === undefined ? '' : sha1(known)]);
      return listOf(await run('claim', keys, wholeMs(lockMs), ...args)).map((each): Claimed => {
        const [outcome, value, leftMs] = listOf(each);
        if (Number(outcome) === 2) return { isOurs: false, value: undefined, error: new Error(String(value)) };
        return { isOurs: Number(outcome) === 1, value, leftMs: toNumber(leftMs) };
      });
    },
    lockOf: ({ key, owner }) => lockBy(owner, lockKeyOf(key)),
    keep: (key, ttlMs) => run('keep', [key], wholeMs(ttlMs)),
    shardOf: (key) => findShard?.(nameOf(key)) ?? '',
  };

  const store: Required<TokenStore> = {
    async get(key) {
      // A client may be configured to return buffers. The caller checks the type.
      return ((await commands.get(nameOf(key))) as string | null) ?? undefined;
    },
    set: (key, value, ttlMs) => commands.set(nameOf(key), value, ttlMs === undefined ? undefined : Math.ceil(ttlMs)),
    delete: (key, value) =>
      value === undefined ? commands.del(nameOf(key)) : run('deleteIfEqual', [key], sha1(value)),
    async lock(key, ttlMs) {
      const owner = randomUUID();
      const isOurs = await commands.setIfAbsent(nameOf(key), `${owner}:0`, Math.ceil(ttlMs));
      return isOurs ? lockBy(owner, key) : undefined;
    },
    async getTtl(key) {
      // Negative if there is no entry, or the entry does not expire.
      const leftMs = Number(await commands.pttl(nameOf(key)));
      return leftMs > 0 ? leftMs : undefined;
    },
  };
  return Object.defineProperty(store, ROUND_TRIPS, { value: roundTrips });
}

const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex');

const wholeMs = (ms: number): string => String(Math.ceil(ms));

const listOf = (answer: unknown): readonly unknown[] => {
  if (Array.isArray(answer)) return answer;
  throw new TypeError('Redis answered with no list');
};

const toNumber = (value: unknown): number | undefined =>
  value === undefined || value === null ? undefined : Number(value);
