import type { TokenKind } from './events.js';
import { type SendApiErrorBody, SendApiErrorCode } from './send-api-error.js';

/** Which token the errors of an answer refuse: the first one's, when every one is a refusal; otherwise none. */
export function refusedToken(errors: readonly SendApiErrorBody[]): TokenKind | undefined {
  const kinds = errors.map(({ errorCode }) => kindRefusedBy(errorCode));
  return kinds.includes(undefined) ? undefined : kinds[0];
}

function kindRefusedBy(errorCode: number): TokenKind | undefined {
  if (errorCode === SendApiErrorCode.InvalidAppJwt) return 'appJwt';
  if (errorCode === SendApiErrorCode.InvalidConsumerJws) return 'consumerJws';
  return undefined;
}
