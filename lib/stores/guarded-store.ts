import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { StoreErrorEvent } from '../events.js';
import type { Pending } from '../pending.js';
import { createBatch } from './batch.js';
import { createInFlight } from './in-flight.js';
import { createShardHealth } from './shard-health.js';
import { StoreFault } from './store-fault.js';
import { withinTime } from './time-limit.js';
import {
  type Attempt,
  type Claimed,
  lockKeyOf,
  roundTripsOf,
  type StoredValue,
  type TokenLock,
  type TokenStore,
} from './token-store.js';

/** An entry as it is in the store. */
export interface StoredText {
  readonly text: string;
  /** How long the store still keeps it, in milliseconds. `undefined` if that is not known. */
  readonly leftMs: number | undefined;
  /** When it was read, at the earliest, by the local clock. */
  readonly readAt: number;
}

/** The result of an attempt to take a lock: an entry, the lock, or nothing if another process has the lock. */
export interface Claim {
  readonly found?: StoredText | undefined;
  /** Releases the lock. */
  readonly release?: (() => void) | undefined;
}

/**
 * A store that cannot fail or delay a request: each operation ends in time, and fails only with a StoreFault.
 *
 * A store that does not answer is not used for a while, so a request that needs several entries waits for it only once.
 */
export interface GuardedStore {
  readonly canLock: boolean;
  /** Whether `claim` takes one round trip. */
  readonly claimsAtOnce: boolean;
  /** How many keys `watch` takes. 0 if the store cannot show who has a lock. */
  readonly watchSize: number;
  get(key: string): Promise<StoredText | undefined>;
  /** Returns the entry. If there is none, or only the known one, takes its lock. */
  claim(key: string, known: string | undefined, onFault: (fault: StoreFault) => void): Promise<Claim>;
  /** The holders of the keys' locks. `undefined` or `null` if nobody has the lock. */
  watch(keys: readonly string[]): Promise<readonly unknown[]>;
  /** @param makeEntry called when the write's turn comes */
  set(key: string, makeEntry: () => Promise<NewEntry>): Promise<void>;
  /** Sets the remaining life of an entry. @returns false if the store cannot */
  keep(key: string, ttlMs: number): Promise<boolean>;
  delete(key: string, value?: string): Promise<void>;
  /** `undefined` if it is not known. */
  getTtl(key: string): Promise<number | undefined>;
  /** Waits for a time, unless the store rests. */
  pause(ms: number): Promise<void>;
  /** Epoch milliseconds at which a store that rests is used again; `undefined` if it is used now. */
  restsUntil(): number | undefined;
  /** Ends all waits and releases locks. Writes that have begun still end. */
  close(): void;
}

export interface NewEntry {
  readonly text: string;
  readonly ttlMs: number | undefined;
}

const RELEASE_RETRY_MS = 1_000;

/** More commands wait in this process, so that the waits of one process do not fill the connection. */
const MOST_IN_FLIGHT = 32;

type Operation = StoreErrorEvent['operation'];

export interface GuardedStoreParts {
  readonly store: TokenStore;
  readonly timeoutMs: number;
  /** A lock that its holder does not extend is free after this time. */
  readonly lockMs: number;
  readonly clock: Clock;
  /** Counts the work that `close()` of the whole must wait for. */
  readonly pending: Pending;
}

