import type { TokenCause } from '../events.js';
import { createLru } from '../lru.js';
import type { Identity } from './identity.js';
import type { Token } from './token.js';

/** A token in memory. `dropped` says why it is not used any more. All properties are own. */
export interface CachedToken {
  readonly identity: Identity;
  readonly token: Token;
  readonly dropped: Extract<TokenCause, 'refused' | 'invalidated'> | undefined;
  /** When a refusal last forced a renewal, in epoch milliseconds by the local clock. */
  readonly forcedAt: number | undefined;
  /** When the send began in which it was refused, in epoch milliseconds by the local clock. */
  readonly refusedAt: number | undefined;
}

/** The tokens of one kind in memory, one for each identity. */
export interface TokenCache {
  get(identity: Identity): CachedToken | undefined;
  set(cached: CachedToken): void;
  all(): Iterable<CachedToken>;
  size(): number;
}

/** Keeps every AppJWT. */
export function createAppJwtCache(): TokenCache {
  const byAccount = new Map<string, CachedToken>();
  return {
    get: ({ accountId }) => byAccount.get(accountId),
    set: (cached) => void byAccount.set(cached.identity.accountId, cached),
    all: () => byAccount.values(),
    size: () => byAccount.size,
  };
}

/** Keeps the `max` most recently used ConsumerJWS. @param keyOf must return a different key for each identity */
export function createConsumerJwsCache(
  max: number,
  keyOf: (identity: Identity) => string,
  onEvict: (identity: Identity) => void,
): TokenCache {
  const byKey = createLru<CachedToken>(max, ({ identity }, _key, reason) => {
    if (reason === 'evict') onEvict(identity);
  });
  return {
    get: (identity) => byKey.get(keyOf(identity)),
    set: (cached) => void byKey.set(keyOf(cached.identity), cached),
    all: () => byKey.values(),
    size: byKey.size,
  };
}
