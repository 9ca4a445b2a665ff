/**
 * Where several processes share their tokens: `createRedisTokenStore` of `axios-liveperson-auth/redis`, a `Keyv` instance, or
 * your own store.
 *
 * A store may be slow, down or wrong. If a method fails, throws or takes longer than `storeTimeoutMs`, the token counts as
 * missing and there is a `store-error` event. No request fails because of it. Every method may be called many times at once.
 * Keys are printable ASCII without spaces, at most 200 characters. Values are ASCII of a few KiB.
 */
export interface TokenStore {
  /** Returns the last value of a key. Returns `undefined` or `null` if there is none, or if its time is over. */
  get(key: string): Promise<string | undefined>;
  /**
   * Sets the value of a key.
   *
   * @param ttlMs a whole number of milliseconds, at least 1, after which the entry is gone. Without it, the entry stays
   * @returns anything. `false` means that the store did not keep the value
   */
  set(key: string, value: string, ttlMs?: number): Promise<unknown>;
  /**
   * Deletes an entry. It is not an error if there is none.
   *
   * @param value if given, only this value is deleted, and a newer one stays. A store that cannot compare may ignore it: in the
   * worst case, a token is fetched once more
   */
  delete(key: string, value?: string): Promise<unknown>;
  /**
   * Takes a lock that only one process can have at a time. With it, a fleet fetches a token once. Without it, each process that
   * misses the token fetches it.
   *
   * @param ttlMs milliseconds after which the lock is free again, if its holder does not extend it
   * @returns the lock, or `undefined` if another process has it
   */
  lock?(key: string, ttlMs: number): Promise<TokenLock | undefined>;
  /**
   * How long an entry stays by the store's own clock, in milliseconds. `undefined` if that is not known. With it, the lifetime
   * of a token does not depend on the clocks of the hosts that share it.
   */
  getTtl?(key: string): Promise<number | undefined>;
}

/** Releases the lock. It does nothing if the lock has expired, even if another process has it now. */
export interface TokenLock {
  (): Promise<unknown>;
  /** Sets the remaining life of the lock. It is called while the holder still works. Without it, the lock expires. */
  extend?(ttlMs: number): Promise<unknown>;
}

/** The key of an entry's lock. */
export const lockKeyOf = (key: string): string => `lock:${key}`;

/**
 * The property of a store that has `RoundTrips`. It is not enumerable, so a copy of a store, such as `{ ...store, get }`, uses
 * the methods of the copy. The ESM and CommonJS builds share the symbol.
 */
export const ROUND_TRIPS: unique symbol = Symbol.for('axios-liveperson-auth.round-trips') as never;

/** Combined operations of one round trip each. Only the store of `axios-liveperson-auth/redis` has them. */
export interface RoundTrips {
  /** How many keys one read takes. */
  readonly batchSize: number;
  /** Reads entries and their remaining lives. */
  read(keys: readonly string[]): Promise<readonly StoredValue[]>;
  /**
   * Reads who holds the locks of entries: a value that changes while the holder extends its lock, `undefined` or `null` if
   * nobody has the lock.
   */
  watch(keys: readonly string[]): Promise<readonly unknown[]>;
  /** Reads entries. Takes the lock of each entry that is missing, or that is the known one. */
  claim(attempts: readonly Attempt[], lockMs: number): Promise<readonly Claimed[]>;
  /** The lock of an attempt. Its release can be called even if the answer to the attempt was lost. */
  lockOf(attempt: Attempt): TokenLock;
  /** Sets the remaining life of an entry. */
  keep(key: string, ttlMs: number): Promise<unknown>;
  /** The part of the store that has a key. A part that hangs does not affect the others. */
  shardOf(key: string): string;
}

/** An entry as the store returned it, unchecked. `leftMs` is its remaining life, if known. */
export interface StoredValue {
  readonly value: unknown;
  readonly leftMs?: unknown;
}

/** An attempt to take the lock of an entry. */
export interface Attempt {
  readonly key: string;
  /** Unique for each attempt. */
  readonly owner: string;
  /** A value of the entry that does not count. */
  readonly known: string | undefined;
}

/** The result of an attempt. If the lock is not ours and there is no value, another process has the lock. */
export interface Claimed extends StoredValue {
  readonly isOurs: boolean;
  /** The store's error for this entry. */
  readonly error?: Error | undefined;
}

/** The combined operations of a store that has them. */
export function roundTripsOf(store: TokenStore): RoundTrips | undefined {
  return Object.hasOwn(store, ROUND_TRIPS) ? (store as { [ROUND_TRIPS]?: RoundTrips })[ROUND_TRIPS] : undefined;
}
