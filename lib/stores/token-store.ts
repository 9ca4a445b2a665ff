/**
 * Where several processes share their tokens: `createRedisTokenStore` of `axios-liveperson-auth/redis`, a `Keyv` instance as it
 * stands, or one of your own.
 *
 * A store may be slow, down or wrong: what fails, throws or takes longer than `storeTimeoutMs` is a miss and a `store-error`
 * event, and no request fails for it. Every method may be called many times at once. Keys are printable ASCII without spaces,
 * of at most 200 characters; values are ASCII of a few KiB.
 */
export interface TokenStore {
  /** What was last set under the key; `undefined` (or `null`) when there is nothing, or its time is up. */
  get(key: string): Promise<string | undefined>;
  /**
   * @param ttlMs milliseconds, more than 0, after which the entry is gone; without it the entry stays until it is deleted or
   * the store needs the room
   * @returns anything; `false` says that it was not kept
   */
  set(key: string, value: string, ttlMs?: number): Promise<unknown>;
  /**
   * Deletes an entry; that there is none is no failure.
   *
   * @param value where the store can compare, only this value is deleted; a newer one stays. A store that cannot ignores it: at
   * worst a token is then fetched once more
   */
  delete(key: string, value?: string): Promise<unknown>;
  /**
   * Takes a lock that only one process has at a time. With it a whole fleet fetches a token once; without it each process that
   * misses the token at the same moment does.
   *
   * @param ttlMs milliseconds after which it is free again, should its holder die
   * @returns the lock; `undefined` when another has it
   */
  lock?(key: string, ttlMs: number): Promise<TokenLock | undefined>;
  /**
   * How long an entry still has by the store's own clock, in milliseconds; `undefined` when that is not known. With it the
   * life of a token does not depend on the clocks of the hosts that share it.
   */
  getTtl?(key: string): Promise<number | undefined>;
}

/** Gives the lock back. One that has lapsed, and is another's by now, stays. */
export interface TokenLock {
  (): Promise<unknown>;
  /** Has the lock live for so many milliseconds from now. Called while its holder still retries; without it the lock lapses. */
  extend?(ttlMs: number): Promise<unknown>;
}
