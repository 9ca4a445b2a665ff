import type { EventHub, ReplayEvent, TokenKind } from '../events.js';
import type { SendApiError } from '../send-api-error.js';
import type { Answer } from './answer.js';
import type { Target } from './target.js';

type Outcome = Pick<ReplayEvent, 'outcome' | 'refusals' | 'replayedAgain'>;

/** How a replay ended. @param replaced the tokens that were replaced so far, with the codes that refused them */
export function outcomeOf({ isError, fault, refused }: Answer, replaced: ReadonlyMap<TokenKind, number>): Outcome {
  if (!fault || !refused) return { outcome: isError || fault ? 'failed' : 'succeeded' };
  const refusals = [...replaced.values(), fault.errorCode];
  return { outcome: 'refused', refusals, replayedAgain: !replaced.has(refused) };
}

/** Emits `replay` for a replay, or for a refusal that could not be replayed. */
export function reportReplay(
  { events }: { readonly events: EventHub },
  { accountId, name }: Target,
  { errorCode }: SendApiError,
  outcome: Outcome,
): void {
  events.emit('replay', () => ({ accountId, endpoint: name, errorCode, ...outcome }));
}
