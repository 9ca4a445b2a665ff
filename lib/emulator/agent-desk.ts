import { randomUUID } from 'node:crypto';
import type { CloseReason, Conversation, ConversationBook } from './conversations.js';
import type { Delivery } from './delivery.js';
import { type ConversationEvent, conversationChange, messagingEvent } from './notifications.js';
import type { AutoReply } from './options.js';
import { isRecord } from './reply.js';
import type { Webhook } from './webhook.js';

/** LivePerson's side of a conversation: what happens there is told to the connector's webhook. */
export interface AgentDesk {
  /** @throws Error when there is no such open conversation, or no webhook */
  send(conversationId: string, event: ConversationEvent): Promise<Delivery>;
  /** @throws Error when there is no such open conversation, or no webhook */
  closeConversation(conversationId: string): Promise<Delivery>;
  readonly ears: Ears;
}

/** Told of what a consumer did, after the answer to it is on its way. */
export interface Ears {
  onOpened(conversation: Conversation): void;
  onPublished(conversation: Conversation, event: unknown, sequence: number): void;
  onClosed(conversation: Conversation): void;
}

export function textEvent(message: string): ConversationEvent {
  return { type: 'ContentEvent', contentType: 'text/plain', message };
}

export function createAgentDesk(
  conversations: ConversationBook,
  webhook: Webhook,
  autoReply: AutoReply | undefined,
): AgentDesk {
  const agentId = randomUUID();

  function assertWebhook(): void {
    if (webhook.isSet) return;
    throw new Error(
      'There is no webhook to deliver to: set one with --webhook, the option webhook or setWebhook() first.',
    );
  }

  function send(conversationId: string, event: ConversationEvent): Promise<Delivery> {
    const conversation = conversations.findOpen(conversationId);
    assertWebhook();
    if (conversation.agentId === undefined) {
      conversation.agentId = agentId;
      conversation.changedAt = Date.now();
      void webhook.deliver(conversationChange(conversation));
    }
    const sequence = hasSequence(event) ? conversations.takeSequence(conversationId) : undefined;
    return webhook.deliver(messagingEvent(conversation, 'ASSIGNED_AGENT', event, sequence));
  }

  const tell = (conversation: Conversation) => {
    if (webhook.isSet) void webhook.deliver(conversationChange(conversation));
  };

  return {
    send,
    closeConversation(conversationId) {
      const conversation = conversations.findOpen(conversationId);
      assertWebhook();
      close(conversation, 'AGENT');
      return webhook.deliver(conversationChange(conversation));
    },
    ears: {
      onOpened: tell,
      onPublished(conversation, event, sequence) {
        if (!webhook.isSet || !isEvent(event) || conversation.closeReason) return;
        // A consumer's own messages come back: connectors must know them by their role.
        void webhook.deliver(
          messagingEvent(conversation, 'CONSUMER', event, hasSequence(event) ? sequence : undefined),
        );
        const { message } = event;
        const { id: conversationId, accountId, consumerId } = conversation;
        const reply =
          typeof message === 'string' ? autoReply?.(message, { conversationId, accountId, consumerId }) : undefined;
        if (reply !== undefined) void send(conversation.id, textEvent(reply));
      },
      onClosed(conversation) {
        close(conversation, 'CONSUMER');
        tell(conversation);
      },
    },
  };
}

const hasSequence = (event: ConversationEvent): boolean => event.type !== 'ChatStateEvent';

function close(conversation: Conversation, reason: CloseReason): void {
  conversation.closeReason = reason;
  conversation.changedAt = Date.now();
}

const isEvent = (value: unknown): value is ConversationEvent => isRecord(value) && typeof value.type === 'string';
