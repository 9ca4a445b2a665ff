import { createHash } from 'node:crypto';
import { ownOf } from '../own.js';
import { hashOf, type Identity, kindOf } from './identity.js';
import { findWrongClaim, issuedToken, readClaims, type Token, wantedClaims } from './token.js';

/** With what an account signs in, as far as it tells tokens apart. */
export interface StoredUnder {
  readonly clientId: string;
  readonly appJwtVersion: string;
}

/**
 * Where a token lies in the store, such as `consumerJws:70012345:<client>:<consumer>`. Two installations of one account share
 * nothing. The last part is the hash that events show; the account is in clear, so that an operator can find what is its.
 */
export function storeKeyOf(identity: Identity, { clientId, appJwtVersion }: StoredUnder): string {
  const { accountId, consumerId } = identity;
  const client = createHash('sha256').update(clientId).digest('hex').slice(0, 16);
  return [kindOf(identity), accountId, client, consumerId === undefined ? appJwtVersion : hashOf(identity)].join(':');
}

/** Counts up when a value's form changes: what another version has written is a miss. */
const VERSION = 1;

/** No token comes near it, sealed or not. */
const LONGEST_VALUE = 64 * 1024;

export interface StoredToken {
  readonly token: Token;
  /** A refusal forced the call that brought it. */
  readonly isForced: boolean;
}

/** What is stored. It holds its key, and so its kind and account: under another key it is a miss. */
export function writeStoredToken(key: string, { token, isForced }: StoredToken): string {
  const { value, receivedAt, lifetimeMs } = token;
  return JSON.stringify({ v: VERSION, key, token: value, receivedAt, lifetimeMs, isForced });
}

/** The token of an entry; `undefined` for anything that `writeStoredToken` has not written for this very identity (D6). */
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
 * The same token, its age as this process's clock has it. The store's clock is the same for all who share it, and so tells the
 * rest of a token's life better than two hosts' clocks do; where it cannot be asked, a token is at least not younger than now.
 *
 * @param leftMs how long the store will keep it
 */
export function ageHere(token: Token, now: number, leftMs: number | undefined): Token {
  const { lifetimeMs } = token;
  if (lifetimeMs === undefined) return { ...token, receivedAt: Math.min(token.receivedAt, now) };
  const receivedAt = leftMs === undefined ? token.receivedAt : now - lifetimeMs + leftMs;
  return { ...token, receivedAt: Math.min(receivedAt, now) };
}
