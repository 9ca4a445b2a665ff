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

/** Of ConsumerJWSs, the `max` that were last used. `keyOf` tells apart all whose tokens come here. */
export function createConsumerJwsMemory(
  max: number,
  keyOf: (identity: Identity) => string,
  onEvict: (identity: Identity) => void,
): TokenMemory & { size(): number } {
  const byKey = new LRUCache<string, Held>({
    max,
    dispose({ identity }, _key, reason) {
      if (reason === 'evict') onEvict(identity);
    },
  });
  return {
    get: (identity) => byKey.get(keyOf(identity)),
    set: (held) => void byKey.set(keyOf(held.identity), held),
    all: () => byKey.values(),
    size: () => byKey.size,
  };
}
