// Imported, because tests may replace the global timers with fakes.
import { clearTimeout, setTimeout } from 'node:timers';

/** The emulator's time. It runs with the system's clock, and can be ahead of it. */
export interface EmulatorClock {
  /** Epoch milliseconds. */
  now(): number;
  /** Moves the clock forward. Waits that are due by then end. @throws TypeError for a number of milliseconds below 0 */
  advance(ms: number): void;
  /** The system's time again. Waits go on. */
  reset(): void;
  /** Resolves after `ms` milliseconds, or as soon as a signal is aborted. */
  wait(ms: number, ...signals: AbortSignal[]): Promise<void>;
  /** Ends all waits. */
  close(): void;
}

/** What `Date` can hold. */
const LATEST_MS = 8.64e15;
/** What a timer of Node can hold. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export function createClock(): EmulatorClock {
  let aheadMs = 0;
  const waits = new Set<{ readonly due: number; end(): void }>();
  const now = () => Math.floor(Date.now()) + aheadMs;

  return {
    now,
    advance(ms) {
      if (typeof ms !== 'number' || !(ms >= 0) || now() + ms > LATEST_MS) {
        throw new TypeError(`advanceClock: ms must be a number of milliseconds, 0 or more; received ${String(ms)}.`);
      }
      aheadMs += Math.floor(ms);
      for (const wait of [...waits]) if (wait.due <= now()) wait.end();
    },
    reset() {
      aheadMs = 0;
    },
    wait: (ms, ...signals) =>
      new Promise((resolve) => {
        if (signals.some(({ aborted }) => aborted)) return resolve();
        const wait = {
          due: now() + ms,
          end() {
            clearTimeout(timer);
            for (const signal of signals) signal.removeEventListener('abort', wait.end);
            waits.delete(wait);
            resolve();
          },
        };
        const timer = setTimeout(wait.end, Math.min(ms, LONGEST_TIMER_MS));
        // A wait alone keeps no process alive; the server does.
        timer.unref();
        for (const signal of signals) signal.addEventListener('abort', wait.end);
        waits.add(wait);
      }),
    close() {
      for (const wait of [...waits]) wait.end();
    },
  };
}
