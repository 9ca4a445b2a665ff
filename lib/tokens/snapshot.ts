import type { ResolvedOptions } from '../resolve-options.js';
import { expiresAt, phaseOf } from './token.js';
import type { CachedToken } from './token-cache.js';

/** The state of one account's AppJWT. */
export interface AppJwtSnapshot {
  /** Only a usable token is sent. The next request replaces any other. */
  state: 'usable' | 'expired' | 'refused' | 'invalidated';
  /** Milliseconds since it was received. */
  ageMs: number;
  /** Milliseconds until it expires, negative afterwards; `undefined` for a token that does not expire. */
  expiresInMs: number | undefined;
}

/** The state of a ConnectorAuth: ages, counts and states, never a token, a secret or a consumer id. */
export interface ConnectorAuthSnapshot {
  /** Whether `close()` was called. */
  closed: boolean;
  /** How many ConsumerJWS are in memory, of at most `maxConsumers`. */
  consumers: { count: number; max: number };
  /** The accounts that were used so far. */
  accounts: AccountSnapshot[];
}

/** The state of one account. */
export interface AccountSnapshot {
  /** The account in the URL of its requests. */
  accountId: string;
  /** Milliseconds since the last successful lookup at the Domain API; `undefined` if there was none. */
  hostsAgeMs: number | undefined;
  /** The account's AppJWT; `undefined` if none was fetched yet. */
  appJwt: AppJwtSnapshot | undefined;
}

export interface SnapshotParts {
  readonly closed: boolean;
  readonly options: ResolvedOptions;
  readonly appJwts: Iterable<CachedToken>;
  readonly consumerCount: number;
  readonly hostAges: ReadonlyMap<string, number>;
}

export function createSnapshot({
  closed,
  options,
  appJwts,
  consumerCount,
  hostAges,
}: SnapshotParts): ConnectorAuthSnapshot {
  const cached = new Map([...appJwts].map((entry) => [entry.identity.accountId, entry]));
  const accountIds = [...new Set([...hostAges.keys(), ...cached.keys()])];
  return {
    closed,
    consumers: { count: consumerCount, max: options.maxConsumers },
    accounts: accountIds.map((accountId) => ({
      accountId,
      hostsAgeMs: hostAges.get(accountId),
      appJwt: snapshotOf(cached.get(accountId), options),
    })),
  };
}

function snapshotOf(cached: CachedToken | undefined, options: ResolvedOptions): AppJwtSnapshot | undefined {
  if (!cached) return undefined;
  const now = options.clock.now();
  const end = expiresAt(cached.token);
  return {
    state: cached.dropped ?? (phaseOf(cached.token, now, options) === 'expired' ? 'expired' : 'usable'),
    ageMs: Math.round(now - cached.token.receivedAt),
    expiresInMs: end === undefined ? undefined : Math.round(end - now),
  };
}
