/** The methods that the store calls on a client, cluster, Sentinel or pool of `redis` (node-redis 4 or later). */
export interface NodeRedisLike {
  get(key: string): Promise<unknown>;
  set(key: string, value: string, options?: { PX?: number; NX?: true }): Promise<unknown>;
  del(key: string): Promise<unknown>;
  pTTL(key: string): Promise<unknown>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
}

/** The methods that the store calls on a client or cluster of `ioredis`. */
export interface IoRedisLike {
  get(key: string): Promise<unknown>;
  set(key: string, value: string): Promise<unknown>;
  set(key: string, value: string, px: 'PX', ttlMs: number): Promise<unknown>;
  set(key: string, value: string, px: 'PX', ttlMs: number, nx: 'NX'): Promise<unknown>;
  del(key: string): Promise<unknown>;
  pttl(key: string): Promise<unknown>;
  eval(script: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>;
}

/** The commands of the store, in the same form for each client. */
export interface Commands {
  get(key: string): Promise<unknown>;
  set(key: string, value: string, ttlMs: number | undefined): Promise<unknown>;
  /** Falsy if the key exists. */
  setIfAbsent(key: string, value: string, ttlMs: number): Promise<unknown>;
  del(key: string): Promise<unknown>;
  pttl(key: string): Promise<unknown>;
  evaluate(script: string, keys: string[], args: string[]): Promise<unknown>;
}

/** @throws TypeError if the client cannot be used */
export function commandsOf(client: NodeRedisLike | IoRedisLike): Commands {
  const reason = unusableBecause(client);
  if (reason) throw new TypeError(`createRedisTokenStore: ${reason}`);
  const common = { get: (key: string) => client.get(key), del: (key: string) => client.del(key) };
  if (isNodeRedis(client)) {
    return {
      ...common,
      set: (key, value, ttlMs) => client.set(key, value, ttlMs === undefined ? {} : { PX: ttlMs }),
      setIfAbsent: (key, value, ttlMs) => client.set(key, value, { PX: ttlMs, NX: true }),
      pttl: (key) => client.pTTL(key),
      evaluate: (script, keys, args) => client.eval(script, { keys, arguments: args }),
    };
  }
  return {
    ...common,
    set: (key, value, ttlMs) => (ttlMs === undefined ? client.set(key, value) : client.set(key, value, 'PX', ttlMs)),
    setIfAbsent: (key, value, ttlMs) => client.set(key, value, 'PX', ttlMs, 'NX'),
    pttl: (key) => client.pttl(key),
    evaluate: (script, keys, args) => client.eval(script, keys.length, ...keys, ...args),
  };
}

/** The two clients spell PTTL differently. */
const isNodeRedis = (client: NodeRedisLike | IoRedisLike): client is NodeRedisLike => has(client, 'pTTL');

const has = (client: unknown, name: string): boolean =>
  typeof (client as Record<string, unknown> | null | undefined)?.[name] === 'function';

/** What is wrong with a client, and what to do. `undefined` if it can be used. */
function unusableBecause(client: unknown): string | undefined {
  if (has(client, 'internal_send_command')) {
    return 'this client is of redis 3 or older, whose methods take callbacks. Update the package redis to 4 or later.';
  }
  const { options } = (client ?? {}) as Record<string, unknown>;
  const isLegacyMode = (options as { legacyMode?: unknown } | undefined)?.legacyMode === true;
  if (isLegacyMode || (client as object | null)?.constructor?.name === 'RedisLegacyClient') {
    return 'this client is in legacy mode, where methods take callbacks. Pass a client without legacyMode or legacy().';
  }
  if (isRest(client)) {
    return 'this client talks to a REST API, whose commands differ. Connect with the package redis or ioredis to the rediss:// URL of the same database.';
  }
  if (has(client, 'pTTL') || has(client, 'pttl')) return undefined;
  return 'client must be a client of the package redis (4 or later) or ioredis. For another store, pass it to createConnectorAuth as store.';
}

/** Such as `@upstash/redis` and `@vercel/kv`. They speak HTTP, so they cannot subscribe to a connection's events. */
const isRest = (client: unknown): boolean => has(client, 'createScript') || has(client, 'autoPipeline');
