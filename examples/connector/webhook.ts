/** What LivePerson's webhook tells. Only what this connector reads is named here. */
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
  event?: { type?: string; message?: unknown };
  result?: { convId?: string; conversationDetails?: { state?: string } };
}

export interface Reply {
  /** The same each time that LivePerson delivers it. */
  key: string;
  conversationId: string;
  text: string;
}

/** What the consumer shall read: not his own messages, which come back too, nor what agents and managers say among themselves. */
export function readReplies({ type, body }: Notification): Reply[] {
  if (type !== 'ms.MessagingEventNotification') return [];
  return (body?.changes ?? []).flatMap(({ sequence, originatorMetadata, messageAudience, event, ...change }) => {
    const conversationId = change.conversationId ?? change.dialogId;
    if (originatorMetadata?.role === 'CONSUMER' || messageAudience === 'AGENTS_AND_MANAGERS') return [];
    if (event?.type !== 'ContentEvent' || typeof event.message !== 'string' || conversationId === undefined) return [];
    return [{ key: `${conversationId}:${sequence}`, conversationId, text: event.message }];
  });
}

/** The conversations that were closed: the consumer's next message opens another one. */
export function readClosed({ type, body }: Notification): string[] {
  if (type !== 'cqm.ExConversationChangeNotification') return [];
  return (body?.changes ?? []).flatMap(({ result }) =>
    result?.conversationDetails?.state === 'CLOSE' && result.convId !== undefined ? [result.convId] : [],
  );
}
