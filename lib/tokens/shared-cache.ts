import type { StoreErrorEvent } from '../events.js';
import { createPending } from '../pending.js';
import type { ResolvedOptions } from '../resolve-options.js';
import { guardStore, StoreFault } from '../stores/guarded-store.js';
import { createSeal } from '../stores/sealed.js';
import type { TokenStore } from '../stores/token-store.js';
import type { CredentialsBook } from './credentials.js';
import type { Identity } from './identity.js';
import { ageHere, readStoredToken, storeKeyOf, writeStoredToken } from './stored-token.js';
import { expiresAt, phaseOf, type Token } from './token.js';
import type { FetchOrder } from './token-source.js';

/** Shares tokens with other processes through a store. The store is asked first, then the service. */
export interface SharedCache {
  /**
   * Returns the token that another process has stored. If there is none, returns the token of `ask` and stores it. If the store
   * can lock, one process calls `ask` and the others wait for its token.
   */
  fetch(order: FetchOrder, ask: () => Promise<Token>): Promise<Token>;
  /** Deletes the store's entry of an identity. Later fetches wait for the deletion. */
  forget(identity: Identity): void;
  /** Ends all waits. Resolves when all locks are released and the store has the last tokens. */
  close(): Promise<void>;
}

export interface SharedCacheParts {
  readonly store: TokenStore;
  readonly options: ResolvedOptions;
  readonly credentials: CredentialsBook;
  onFault(identity: Identity, fault: Pick<StoreErrorEvent, 'operation' | 'reason' | 'code'>): void;
}

/** The lifetime of a lock, in attempts of `tokenTimeoutMs`. Its holder extends it while it retries. */
const LOCK_ATTEMPTS = 3;
/** How many lock lifetimes a process waits for others. It is two, because the first holder may have died. */
const LOCKS_WAITED_FOR = 2;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;

/** It is this process's turn to ask the service. `release` releases the lock, if there is one. */
interface Turn {
  readonly release: (() => void) | undefined;
}

export function createSharedCache({ store, options, credentials, onFault }: SharedCacheParts): SharedCache {
  const { clock, storeSecret, storeTimeoutMs, tokenTimeoutMs, appJwtVersion } = options;
  const pending = createPending();
  const guarded = guardStore({ store, timeoutMs: storeTimeoutMs, clock, pending });
  const seal = storeSecret ? createSeal(storeSecret) : undefined;
  const lockMs = LOCK_ATTEMPTS * tokenTimeoutMs;

  const keyOf = (identity: Identity, { clientId }: { clientId: string }) =>
    storeKeyOf(identity, { clientId, appJwtVersion });

  /** Reports a fault. Operations that were skipped while the store rests are not reported. */
  function report(identity: Identity, error: unknown, operation: StoreFault['operation']): void {
    const fault = StoreFault.of(operation, error);
    const { reason, code } = fault;
    if (reason !== 'resting') onFault(identity, { operation: fault.operation, reason, code });
  }

  /** Creates a function that looks into the store. An entry that it has seen is not checked again. */
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
        // The token that this process fetches next replaces the entry.
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
      if (phase === 'expired' || (cause === 'ahead' && phase === 'stale')) return undefined;
      return { ...token, isShared: true, forcedAt: entry.isForced ? token.receivedAt : undefined };
    };
  }

  /** Waits until the store has the token, or until it is this process's turn to ask. If the store fails, the turn comes at once. */
  async function findOrTakeTurn(order: FetchOrder, key: string): Promise<Token | Turn> {
    const look = createLook(order, key);
    let turn: Turn = { release: undefined };
    try {
      for (let waitedMs = 0, pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
        const found = await look();
        if (found) return found;
        if (!guarded.canLock || waitedMs >= LOCKS_WAITED_FOR * lockMs || !order.isWanted()) return turn;
        const release = await guarded.lock(`lock:${key}`, lockMs);
        if (release) {
          turn = { release };
          // The last holder may have stored the token between the look and the lock.
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

  /** Stores a token, then releases the lock. No request waits for it. */
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

  async function fetchShared(order: FetchOrder, ask: () => Promise<Token>): Promise<Token> {
    const { identity } = order;
    const used = await credentials.find(identity.accountId);
    const found = await findOrTakeTurn(order, keyOf(identity, used));
    if (Object.hasOwn(found, 'value')) return found as Token;
    const { release } = found as Turn;
    try {
      const token = await ask();
      // Credentials that were renewed meanwhile may be for another installation, which has other keys.
      const key = keyOf(identity, credentials.peek(identity.accountId) ?? used);
      if (order.isCurrent()) void pending.track(leave(order, key, token, release));
      else release?.();
      return token;
    } catch (error) {
      release?.();
      throw error;
    }
  }

  async function deleteEntry(identity: Identity): Promise<void> {
    try {
      // The key needs the credentials.
      await guarded.delete(keyOf(identity, await credentials.find(identity.accountId)));
    } catch (error) {
      report(identity, error, 'delete');
    }
  }

  return {
    fetch: (order, ask) => pending.track(fetchShared(order, ask)),
    forget: (identity) => void pending.track(deleteEntry(identity)),
    close() {
      guarded.close();
      return pending.none();
    },
  };
}
