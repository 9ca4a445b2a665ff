import type { Clock } from '../clock.js';
import type { GuardedStore, StoredText } from '../stores/guarded-store.js';
import type { Seal } from '../stores/sealed.js';
import { StoreFault } from '../stores/store-fault.js';
import type { Identity } from './identity.js';
import { ageHere, isKeepDue, LONGEST_VALUE, readStoredToken, type StoredToken, UNUSED_MS } from './stored-token.js';
import { isOlderThan, phaseOf, type Token, type TokenWindows } from './token.js';
import type { FetchOrder } from './token-source.js';

/** Looks into the store for one token. */
export interface StoreReader {
  /** The token that another process has stored, if it can be used. */
  look(): Promise<Token | undefined>;
  /** The token; or else the lock, `locked` if another process has it, or no lock if the store fails. */
  claim(): Promise<Token | { release?: (() => void) | undefined } | 'locked'>;
}

export interface StoreReaderParts {
  readonly order: FetchOrder;
  readonly key: string;
  readonly guarded: GuardedStore;
  readonly seal: Seal | undefined;
  readonly clock: Clock;
  readonly windows: TokenWindows;
  report(identity: Identity, error: unknown, operation: StoreFault['operation']): void;
  rewrite(identity: Identity, key: string, entry: StoredToken): void;
}

/** More entries that change between two looks are those of a store that makes them up. */
const MOST_LOOKS = 3;

export function createStoreReader(parts: StoreReaderParts): StoreReader {
  const { order, key, guarded, seal, clock, windows } = parts;
  const { identity, outdated, cause, refusedAt } = order;
  /** The last entry, which was of no use. It is not checked again. */
  let known: string | undefined;
  let lastFault: string | undefined;

  /** A fault that lasts is reported once for a token, whichever operation meets it. */
  function report(error: unknown, operation: StoreFault['operation']): void {
    const { reason, code } = StoreFault.of(operation, error);
    if (`${reason} ${code}` === lastFault) return;
    lastFault = `${reason} ${code}`;
    parts.report(identity, error, operation);
  }

  /** The token of an entry, if this order can use it. */
  async function use({ text, leftMs: knownLeftMs, readAt }: StoredText): Promise<Token | undefined> {
    if (text === known) return undefined;
    known = text;
    const entry = await open(text);
    if (!entry) {
      // The token that this process fetches next replaces the entry.
      report(new StoreFault('get', 'unusable'), 'get');
      return undefined;
    }
    if (entry.token.value === outdated?.value) {
      if (cause === 'refused' || cause === 'invalidated')
        guarded.delete(key, text).catch((error: unknown) => report(error, 'delete'));
      return undefined;
    }
    const isEndless = entry.token.lifetimeMs === undefined;
    const leftMs = knownLeftMs ?? (isEndless ? undefined : await guarded.getTtl(key));
    // Another process may have replaced the entry. Then the time is that of the new entry, which the next look reads.
    if (leftMs !== knownLeftMs && (await guarded.get(key))?.text !== text) return undefined;
    const { token: aged, issuedAt, isForced } = ageHere(entry, readAt, leftMs);
    const token = { ...aged, isShared: true, issuedAt, forcedAt: isForced ? aged.receivedAt : undefined };
    if (isOlderThan(token, refusedAt)) return undefined;
    const phase = phaseOf(token, clock.now(), windows);
    if (phase === 'expired' || (cause === 'ahead' && phase === 'stale')) return undefined;
    if (isKeepDue(entry, readAt, leftMs)) keep(entry);
    return token;
  }

  async function open(text: string): Promise<StoredToken | undefined> {
    if (text.length > LONGEST_VALUE) return undefined;
    const clear = seal ? await seal.open(text) : text;
    return clear === undefined ? undefined : readStoredToken(clear, key, identity);
  }

  /** Renews the life of an entry that is used. */
  function keep(entry: StoredToken): void {
    guarded.keep(key, UNUSED_MS).then(
      (isKept) => isKept || parts.rewrite(identity, key, entry),
      (error: unknown) => report(error, 'set'),
    );
  }

  return {
    async look() {
      try {
        const stored = await guarded.get(key);
        return stored && (await use(stored));
      } catch (error) {
        report(error, 'get');
        return undefined;
      }
    },
    async claim() {
      for (let looks = 0; looks < MOST_LOOKS; looks++) {
        try {
          const { found, release } = await guarded.claim(key, known, (fault) => report(fault, 'lock'));
          if (release) return { release };
          if (!found) return 'locked';
          const token = await use(found);
          if (token) return token;
        } catch (error) {
          report(error, 'get');
          // A store that answers others gets a second chance. One that does not is left alone at once.
          if (StoreFault.of('get', error).reason !== 'timeout') return {};
        }
      }
      return {};
    },
  };
}
