import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.js';
import { ConnectorAuthError, type ConnectorAuthErrorCode, copyError, isConnectorAuthError } from '../errors.js';
import { type Identity, keyOf } from './identity.js';

/** How long a failed call is answered from memory: `min` at first, twice as long each time it fails again, up to `max`. */
export interface CooldownRange {
  /** In milliseconds. */
  readonly min: number;
  /** In milliseconds; 0 remembers no failure at all. */
  readonly max: number;
}

/** What the service said last, while it is pointless to ask again. */
export interface Cooldown {
  /** @throws ConnectorAuthError the failure in memory, while it is cooling down */
  assertOver(identity: Identity): void;
  /** Remembers a failure, and gives the error that says when the next try will be. Another source's is given back as it is. */
  start(identity: Identity, error: unknown): unknown;
  end(identity: Identity): void;
  /** Forgets the failures of all identities that match. */
  endAll(matches: (identity: Identity) => boolean): void;
}

interface Failure {
  readonly identity: Identity;
  readonly error: ConnectorAuthError;
  readonly since: number;
  readonly until: number;
  readonly pauseMs: number;
}

export interface CooldownParts {
  readonly clock: Clock;
  readonly range: CooldownRange;
  /** The failures that are this cool-down's business: an AppJWT that could not be had is none of a ConsumerJWS's. */
  readonly code: ConnectorAuthErrorCode;
}

/** Of more consumers that fail together, the ones that were asked for longest ago are asked for anew. */
const FAILURES_KEPT = 1_000;

export function createCooldown({ clock, range, code }: CooldownParts): Cooldown {
  const failures = new LRUCache<string, Failure>({ max: FAILURES_KEPT });

  return {
    assertOver(identity) {
      const failure = failures.get(keyOf(identity));
      if (!failure) return;
      const now = clock.now();
      // Before its beginning it is as good as over: a clock that steps back would make it last for as long as the step.
      if (failure.since <= now && now < failure.until) throw copyError(failure.error);
    },
    start(identity, error) {
      if (!isConnectorAuthError(error) || error.code !== code || range.max === 0) return error;
      const before = failures.get(keyOf(identity));
      const pauseMs = before ? Math.min(before.pauseMs * 2, range.max) : range.min;
      const since = clock.now();
      const retryAt = Math.max(since + pauseMs, error.retryAt ?? 0);
      const remembered = new ConnectorAuthError(error.code, error.message, { ...error, retryAt });
      failures.set(keyOf(identity), { identity, error: remembered, since, until: retryAt, pauseMs });
      return copyError(remembered);
    },
    end: (identity) => void failures.delete(keyOf(identity)),
    endAll(matches) {
      for (const [key, { identity }] of [...failures.entries()]) if (matches(identity)) failures.delete(key);
    },
  };
}
