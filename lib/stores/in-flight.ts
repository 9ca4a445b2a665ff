/** Runs work when there is room: at most `max` pieces at a time, first come, first served. */
export function createInFlight(max: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let room = max;
  return async (work) => {
    if (room > 0) room -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      // The room goes to the next one, so that no later work overtakes it.
      const next = waiting.shift();
      if (next) next();
      else room += 1;
    }
  };
}
