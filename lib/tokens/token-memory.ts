import { LRUCache } from 'lru-cache';
import type { TokenCause } from '../events.js';
import type { Identity } from './identity.js';
import type { Token } from './token.js';

/** What memory holds of an identity: its token, and why that may no longer be used. */
export interface Held {
  readonly identity: Identity;
  readonly token: Token;
  readonly dropped?: Extract<TokenCause, 'refused' | 'invalidated'>;
  /** When a refusal last forced a renewal, by the local clock. */
  readonly forcedAt?: number | undefined;
}

/** The tokens of one kind in memory, one of each identity. */
export interface TokenMemory {
  get(identity: Identity): Held | undefined;
  set(held: Held): void;
  all(): Iterable<Held>;
}

/** Of AppJWTs, all of which stay. */
export function createAppJwtMemory(): TokenMemory {
  const byAccount = new Map<string, Held>();
  return {
    get: ({ accountId }) => byAccount.get(accountId),
    set: (held) => void byAccount.set(held.identity.accountId, held),
    all: () => byAccount.values(),
  };
}

/**
 * Of ConsumerJWSs, the `max` that were last used. (Found by account, then by consumer: a key made of both for each request
 * takes 1 % of it.)
 */
export function createConsumerJwsMemory(
  max: number,
  onEvict: (identity: Identity) => void,
): TokenMemory & { size(): number } {
  const byAccount = new Map<string, Map<string | undefined, Identity>>();
  const lastUsed = new LRUCache<Identity, Held>({
    max,
    dispose(_held, identity, reason) {
      if (reason !== 'evict') return;
      byAccount.get(identity.accountId)?.delete(identity.consumerId);
      onEvict(identity);
    },
  });
  return {
    get({ accountId, consumerId }) {
      const identity = byAccount.get(accountId)?.get(consumerId);
      return identity && lastUsed.get(identity);
    },
    set(held) {
      const { accountId, consumerId } = held.identity;
      const ofAccount = byAccount.get(accountId) ?? new Map<string | undefined, Identity>();
      byAccount.set(accountId, ofAccount);
      const identity = ofAccount.get(consumerId) ?? held.identity;
      ofAccount.set(consumerId, identity);
      lastUsed.set(identity, held);
    },
    all: () => lastUsed.values(),
    size: () => lastUsed.size,
  };
}
