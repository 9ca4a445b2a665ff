import { LRUCache } from 'lru-cache';
import type { TokenStore } from './token-store.js';

/** What `createMemoryTokenStore` can be told. */
export interface MemoryTokenStoreOptions {
  /**
   * How many entries are kept; the least recently used goes first.
   * @default 10_000
   */
  max?: number | undefined;
}

/** A token store in the memory of this process, for several `createConnectorAuth` in it that shall share their tokens. */
export function createMemoryTokenStore({ max = 10_000 }: MemoryTokenStoreOptions = {}): Required<TokenStore> {
  const entries = new LRUCache<string, string>({ max });
  const locks = new LRUCache<string, symbol>({ max });

  return {
    get: async (key) => entries.get(key),
    set: async (key, value, ttlMs) => void entries.set(key, value, ttlMs === undefined ? {} : { ttl: ttlMs }),
    async delete(key, value) {
      if (value === undefined || entries.peek(key) === value) entries.delete(key);
    },
    async lock(key, ttlMs) {
      if (locks.has(key)) return undefined;
      const owner = Symbol(key);
      const isOurs = () => locks.peek(key) === owner;
      locks.set(key, owner, { ttl: ttlMs });
      return Object.assign(
        async () => {
          if (isOurs()) locks.delete(key);
        },
        {
          async extend(newTtlMs: number) {
            if (isOurs()) locks.set(key, owner, { ttl: newTtlMs });
          },
        },
      );
    },
    async getTtl(key) {
      const leftMs = entries.getRemainingTTL(key);
      return Number.isFinite(leftMs) && leftMs > 0 ? leftMs : undefined;
    },
  };
}
