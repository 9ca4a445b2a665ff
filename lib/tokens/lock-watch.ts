import type { Clock } from '../clock.js';
import type { GuardedStore } from '../stores/guarded-store.js';
import type { IsWanted } from '../wait.js';

/** Waits for the locks of other processes. One read serves all waiting tokens. */
export interface LockWatch {
  /**
   * Waits until nobody has the lock of a key, nobody waits for its token any more, or the wait takes too long.
   *
   * @returns how long it waited, in milliseconds, and whether the holder was lost: it neither released nor extended the lock
   * @throws StoreFault
   */
  untilFree(key: string, isWanted: IsWanted, longestMs: number): Promise<{ waitedMs: number; isHolderLost: boolean }>;
}

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;
/** A round that reads many keys comes less often. In milliseconds for each command and for each key. */
const PAUSE_PER_COMMAND_MS = 2;
const PAUSE_PER_KEY_MS = 0.2;

interface Waiting {
  readonly key: string;
  readonly isWanted: IsWanted;
  readonly longestMs: number;
  waitedMs: number;
  /** The lock's value, and since when it is unchanged. */
  holder: unknown;
  since: number;
  resolve(result: { waitedMs: number; isHolderLost: boolean }): void;
  reject(error: unknown): void;
}

export function createLockWatch(guarded: GuardedStore, lockMs: number, clock: Clock): LockWatch {
  const waiting = new Set<Waiting>();

  async function watchAll(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    while (waiting.size > 0) {
      const commands = Math.ceil(waiting.size / guarded.watchSize);
      const roundMs = pauseMs + commands * PAUSE_PER_COMMAND_MS + waiting.size * PAUSE_PER_KEY_MS;
      await guarded.pause(roundMs);
      for (const each of waiting) {
        each.waitedMs += roundMs;
        if (!each.isWanted() || each.waitedMs >= each.longestMs) end(each, false);
      }
      const before = waiting.size;
      const all = [...waiting];
      const rounds: Promise<void>[] = [];
      for (let start = 0; start < all.length; start += guarded.watchSize)
        rounds.push(look(all.slice(start, start + guarded.watchSize)));
      await Promise.all(rounds);
      pauseMs = waiting.size < before ? FIRST_PAUSE_MS : Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  async function look(some: readonly Waiting[]): Promise<void> {
    try {
      const holders = await guarded.watch(some.map(({ key }) => key));
      for (const [index, each] of some.entries()) note(each, holders[index]);
    } catch (error) {
      for (const each of some) {
        waiting.delete(each);
        each.reject(error);
      }
    }
  }

  function note(each: Waiting, holder: unknown): void {
    const now = clock.now();
    if (holder === undefined || holder === null) {
      // A holder that works extends its lock three times in its life.
      end(each, now - each.since > (lockMs * 2) / 3);
    } else if (holder !== each.holder) {
      each.holder = holder;
      each.since = now;
    }
  }

  function end(each: Waiting, isHolderLost: boolean): void {
    waiting.delete(each);
    each.resolve({ waitedMs: each.waitedMs, isHolderLost });
  }

  return {
    untilFree: (key, isWanted, longestMs) =>
      new Promise((resolve, reject) => {
        const isFirst = waiting.size === 0;
        const since = clock.now();
        waiting.add({ key, isWanted, longestMs, waitedMs: 0, holder: undefined, since, resolve, reject });
        if (isFirst) void watchAll();
      }),
  };
}
