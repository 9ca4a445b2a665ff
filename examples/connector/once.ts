import { LRUCache } from 'lru-cache';

/** Does the work of a key once. Whoever brings the same key again gets the same outcome; what has failed may be tried again. */
export type Once<T> = (key: string, work: () => Promise<T>) => Promise<T>;

/** Remembers so many keys, the latest. In memory: a connector of several processes, or one that restarts, keeps them in a database. */
export function createOnce<T>(max = 10_000): Once<T> & { forget(key: string): void } {
  const known = new LRUCache<string, Promise<T>>({ max });
  const once: Once<T> = (key, work) => {
    const before = known.get(key);
    if (before) return before;
    const outcome = work();
    known.set(key, outcome);
    outcome.catch(() => known.delete(key));
    return outcome;
  };
  return Object.assign(once, { forget: (key: string) => void known.delete(key) });
}