export function guardStore({ store, timeoutMs, lockMs, clock, pending }: GuardedStoreParts): GuardedStore {
  const roundTrips = roundTripsOf(store);
  const shardOf = (key: string) => roundTrips?.shardOf(key) ?? '';
  const inFlight = createInFlight(MOST_IN_FLIGHT);
  let isClosed = false;
  /** Ends the waits for reads and pauses. */
  const reading = new Set<() => void>();
  /** Ends the waits for writes, which `close()` does not end. */
  const writing = new Set<() => void>();
  const pauses = new Set<() => void>();
  const held = new Set<() => void>();
  /** The writes under way, by key. Writes of one key follow each other, and reads of the key wait for them. */
  const writes = new Map<string, Promise<unknown>>();

  const health = createShardHealth(clock, () => {
    for (const end of [...pauses]) end();
  });

  /** Runs a command when there is room. Its time starts when it is sent. */
  function run<T>(
    operation: Operation,
    key: string,
    begin: () => Promise<T>,
    { always = false, onLate = () => {} }: { always?: boolean; onLate?: (result: T) => void } = {},
  ): Promise<T> {
    const shard = shardOf(key);
    const isRead = operation !== 'set' && operation !== 'delete' && !always;
    return inFlight(() => {
      if (!always && (health.isResting(shard) || (isRead && isClosed))) throw new StoreFault(operation, 'resting');
      const before = health.answers(shard);
      const limited = {
        operation,
        isFirst: !health.hasAnswered(),
        begin,
        onLate,
        onTimeout: () => health.timedOut(shard, before),
        onAnswer: (isLate: boolean) => health.answered(shard, isLate),
      };
      return withinTime(timeoutMs, limited, isRead ? reading : writing);
    });
  }

  async function afterWrites(key: string): Promise<void> {
    // A store that rests is not waited for. Without a write, nothing is awaited, so that reads of one moment stay together.
    if (writes.has(key) && !isClosed && !health.isResting(shardOf(key))) await writes.get(key);
  }

  function write(key: string, work: () => Promise<void>): Promise<void> {
    const before = writes.get(key);
    const done = before ? before.then(work, work) : work();
    const settled = done.catch(() => {}).finally(() => writes.get(key) === settled && writes.delete(key));
    writes.set(key, settled);
    return done;
  }

  function toText({ value, leftMs }: StoredValue, readAt: number): StoredText | undefined {
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string') throw new StoreFault('get', 'unusable');
    return { text: value, leftMs: isLeft(leftMs) ? leftMs : undefined, readAt };
  }

  const read =
    roundTrips &&
    createBatch(roundTrips.batchSize, (keys: readonly string[]) =>
      run('get', keys[0] ?? '', async () => {
        const readAt = clock.now();
        return (await roundTrips.read(keys)).map((stored) => ({ ...stored, readAt }));
      }),
    );

  async function get(key: string): Promise<StoredText | undefined> {
    await afterWrites(key);
    if (read) {
      const { readAt, ...stored } = await read(key);
      return toText(stored, readAt);
    }
    const readAt = clock.now();
    return toText({ value: await run('get', key, () => store.get(key)) }, readAt);
  }

  /** Keeps a lock alive until it is released. @returns its release */
  function hold(key: string, lock: TokenLock, onFault: (fault: StoreFault) => void): () => void {
    // Three times in its life, so that one extension may be lost.
    const extend = () => inBackground(key, () => lock.extend?.(lockMs)).catch(ignoreFault);
    const heartbeat = setInterval(() => lock.extend && extend(), lockMs / 3);
    heartbeat.unref();
    const release = () => {
      if (!held.delete(release)) return;
      clearInterval(heartbeat);
      giveBack(key, lock, onFault);
    };
    held.add(release);
    return release;
  }

  /** Runs a command on a lock that no request waits for. It is tried even if the store rests. */
  async function inBackground(key: string, begin: () => unknown): Promise<void> {
    await pending.track(run('lock', key, async () => begin(), { always: true }));
  }

  /** Releases a lock, and tries again while the lock can still be there. */
  function giveBack(key: string, lock: TokenLock, onFault: OnFault, triesLeft = lockMs / RELEASE_RETRY_MS): void {
    inBackground(key, lock).catch((fault: StoreFault) => {
      onFault(fault);
      if (!isClosed && triesLeft > 1)
        setTimeout(() => giveBack(key, lock, ignoreFault, triesLeft - 1), RELEASE_RETRY_MS).unref();
    });
  }

  async function claimInSteps(key: string, known: string | undefined, onFault: OnFault): Promise<Claim> {
    const onLate = (late: TokenLock | undefined) => {
      if (typeof late === 'function') giveBack(key, late, onFault);
    };
    const lock = await run('lock', key, async () => store.lock?.(lockKeyOf(key), lockMs), { onLate });
    if (lock === undefined || lock === null) return {};
    if (typeof lock !== 'function') throw new StoreFault('lock', 'unusable');
    const release = hold(key, lock, onFault);
    try {
      // The last holder may have stored the token before it released the lock.
      const found = await get(key);
      if (!found || found.text === known) return { release };
      release();
      return { found };
    } catch (error) {
      release();
      throw error;
    }
  }

  const claim =
    roundTrips &&
    createBatch(roundTrips.batchSize, async (attempts: readonly Attempt[]) => {
      let readAt: number | undefined;
      const begin = () => {
        readAt = clock.now();
        return roundTrips.claim(attempts, lockMs);
      };
      const giveAllBack = (isOurs: (index: number) => boolean | undefined) => {
        for (const [index, attempt] of attempts.entries())
          if (isOurs(index)) giveBack(attempt.key, roundTrips.lockOf(attempt), ignoreFault);
      };
      try {
        const onLate = (late: readonly Claimed[]) => giveAllBack((index) => late[index]?.isOurs);
        const claimed = await run('get', attempts[0]?.key ?? '', begin, { onLate });
        return claimed.map((each) => ({ ...each, readAt: readAt ?? clock.now() }));
      } catch (error) {
        // Locks may have been taken although the answer was lost.
        giveAllBack(() => readAt !== undefined);
        throw error;
      }
    });

  async function claimAtOnce(key: string, known: string | undefined, onFault: OnFault): Promise<Claim> {
    await afterWrites(key);
    const attempt = { key, owner: randomUUID(), known };
    const claimed = await claim?.(attempt);
    if (!roundTrips || !claimed) return {};
    if (claimed.error) throw StoreFault.of('get', claimed.error);
    if (claimed.isOurs) return { release: hold(key, roundTrips.lockOf(attempt), onFault) };
    return { found: toText(claimed, claimed.readAt) };
  }

  return {
    canLock: store.lock !== undefined,
    claimsAtOnce: roundTrips !== undefined,
    watchSize: roundTrips?.batchSize ?? 0,
    get,
    claim: (key, known, onFault) => (roundTrips ? claimAtOnce(key, known, onFault) : claimInSteps(key, known, onFault)),
    watch: (keys) => run('get', keys[0] ?? '', async () => roundTrips?.watch(keys) ?? []),
    set: (key, makeEntry) =>
      write(key, async () => {
        if (health.isResting(shardOf(key))) throw new StoreFault('set', 'resting');
        const { text, ttlMs } = await makeEntry();
        const answer = await run('set', key, () => store.set(key, text, ttlMs));
        if (answer === false) throw new StoreFault('set', 'failed');
      }),
    async keep(key, ttlMs) {
      if (!roundTrips) return false;
      await run('set', key, () => roundTrips.keep(key, ttlMs));
      return true;
    },
    // Always tried: no request waits for it, and a token that stays in the store would be used again.
    delete: (key, value) =>
      write(key, async () => {
        const begin = () => (value === undefined ? store.delete(key) : store.delete(key, value));
        await run('delete', key, begin, { always: true });
      }),
    async getTtl(key) {
      const leftMs: unknown = await run('getTtl', key, async () => store.getTtl?.(key));
      return isLeft(leftMs) ? leftMs : undefined;
    },
    async pause(ms) {
      if (isClosed || health.isResting('')) return;
      await new Promise<void>((resolve) => {
        const end = () => {
          pauses.delete(end);
          clearTimeout(timer);
          resolve();
        };
        const timer = setTimeout(end, ms);
        pauses.add(end);
      });
    },
    restsUntil: health.restsUntil,
    close() {
      isClosed = true;
      for (const end of [...reading, ...pauses]) end();
      for (const release of [...held]) release();
    },
  };
}

type OnFault = (fault: StoreFault) => void;

const ignoreFault: OnFault = () => {};

const isLeft = (leftMs: unknown): leftMs is number => typeof leftMs === 'number' && leftMs > 0;
