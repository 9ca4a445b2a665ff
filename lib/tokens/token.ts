import { decodeJwt } from 'jose/jwt/decode';
import { ownOf } from '../own.js';
import type { Identity } from './identity.js';

/** The claims of a JWT, unchecked. (TypeScript 5.4 cannot read jose's own type in CommonJS.) */
export type Claims = Readonly<Record<string, unknown>>;

/** A token and its lifetime. All properties are own. */
export interface Token {
  readonly value: string;
  /** Epoch milliseconds, by the local clock. */
  readonly receivedAt: number;
  /** Lifetime from `receivedAt` on, in milliseconds; `undefined` for a token that does not expire. */
  readonly lifetimeMs: number | undefined;
  /** Whether it came from the shared store, where another process put it. */
  readonly isShared: boolean;
  /** When another process fetched it because of a refusal, in epoch milliseconds by the local clock. */
  readonly forcedAt: number | undefined;
  /** For a token of the store: when it was issued, at the earliest, in epoch milliseconds by the local clock. */
  readonly issuedAt: number | undefined;
}

/** A token that a service has just issued. */
export const issuedToken = (value: string, receivedAt: number, lifetimeMs: number | undefined): Token => ({
  value,
  receivedAt,
  lifetimeMs,
  isShared: false,
  forcedAt: undefined,
  issuedAt: undefined,
});

/** Whether a token of the store is as old as a token that was refused. The service may refuse it too. */
export const isOlderThan = ({ issuedAt }: Token, refusedAt: number | undefined): boolean =>
  issuedAt !== undefined && refusedAt !== undefined && issuedAt < refusedAt;

const ONE_HOUR_MS = 3_600_000;

// Only the compact serialisation is accepted, so no other text can get into a header.
const COMPACT_JWS = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/** The claims of a token; `undefined` if it is not a JWT. The service checks the signature. */
export function readClaims(value: unknown): Claims | undefined {
  if (typeof value !== 'string' || !COMPACT_JWS.test(value)) return undefined;
  try {
    return ownOf(decodeJwt(value)) as Claims;
  } catch {
    return undefined;
  }
}

/** In milliseconds: `exp - iat`, which does not depend on the local clock, else `expires_in`, else one hour. */
export function appJwtLifetimeMs(claims: Claims, expiresIn: unknown): number {
  const seconds = typeof expiresIn === 'string' ? Number(expiresIn) : expiresIn;
  return claimedLifetimeMs(claims) ?? secondsToMs(seconds) ?? ONE_HOUR_MS;
}

/** In milliseconds; `undefined` without an `exp`. An `exp` that is past on arrival is ignored, because a clock is wrong. */
export function consumerJwsLifetimeMs(claims: Claims, receivedAt: number): number | undefined {
  if (typeof claims.exp !== 'number') return undefined;
  return claimedLifetimeMs(claims) ?? secondsToMs(claims.exp - receivedAt / 1_000);
}

function claimedLifetimeMs({ exp, iat }: Claims): number | undefined {
  return typeof exp === 'number' && typeof iat === 'number' ? secondsToMs(exp - iat) : undefined;
}

const secondsToMs = (seconds: unknown): number | undefined =>
  typeof seconds === 'number' && Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : undefined;

/** Epoch milliseconds of the token's expiry; `undefined` for a token that does not expire. */
export function expiresAt(token: Token): number | undefined {
  return token.lifetimeMs === undefined ? undefined : token.receivedAt + token.lifetimeMs;
}

/** Two times before a token's expiry, in milliseconds: when its background renewal starts, and when its use ends. */
export interface TokenWindows {
  readonly refreshAheadMs: number;
  readonly expiryMarginMs: number;
}

/** `stale`: the token should be renewed in the background. `expired`: it must not be used any more. */
export function phaseOf(token: Token, now: number, windows: TokenWindows): 'fresh' | 'stale' | 'expired' {
  const { receivedAt, lifetimeMs } = token;
  if (lifetimeMs === undefined) return 'fresh';
  const { refreshAheadMs, expiryMarginMs } = windows;
  const leftMs = receivedAt + lifetimeMs - now;
  const wantedMs = refreshAheadMs + expiryMarginMs;
  // A token that is stale on arrival would be renewed again and again. So the windows take at most half of its lifetime.
  const scale = lifetimeMs <= wantedMs ? lifetimeMs / 2 / wantedMs : 1;
  if (leftMs <= expiryMarginMs * scale) return 'expired';
  return leftMs <= refreshAheadMs * scale ? 'stale' : 'fresh';
}

/** The expected claims of an identity's token. A missing claim is accepted. */
export function wantedClaims({ accountId, consumerId }: Identity): Readonly<Record<string, string>> {
  return consumerId === undefined ? { aud: accountId } : { account_id: accountId, ext_consumer_id: consumerId };
}

/** The name of the first claim that differs from the expected one. */
export function findWrongClaim(claims: Claims, wanted: Readonly<Record<string, string>>): string | undefined {
  return Object.entries(wanted).find(([name, value]) => !agrees(name, claims[name], value))?.[0];
}

/** Only `aud` may be a list (RFC 7519, 4.1.3). A larger number than a safe integer may stand for several ids. */
function agrees(name: string, claim: unknown, wanted: string): boolean {
  if (claim === undefined) return true;
  if (name === 'aud' && Array.isArray(claim)) return claim.includes(wanted);
  return claim === wanted || (Number.isSafeInteger(claim) && String(claim) === wanted);
}
