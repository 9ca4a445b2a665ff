import { type Conversation, type Dialog, isOpen, mainDialogOf, type Participant } from './conversations.js';
import {
  CONVERSATION_CHANGE,
  type ConversationEvent,
  type ConversationNotification,
  type DialogDetails,
  type MessageAudience,
  type MessagingChange,
  type Metadata,
  type WebhookNotification,
} from './wire.js';

/** An event for the webhook. */
export interface Notification {
  /** The name that the app's manifest subscribes to it by, such as `ms.MessagingEventNotification.ContentEvent`. */
  readonly eventType: string;
  readonly conversation: Pick<Conversation, 'id' | 'accountId'>;
  readonly payload: WebhookNotification;
}

/** One thing that somebody said. */
export interface Utterance {
  readonly dialog: Dialog;
  readonly originator: Participant;
  readonly event: ConversationEvent;
  /** `undefined` for a chat state. */
  readonly sequence: number | undefined;
  readonly audience?: MessageAudience;
  readonly metadata?: readonly Metadata[] | undefined;
  /** Epoch milliseconds. */
  readonly time: number;
}

/** Somebody said something. Several utterances are several `changes` of one notification. */
export function messagingNotification(
  conversation: Conversation,
  utterances: readonly [Utterance, ...Utterance[]],
): Notification {
  const changes = utterances.map(
    ({ dialog, originator, event, sequence, audience = 'ALL', metadata, time }): MessagingChange => ({
      // A chat state has neither.
      ...(sequence !== undefined && { sequence, serverTimestamp: time }),
      originatorId: originator.id,
      originatorMetadata: originator,
      event,
      conversationId: conversation.id,
      dialogId: dialog.id,
      messageAudience: audience,
      ...(metadata !== undefined && { metadata }),
    }),
  );
  return {
    eventType: `ms.MessagingEventNotification.${utterances[0].event.type}`,
    conversation,
    payload: { kind: 'notification', body: { changes }, type: 'ms.MessagingEventNotification' },
  };
}

/** A conversation has changed. The notification has its whole state. */
export function conversationNotification(conversation: Conversation): Notification {
  const { id, accountId, openedAt, changedAt, skillId, participants, ttr, csat, dialogs } = conversation;
  const main = mainDialogOf(conversation);
  const lastClosed = dialogs.at(-1)?.closed;
  const conversationDetails = {
    skillId,
    participants,
    dialogs: dialogs.map((dialog) => describeDialog(dialog, participants)),
    brandId: accountId,
    state: stateOf(!main.closed),
    stage: stateOf(isOpen(conversation)),
    startTs: openedAt,
    metaDataLastUpdateTs: changedAt,
    ...(main.closed && { closeReason: main.closed.by }),
    ...(lastClosed && !isOpen(conversation) && { endTs: lastClosed.at }),
    ttr,
    ...(csat && { csat }),
    conversationHandlerDetails: { accountId, skillId },
  };
  const payload: ConversationNotification = {
    kind: 'notification',
    body: {
      sentTs: changedAt,
      changes: [{ type: 'UPSERT', result: { convId: id, effectiveTTR: -1, conversationDetails } }],
    },
    type: CONVERSATION_CHANGE,
  };
  return { eventType: CONVERSATION_CHANGE, conversation, payload };
}

export const stateOf = (isOpen: boolean): 'OPEN' | 'CLOSE' => (isOpen ? 'OPEN' : 'CLOSE');

function describeDialog(dialog: Dialog, participants: readonly Participant[]): DialogDetails {
  const { id, type, openedAt, changedAt, closed } = dialog;
  return {
    dialogId: id,
    dialogType: type,
    channelType: 'MESSAGING',
    participantsDetails: participants.map((participant) => ({ ...participant, state: 'ACTIVE' })),
    state: stateOf(!closed),
    ...(type === 'POST_SURVEY' && { metaData: { appInstallId: 'post-conversation-survey' } }),
    creationTs: openedAt,
    metaDataLastUpdateTs: changedAt,
    ...(closed && { endTs: closed.at, closedBy: closed.by, closedCause: closed.cause }),
  };
}
