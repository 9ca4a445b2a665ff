import pMemoize from 'p-memoize';
import type { Clock } from '../clock.js';
import type { TokenCause } from '../events.js';
import { isDead, type Token } from './token.js';

/** Whose token it is. An AppJWT has no consumer. */
export interface Identity {
  readonly accountId: string;
  readonly consumerId?: string;
}

/** One token per identity: obtained lazily, shared by all who ask at once, dropped by value. */
export interface TokenSource {
  /** The token in hand, where there is one that may be used. */
  current(identity: Identity): Token | undefined;
  /** The token in hand, or the next one. */
  get(identity: Identity): Promise<Token>;
  /** Drops a token that the service refused. A newer one stays. */
  refuse(identity: Identity, value: string): void;
  /** Drops the tokens of all identities that match; answers under way are no longer kept. */
  invalidate(matches: (identity: Identity) => boolean): void;
}

/** What memory holds of an identity: its token, and why that may no longer be used. */
export interface Held {
  readonly identity: Identity;
  readonly token: Token;
  readonly dropped?: Extract<TokenCause, 'refused' | 'invalidated'>;
}

/** A `Map`, or one that is bounded. */
export interface TokenMemory {
  get(key: string): Held | undefined;
  set(key: string, held: Held): unknown;
  entries(): Iterable<[string, Held]>;
}

export interface TokenSourceParts {
  readonly memory: TokenMemory;
  readonly clock: Clock;
  readonly expiryMarginMs: number;
  /** Asks the service. */
  fetchToken(identity: Identity): Promise<Token>;
  onFetched(identity: Identity, token: Token, cause: TokenCause, durationMs: number): void;
}

/** One call to the service on behalf of everybody who waits for the same token. */
interface Flight {
  readonly identity: Identity;
  readonly cause: TokenCause;
}

export function createTokenSource(parts: TokenSourceParts): TokenSource {
  const { memory, clock } = parts;
  const flights = new Map<string, Flight>();

  function current(identity: Identity): Token | undefined {
    const held = memory.get(keyOf(identity));
    return held && !held.dropped && !isDead(held.token, clock.now(), parts.expiryMarginMs) ? held.token : undefined;
  }

  const land = pMemoize(
    async (flight: Flight): Promise<Token> => {
      const { identity, cause } = flight;
      const key = keyOf(identity);
      try {
        const startedAt = clock.now();
        const token = await parts.fetchToken(identity);
        parts.onFetched(identity, token, cause, clock.now() - startedAt);
        // An answer to a flight that was invalidated under way serves those who waited, but nobody after them.
        if (flights.get(key) === flight) memory.set(key, { identity, token });
        return token;
      } finally {
        if (flights.get(key) === flight) flights.delete(key);
      }
    },
    { cache: false },
  );

  function join(identity: Identity): Flight {
    const key = keyOf(identity);
    const flight = flights.get(key) ?? { identity, cause: causeOf(memory.get(key)) };
    flights.set(key, flight);
    return flight;
  }

  return {
    current,
    async get(identity) {
      return current(identity) ?? land(join(identity));
    },
    refuse(identity, value) {
      const key = keyOf(identity);
      const held = memory.get(key);
      if (held?.token.value === value) memory.set(key, { ...held, dropped: 'refused' });
    },
    invalidate(matches) {
      for (const [key, held] of [...memory.entries()]) {
        if (matches(held.identity)) memory.set(key, { ...held, dropped: 'invalidated' });
      }
      for (const [key, { identity }] of flights) {
        if (matches(identity)) flights.delete(key);
      }
    },
  };
}

function causeOf(held: Held | undefined): TokenCause {
  return held ? (held.dropped ?? 'expired') : 'initial';
}

/** Unambiguous: an account id has no colon. */
function keyOf({ accountId, consumerId = '' }: Identity): string {
  return `${accountId}:${consumerId}`;
}
