import { type Memory, openMemory } from './memory.js';

/** Does the work of a key once. The same key again gets the same outcome. Work that failed may be tried again. */
export type Once<T> = (key: string, work: () => Promise<T>) => Promise<T>;

/**
 * Remembers the outcome of the latest keys in `memory`, under names that begin with `prefix`. A crash between the work and its
 * note does the work again: the channel and LivePerson then get a message with an id that they know.
 */
export function createOnce<T>(
  memory: Memory = openMemory(),
  prefix = '',
  max = 10_000,
): Once<T> & { forget(key: string): void } {
  const underWay = new Map<string, Promise<T>>();
  const known = [...memory.keys()].filter((name) => name.startsWith(prefix));

  function remember(name: string, outcome: T): void {
    memory.set(name, outcome ?? null);
    known.push(name);
    if (known.length > max) memory.delete(known.shift() ?? '');
  }

  const once: Once<T> = (key, work) => {
    const name = prefix + key;
    const running = underWay.get(name);
    if (running) return running;
    if (memory.has(name)) return Promise.resolve(memory.get(name) as T);
    const outcome = work().then(
      (value) => {
        remember(name, value);
        underWay.delete(name);
        return value;
      },
      (error) => {
        underWay.delete(name);
        throw error;
      },
    );
    underWay.set(name, outcome);
    return outcome;
  };
  return Object.assign(once, { forget: (key: string) => memory.delete(prefix + key) });
}
