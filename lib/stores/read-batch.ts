/** Reads of the same moment share commands: a burst of 500 consumers takes 5 commands, not 500. */
export function createReadBatch<T>(
  size: number,
  readAll: (keys: readonly string[]) => Promise<readonly T[]>,
): (key: string) => Promise<T> {
  let waiting: Waiting<T>[] = [];

  function send(): void {
    const all = waiting;
    waiting = [];
    for (let start = 0; start < all.length; start += size) {
      const some = all.slice(start, start + size);
      readAll(some.map(({ key }) => key)).then(
        (values) => {
          for (const [index, { resolve }] of some.entries()) resolve(values[index] as T);
        },
        (error: unknown) => {
          for (const { reject } of some) reject(error);
        },
      );
    }
  }

  return (key) =>
    new Promise((resolve, reject) => {
      // Runs when the promises that are ready now have run, so all callers of this moment are in.
      if (waiting.length === 0) process.nextTick(send);
      waiting.push({ key, resolve, reject });
    });
}

interface Waiting<T> {
  readonly key: string;
  resolve(value: T): void;
  reject(error: unknown): void;
}
