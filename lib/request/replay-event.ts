import type { EventHub, ReplayEvent } from '../events.js';
import type { SendApiError } from '../send-api-error.js';
import type { Answer } from './answer.js';
import type { Target } from './target.js';

/** How a replay ended. */
export function outcomeOf({ isError, fault, refused }: Answer): ReplayEvent['outcome'] {
  if (refused) return 'refused';
  return isError || fault ? 'failed' : 'succeeded';
}

/** Emits `replay` for a replay, or for a refusal that could not be replayed. */
export function reportReplay(
  { events }: { readonly events: EventHub },
  { accountId, name }: Target,
  { errorCode }: SendApiError,
  outcome: ReplayEvent['outcome'],
): void {
  events.emit('replay', () => ({ accountId, endpoint: name, errorCode, outcome }));
}
