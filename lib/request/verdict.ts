import { appJwtOf, consumerJwsOf } from '../tokens/identity.js';
import { type Answer, isUnreachable, judge } from './answer.js';
import type { PreparedRequest, PrepareParts } from './prepare.js';

/** Reads the Send API's error from a body. Drops the refused token, or the host that could not be reached. */
export function judgeAnswer(
  { tokens, trace }: PrepareParts,
  prepared: PreparedRequest,
  sentAt: number,
  answer: Answer,
  body: unknown,
): Answer {
  const { target, consumerId, appJwt, consumerJws } = prepared;
  judge(answer, body);
  trace?.answered(answer);
  if (isUnreachable(answer)) tokens.domains.reconsider(target.accountId);
  if (answer.refused === 'appJwt') tokens.appJwts.refuse(appJwtOf(target.accountId), appJwt, sentAt);
  if (answer.refused === 'consumerJws')
    tokens.consumerJws.refuse(consumerJwsOf(target.accountId, consumerId), consumerJws, sentAt);
  return answer;
}
