import type { Clock } from '../clock.js';
import { ConnectorAuthError, type ConnectorAuthErrorCode, copyError, isConnectorAuthError } from '../errors.js';
import { createLru } from '../lru.js';
import { type Identity, keyOf } from './identity.js';

/** How long a failed call is answered from memory. It starts with `min` and doubles with each further failure, up to `max`. */
export interface CooldownRange {
  /** In milliseconds. @default 5_000 */
  readonly min: number;
  /** In milliseconds. 0 remembers no failure. @default 120_000, or `min` if that is more */
  readonly max: number;
}

/** Remembers failures, so that a failing service is not called again at once. */
export interface Cooldown {
  /** @throws ConnectorAuthError the remembered failure, until it has cooled down */
  assertOver(identity: Identity): void;
  /** Remembers a failure. @returns the error with `retryAt`. An error with another code is returned unchanged */
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
  /** The code of the failures to remember. */
  readonly code: ConnectorAuthErrorCode;
}

/** If more identities fail, the oldest failures are forgotten. */
const FAILURES_KEPT = 1_000;

export function createCooldown({ clock, range, code }: CooldownParts): Cooldown {
  const failures = createLru<Failure>(FAILURES_KEPT);

  return {
    assertOver(identity) {
      const failure = failures.get(keyOf(identity));
      if (!failure) return;
      const now = clock.now();
      // A clock that steps back must not prolong it.
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
