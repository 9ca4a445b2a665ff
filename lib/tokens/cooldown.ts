import type { Clock } from '../clock.js';
import { ConnectorAuthError, type ConnectorAuthErrorCode, copyError, isConnectorAuthError } from '../errors.js';
import { createLru } from '../lru.js';
import { ownValue } from '../own.js';
import { appJwtOf, type Identity } from './identity.js';

/** How long a failed call is answered from memory. It starts with `min` and doubles with each further failure, up to `max`. */
export interface CooldownRange {
  /** In milliseconds. @default 5_000 */
  readonly min: number;
  /** In milliseconds. 0 remembers no failure. @default 120_000, or `min` if that is more */
  readonly max: number;
}

/** Remembers failures, so that what has failed is not tried again at once. */
export interface Cooldown<Subject> {
  /** @throws ConnectorAuthError the remembered failure, until it has cooled down */
  assertOver(subject: Subject): void;
  /** Remembers a failure. @returns the error with `retryAt`. An error with another code is returned unchanged */
  start(subject: Subject, error: unknown): unknown;
  end(subject: Subject): void;
  /** Forgets the failures of all subjects that match. */
  endAll(matches: (subject: Subject) => boolean): void;
  /** The failures that are answered from memory now. A subject that is a string is an account. */
  current(): CurrentCooldown<Subject | string>[];
}

/** A remembered failure. */
export interface CurrentCooldown<Subject> {
  readonly subject: Subject;
  readonly code: ConnectorAuthErrorCode;
  /** Epoch milliseconds of the next attempt. */
  readonly retryAt: number;
}

interface Failure<Subject> {
  readonly subject: Subject;
  readonly error: ConnectorAuthError;
  readonly since: number;
  readonly until: number;
  readonly pauseMs: number;
}

export interface CooldownParts<Subject> {
  readonly clock: Clock;
  readonly range: CooldownRange;
  /** The code of the failures to remember. */
  readonly code: ConnectorAuthErrorCode;
  readonly keyOf: (subject: Subject) => string;
}

/** If more subjects fail, the oldest failures are forgotten. */
const FAILURES_KEPT = 1_000;

export function createCooldown<Subject>({ clock, range, code, keyOf }: CooldownParts<Subject>): Cooldown<Subject> {
  const failures = createLru<Failure<Subject>>(FAILURES_KEPT);

  function open(subject: Subject): Failure<Subject> | undefined {
    const failure = failures.get(keyOf(subject));
    return failure && isOpen(failure) ? failure : undefined;
  }

  function isOpen({ since, until }: Failure<Subject>): boolean {
    const now = clock.now();
    // A clock that steps back must not prolong it.
    return since <= now && now < until;
  }

  return {
    assertOver(subject) {
      const failure = open(subject);
      if (failure) throw copyError(failure.error);
    },
    start(subject, error) {
      if (!isConnectorAuthError(error) || error.code !== code || range.max === 0) return error;
      // A call that began before the cool-down does not prolong it.
      const same = open(subject);
      if (same) return copyError(same.error);
      const before = failures.get(keyOf(subject));
      const pauseMs = before ? Math.min(before.pauseMs * 2, range.max) : range.min;
      const since = clock.now();
      const until = Math.ceil(Math.min(Math.max(since + pauseMs, error.retryAt ?? 0), since + range.max));
      const details = { ...error, retryAt: until, cause: ownValue(error, 'cause') };
      const remembered = new ConnectorAuthError(error.code, error.message, details);
      failures.set(keyOf(subject), { subject, error: remembered, since, until, pauseMs });
      return copyError(remembered);
    },
    end: (subject) => void failures.delete(keyOf(subject)),
    endAll(matches) {
      for (const [key, { subject }] of [...failures.entries()]) if (matches(subject)) failures.delete(key);
    },
    current: () =>
      [...failures.values()].filter(isOpen).map(({ subject, until: retryAt }) => ({ subject, code, retryAt })),
  };
}

/**
 * Cool-downs of single tokens, and of a whole service. A failure of a service that is down concerns all tokens of its account.
 *
 * @param service by account
 */
export function withServiceCooldown(
  single: Cooldown<Identity>,
  service: Cooldown<string>,
  isDown: (accountId: string) => boolean,
): Cooldown<Identity> {
  return {
    assertOver(identity) {
      service.assertOver(identity.accountId);
      single.assertOver(identity);
    },
    start: (identity, error) =>
      isConnectorAuthError(error) && error.transient && isDown(identity.accountId)
        ? service.start(identity.accountId, error)
        : single.start(identity, error),
    end(identity) {
      service.end(identity.accountId);
      single.end(identity);
    },
    endAll(matches) {
      service.endAll((accountId) => matches(appJwtOf(accountId)));
      single.endAll(matches);
    },
    current: () => [...service.current(), ...single.current()],
  };
}
