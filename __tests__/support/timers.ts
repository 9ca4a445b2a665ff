/** A length that no other timer has. */
export const HELD_MS = 54_321;

/** The timers of one length. The test ends them; time does not. */
export interface HeldTimers {
  /** How many are set, and neither cleared nor ended. */
  readonly waiting: number;
  /** Ends those that are set now. */
  end(): void;
}

const restores: (() => void)[] = [];

/**
 * Holds the timers that are set from now on for so many milliseconds, until `releaseTimers()`. Timers of Node itself, such as
 * a socket's, are not among them.
 */
export function holdTimers(ms = HELD_MS): HeldTimers {
  const { setTimeout: start, clearTimeout: stop } = globalThis;
  const waiting = new Map<unknown, () => void>();

  const startHeld = (work: (...args: unknown[]) => void, delayMs?: number, ...args: unknown[]) => {
    if (delayMs !== ms) return start(work, delayMs, ...args);
    const timer = start(() => {}, 0);
    waiting.set(timer, () => work(...args));
    return timer;
  };
  const stopHeld: typeof clearTimeout = (timer) => {
    waiting.delete(timer);
    stop(timer as NodeJS.Timeout);
  };
  globalThis.setTimeout = startHeld as typeof setTimeout;
  globalThis.clearTimeout = stopHeld;
  restores.push(() => Object.assign(globalThis, { setTimeout: start, clearTimeout: stop }));

  return {
    get waiting() {
      return waiting.size;
    },
    end() {
      for (const [timer, work] of [...waiting]) {
        waiting.delete(timer);
        work();
      }
    },
  };
}

/** The intervals that are set from now on, until `releaseTimers()`. They run when the test says so. */
export function holdIntervals(): { run(): void } {
  const { setInterval: start, clearInterval: stop, setTimeout: startTimer } = globalThis;
  const set = new Map<unknown, () => void>();
  const startHeld = (work: () => void) => {
    const timer = startTimer(() => {}, 0);
    set.set(timer, work);
    return timer;
  };
  const stopHeld: typeof clearInterval = (timer) => {
    set.delete(timer);
    stop(timer as NodeJS.Timeout);
  };
  globalThis.setInterval = startHeld as typeof setInterval;
  globalThis.clearInterval = stopHeld;
  restores.push(() => Object.assign(globalThis, { setInterval: start, clearInterval: stop }));
  return {
    run() {
      for (const work of set.values()) work();
    },
  };
}

/** Lets timers run by time again. */
export function releaseTimers(): void {
  for (const restore of restores.splice(0).reverse()) restore();
}
