import type { StoreErrorEvent } from '../events.js';
import { StoreFault } from './store-fault.js';

/** How often a command gets more time because the process itself was busy. */
const MOST_EXTENSIONS = 4;

export interface Limited<T> {
  readonly operation: StoreErrorEvent['operation'];
  begin(): Promise<T>;
  /** The store did not answer in time. @returns the reason of the fault */
  onTimeout(): StoreFault['reason'];
  /** The answer came after the timeout, or after `end()`. */
  onLate(result: T): void;
  /** The store answered, in time or late. */
  onAnswer(): void;
}

/**
 * Runs a command for as long as the store may take. Time in which this process was too busy to read the answer does not count.
 *
 * @param ends gets a function that ends the wait
 */
export function withinTime<T>(
  timeoutMs: number,
  { operation, begin, onTimeout, onLate, onAnswer }: Limited<T>,
  ends: Set<() => void>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    let timer: NodeJS.Timeout;
    let extensions = 0;

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
      timer = setTimeout(() => setImmediate(expire, dueAt), timeoutMs);
    };
    // Runs after the answers that have arrived meanwhile are read.
    const expire = (dueAt: number) => {
      if (isOver) return;
      const wasBusy = performance.now() - dueAt > timeoutMs / 5;
      if (wasBusy && extensions++ < MOST_EXTENSIONS) return arm();
      end();
      reject(new StoreFault(operation, onTimeout()));
    };

    ends.add(giveUp);
    arm();
    // Async, so that a store that throws at once rejects like any other.
    (async () => begin())().then(
      (result) => {
        onAnswer();
        if (isOver) return onLate(result);
        end();
        resolve(result);
      },
      (error: unknown) => {
        onAnswer();
        if (isOver) return;
        end();
        reject(StoreFault.of(operation, error));
      },
    );
  });
}
