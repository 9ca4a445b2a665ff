import { createHash } from 'node:crypto';
import type { TokenKind } from '../events.js';

/** The owner of a token. An AppJWT has no consumer. Both properties are own, so inherited ones have no effect. */
export interface Identity {
  readonly accountId: string;
  readonly consumerId: string | undefined;
}

export const appJwtOf = (accountId: string): Identity => ({ accountId, consumerId: undefined });

export const consumerJwsOf = (accountId: string, consumerId: string): Identity => ({ accountId, consumerId });

/** The kind of an identity's token. Without a consumer, it is an AppJWT. */
export function kindOf({ consumerId }: Identity): TokenKind {
  return consumerId === undefined ? 'appJwt' : 'consumerJws';
}

/** Unique, because an account id has no colon. */
export function keyOf({ accountId, consumerId = '' }: Identity): string {
  return `${accountId}:${consumerId}`;
}

/** SHA-256 in hex. Consumer ids are personal data, so events, logs and stores have this hash instead. */
export function hashOf(identity: Identity): string {
  return createHash('sha256').update(keyOf(identity)).digest('hex');
}

/** The properties by which an event names the owner of a token. */
export function subjectOf(identity: Identity): { accountId: string; consumer?: string } {
  const { accountId, consumerId } = identity;
  return consumerId === undefined ? { accountId } : { accountId, consumer: hashOf(identity) };
}
