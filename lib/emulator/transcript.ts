import { type BoundedLog, createBoundedLog } from './bounded-log.js';
import type { ChangeFeed } from './changes.js';
import type { Conversation } from './conversations.js';
import type { Utterance } from './notifications.js';

/** An utterance in its conversation. */
export interface TranscriptEntry extends Utterance {
  readonly conversationId: string;
}

/** What both sides have said in the conversations. It is kept without a webhook too. */
export interface Transcript {
  /** The newest, oldest first. */
  readonly entries: readonly TranscriptEntry[];
  add(conversation: Conversation, utterance: Utterance): void;
  clear(): void;
}

export function createTranscript(changes: ChangeFeed): Transcript {
  const log: BoundedLog<TranscriptEntry> = createBoundedLog(({ event }) => JSON.stringify(event).length);
  return {
    entries: log.entries,
    add({ id }, utterance) {
      log.push({ ...utterance, conversationId: id });
      changes.emit('conversation');
    },
    clear() {
      log.clear();
      changes.emit('conversation');
    },
  };
}
