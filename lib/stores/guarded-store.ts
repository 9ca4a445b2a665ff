import type { Clock } from '../clock.js';
import type { StoreErrorEvent } from '../events.js';
import type { TokenLock, TokenStore } from './token-store.js';

/** Why an operation of the store came to nothing. `resting`: it was not even tried, since the store did not answer lately. */
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
 * A store that cannot do harm: each operation ends in good time, and fails with a StoreFault or not at all.
 *
 * A store that once did not answer in time is left alone for a while, and whoever waits for it just then waits no longer: so a
 * request that asks for several things waits for a dead store but once.
 */
export interface GuardedStore {
  readonly canLock: boolean;
  get(key: string): Promise<string | undefined>;
  /** @param makeValue called when its turn has come, if the store is then worth it */
  set(key: string, makeValue: () => Promise<string>, ttlMs: number | undefined): Promise<void>;
  delete(key: string, value?: string): Promise<void>;
  /** Takes a lock, and keeps it alive for as long as it is held. @returns its release, which never fails */
  lock(key: string, ttlMs: number): Promise<(() => void) | undefined>;
  /** `undefined` when it is not known. */
  getTtl(key: string): Promise<number | undefined>;
  /** Sleeps, but no longer than the store is alive. */
  pause(ms: number): Promise<void>;
  /** Gives locks back and ends all waits. */
  close(): void;
}

/** How long a store that did not answer in time is left alone. */
const REST_MS = 2_000;

export interface GuardedStoreParts {
  readonly store: TokenStore;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

export function guardStore({ store, timeoutMs, clock }: GuardedStoreParts): GuardedStore {
  let restsUntil = Number.NEGATIVE_INFINITY;
  let isClosed = false;
  /** Whoever waits for the store now: each can be told to wait no longer. */
  const waiting = new Set<() => void>();
  const held = new Set<() => void>();
  /** What was begun to be written, by key: writes of one key go one after the other, and whoever reads waits for them. */
  const writes = new Map<string, Promise<unknown>>();

  const isResting = () => isClosed || clock.now() < restsUntil;

  function rest(): void {
    restsUntil = clock.now() + REST_MS;
    endWaits();
  }

  function endWaits(): void {
    for (const end of [...waiting]) end();
  }

  /** Runs an operation for as long as the store may take. What comes later goes to `onLate`. */
  function bounded<T>(
    operation: StoreErrorEvent['operation'],
    begin: () => Promise<T>,
    onLate: (result: T) => void = () => {},
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      let isOver = false;
      const end = () => {
        isOver = true;
        waiting.delete(giveUp);
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
      // An answer that came while this process was busy elsewhere is read before the timeout counts.
      const timer = setTimeout(() => setImmediate(onTimeout), timeoutMs);
      waiting.add(giveUp);
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
        if (isResting()) throw new StoreFault('set', 'resting');
        const value = await makeValue();
        const answer = await attempt('set', () => store.set(key, value, ttlMs));
        if (answer === false) throw new StoreFault('set', 'failed');
      }),
    // Nobody waits for it, so that it is tried at any time: what is left there would be used again.
    delete: (key, value) =>
      write(key, async () => {
        await bounded('delete', () => (value === undefined ? store.delete(key) : store.delete(key, value)));
      }),
    async lock(key, ttlMs) {
      const lock = await attempt('lock', async () => store.lock?.(key, ttlMs), releaseQuietly);
      if (lock === undefined || lock === null) return undefined;
      if (typeof lock !== 'function') throw new StoreFault('lock', 'unusable');
      // Thrice in its time, so that one extension may be lost.
      const heartbeat = setInterval(() => quietly(() => lock.extend?.(ttlMs)), ttlMs / 3);
      heartbeat.unref();
      const release = () => {
        if (!held.delete(release)) return;
        clearInterval(heartbeat);
        releaseQuietly(lock);
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
      for (const release of [...held]) release();
      isClosed = true;
      endWaits();
    },
  };
}

/** A lock that cannot be given back lapses by itself. */
function releaseQuietly(lock: TokenLock | undefined): void {
  if (typeof lock === 'function') quietly(lock);
}

function quietly(deed: () => unknown): void {
  (async () => deed())().catch(() => {});
}

/** `ECONNREFUSED` of a socket's error, `WRONGTYPE` of an answer of Redis's; the class of any other. */
function codeOf(error: unknown): string {
  const { code, message, name } = (error ?? {}) as { code?: unknown; message?: unknown; name?: unknown };
  if (typeof code === 'string' && /^\w{1,40}$/.test(code)) return code;
  const word = typeof message === 'string' ? /^[A-Z]{2,20}(?= )/.exec(message)?.[0] : undefined;
  return word ?? (typeof name === 'string' && /^\w{1,40}$/.test(name) ? name : typeof error);
}
