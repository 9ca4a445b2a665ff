import type { StoreErrorEvent } from '../events.js';
import type { ResolvedOptions } from '../options.js';
import { guardStore, StoreFault } from '../stores/guarded-store.js';
import { createSeal } from '../stores/sealed.js';
import type { TokenStore } from '../stores/token-store.js';
import type { CredentialsBook } from './credentials.js';
import type { Identity } from './identity.js';
import { ageHere, readStoredToken, storeKeyOf, writeStoredToken } from './stored-token.js';
import { expiresAt, phaseOf, type Token } from './token.js';
import type { FetchOrder } from './token-source.js';

/** Tokens that this process shares with others through a store: for one that it lacks, the store first, then the service. */
export interface SharedTokens {
  /**
   * The token that another process has left in the store, or what `ask` brings, which is then left there. Where the store can
   * lock, one process asks and the others wait for what it brings.
   */
  fetch(order: FetchOrder, ask: () => Promise<Token>): Promise<Token>;
  /** Deletes what the store has of an identity. Nobody need wait for it: later fetches do. */
  forget(identity: Identity): void;
  /** Gives locks back, and ends all waits. */
  close(): void;
}

export interface SharedTokensParts {
  readonly store: TokenStore;
  readonly options: ResolvedOptions;
  readonly credentials: CredentialsBook;
  onFault(identity: Identity, fault: Pick<StoreErrorEvent, 'operation' | 'reason' | 'code'>): void;
}

/** A lock's life, in attempts at the service: its holder keeps it alive while it retries, unless it dies. */
const LOCK_ATTEMPTS = 3;
/** Whoever waits for others does so for the time of two locks: of the one whose holder may have died, and of the next one's. */
const LOCKS_WAITED_FOR = 2;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;

/** It is this process's turn to ask the service; `release` where it has the lock. */
interface Turn {
  readonly release?: () => void;
}

export function createSharedTokens({ store, options, credentials, onFault }: SharedTokensParts): SharedTokens {
  const { clock, storeSecret, storeTimeoutMs, tokenTimeoutMs, appJwtVersion } = options;
  const guarded = guardStore({ store, timeoutMs: storeTimeoutMs, clock });
  const seal = storeSecret ? createSeal(storeSecret) : undefined;
  const lockMs = LOCK_ATTEMPTS * tokenTimeoutMs;

  const keyOf = (identity: Identity, { clientId }: { clientId: string }) =>
    storeKeyOf(identity, { clientId, appJwtVersion });

  /** Tells of a fault, but not of each operation that a store at rest was spared. */
  function report(identity: Identity, error: unknown, operation: StoreFault['operation']): void {
    const fault = StoreFault.of(operation, error);
    const { reason, code } = fault;
    if (reason !== 'resting') onFault(identity, { operation: fault.operation, reason, code });
  }

  /** A look into the store; a second look at the same entry costs nothing. */
  function createLook(order: FetchOrder, key: string): () => Promise<Token | undefined> {
    const { identity, outdated, cause } = order;
    let seen: string | undefined;
    return async () => {
      const stored = await guarded.get(key);
      if (stored === undefined || stored === seen) return undefined;
      seen = stored;
      const text = seal ? await seal.open(stored) : stored;
      const entry = text === undefined ? undefined : readStoredToken(text, key, identity);
      if (!entry) {
        // What this process fetches now takes its place.
        report(identity, new StoreFault('get', 'unusable'), 'get');
        return undefined;
      }
      if (entry.token.value === outdated?.value) {
        if (cause === 'refused' || cause === 'invalidated') {
          guarded.delete(key, stored).catch((error: unknown) => report(identity, error, 'delete'));
        }
        return undefined;
      }
      const leftMs = entry.token.lifetimeMs === undefined ? undefined : await guarded.getTtl(key);
      const token = ageHere(entry.token, clock.now(), leftMs);
      const phase = phaseOf(token, clock.now(), options);
      if (phase === 'dead' || (cause === 'ahead' && phase === 'due')) return undefined;
      return { ...token, isShared: true, forcedAt: entry.isForced ? token.receivedAt : undefined };
    };
  }

  /** Waits until the token is in the store, or it is our turn to ask for it. A store that fails makes it so at once. */
  async function findOrTakeTurn(order: FetchOrder, key: string): Promise<Token | Turn> {
    const look = createLook(order, key);
    let turn: Turn = {};
    try {
      for (let waitedMs = 0, pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
        const found = await look();
        if (found) return found;
        if (!guarded.canLock || waitedMs >= LOCKS_WAITED_FOR * lockMs || !order.isWanted()) return turn;
        const release = await guarded.lock(`lock:${key}`, lockMs);
        if (release) {
          turn = { release };
          // Its last holder may have left the token there between our look and our lock.
          const left = await look();
          if (left) release();
          return left ?? turn;
        }
        const jitteredMs = pauseMs * (0.5 + Math.random());
        await guarded.pause(jitteredMs);
        waitedMs += jitteredMs;
      }
    } catch (error) {
      report(order.identity, error, 'get');
      return turn;
    }
  }

  /** Leaves a token in the store, and only then gives the lock back. No request waits for that. */
  async function leave(
    { identity, cause }: FetchOrder,
    key: string,
    token: Token,
    release?: () => void,
  ): Promise<void> {
    const end = expiresAt(token);
    const leftMs = end === undefined ? undefined : end - clock.now();
    const write = async () => {
      const text = writeStoredToken(key, { token, isForced: cause === 'refused' });
      return seal ? seal.seal(text) : text;
    };
    try {
      if (leftMs === undefined || leftMs > 0) await guarded.set(key, write, leftMs);
    } catch (error) {
      report(identity, error, 'set');
    } finally {
      release?.();
    }
  }

  return {
    async fetch(order, ask) {
      const { identity } = order;
      const used = await credentials.find(identity.accountId);
      const found = await findOrTakeTurn(order, keyOf(identity, used));
      if ('value' in found) return found;
      const { release } = found;
      try {
        const token = await ask();
        // Credentials that were renewed under way may be another installation's.
        const key = keyOf(identity, credentials.known(identity.accountId) ?? used);
        if (order.isCurrent()) void leave(order, key, token, release);
        else release?.();
        return token;
      } catch (error) {
        release?.();
        throw error;
      }
    },
    forget(identity) {
      const { accountId } = identity;
      credentials
        .find(accountId)
        // Without credentials it has no key.
        .then((used) => guarded.delete(keyOf(identity, used)))
        .catch((error: unknown) => report(identity, error, 'delete'));
    },
    close: guarded.close,
  };
}
