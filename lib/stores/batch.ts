/**
 * Items of the same moment share commands: a burst of 500 consumers takes 5 reads, not 500.
 *
 * @param size how many items one command takes
 */
export function createBatch<Item, Result>(
  size: number,
  runAll: (items: readonly Item[]) => Promise<readonly Result[]>,
): (item: Item) => Promise<Result> {
  let waiting: Waiting<Item, Result>[] = [];

  function send(): void {
    const all = waiting;
    waiting = [];
    for (let start = 0; start < all.length; start += size) {
      const some = all.slice(start, start + size);
      runAll(some.map(({ item }) => item)).then(
        (results) => {
          for (const [index, { resolve }] of some.entries()) resolve(results[index] as Result);
        },
        (error: unknown) => {
          for (const { reject } of some) reject(error);
        },
      );
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      // Runs when the promises that are ready now have run, so all callers of this moment are in.
      if (waiting.length === 0) process.nextTick(send);
      waiting.push({ item, resolve, reject });
    });
}

interface Waiting<Item, Result> {
  readonly item: Item;
  resolve(result: Result): void;
  reject(error: unknown): void;
}
