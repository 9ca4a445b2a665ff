/** An event of LivePerson's webhook. Only the fields that this connector reads are named here. Older events lack some. */
export interface Notification {
  type?: string;
  body?: { changes?: Change[] };
}

interface Change {
  sequence?: number;
  originatorMetadata?: { role?: string };
  messageAudience?: string;
  conversationId?: string;
  dialogId?: string;
  event?: { type?: string; message?: unknown; content?: unknown };
  result?: { convId?: string; conversationDetails?: ConversationDetails };
}

interface ConversationDetails {
  /** The state of the main dialog. */
  state?: string;
  /** The state of the whole conversation. A survey keeps it open. */
  stage?: string;
  participants?: { id?: string; role?: string }[];
  dialogs?: { dialogId?: string; state?: string }[];
}

interface Message {
  /** The same each time that LivePerson delivers it. A survey counts from 0 again, so the dialog is part of it. */
  key: string;
  conversationId: string;
}

export interface Reply extends Message {
  text: string;
}

/** A file, or rich content such as a card. */
export interface Attachment extends Message {
  /** The file's path in LivePerson's file store; `undefined` for rich content. */
  relativePath: string | undefined;
  /** The caption of a file, or the texts of a card. */
  text: string;
}

/** The texts for the customer. */
export function readReplies(notification: Notification): Reply[] {
  return readMessages(notification).flatMap(({ event, ...message }) =>
    event.type === 'ContentEvent' && typeof event.message === 'string' ? [{ ...message, text: event.message }] : [],
  );
}

/** The files and cards for the customer. */
export function readAttachments(notification: Notification): Attachment[] {
  return readMessages(notification).flatMap(({ event, ...message }): Attachment[] => {
    if (event.type === 'RichContentEvent')
      return [{ ...message, relativePath: undefined, text: textsOf(event.content).join('\n') }];
    const { relativePath, caption = '' } = Object(event.message) as { relativePath?: unknown; caption?: unknown };
    return event.type === 'ContentEvent' && typeof relativePath === 'string'
      ? [{ ...message, relativePath, text: String(caption) }]
      : [];
  });
}

/** The messages of agents, bots and surveys: not the customer's own, which come back too, nor those among agents and managers. */
function readMessages({ type, body }: Notification) {
  if (type !== 'ms.MessagingEventNotification') return [];
  return (body?.changes ?? []).flatMap(({ sequence, originatorMetadata, messageAudience, event, ...change }) => {
    const { dialogId, conversationId = dialogId } = change;
    if (originatorMetadata?.role === 'CONSUMER' || messageAudience === 'AGENTS_AND_MANAGERS') return [];
    if (event === undefined || conversationId === undefined) return [];
    return [{ key: `${dialogId ?? conversationId}:${sequence}`, conversationId, event }];
  });
}

/** The texts and titles of a card, from top to bottom. */
function textsOf(content: unknown): string[] {
  if (Array.isArray(content)) return content.flatMap(textsOf);
  if (typeof content !== 'object' || content === null) return [];
  const { text, title, elements } = content as { text?: unknown; title?: unknown; elements?: unknown };
  return [text, title].filter((part): part is string => typeof part === 'string').concat(textsOf(elements));
}

/** How a conversation stands. */
export interface Standing {
  conversationId: string;
  /** The dialog that takes the customer's next message, such as a survey; `undefined` if the conversation is closed. */
  openDialog: string | undefined;
  /** LivePerson's own id of the customer. */
  lpConsumerId: string | undefined;
}

/** The conversations that have changed. */
export function readStandings({ type, body }: Notification): Standing[] {
  if (type !== 'cqm.ExConversationChangeNotification') return [];
  return (body?.changes ?? []).flatMap(({ result }) => {
    if (result?.convId === undefined) return [];
    const { state, stage = state, dialogs = [], participants = [] } = result.conversationDetails ?? {};
    const open = dialogs.find((dialog) => dialog.state === 'OPEN')?.dialogId ?? result.convId;
    const openDialog = stage === 'CLOSE' ? undefined : open;
    const lpConsumerId = participants.find(({ role }) => role === 'CONSUMER')?.id;
    return [{ conversationId: result.convId, openDialog, lpConsumerId }];
  });
}

/** The conversations that were closed: the customer's next message opens another one. */
export const readClosed = (notification: Notification): string[] =>
  readStandings(notification).flatMap(({ conversationId, openDialog }) => (openDialog ? [] : [conversationId]));
