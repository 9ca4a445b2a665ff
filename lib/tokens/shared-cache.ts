import axios from 'axios';
import type { StoreErrorEvent } from '../events.js';
import { createPending } from '../pending.js';
import type { ResolvedOptions } from '../resolve-options.js';
import { guardStore } from '../stores/guarded-store.js';
import { createSeal } from '../stores/sealed.js';
import { StoreFault } from '../stores/store-fault.js';
import type { TokenStore } from '../stores/token-store.js';
import type { CredentialsBook } from './credentials.js';
import { type Identity, kindOf } from './identity.js';
import { createLockWatch } from './lock-watch.js';
import { createStoreReader } from './store-reader.js';
import { type StoredToken, storeKeyOf, ttlOf, writeStoredToken } from './stored-token.js';
import type { Token } from './token.js';
import type { FetchOrder } from './token-source.js';

/** Shares tokens with other processes through a store. The store is asked first, then the service. */
export interface SharedCache {
  /**
   * Returns the token that another process has stored. If there is none, returns the token of `ask` and stores it. If the store
   * can lock, one process calls `ask` and the others wait for its token.
   */
  fetch(order: FetchOrder, ask: (order: FetchOrder) => Promise<Token>): Promise<Token>;
  /** Deletes the store's entry of an identity. Later fetches wait for the deletion. */
  forget(identity: Identity): void;
  /** Epoch milliseconds at which a store that does not answer is used again; `undefined` if it is used now. */
  restsUntil(): number | undefined;
  /** Ends all waits. Resolves when all locks are released and the store has the last tokens. */
  close(): Promise<void>;
}

export interface SharedCacheParts {
  readonly store: TokenStore;
  readonly options: ResolvedOptions;
  readonly credentials: CredentialsBook;
  onFault(identity: Identity, fault: Pick<StoreErrorEvent, 'operation' | 'reason' | 'code'>): void;
}

/** A lock that its holder does not extend lives for so many attempts of `tokenTimeoutMs`, but no longer than 5 s. */
const LOCK_ATTEMPTS = 3;
const LONGEST_LOCK_MS = 5_000;
/** How long a process waits for others that extend their locks, in attempts of `tokenTimeoutMs`. */
const ATTEMPTS_WAITED_FOR = 6;
/** Pauses between two looks into a store that cannot show who has a lock. */
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;

/** It is this process's turn to ask the service. `release` releases the lock, if there is one. */
interface Turn {
  readonly release?: (() => void) | undefined;
  /** When the turn came, in epoch milliseconds. */
  readonly at?: number;
}

type Ask = (order: FetchOrder) => Promise<Token>;

interface AskParts {
  readonly order: FetchOrder;
  /** The credentials in the store's key. */
  readonly used: { clientId: string };
  readonly ask: Ask;
  claim(): Promise<Token | Turn | 'locked'>;
}

