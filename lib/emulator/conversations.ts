import { randomUUID } from 'node:crypto';

export type CloseReason = 'AGENT' | 'CONSUMER';

/** A consumer of a brand. */
export interface Party {
  /** The brand. */
  readonly accountId: string;
  /** The connector's own id of the consumer, such as `sms-4915550001`. */
  readonly consumerId: string;
}

export interface Conversation extends Party {
  readonly id: string;
  /** Epoch milliseconds, as the other times. */
  readonly openedAt: number;
  /** How soon an answer is due: `NORMAL`, `URGENT` or `PRIORITIZED`. */
  readonly ttrType: string;
  readonly skillId: string;
  changedAt: number;
  /** From the agent's first words on. */
  agentId: string | undefined;
  closeReason: CloseReason | undefined;
}

/** The conversations, open and closed. */
export interface ConversationBook {
  /** `wish` is the body of the consumer's request. */
  open(owner: Party, wish: Readonly<Record<string, unknown>>): Conversation;
  /** Oldest first. */
  all(): Conversation[];
  find(conversationId: unknown): Conversation | undefined;
  /** @throws Error when there is none of that id, or when it is closed */
  findOpen(conversationId: string): Conversation;
  /** The place of the next event in a conversation, from 0. */
  takeSequence(conversationId: string): number;
}

export function createConversationBook(): ConversationBook {
  const conversations = new Map<string, Conversation>();
  const lengths = new Map<string, number>();

  return {
    open(owner, { ttrDefName, skillId }) {
      const now = Date.now();
      const conversation: Conversation = {
        ...owner,
        id: randomUUID(),
        openedAt: now,
        changedAt: now,
        ttrType: typeof ttrDefName === 'string' ? ttrDefName : 'NORMAL',
        skillId: typeof skillId === 'string' ? skillId : '-1',
        agentId: undefined,
        closeReason: undefined,
      };
      conversations.set(conversation.id, conversation);
      return conversation;
    },
    all: () => [...conversations.values()],
    find: (conversationId) => conversations.get(String(conversationId)),
    findOpen(conversationId) {
      const conversation = conversations.get(conversationId);
      if (!conversation) {
        throw new Error(
          `There is no conversation ${JSON.stringify(conversationId)}: open one with CONVERSATION first.`,
        );
      }
      if (conversation.closeReason) throw new Error(`The conversation ${conversationId} is closed: open a new one.`);
      return conversation;
    },
    takeSequence(conversationId) {
      const sequence = lengths.get(conversationId) ?? 0;
      lengths.set(conversationId, sequence + 1);
      return sequence;
    },
  };
}
