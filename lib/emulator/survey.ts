import { randomUUID } from 'node:crypto';
import type { Metadata, QuickReplies, TextEvent } from './wire.js';

/** A survey ends by itself after a day. */
export const SURVEY_LIFETIME_MS = 86_400_000;

const SCORES = ['1', '2', '3', '4', '5'];

/** A survey's question, with a button for each score. The answer to it bears the metadata of its button. */
export function surveyQuestion(
  text: string,
  metadata: readonly Metadata[] = [{ type: 'Question', id: randomUUID(), surveyId: 'emulated-survey' }],
): { event: TextEvent; metadata: readonly Metadata[] } {
  const questionId = metadata.find(({ type }) => type === 'Question')?.id ?? 'question';
  const quickReplies: QuickReplies = {
    type: 'quickReplies',
    itemsPerRow: 8,
    replies: SCORES.map((score) => ({
      type: 'button',
      title: score,
      click: {
        metadata: [{ type: 'Answer', questionId, id: `answer-${score}` }],
        actions: [{ type: 'publishText', text: score }],
      },
    })),
  };
  return { event: { type: 'ContentEvent', contentType: 'text/plain', message: text, quickReplies }, metadata };
}
