import pMemoize from 'p-memoize';
import type { Clock } from '../clock.js';
import type { TokenCause } from '../events.js';
import type { IsWanted } from '../wait.js';
import type { Cooldown } from './cooldown.js';
import { type Identity, keyOf } from './identity.js';
import { phaseOf, type Token, type TokenWindows } from './token.js';
import type { Held, TokenMemory } from './token-memory.js';

/** One token per identity: obtained lazily, renewed ahead of its end, shared by all who ask at once, dropped by value. */
export interface TokenSource {
  /**
   * The token in hand, without a wait; `undefined` where there is none that may be used at this moment. One that is near its
   * end is renewed in the background.
   */
  take(identity: Identity, now: number): Token | undefined;
  /**
   * The token in hand, or the next one.
   *
   * @param isWanted whether the caller still waits; a call that nobody waits for any more is not begun
   */
  get(identity: Identity, isWanted?: IsWanted): Promise<Token>;
  /** Drops a token that the service refused, at most once per `forcedRefreshIntervalMs`. A newer one stays. */
  refuse(identity: Identity, value: string): void;
  /** Drops the tokens of all identities that match, and what is known of failures; answers under way are no longer kept. */
  invalidate(matches: (identity: Identity) => boolean): void;
}

/** A token to be fetched, and what there is to know about it. */
export interface FetchOrder {
  readonly identity: Identity;
  readonly cause: TokenCause;
  /** The token that the new one shall replace. */
  readonly outdated: Token | undefined;
  /** Whether any of those who asked for it still waits. */
  readonly isWanted: IsWanted;
  /** False once it was invalidated under way: what comes is then for those who wait, and for nobody after them. */
  isCurrent(): boolean;
}

export interface TokenSourceParts {
  readonly memory: TokenMemory;
  readonly clock: Clock;
  readonly windows: TokenWindows;
  /** A server that refuses every token costs one call in this time. */
  readonly forcedRefreshIntervalMs: number;
  readonly cooldown: Cooldown;
  /** Asks the service, or whoever may have asked it already. */
  fetchToken(order: FetchOrder): Promise<Token>;
  onFetched(identity: Identity, token: Token, cause: TokenCause, durationMs: number): void;
  /** The failure, as it says until when it is remembered. */
  onFailed(identity: Identity, error: unknown): void;
}

/** One call to the service on behalf of everybody who waits for the same token. */
interface Flight {
  readonly identity: Identity;
  readonly cause: TokenCause;
  readonly waiting: IsWanted[];
}

export function createTokenSource(parts: TokenSourceParts): TokenSource {
  const { memory, clock, windows, cooldown, forcedRefreshIntervalMs } = parts;
  const flights = new Map<string, Flight>();

  function take(identity: Identity, now: number): Token | undefined {
    const held = memory.get(identity);
    if (!held || held.dropped) return undefined;
    const phase = phaseOf(held.token, now, windows);
    // Nobody waits for it, and while the token in hand lives its failure fails nobody; the cool-down spaces the tries.
    if (phase === 'due') next(held.identity, always, 'ahead').catch(() => {});
    return phase === 'dead' ? undefined : held.token;
  }

  const land = pMemoize(
    async (flight: Flight): Promise<Token> => {
      const { identity, cause } = flight;
      const key = keyOf(identity);
      const isCurrent = () => flights.get(key) === flight;
      try {
        const startedAt = clock.now();
        const outdated = memory.get(identity)?.token;
        const token = await parts.fetchToken({
          identity,
          cause,
          outdated,
          isWanted: () => isAwaited(flight),
          isCurrent,
        });
        cooldown.end(identity);
        parts.onFetched(identity, token, cause, clock.now() - startedAt);
        // An answer to a flight that was invalidated under way serves those who waited, but nobody after them.
        if (isCurrent()) memory.set({ identity, token, forcedAt: token.forcedAt ?? memory.get(identity)?.forcedAt });
        return token;
      } catch (error) {
        // The failure of such a flight is not remembered either.
        const failure = isCurrent() ? cooldown.start(identity, error) : error;
        parts.onFailed(identity, failure);
        throw failure;
      } finally {
        if (isCurrent()) flights.delete(key);
      }
    },
    { cache: false },
  );

  /** Whether any of those who joined a flight still waits. If none does, whoever comes next begins another one. */
  function isAwaited(flight: Flight): boolean {
    if (flight.waiting.some((isWanted) => isWanted())) return true;
    const key = keyOf(flight.identity);
    if (flights.get(key) === flight) flights.delete(key);
    return false;
  }

  /** Everybody's next token: what is under way, or a new call. */
  async function next(identity: Identity, isWanted: IsWanted, cause?: TokenCause): Promise<Token> {
    const key = keyOf(identity);
    const underWay = flights.get(key);
    if (underWay) {
      underWay.waiting.push(isWanted);
      return land(underWay);
    }
    cooldown.assertOver(identity);
    const flight = { identity, cause: cause ?? causeOf(memory.get(identity)), waiting: [isWanted] };
    flights.set(key, flight);
    return land(flight);
  }

  return {
    take,
    get: async (identity, isWanted = always) => take(identity, clock.now()) ?? next(identity, isWanted),
    refuse(identity, value) {
      const held = memory.get(identity);
      if (held?.token.value !== value || held.dropped) return;
      const now = clock.now();
      if (held.forcedAt !== undefined && Math.abs(now - held.forcedAt) < forcedRefreshIntervalMs) return;
      memory.set({ ...held, dropped: 'refused', forcedAt: now });
    },
    invalidate(matches) {
      for (const held of [...memory.all()]) {
        if (matches(held.identity)) memory.set({ ...held, dropped: 'invalidated', forcedAt: undefined });
      }
      for (const [key, { identity }] of flights) {
        if (matches(identity)) flights.delete(key);
      }
      cooldown.endAll(matches);
    },
  };
}

const always: IsWanted = () => true;

function causeOf(held: Held | undefined): TokenCause {
  return held ? (held.dropped ?? 'expired') : 'initial';
}
