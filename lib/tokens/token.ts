import { decodeJwt } from 'jose/jwt/decode';
import type { Identity } from './identity.js';

/** The claims of a JWT, none of which need be what it should. (jose's own type is out of reach for CommonJS in older TypeScript.) */
export type Claims = Readonly<Record<string, unknown>>;

/** A token in hand. */
export interface Token {
  readonly value: string;
  /** Epoch milliseconds, by the local clock. */
  readonly receivedAt: number;
  /** How long it lives from then on, in milliseconds; `undefined` for one that does not expire. */
  readonly lifetimeMs: number | undefined;
  /** Whether another process obtained it and left it in the store. */
  readonly isShared?: true;
  /** When a refusal made another process obtain it, by the local clock. */
  readonly forcedAt?: number | undefined;
}

const ONE_HOUR_MS = 3_600_000;

// Compact serialisation, so that nothing else can get into a header.
const COMPACT_JWS = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/** The claims of a token; `undefined` for what is no JWT. The signature is the service's business, not ours. */
export function readClaims(value: unknown): Claims | undefined {
  if (typeof value !== 'string' || !COMPACT_JWS.test(value)) return undefined;
  try {
    return decodeJwt(value);
  } catch {
    return undefined;
  }
}

/** `exp - iat`, so that a wrong local clock does not matter; without them `expires_in` (seconds); without that one hour. */
export function appJwtLifetimeMs(claims: Claims, expiresIn: unknown): number {
  const seconds = typeof expiresIn === 'string' ? Number(expiresIn) : expiresIn;
  return claimedLifetimeMs(claims) ?? secondsToMs(seconds) ?? ONE_HOUR_MS;
}

/** A ConsumerJWS does not expire, unless it says so; an end that is past on arrival says but that a clock is wrong. */
export function consumerJwsLifetimeMs(claims: Claims, receivedAt: number): number | undefined {
  if (typeof claims.exp !== 'number') return undefined;
  return claimedLifetimeMs(claims) ?? secondsToMs(claims.exp - receivedAt / 1_000);
}

function claimedLifetimeMs({ exp, iat }: Claims): number | undefined {
  return typeof exp === 'number' && typeof iat === 'number' ? secondsToMs(exp - iat) : undefined;
}

const secondsToMs = (seconds: unknown): number | undefined =>
  typeof seconds === 'number' && Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : undefined;

/** Epoch milliseconds of the token's end; `undefined` for one that does not expire. */
export function expiresAt(token: Token): number | undefined {
  return token.lifetimeMs === undefined ? undefined : token.receivedAt + token.lifetimeMs;
}

/** How long before a token's end it is renewed while it is still used, and how long before it is used no more. In milliseconds. */
export interface TokenWindows {
  readonly refreshAheadMs: number;
  readonly expiryMarginMs: number;
}

/** `due`: so little is left of a token that it should be renewed; `dead`: too little to use it. */
export function phaseOf(token: Token, now: number, windows: TokenWindows): 'fresh' | 'due' | 'dead' {
  const { receivedAt, lifetimeMs } = token;
  if (lifetimeMs === undefined) return 'fresh';
  const { refreshAheadMs, expiryMarginMs } = windows;
  const leftMs = receivedAt + lifetimeMs - now;
  const wantedMs = refreshAheadMs + expiryMarginMs;
  // The two take up half of a short life together: a token that is due or dead on arrival would be fetched for each request.
  const scale = lifetimeMs <= wantedMs ? lifetimeMs / 2 / wantedMs : 1;
  if (leftMs <= expiryMarginMs * scale) return 'dead';
  return leftMs <= refreshAheadMs * scale ? 'due' : 'fresh';
}

/** What the claims of an identity's token must say, where they are there. */
export function wantedClaims({ accountId, consumerId }: Identity): Readonly<Record<string, string>> {
  return consumerId === undefined ? { aud: accountId } : { account_id: accountId, ext_consumer_id: consumerId };
}

/** The first claim that is there and is not what was asked for. */
export function findWrongClaim(claims: Claims, wanted: Readonly<Record<string, string>>): string | undefined {
  return Object.entries(wanted).find(([name, value]) => !agrees(claims[name], value))?.[0];
}

function agrees(claim: unknown, wanted: string): boolean {
  if (claim === undefined) return true;
  if (Array.isArray(claim)) return claim.includes(wanted);
  return claim === wanted || (typeof claim === 'number' && String(claim) === wanted);
}
