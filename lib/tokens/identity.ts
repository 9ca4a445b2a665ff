/** Whose token it is. An AppJWT has no consumer. */
export interface Identity {
  readonly accountId: string;
  readonly consumerId?: string;
}

/** Unambiguous: an account id has no colon. */
export function keyOf({ accountId, consumerId = '' }: Identity): string {
  return `${accountId}:${consumerId}`;
}
