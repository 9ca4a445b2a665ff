/** Counts the work under way. `close()` waits for it. */
export interface Pending {
  begin(): void;
  end(): void;
  /** Counts a promise until it settles. @returns the promise */
  track<T>(work: Promise<T>): Promise<T>;
  /** Resolves when nothing is under way. */
  none(): Promise<void>;
}

export function createPending(): Pending {
  let count = 0;
  const waiting: (() => void)[] = [];
  const end = () => {
    count -= 1;
    if (count === 0) for (const resolve of waiting.splice(0)) resolve();
  };
  return {
    begin() {
      count += 1;
    },
    end,
    track(work) {
      count += 1;
      work.then(end, end);
      return work;
    },
    async none() {
      // When work ends, it may start other work at once.
      while (count > 0) await new Promise<void>((resolve) => waiting.push(resolve));
    },
  };
}
