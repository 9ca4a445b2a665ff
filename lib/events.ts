import type { ConnectorAuthErrorCode } from './errors.js';

/** The AppJWT of an account, or the ConsumerJWS of one of its consumers. */
export type TokenKind = 'appJwt' | 'consumerJws';

/** Why a token was fetched. `ahead`: in the background, before the old token expires. */
export type TokenCause = 'initial' | 'expired' | 'ahead' | 'refused' | 'invalidated';

/** A token was fetched. */
export interface TokenEvent {
  /** The kind of token. */
  kind: TokenKind;
  /** The account of the token. */
  accountId: string;
  /** SHA-256 of account and consumer id, in hex. Only for a ConsumerJWS. */
  consumer?: string;
  /** Why it was fetched. */
  cause: TokenCause;
  /** `service`: Sentinel or IDP. `store`: the shared store, where another process left it. */
  source: 'service' | 'store';
  /** How long the fetch took, in whole milliseconds. It includes retries and waits for other processes. */
  durationMs: number;
  /** Epoch milliseconds; `undefined` for a token that does not expire. */
  expiresAt: number | undefined;
}

/** A refused request was replayed, or could not be. There is one event for each replay. */
export interface ReplayEvent {
  /** The account in the URL. */
  accountId: string;
  /** The endpoint of the request. */
  endpoint: 'conversation' | 'send';
  /** The refusal that caused the replay: 40102 or 40103. */
  errorCode: number;
  /**
   * `succeeded`: the replay succeeded. `refused`: it was refused too. `failed`: it failed in another way.
   * `no-token`: there was no new token. `body-not-replayable`: the body can be sent only once.
   */
  outcome: 'succeeded' | 'refused' | 'failed' | 'no-token' | 'body-not-replayable';
}

/** An attempt at a token or a host failed, and another attempt follows. */
export interface RetryEvent {
  /** The service: the Domain API, Sentinel or IDP. */
  stage: 'domain' | 'sentinel' | 'idp';
  /** The account. */
  accountId: string;
  /** SHA-256 of account and consumer id, in hex. Only for `idp`. */
  consumer?: string;
  /** The number of the failed attempt, from 1. */
  attempt: number;
  /** HTTP status of the answer; `undefined` if there was none. */
  status: number | undefined;
  /** The code of the network fault, such as `ECONNREFUSED`; `undefined` if there was an answer. */
  code: string | undefined;
  /** LivePerson's own code of the fault, if the answer had one. */
  internalErrorCode: string | undefined;
  /** Epoch milliseconds of the next attempt. */
  retryAt: number;
  /** What happened: service, host and fault. */
  message: string;
}

/** A call for a token, a host or credentials failed after its retries. */
export interface FailureEvent {
  /** The service: the Domain API, Sentinel or IDP. `credentials` is the option of that name. */
  stage: 'domain' | 'sentinel' | 'idp' | 'credentials';
  /** The account. */
  accountId: string;
  /** SHA-256 of account and consumer id, in hex. Only for `idp`. */
  consumer?: string;
  /** The code of the error that waiting requests get. */
  code: ConnectorAuthErrorCode;
  /** HTTP status of the answer; `undefined` if there was none. */
  status: number | undefined;
  /** Whether the same call may succeed later without any change on your side. */
  transient: boolean;
  /** Epoch milliseconds of the next attempt, if known. The failure is answered from memory until then. */
  retryAt: number | undefined;
  /** LivePerson's own code of the fault, if the answer had one. */
  internalErrorCode: string | undefined;
  /** What happened, and what to do. */
  message: string;
}

/** The least recently used ConsumerJWS was dropped from memory because of `maxConsumers`. */
export interface EvictEvent {
  /** AppJWTs are never evicted. */
  kind: 'consumerJws';
  /** The account of the token. */
  accountId: string;
  /** SHA-256 of account and consumer id, in hex. */
  consumer: string;
}

/** The shared store failed, or had an entry that cannot be used. No request fails: the token is fetched from the service. */
export interface StoreErrorEvent {
  /** The operation that failed. */
  operation: 'get' | 'set' | 'delete' | 'lock' | 'getTtl';
  /**
   * `timeout`: the store did not answer within `storeTimeoutMs`, and is not used for two seconds. `failed`: it threw, or
   * reported that it did not keep the value. `unusable`: its entry is not a token of this identity in the format of this
   * version, or is sealed with another secret.
   */
  reason: 'timeout' | 'failed' | 'unusable';
  /** The store's own error code, such as `ECONNREFUSED` or `OOM`. Only with the reason `failed`. */
  code: string | undefined;
  /** The kind of token. */
  kind: TokenKind;
  /** The account of the token. */
  accountId: string;
  /** SHA-256 of account and consumer id, in hex. Only for a ConsumerJWS. */
  consumer?: string;
}

/** The events by name. */
export interface ConnectorAuthEvents {
  /** A token was fetched. */
  token: TokenEvent;
  /** A refused request was replayed, or could not be. */
  replay: ReplayEvent;
  /** An attempt failed, and another follows. */
  retry: RetryEvent;
  /** A call for a token, a host or credentials failed. */
  failure: FailureEvent;
  /** A ConsumerJWS left memory. */
  evict: EvictEvent;
  /** The shared store failed, or had an entry that cannot be used. */
  'store-error': StoreErrorEvent;
}

/** The names that `on()` takes. */
export type ConnectorAuthEventName = keyof ConnectorAuthEvents;
/** A listener of `on()`. Its errors are ignored. */
export type ConnectorAuthListener<Name extends ConnectorAuthEventName> = (event: ConnectorAuthEvents[Name]) => void;

export interface EventHub {
  on<Name extends ConnectorAuthEventName>(name: Name, listener: ConnectorAuthListener<Name>): () => void;
  /** Calls `build` only if the event has a listener. */
  emit<Name extends ConnectorAuthEventName>(name: Name, build: () => ConnectorAuthEvents[Name]): void;
}

const NAMES: readonly ConnectorAuthEventName[] = ['token', 'replay', 'retry', 'failure', 'evict', 'store-error'];

export function createEventHub(): EventHub {
  const listeners = new Map<ConnectorAuthEventName, Set<(event: never) => unknown>>(
    NAMES.map((name) => [name, new Set()]),
  );

  return {
    on(name, listener) {
      const registered = listeners.get(name);
      if (!registered)
        throw new TypeError(`on(): there is no event ${JSON.stringify(name)}; use one of ${NAMES.join(', ')}.`);
      if (typeof listener !== 'function') throw new TypeError(`on(): the listener of ${name} must be a function.`);
      // Wrapped, so that the same function registered twice is two registrations.
      const registration = (event: never) => listener(event);
      registered.add(registration);
      return () => void registered.delete(registration);
    },
    emit(name, build) {
      const registered = listeners.get(name);
      if (!registered?.size) return;
      const event = build() as never;
      for (const listener of [...registered]) callHarmlessly(listener, event);
    },
  };
}

/** A listener cannot change the outcome: its errors are ignored. */
export function callHarmlessly(listener: (event: never) => unknown, event: never): void {
  try {
    Promise.resolve(listener(event)).catch(() => {});
  } catch {}
}
