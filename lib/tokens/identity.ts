import { createHash } from 'node:crypto';
import type { TokenKind } from '../events.js';

/** Whose token it is. An AppJWT has no consumer. Both are own properties, so that nothing inherited can decide (design A10). */
export interface Identity {
  readonly accountId: string;
  readonly consumerId: string | undefined;
}

export const appJwtOf = (accountId: string): Identity => ({ accountId, consumerId: undefined });

export const consumerJwsOf = (accountId: string, consumerId: string): Identity => ({ accountId, consumerId });

/** Which token it is: without a consumer, an AppJWT. */
export function kindOf({ consumerId }: Identity): TokenKind {
  return consumerId === undefined ? 'appJwt' : 'consumerJws';
}

/** Unambiguous: an account id has no colon. */
export function keyOf({ accountId, consumerId = '' }: Identity): string {
  return `${accountId}:${consumerId}`;
}

/** Consumer ids are personal data. Events, logs and stores have this hash instead. */
export function hashOf(identity: Identity): string {
  return createHash('sha256').update(keyOf(identity)).digest('hex');
}
