import { LRUCache } from 'lru-cache';
import { ownOf } from './own.js';

/** A cache that drops its least recently used entry. */
export interface Lru<V extends object> {
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  delete(key: string): void;
  entries(): Iterable<[string, V]>;
  values(): Iterable<V>;
  size(): number;
}

/**
 * Options that inherit nothing. Without them, lru-cache would write tokens into an object at `Object.prototype.status`. It adds
 * properties to its options, so each call needs its own.
 */
class NoOptions {
  readonly status = undefined as never;
}
Object.setPrototypeOf(NoOptions.prototype, null);

/** @param max the number of entries that stay */
export function createLru<V extends object>(max: number, dispose?: LRUCache.Disposer<string, V>): Lru<V> {
  const options = ownOf({ max, ...(dispose && { dispose }) });
  const cache = new LRUCache<string, V>(options as LRUCache.Options<string, V, unknown>);
  return {
    get: (key) => cache.get(key, new NoOptions()),
    set: (key, value) => void cache.set(key, value, new NoOptions()),
    delete: (key) => void cache.delete(key),
    entries: () => cache.entries(),
    values: () => cache.values(),
    size: () => cache.size,
  };
}
