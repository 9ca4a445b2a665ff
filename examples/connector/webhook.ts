import type { ConversationDetails, WebhookNotification } from 'axios-liveperson-auth/emulator';

/** An event of LivePerson's webhook. Older events lack some fields. */
export type Notification = Partial<WebhookNotification>;

export interface Reply {
  /** The same each time that LivePerson delivers it. A survey counts from 0 again, so the dialog is part of it. */
  key: string;
  conversationId: string;
  text: string;
}

/** The texts for the customer: not the customer's own, which come back too, nor those among agents and managers. */
export function readReplies(notification: Notification): Reply[] {
  if (notification.type !== 'ms.MessagingEventNotification') return [];
  return (notification.body?.changes ?? []).flatMap(
    ({ sequence, originatorMetadata, messageAudience, event, dialogId, conversationId = dialogId }) => {
      if (originatorMetadata?.role === 'CONSUMER' || messageAudience === 'AGENTS_AND_MANAGERS') return [];
      if (event?.type !== 'ContentEvent' || typeof event.message !== 'string' || conversationId === undefined)
        return [];
      return [{ key: `${dialogId ?? conversationId}:${sequence}`, conversationId, text: event.message }];
    },
  );
}

/** How a conversation stands. */
export interface Standing {
  conversationId: string;
  /** The dialog that takes the customer's next message, such as a survey; `undefined` if the conversation is closed. */
  openDialog: string | undefined;
}

/** What conversations have changed to. `state` is that of the main dialog, `stage` that of the whole conversation. */
export function readStandings(notification: Notification): Standing[] {
  if (notification.type !== 'cqm.ExConversationChangeNotification') return [];
  return (notification.body?.changes ?? []).flatMap(({ result }) => {
    if (result?.convId === undefined) return [];
    const details: Partial<ConversationDetails> = result.conversationDetails ?? {};
    const { stage = details.state, dialogs = [] } = details;
    const open = dialogs.find(({ state }) => state === 'OPEN')?.dialogId ?? result.convId;
    return [{ conversationId: result.convId, openDialog: stage === 'CLOSE' ? undefined : open }];
  });
}

/** The conversations that were closed: the customer's next message opens another one. */
export const readClosed = (notification: Notification): string[] =>
  readStandings(notification).flatMap(({ conversationId, openDialog }) => (openDialog ? [] : [conversationId]));
