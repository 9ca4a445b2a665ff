import type { Clock } from '../clock.js';
import type { StoreErrorEvent } from '../events.js';
import type { Pending } from '../pending.js';
import type { TokenLock, TokenStore } from './token-store.js';

/** Why an operation of the store failed. `resting`: it was not tried, because the store did not answer lately. */
export class StoreFault extends Error {
  constructor(
    readonly operation: StoreErrorEvent['operation'],
    readonly reason: StoreErrorEvent['reason'] | 'resting',
    /** The store's own word for it, such as `ECONNREFUSED` or `OOM`. Nothing else of its error: that may hold the value. */
    readonly code: string | undefined = undefined,
  ) {
    super(`${operation}: ${code ?? reason}`);
  }

  static of(operation: StoreErrorEvent['operation'], error: unknown): StoreFault {
    return error instanceof StoreFault ? error : new StoreFault(operation, 'failed', codeOf(error));
  }
}

/**
 * A store that cannot fail or hold up a request: each operation ends in time, and fails only with a StoreFault.
 *
 * A store that did not answer in time is left alone for a while, and all waits for it end. So a request that needs several
 * entries waits for a dead store only once.
 */
export interface GuardedStore {
  readonly canLock: boolean;
  get(key: string): Promise<string | undefined>;
  /** @param makeValue called when the write's turn comes */
  set(key: string, makeValue: () => Promise<string>, ttlMs: number | undefined): Promise<void>;
  delete(key: string, value?: string): Promise<void>;
  /** Takes a lock, and extends it while it is held. @returns its release, which never fails */
  lock(key: string, ttlMs: number): Promise<(() => void) | undefined>;
  /** `undefined` when it is not known. */
  getTtl(key: string): Promise<number | undefined>;
  /** Sleeps, unless the store is left alone. */
  pause(ms: number): Promise<void>;
  /** Ends all waits and gives locks back. Writes that have begun still end. */
  close(): void;
}

/** How long a store that did not answer in time is left alone. */
const REST_MS = 2_000;

export interface GuardedStoreParts {
  readonly store: TokenStore;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Counts what `close()` of the whole must wait for. */
  readonly pending: Pending;
}

