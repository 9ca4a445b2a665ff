import type { ConnectorAuthErrorCode } from '../errors.js';
import type { ResolvedOptions } from '../resolve-options.js';
import type { CurrentCooldown } from './cooldown.js';
import { appJwtOf, type Identity, subjectOf } from './identity.js';
import { expiresAt, phaseOf } from './token.js';
import type { CachedToken } from './token-cache.js';
import type { TokenClient } from './token-client.js';
import type { OpenCalls } from './turns.js';

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
  /** The calls to the Domain API, Sentinel and IDP, of all accounts together. */
  calls: OpenCalls;
  /** The failures that are answered from memory now. */
  cooldowns: CooldownSnapshot[];
  /** The shared store; `undefined` without the option `store`. */
  store: StoreSnapshot | undefined;
  /** The accounts that were used so far. */
  accounts: AccountSnapshot[];
}

/** The open and waiting calls of one account. */
export interface ServiceCalls {
  /** Calls to the Domain API. */
  domain: OpenCalls;
  /** Calls to Sentinel. */
  sentinel: OpenCalls;
  /** Calls to IDP. */
  idp: OpenCalls;
}

/** A failure that is answered from memory until `retryAt`. */
export interface CooldownSnapshot {
  /** The code of the error that requests get. */
  code: ConnectorAuthErrorCode;
  /** The account of the failed call. */
  accountId: string;
  /** SHA-256 of account and consumer id, in hex. Only for a call that failed for one consumer alone. */
  consumer?: string;
  /** Epoch milliseconds of the next attempt. */
  retryAt: number;
}

/** The state of the shared store. */
export interface StoreSnapshot {
  /** `resting`: it did not answer in time, so it is not used for a while. */
  state: 'used' | 'resting';
  /** Epoch milliseconds at which a resting store is used again. */
  retryAt: number | undefined;
}

/** The state of one account. */
export interface AccountSnapshot {
  /** The account in the URL of its requests. */
  accountId: string;
  /** Milliseconds since the last successful lookup at the Domain API; `undefined` if there was none. */
  hostsAgeMs: number | undefined;
  /** The account's AppJWT; `undefined` if none was fetched yet. */
  appJwt: AppJwtSnapshot | undefined;
  /** Its open and waiting calls to each service. */
  calls: ServiceCalls;
}

export interface SnapshotParts {
  readonly closed: boolean;
  readonly options: ResolvedOptions;
  readonly appJwts: Iterable<CachedToken>;
  readonly consumerCount: number;
  readonly hostAges: ReadonlyMap<string, number>;
  readonly client: Pick<TokenClient, 'accounts' | 'openCalls'>;
  readonly cooldowns: readonly CurrentCooldown<string | Pick<Identity, 'accountId'>>[];
  /** Epoch milliseconds at which a resting store is used again; `undefined` if it does not rest. */
  readonly storeRestsUntil: number | undefined;
}

export function createSnapshot(parts: SnapshotParts): ConnectorAuthSnapshot {
  const { closed, options, consumerCount, hostAges, client, cooldowns, storeRestsUntil } = parts;
  const cached = new Map([...parts.appJwts].map((entry) => [entry.identity.accountId, entry]));
  const accounts = [...new Set([...hostAges.keys(), ...cached.keys(), ...client.accounts()])].map((accountId) => ({
    accountId,
    hostsAgeMs: hostAges.get(accountId),
    appJwt: snapshotOf(cached.get(accountId), options),
    calls: {
      domain: client.openCalls(accountId, 'domain'),
      sentinel: client.openCalls(accountId, 'sentinel'),
      idp: client.openCalls(accountId, 'idp'),
    },
  }));
  const calls = accounts.flatMap((account) => Object.values(account.calls));
  return {
    closed,
    consumers: { count: consumerCount, max: options.maxConsumers },
    calls: {
      open: calls.reduce((sum, { open }) => sum + open, 0),
      waiting: calls.reduce((sum, { waiting }) => sum + waiting, 0),
    },
    cooldowns: cooldowns.map(({ subject, code, retryAt }) => ({ code, ...ownerOf(subject), retryAt })),
    store: options.store && {
      state: storeRestsUntil === undefined ? 'used' : 'resting',
      retryAt: storeRestsUntil,
    },
    accounts,
  };
}

/** A subject is an account, or a consumer or service of it. */
const ownerOf = (subject: string | Pick<Identity, 'accountId'>) =>
  subjectOf(typeof subject === 'string' ? appJwtOf(subject) : (subject as Identity));

function snapshotOf(cached: CachedToken | undefined, options: ResolvedOptions): AppJwtSnapshot | undefined {
  if (!cached) return undefined;
  const now = options.clock.now();
  const end = expiresAt(cached.token);
  return {
    state: cached.dropped ?? (phaseOf(cached.token, now, options) === 'expired' ? 'expired' : 'usable'),
    ageMs: now - cached.token.receivedAt,
    expiresInMs: end === undefined ? undefined : Math.round(end - now),
  };
}
