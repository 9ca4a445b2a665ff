import { createHash } from 'node:crypto';
import { ownOf } from '../own.js';
import { hashOf, type Identity, kindOf } from './identity.js';
import { findWrongClaim, issuedToken, readClaims, type Token, wantedClaims } from './token.js';

/** The settings that are part of a token's key. */
export interface StoredUnder {
  readonly clientId: string;
  readonly appJwtVersion: string;
}

/**
 * The key of a token in the store, such as `consumerJws:70012345:<client>:<consumer>`. Two installations of one account share no
 * key. The last part is the consumer's hash as in events, or the AppJWT's version. The account is in clear for operators.
 */
export function storeKeyOf(identity: Identity, { clientId, appJwtVersion }: StoredUnder): string {
  const { accountId, consumerId } = identity;
  const client = createHash('sha256').update(clientId).digest('hex').slice(0, 16);
  return [kindOf(identity), accountId, client, consumerId === undefined ? appJwtVersion : hashOf(identity)].join(':');
}

/** Increased when the format changes. An entry of another version is a miss. */
const VERSION = 1;

/** In characters. No token is nearly as long, sealed or not. */
const LONGEST_VALUE = 64 * 1024;

export interface StoredToken {
  readonly token: Token;
  /** The token was fetched because the old one was refused. */
  readonly isForced: boolean;
}

/** The value in the store. It contains its own key, so it is a miss under another key. */
export function writeStoredToken(key: string, { token, isForced }: StoredToken): string {
  const { value, receivedAt, lifetimeMs } = token;
  return JSON.stringify({ v: VERSION, key, token: value, receivedAt, lifetimeMs, isForced });
}

/** The token of an entry. `undefined` unless `writeStoredToken` wrote it for the same key and identity. */
export function readStoredToken(text: string, key: string, identity: Identity): StoredToken | undefined {
  const { v, key: itsKey, token: value, receivedAt, lifetimeMs, isForced } = parse(text);
  if (v !== VERSION || itsKey !== key || typeof value !== 'string') return undefined;
  if (!Number.isFinite(receivedAt)) return undefined;
  const isEndless = lifetimeMs === undefined && kindOf(identity) === 'consumerJws';
  if (!isEndless && !Number.isFinite(lifetimeMs)) return undefined;
  const claims = readClaims(value);
  if (!claims || findWrongClaim(claims, wantedClaims(identity))) return undefined;
  const token = {
    ...issuedToken(value, receivedAt as number, lifetimeMs as number | undefined),
    isShared: true,
  };
  return { token, isForced: isForced === true };
}

const NOTHING: Readonly<Record<string, unknown>> = Object.create(null);

function parse(text: string): Readonly<Record<string, unknown>> {
  if (text.length > LONGEST_VALUE) return NOTHING;
  try {
    return ownOf(Object(JSON.parse(text)) as object) as Readonly<Record<string, unknown>>;
  } catch {
    return NOTHING;
  }
}

/**
 * The same token, with `receivedAt` by this process's clock. It is computed from the time that the store has left for the entry,
 * because the clocks of two hosts may differ. It is never in the future.
 *
 * @param leftMs how long the store will keep the entry, in milliseconds; `undefined` if the store cannot say
 */
export function ageHere(token: Token, now: number, leftMs: number | undefined): Token {
  const { lifetimeMs } = token;
  if (lifetimeMs === undefined) return { ...token, receivedAt: Math.min(token.receivedAt, now) };
  const receivedAt = leftMs === undefined ? token.receivedAt : now - lifetimeMs + leftMs;
  return { ...token, receivedAt: Math.min(receivedAt, now) };
}
