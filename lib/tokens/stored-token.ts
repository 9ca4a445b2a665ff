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
const VERSION = 2;

/** In characters. No token is nearly as long, sealed or not. */
export const LONGEST_VALUE = 64 * 1024;

const DAY_MS = 86_400_000;

/** How long the store keeps a token that does not expire and is not used. */
export const UNUSED_MS = 30 * DAY_MS;

/** A token as it is in the store. Its times are by the clock of the process that wrote it, until `ageHere`. */
export interface StoredToken {
  readonly token: Token;
  /** When the service issued it, at the earliest, in epoch milliseconds. */
  readonly issuedAt: number;
  /** When the entry was written, in epoch milliseconds. */
  readonly writtenAt: number;
  /** The token was fetched because the old one was refused. */
  readonly isForced: boolean;
}

/** The value in the store. It contains its own key, so it is a miss under another key. */
export function writeStoredToken(key: string, { token, issuedAt, writtenAt, isForced }: StoredToken): string {
  const { value, receivedAt, lifetimeMs } = token;
  return JSON.stringify({ v: VERSION, key, token: value, receivedAt, lifetimeMs, issuedAt, writtenAt, isForced });
}

/** The token of an entry. `undefined` unless `writeStoredToken` wrote it for the same key and identity. */
export function readStoredToken(text: string, key: string, identity: Identity): StoredToken | undefined {
  const { v, key: itsKey, token: value, receivedAt, lifetimeMs, issuedAt, writtenAt, isForced } = parse(text);
  if (v !== VERSION || itsKey !== key || typeof value !== 'string') return undefined;
  if (![receivedAt, issuedAt, writtenAt].every(Number.isFinite)) return undefined;
  const isEndless = lifetimeMs === undefined && kindOf(identity) === 'consumerJws';
  if (!isEndless && !Number.isFinite(lifetimeMs)) return undefined;
  const claims = readClaims(value);
  if (!claims || findWrongClaim(claims, wantedClaims(identity))) return undefined;
  const token = {
    ...issuedToken(value, receivedAt as number, lifetimeMs as number | undefined),
    isShared: true,
  };
  return { token, issuedAt: issuedAt as number, writtenAt: writtenAt as number, isForced: isForced === true };
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

/** How long the store keeps an entry from its writing on, in whole milliseconds. Less than 1 if the token has expired. */
export function ttlOf({ token, writtenAt }: Pick<StoredToken, 'token' | 'writtenAt'>): number {
  const { receivedAt, lifetimeMs } = token;
  return lifetimeMs === undefined ? UNUSED_MS : Math.floor(receivedAt + lifetimeMs - writtenAt);
}

/** Whether an entry's life is to be renewed, because it is used: at most once a day. */
export function isKeepDue({ token, writtenAt }: StoredToken, now: number, leftMs: number | undefined): boolean {
  if (token.lifetimeMs !== undefined) return false;
  return leftMs === undefined ? writtenAt < now - DAY_MS : leftMs < UNUSED_MS - DAY_MS;
}

/**
 * The same entry, with its times by this process's clock. They are computed from the time that the store has left for the entry,
 * because the clocks of two hosts may differ. They are never in the future.
 *
 * @param readAt when the entry was read, by the local clock
 * @param leftMs how long the store will keep the entry, in milliseconds; `undefined` if the store cannot say
 */
export function ageHere(entry: StoredToken, readAt: number, leftMs: number | undefined): StoredToken {
  const { token, writtenAt } = entry;
  // Received plus lifetime, or written plus life in the store, is the time at which the store drops the entry.
  const [start, lifeMs] =
    token.lifetimeMs === undefined ? [writtenAt, UNUSED_MS] : [token.receivedAt, token.lifetimeMs];
  const shiftMs = leftMs === undefined ? 0 : readAt - lifeMs + leftMs - start;
  const here = (time: number) => Math.min(time + shiftMs, readAt);
  return {
    ...entry,
    token: { ...token, receivedAt: here(token.receivedAt) },
    // The earlier of the two, because a token must not seem newer than it is.
    issuedAt: Math.min(entry.issuedAt, here(entry.issuedAt)),
    writtenAt: here(entry.writtenAt),
  };
}
