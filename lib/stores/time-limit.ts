import type { StoreErrorEvent } from '../events.js';
import { StoreFault } from './store-fault.js';

/** On a busy machine, where timers are late, a command takes at most so many times `storeTimeoutMs`. */
const MOST_TIMES_IF_LATE = 4;
/** The same for the first command, which may wait for the connection. */
const MOST_TIMES_IF_FIRST = 4;
/** The same for a process whose event loop is busy. It may not have sent the command or read the answer yet. */
const MOST_TIMES_IF_BUSY = 20;

export interface Limited<T> {
  readonly operation: StoreErrorEvent['operation'];
  /** Whether the store has not answered anything yet. */
  readonly isFirst: boolean;
  begin(): Promise<T>;
  /** The store did not answer in time. @returns the reason of the fault */
  onTimeout(): StoreFault['reason'];
  /** The answer came after the timeout, or after `end()`. */
  onLate(result: T): void;
  /** The store answered. */
  onAnswer(isLate: boolean): void;
}

/**
 * Runs a command for as long as the store may take. Time in which this process or its machine is busy counts less.
 *
 * @param ends gets a function that ends the wait
 */
export function withinTime<T>(
  timeoutMs: number,
  { operation, isFirst, begin, onTimeout, onLate, onAnswer }: Limited<T>,
  ends: Set<() => void>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    let timer: NodeJS.Timeout;
    const startedAt = performance.now();
    const before = performance.eventLoopUtilization?.();

    const end = () => {
      isOver = true;
      ends.delete(giveUp);
      clearTimeout(timer);
    };
    const giveUp = () => {
      end();
      reject(new StoreFault(operation, 'resting'));
    };
    const arm = () => {
      const dueAt = performance.now() + timeoutMs;
      // Expires after the answers that have arrived meanwhile are read.
      timer = setTimeout(() => setImmediate(expire, dueAt), timeoutMs);
    };
    const expire = (dueAt: number) => {
      if (isOver) return;
      const now = performance.now();
      // Some runtimes do not measure it.
      const loop = before && performance.eventLoopUtilization(before);
      const isBusy = loop !== undefined && loop.active > loop.idle;
      const isLate = now - dueAt > timeoutMs / 10;
      const most = isBusy ? MOST_TIMES_IF_BUSY : isLate ? MOST_TIMES_IF_LATE : isFirst ? MOST_TIMES_IF_FIRST : 1;
      if (now - startedAt < (most - 1) * timeoutMs) return arm();
      end();
      reject(new StoreFault(operation, onTimeout()));
    };

    ends.add(giveUp);
    arm();
    // Async, so that a store that throws at once rejects like any other.
    (async () => begin())().then(
      (result) => {
        onAnswer(isOver);
        if (isOver) return onLate(result);
        end();
        resolve(result);
      },
      (error: unknown) => {
        onAnswer(isOver);
        if (isOver) return;
        end();
        reject(StoreFault.of(operation, error));
      },
    );
  });
}