export function createSharedCache({ store, options, credentials, onFault }: SharedCacheParts): SharedCache {
  const { clock, storeSecret, storeTimeoutMs, tokenTimeoutMs, appJwtVersion } = options;
  const pending = createPending();
  const lockMs = Math.min(LONGEST_LOCK_MS, LOCK_ATTEMPTS * tokenTimeoutMs);
  const guarded = guardStore({ store, timeoutMs: storeTimeoutMs, lockMs, clock, pending });
  const lockWatch = createLockWatch(guarded, lockMs, clock);
  const seal = storeSecret ? createSeal(storeSecret) : undefined;
  const longestWaitMs = ATTEMPTS_WAITED_FOR * tokenTimeoutMs;
  const reported = new WeakSet<StoreFault>();

  const keyOf = (identity: Identity, { clientId }: { clientId: string }) =>
    storeKeyOf(identity, { clientId, appJwtVersion });

  /** Reports a fault once. Operations that were skipped while the store rests are not reported. */
  function report(identity: Identity, error: unknown, operation: StoreFault['operation']): void {
    const fault = StoreFault.of(operation, error);
    const { reason, code } = fault;
    if (reason === 'resting' || reported.has(fault)) return;
    reported.add(fault);
    onFault(identity, { operation: fault.operation, reason, code });
  }

  async function fetchShared(order: FetchOrder, ask: Ask): Promise<Token> {
    const { identity } = order;
    const used = await credentials.find(identity.accountId);
    const key = keyOf(identity, used);
    const reader = createStoreReader({ order, key, guarded, seal, clock, windows: options, report, rewrite });
    // There is one AppJWT call at a time, so its lock is taken with the first look.
    const claimsFirst = kindOf(identity) === 'appJwt' && guarded.claimsAtOnce && guarded.canLock;
    const found = claimsFirst ? undefined : await reader.look();
    if (found) return found;
    for (let waitedMs = 0, round = 0; ; round++) {
      const claim = guarded.canLock && waitedMs < longestWaitMs ? reader.claim : noLock;
      const token = await (kindOf(identity) === 'appJwt' ? claimAndAsk : askAndClaim)({ order, used, ask, claim });
      if (token !== 'locked') return token;
      waitedMs += await waitForOthers(order, key, longestWaitMs - waitedMs, round);
      const left = await reader.look();
      if (left) return left;
    }
  }

  /** Takes the lock, then asks. @returns `locked` if another process has the lock */
  async function claimAndAsk(parts: AskParts): Promise<Token | 'locked'> {
    const claimed = parts.order.isWanted() ? await parts.claim() : {};
    return isTurn(claimed) ? askAndStore(parts, () => claimed) : claimed;
  }

  /** Asks, and takes the lock when the call's turn has come. So calls that wait for their turn delay no other process. */
  async function askAndClaim(parts: AskParts): Promise<Token | 'locked'> {
    let turn: Turn | undefined;
    const onTurn = async () => {
      // An attempt that follows has the lock already.
      if (turn) return;
      const claimed = await parts.claim();
      if (!isTurn(claimed)) throw new NotNeeded(claimed);
      turn = { ...claimed, at: clock.now() };
    };
    try {
      return await askAndStore({ ...parts, order: { ...parts.order, onTurn } }, () => turn);
    } catch (error) {
      if (error instanceof NotNeeded) return error.result;
      throw error;
    }
  }

  /** Waits while another process has the lock. @returns how long, in milliseconds */
  async function waitForOthers(
    { identity, isWanted }: FetchOrder,
    key: string,
    longestMs: number,
    round: number,
  ): Promise<number> {
    if (guarded.watchSize === 0) {
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** round, LONGEST_PAUSE_MS) * (0.5 + Math.random());
      await guarded.pause(pauseMs);
      return pauseMs;
    }
    try {
      const { waitedMs: ms, isHolderLost } = await lockWatch.untilFree(key, isWanted, longestMs);
      if (isHolderLost) report(identity, new StoreFault('lock', 'failed', 'LOCK_EXPIRED'), 'lock');
      return ms;
    } catch (error) {
      report(identity, error, 'get');
      return LONGEST_PAUSE_MS;
    }
  }

  /** Asks the service, stores the token and releases the lock. */
  async function askAndStore({ order, used, ask }: AskParts, turn: () => Turn | undefined): Promise<Token> {
    const { identity } = order;
    const askedAt = clock.now();
    try {
      const token = await ask(order);
      // Credentials that were renewed meanwhile may be for another installation, which has other keys.
      const key = keyOf(identity, credentials.peek(identity.accountId) ?? used);
      const isForced = order.cause === 'refused';
      // A renewal that was forced began after a refusal, so its token is newer than the refusal.
      const issuedAt = isForced ? token.receivedAt : (turn()?.at ?? askedAt);
      const release = turn()?.release;
      if (order.isCurrent())
        void pending.track(storeEntry(identity, key, { token, issuedAt, isForced }).finally(release));
      else release?.();
      return token;
    } catch (error) {
      turn()?.release?.();
      throw error;
    }
  }

  /** Stores a token. No request waits for it. */
  async function storeEntry(identity: Identity, key: string, entry: Omit<StoredToken, 'writtenAt'>): Promise<void> {
    const writtenAt = clock.now();
    const ttlMs = ttlOf({ ...entry, writtenAt });
    const makeEntry = async () => {
      const text = writeStoredToken(key, { ...entry, writtenAt });
      return { text: seal ? await seal.seal(text) : text, ttlMs };
    };
    try {
      if (ttlMs >= 1) await guarded.set(key, makeEntry);
    } catch (error) {
      report(identity, error, 'set');
    }
  }

  /** Renews the life of an entry in a store that has no command for it. */
  function rewrite(identity: Identity, key: string, entry: StoredToken): void {
    void pending.track(storeEntry(identity, key, entry));
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
    restsUntil: guarded.restsUntil,
    close() {
      guarded.close();
      return pending.none();
    },
  };
}

const isTurn = (claimed: Token | Turn | 'locked'): claimed is Turn =>
  claimed !== 'locked' && !Object.hasOwn(claimed, 'value');

const noLock = async (): Promise<Turn> => ({});

/** Ends a call that is not needed: another process has stored the token, or has the lock. */
class NotNeeded extends axios.CanceledError<never> {
  constructor(readonly result: Token | 'locked') {
    super('another process has the token or its lock');
  }
}
