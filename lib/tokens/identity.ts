import { createHash } from 'node:crypto';
import type { TokenKind } from '../events.js';

/** Whose token it is. An AppJWT has no consumer. */
export interface Identity {
  readonly accountId: string;
  readonly consumerId?: string;
}

/** Which token it is: an AppJWT where there is no consumer. */
export function kindOf({ consumerId }: Identity): TokenKind {
  return consumerId === undefined ? 'appJwt' : 'consumerJws';
}

/** Unambiguous: an account id has no colon. */
export function keyOf({ accountId, consumerId = '' }: Identity): string {
  return `${accountId}:${consumerId}`;
}

/** Consumer ids are personal data: outside they appear as this hash alone. */
export function hashOf(identity: Identity): string {
  return createHash('sha256').update(keyOf(identity)).digest('hex');
}