export function guardStore({ store, timeoutMs, clock, pending }: GuardedStoreParts): GuardedStore {
  let restsUntil = Number.NEGATIVE_INFINITY;
  let isClosed = false;
  /** Ends the waits for the store, reads and pauses. */
  const waiting = new Set<() => void>();
  /** Ends the waits for writes, which close() does not end. */
  const writing = new Set<() => void>();
  const held = new Set<() => void>();
  /** The writes under way, by key. Writes of one key follow each other, and reads of the key wait for them. */
  const writes = new Map<string, Promise<unknown>>();

  const isLeftAlone = () => clock.now() < restsUntil;
  const isResting = () => isClosed || isLeftAlone();

  function rest(): void {
    restsUntil = clock.now() + REST_MS;
    endWaits();
    for (const end of [...writing]) end();
  }

  function endWaits(): void {
    for (const end of [...waiting]) end();
  }

  /** Runs an operation for as long as the store may take. A later result goes to `onLate`. */
  function bounded<T>(
    operation: StoreErrorEvent['operation'],
    begin: () => Promise<T>,
    onLate: (result: T) => void = () => {},
  ): Promise<T> {
    const ends = operation === 'set' || operation === 'delete' ? writing : waiting;
    return new Promise((resolve, reject) => {
      let isOver = false;
      const end = () => {
        isOver = true;
        ends.delete(giveUp);
        clearTimeout(timer);
      };
      const giveUp = () => {
        end();
        reject(new StoreFault(operation, 'resting'));
      };
      const onTimeout = () => {
        if (isOver) return;
        end();
        reject(new StoreFault(operation, 'timeout'));
        rest();
      };
      // An answer that arrived while this process was busy is read before the timeout counts.
      const timer = setTimeout(() => setImmediate(onTimeout), timeoutMs);
      ends.add(giveUp);
      // Async, so that a store that throws at once rejects like any other.
      (async () => begin())().then(
        (result) => {
          if (isOver) return onLate(result);
          end();
          resolve(result);
        },
        (error: unknown) => {
          if (isOver) return;
          end();
          reject(StoreFault.of(operation, error));
        },
      );
    });
  }

  async function attempt<T>(...args: Parameters<typeof bounded<T>>): Promise<T> {
    if (isResting()) throw new StoreFault(args[0], 'resting');
    return bounded(...args);
  }

  function write(key: string, work: () => Promise<void>): Promise<void> {
    const before = writes.get(key);
    const done = before ? before.then(work, work) : work();
    const settled = done.catch(() => {}).finally(() => writes.get(key) === settled && writes.delete(key));
    writes.set(key, settled);
    return done;
  }

  /** A lock that cannot be given back expires. */
  function giveBack(lock: TokenLock | undefined): void {
    if (typeof lock === 'function') inBackground(lock);
  }

  /** No request waits for it, and its failure fails none. */
  function inBackground(work: () => unknown): void {
    const done = bounded('delete', async () => work());
    pending.track(done).catch(() => {});
  }

  return {
    canLock: store.lock !== undefined,
    async get(key) {
      if (isResting()) throw new StoreFault('get', 'resting');
      await writes.get(key);
      const value: unknown = await attempt('get', () => store.get(key));
      if (value === undefined || value === null) return undefined;
      if (typeof value !== 'string') throw new StoreFault('get', 'unusable');
      return value;
    },
    set: (key, makeValue, ttlMs) =>
      write(key, async () => {
        if (isLeftAlone()) throw new StoreFault('set', 'resting');
        const value = await makeValue();
        const answer = await bounded('set', () => store.set(key, value, ttlMs));
        if (answer === false) throw new StoreFault('set', 'failed');
      }),
    // It is always tried: no request waits for it, and a token that stays there would be used again.
    delete: (key, value) =>
      write(key, async () => {
        await bounded('delete', () => (value === undefined ? store.delete(key) : store.delete(key, value)));
      }),
    async lock(key, ttlMs) {
      const lock = await attempt('lock', async () => store.lock?.(key, ttlMs), giveBack);
      if (lock === undefined || lock === null) return undefined;
      if (typeof lock !== 'function') throw new StoreFault('lock', 'unusable');
      // Three times in its life, so that one extension may be lost.
      const heartbeat = setInterval(() => lock.extend && inBackground(() => lock.extend?.(ttlMs)), ttlMs / 3);
      heartbeat.unref();
      const release = () => {
        if (!held.delete(release)) return;
        clearInterval(heartbeat);
        giveBack(lock);
      };
      held.add(release);
      return release;
    },
    async getTtl(key) {
      const leftMs: unknown = await attempt('getTtl', async () => store.getTtl?.(key));
      return typeof leftMs === 'number' && leftMs > 0 ? leftMs : undefined;
    },
    async pause(ms) {
      if (isResting()) return;
      await new Promise<void>((resolve) => {
        const end = () => {
          waiting.delete(end);
          clearTimeout(timer);
          resolve();
        };
        const timer = setTimeout(end, ms);
        waiting.add(end);
      });
    },
    close() {
      isClosed = true;
      endWaits();
      for (const release of [...held]) release();
    },
  };
}

/** Such as `ECONNREFUSED` of a socket, or `WRONGTYPE` of an answer of Redis; else the error's class. */
function codeOf(error: unknown): string {
  const { code, message, name } = (error ?? {}) as { code?: unknown; message?: unknown; name?: unknown };
  if (typeof code === 'string' && /^\w{1,40}$/.test(code)) return code;
  const word = typeof message === 'string' ? /^[A-Z]{2,20}(?= )/.exec(message)?.[0] : undefined;
  return word ?? (typeof name === 'string' && /^\w{1,40}$/.test(name) ? name : typeof error);
}
