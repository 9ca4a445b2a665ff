import type { ResolvedOptions } from './options.js';
import { expiresAt, phaseOf } from './tokens/token.js';
import type { Held } from './tokens/token-memory.js';

/** The state of one account's AppJWT. */
export interface AppJwtSnapshot {
  /** Only a usable one is sent; the others wait to be replaced by the next request. */
  state: 'usable' | 'expired' | 'refused' | 'invalidated';
  /** Milliseconds since it was received. */
  ageMs: number;
  /** Milliseconds, negative once it is over; `undefined` for a token that does not expire. */
  expiresInMs: number | undefined;
}

/** What a ConnectorAuth holds: ages, counts and states, never a token, a secret or a consumer id. */
export interface ConnectorAuthSnapshot {
  /** Whether `close()` was called. */
  closed: boolean;
  /** How many ConsumerJWS are in memory, of at most `maxConsumers`. */
  consumers: { count: number; max: number };
  /** Those that were asked for so far. */
  accounts: AccountSnapshot[];
}

/** What is held of one account. */
export interface AccountSnapshot {
  /** The account in the URL of its requests. */
  accountId: string;
  /** Milliseconds since the last successful lookup at the Domain API; `undefined` where there was none. */
  hostsAgeMs: number | undefined;
  /** `undefined` where there was none yet. */
  appJwt: AppJwtSnapshot | undefined;
}

export interface SnapshotParts {
  readonly closed: boolean;
  readonly options: ResolvedOptions;
  readonly appJwts: Iterable<Held>;
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
  const held = new Map([...appJwts].map((entry) => [entry.identity.accountId, entry]));
  const accountIds = [...new Set([...hostAges.keys(), ...held.keys()])];
  return {
    closed,
    consumers: { count: consumerCount, max: options.maxConsumers },
    accounts: accountIds.map((accountId) => ({
      accountId,
      hostsAgeMs: hostAges.get(accountId),
      appJwt: snapshotOf(held.get(accountId), options),
    })),
  };
}

function snapshotOf(held: Held | undefined, options: ResolvedOptions): AppJwtSnapshot | undefined {
  if (!held) return undefined;
  const now = options.clock.now();
  const end = expiresAt(held.token);
  return {
    state: held.dropped ?? (phaseOf(held.token, now, options) === 'dead' ? 'expired' : 'usable'),
    ageMs: now - held.token.receivedAt,
    expiresInMs: end === undefined ? undefined : end - now,
  };
}
