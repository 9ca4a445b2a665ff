import { type Clock, isWithin } from '../clock.js';
import type { TokenCause } from '../events.js';
import { singleFlight } from '../single-flight.js';
import { type IsWanted, inBackground } from '../wait.js';
import type { Cooldown } from './cooldown.js';
import { type FetchTrace, traceFetch } from './fetch-trace.js';
import { type Identity, keyOf } from './identity.js';
import { isOlderThan, phaseOf, type Token, type TokenWindows } from './token.js';
import type { CachedToken, TokenCache } from './token-cache.js';

/** One token per identity: fetched lazily, renewed before it expires, shared by all callers, dropped by value. */
export interface TokenSource {
  /** The token in memory, if it may be used now. A stale token is renewed in the background. */
  peek(identity: Identity, now: number): Token | undefined;
  /**
   * The token in memory, or the next one.
   *
   * @param isWanted whether the caller still waits. A call is not started if no caller waits for it
   */
  get(identity: Identity, isWanted: IsWanted): Promise<Token>;
  /**
   * Drops a refused token, at most once in `forcedRefreshIntervalMs`. A newer token stays, unless it is one of the store that
   * was issued before the refused send began.
   *
   * @param sentAt when the refused send began
   */
  refuse(identity: Identity, value: string, sentAt?: number): void;
  /** Drops the tokens and the remembered failures of all identities that match. Tokens of calls under way are not kept. */
  invalidate(matches: (identity: Identity) => boolean): void;
}

/** A token to fetch. */
export interface FetchOrder {
  readonly identity: Identity;
  readonly cause: TokenCause;
  /** The token that the new one replaces. */
  readonly outdated: Token | undefined;
  /** When the send began in which the old token was refused. A token in the store counts only if it was issued later. */
  readonly refusedAt: number | undefined;
  /** Whether any caller still waits for it, or it is renewed in the background. */
  readonly isWanted: IsWanted;
  /** Whether it is renewed in the background, and no caller waits for it. */
  isBackground(): boolean;
  /** False if the token was invalidated meanwhile. The waiting callers then still get it, but it is not kept. */
  isCurrent(): boolean;
  /** Called when the turn of its call has come, before each attempt. If it rejects, no call is made. */
  onTurn?(): Promise<void>;
  /** Called before each attempt at the service. */
  readonly onAttempt?: ((url: string) => void) | undefined;
}

export interface TokenSourceParts {
  readonly cache: TokenCache;
  readonly clock: Clock;
  readonly windows: TokenWindows;
  /** In milliseconds. A server that refuses every token costs one token call in this time. */
  readonly forcedRefreshIntervalMs: number;
  readonly cooldown: Cooldown<Identity>;
  /** Asks the store or the service. */
  fetchToken(order: FetchOrder): Promise<Token>;
  onFetched(identity: Identity, token: Token, cause: TokenCause, durationMs: number): void;
  /** @param error has `retryAt` if it is remembered */
  onFailed(identity: Identity, error: unknown): void;
}

/** One shared call for all callers that wait for the same token. */
interface Flight {
  readonly identity: Identity;
  readonly cause: TokenCause;
  readonly waiting: IsWanted[];
  /** Only if somebody listens to `axios-liveperson-auth:token`. */
  readonly trace: FetchTrace | undefined;
}

export function createTokenSource(parts: TokenSourceParts): TokenSource {
  const { cache, clock, windows, cooldown, forcedRefreshIntervalMs } = parts;
  const flights = new Map<string, Flight>();

  function peek(identity: Identity, now: number): Token | undefined {
    const cached = cache.get(identity);
    if (!cached || cached.dropped) return undefined;
    const phase = phaseOf(cached.token, now, windows);
    // If the renewal fails, no request fails, because the old token is still used. The cool-down spaces the attempts.
    if (phase === 'stale') next(cached.identity, inBackground, 'ahead').catch(() => {});
    return phase === 'expired' ? undefined : cached.token;
  }

  const land = singleFlight(
    (flight: Flight): Promise<Token> => flight.trace?.run(() => fetchFor(flight)) ?? fetchFor(flight),
  );

  async function fetchFor(flight: Flight): Promise<Token> {
    const { identity, cause, trace } = flight;
    const key = keyOf(identity);
    const isCurrent = () => flights.get(key) === flight;
    try {
      const startedAt = clock.now();
      const fetch = (why: TokenCause) => {
        const old = cache.get(identity);
        return parts.fetchToken({
          identity,
          cause: why,
          outdated: old?.token,
          refusedAt: old?.refusedAt,
          isWanted: () => isAwaited(flight),
          isBackground: () => flight.waiting.every((isWanted) => isWanted === inBackground || !isWanted()),
          isCurrent,
          onAttempt: trace?.attempt,
        });
      };
      let token = await fetch(cause);
      // The old token was refused meanwhile, and the store's token is as old.
      if (isCurrent() && isOlderThan(token, cache.get(identity)?.refusedAt)) token = await fetch('refused');
      cooldown.end(identity);
      parts.onFetched(identity, token, cause, clock.now() - startedAt);
      if (isCurrent()) {
        // A token of the store does not count as a forced renewal of this process, which has not asked the service.
        const forcedAt = token.isShared ? token.forcedAt : cache.get(identity)?.forcedAt;
        cache.set({ identity, token, dropped: undefined, forcedAt, refusedAt: undefined });
      }
      return token;
    } catch (error) {
      const failure = isCurrent() ? cooldown.start(identity, error) : error;
      parts.onFailed(identity, failure);
      throw failure;
    } finally {
      if (isCurrent()) flights.delete(key);
    }
  }

  /** Whether any caller still waits for a flight. If none does, the next caller starts another one. */
  function isAwaited(flight: Flight): boolean {
    if (flight.waiting.some((isWanted) => isWanted())) return true;
    const key = keyOf(flight.identity);
    if (flights.get(key) === flight) flights.delete(key);
    return false;
  }

  /** The next token: the call under way, or a new call. */
  async function next(
    identity: Identity,
    isWanted: IsWanted,
    cause: TokenCause = causeOf(cache.get(identity)),
  ): Promise<Token> {
    const key = keyOf(identity);
    const underWay = flights.get(key);
    if (underWay) {
      underWay.waiting.push(isWanted);
      underWay.trace?.join();
      return land(underWay);
    }
    cooldown.assertOver(identity);
    const trace = traceFetch(identity, cause, isWanted === inBackground);
    const flight = { identity, cause, waiting: [isWanted], trace };
    flights.set(key, flight);
    return land(flight);
  }

  return {
    peek,
    get: async (identity, isWanted) => peek(identity, clock.now()) ?? next(identity, isWanted),
    refuse(identity, value, sentAt) {
      const cached = cache.get(identity);
      if (!cached || cached.dropped || (cached.token.value !== value && !isOlderThan(cached.token, sentAt))) return;
      const now = clock.now();
      if (isWithin(cached.forcedAt, now, forcedRefreshIntervalMs)) return;
      cache.set({ ...cached, dropped: 'refused', forcedAt: now, refusedAt: sentAt });
    },
    invalidate(matches) {
      for (const cached of [...cache.all()]) {
        if (matches(cached.identity))
          cache.set({ ...cached, dropped: 'invalidated', forcedAt: undefined, refusedAt: undefined });
      }
      for (const [key, { identity }] of flights) {
        if (matches(identity)) flights.delete(key);
      }
      cooldown.endAll(matches);
    },
  };
}

function causeOf(cached: CachedToken | undefined): TokenCause {
  return cached ? (cached.dropped ?? 'expired') : 'initial';
}
