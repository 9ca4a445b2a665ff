import { createMemoryTokenStore, type TokenStore } from '../../lib/index.js';

/** A store that writes down what was asked of it, and lets a test bend its answers. */
export interface SpyStore extends Required<TokenStore> {
  /** Such as `get appJwt`, `set consumerJws`, `lock consumerJws`: operation and kind of the key. */
  readonly calls: string[];
  readonly entries: Map<string, string>;
  readonly ttls: Map<string, number | undefined>;
  /** What happens in place of an operation; `undefined` for its own doing. */
  bend: (operation: keyof TokenStore, key: string) => unknown;
}

export function createSpyStore(): SpyStore {
  const memory = createMemoryTokenStore();
  const entries = new Map<string, string>();
  const ttls = new Map<string, number | undefined>();
  const calls: string[] = [];

  const note = <T>(operation: keyof TokenStore, key: string, own: () => Promise<T>): Promise<T> => {
    calls.push(`${operation} ${/(appJwt|consumerJws)/.exec(key)?.[1]}`);
    return (spy.bend(operation, key) as Promise<T> | undefined) ?? own();
  };

  const spy: SpyStore = {
    calls,
    entries,
    ttls,
    bend: () => undefined,
    get: (key) => note('get', key, async () => entries.get(key)),
    set: (key, value, ttlMs) =>
      note('set', key, async () => {
        ttls.set(key, ttlMs);
        entries.set(key, value);
      }),
    delete: (key, value) =>
      note('delete', key, async () => {
        if (value === undefined || entries.get(key) === value) entries.delete(key);
      }),
    lock: (key, ttlMs) => note('lock', key, () => memory.lock(key, ttlMs)),
    getTtl: (key) => note('getTtl', key, async () => ttls.get(key)),
  };
  return spy;
}

/** The key of the only entry of a kind. */
export function keyIn(store: SpyStore, kind: 'appJwt' | 'consumerJws'): string {
  const keys = [...store.entries.keys()].filter((key) => key.startsWith(`${kind}:`));
  if (keys.length !== 1) throw new Error(`there are ${keys.length} entries of ${kind}`);
  return keys[0] ?? '';
}
