/** A list that keeps its newest entries. */
export interface BoundedLog<T> {
  /** Oldest first. It is always the same array. */
  readonly entries: T[];
  push(entry: T): void;
  clear(): void;
}

export const MAX_ENTRIES = 10_000;
const MAX_BYTES = 64 * 2 ** 20;

/** Keeps the newest 10,000 entries, and fewer where they hold more than 64 MB. @param sizeOf bytes of an entry, about */
export function createBoundedLog<T>(sizeOf: (entry: T) => number): BoundedLog<T> {
  const entries: T[] = [];
  const sizes: number[] = [];
  let bytes = 0;
  return {
    entries,
    push(entry) {
      entries.push(entry);
      bytes += sizes[sizes.push(sizeOf(entry)) - 1] ?? 0;
      while (entries.length > MAX_ENTRIES || (bytes > MAX_BYTES && entries.length > 1)) {
        entries.shift();
        bytes -= sizes.shift() ?? 0;
      }
    },
    clear() {
      entries.length = 0;
      sizes.length = 0;
      bytes = 0;
    },
  };
}

/** Makes room in a map: its oldest entries go until it has at most `max`. */
export function keepNewest<K>(map: Map<K, unknown>, max = MAX_ENTRIES): void {
  for (const key of map.keys()) {
    if (map.size <= max) return;
    map.delete(key);
  }
}
