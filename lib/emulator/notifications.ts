import type { Conversation } from './conversations.js';
import { lpConsumerId } from './tokens.js';

/** What was said, in the form that SEND takes it: `{ type: 'ContentEvent', contentType: 'text/plain', message: 'Hi' }`. */
export interface ConversationEvent {
  /** Such as `ContentEvent`, `RichContentEvent` or `ChatStateEvent`. */
  readonly type: string;
  readonly [field: string]: unknown;
}

/** An event as LivePerson tells a webhook of it. */
export interface Notification {
  /** The name that the app's manifest subscribes to it by, such as `ms.MessagingEventNotification.ContentEvent`. */
  readonly eventType: string;
  readonly conversation: Conversation;
  readonly payload: object;
}

/** Somebody said something. `sequence` is its place in the conversation; a ChatStateEvent has none. */
export function messagingEvent(
  conversation: Conversation,
  role: 'CONSUMER' | 'ASSIGNED_AGENT',
  event: ConversationEvent,
  sequence: number | undefined,
): Notification {
  const id = role === 'CONSUMER' ? lpConsumerId(conversation.accountId, conversation.consumerId) : conversation.agentId;
  const change = {
    ...(sequence !== undefined && { sequence }),
    originatorId: id,
    originatorMetadata: { id, role },
    serverTimestamp: Date.now(),
    event,
    conversationId: conversation.id,
    dialogId: conversation.id,
    messageAudience: 'ALL',
  };
  return {
    eventType: `ms.MessagingEventNotification.${event.type}`,
    conversation,
    payload: { kind: 'notification', body: { changes: [change] }, type: 'ms.MessagingEventNotification' },
  };
}

/** A conversation was opened, given to an agent or closed: it is told of as a whole. */
export function conversationChange(conversation: Conversation): Notification {
  const { id, accountId, openedAt, changedAt, closeReason } = conversation;
  const state = closeReason ? 'CLOSE' : 'OPEN';
  const participants = participantsOf(conversation);
  const end = closeReason ? { endTs: changedAt, closeReason } : {};
  const dialog = {
    dialogId: id,
    dialogType: 'MAIN',
    channelType: 'MESSAGING',
    participantsDetails: participants.map((participant) => ({ ...participant, state: 'ACTIVE' })),
    state,
    creationTs: openedAt,
    metaDataLastUpdateTs: changedAt,
    ...(closeReason && { endTs: changedAt, closedBy: closeReason }),
  };
  const conversationDetails = {
    skillId: conversation.skillId,
    participants,
    dialogs: [dialog],
    brandId: accountId,
    state,
    stage: state,
    startTs: openedAt,
    metaDataLastUpdateTs: changedAt,
    ...end,
    ttr: { ttrType: conversation.ttrType, value: 600 },
  };
  const type = 'cqm.ExConversationChangeNotification';
  const changes = [{ type: 'UPSERT', result: { convId: id, effectiveTTR: -1, conversationDetails } }];
  return {
    eventType: type,
    conversation,
    payload: { kind: 'notification', body: { sentTs: changedAt, changes }, type },
  };
}

function participantsOf({ accountId, consumerId, agentId }: Conversation): { id: string; role: string }[] {
  const consumer = { id: lpConsumerId(accountId, consumerId), role: 'CONSUMER' };
  return agentId === undefined ? [consumer] : [{ id: agentId, role: 'ASSIGNED_AGENT' }, consumer];
}
