import { randomUUID } from 'node:crypto';
import type { Ears } from './agent-desk.js';
import type { Conversation, ConversationBook, Party } from './conversations.js';
import type { ResolvedOptions } from './options.js';
import { type Incoming, isRecord, notFound, parseJson, type Reply } from './reply.js';
import type { TokenBook } from './tokens.js';

/** An item of a CONVERSATION or SEND request that was accepted. */
export interface AcceptedMessage {
  /** The brand. */
  accountId: string;
  /** On whose behalf it was sent. */
  consumerId: string;
  /** The conversation that it opened or names; `undefined` where it names none. */
  conversationId: string | undefined;
  /** The item's own id, as text. */
  id: string;
  /** Such as `ms.PublishEvent`. */
  type: string;
  /** As it was sent. */
  body: unknown;
  /** Place of a published event in its conversation, from 0. */
  sequence?: number;
}

/** The conversations and what was said in them. */
export interface SendApi {
  readonly messages: AcceptedMessage[];
  clearMessages(): void;
  answer(incoming: Incoming): Reply;
}

type ErrorCode = 40001 | 40102 | 40103 | 40104 | 40105;

/** LivePerson's table of errors: titles and details are wire constants. */
const ERRORS: Readonly<Record<ErrorCode, readonly [title: string, details: string]>> = {
  40001: ['Missing parameter', 'Brand Id is missing'],
  40102: ['Invalid AppJWT', 'AppJWT has expired or is invalid'],
  40103: ['Invalid ConsumerJWS', 'ConsumerJWS is invalid'],
  40104: ['ConsumerJWS is missing', 'X_ON_BEHALF_HEADER is not present'],
  40105: ['AppJWT is missing', 'AUTHORIZATION header is not present'],
};

const PATH = /^\/api\/account\/([^/]+)\/messaging\/consumer\/conversation(\/send)?$/;

export function createSendApi(
  options: ResolvedOptions,
  tokens: TokenBook,
  conversations: ConversationBook,
  ears: Ears,
): SendApi {
  const messages: AcceptedMessage[] = [];

  function refuse(code: ErrorCode, errorCode: number = code): Reply {
    const status = code === 40001 ? options.missingParameterStatus : 401;
    const [title, details] = ERRORS[code];
    return {
      status,
      body: { kind: 'resp', code: status, body: { title, details, errorCode }, type: '.ReqBody$ErrorResp' },
    };
  }

  function identify({ headers }: Incoming, accountId: string): Party | Reply {
    const authorization = headers.authorization as string | undefined;
    if (!authorization) return refuse(40105, options.missingAppJwtCode);
    const appJwt = options.tolerateBearer ? authorization.replace(/^Bearer /i, '') : authorization;
    if (!tokens.findAppJwt(accountId, appJwt)) return refuse(40102);
    const onBehalf = headers[options.onBehalfHeader.toLowerCase()] as string | undefined;
    if (!onBehalf) return refuse(40104);
    const issued = tokens.findConsumerJws(accountId, onBehalf);
    return issued ? { accountId, consumerId: issued.consumerId } : refuse(40103);
  }

  /** Opens a conversation: a profile item, then the request for the conversation with its brand id, then what is said first. */
  function converse(caller: Party, items: unknown): Reply {
    if (!Array.isArray(items) || items.length === 0 || !items.every(isRecord)) return refuse(40001);
    const opening = items.find(({ type }) => type === 'cm.ConsumerRequestConversation');
    if (opening && !(isRecord(opening.body) && opening.body.brandId)) return refuse(40001);
    const conversation = isRecord(opening?.body) ? conversations.open(caller, opening.body) : undefined;
    const accepted = items.map((item) => accept(caller, item, conversation?.id));
    return {
      status: 200,
      body: accepted.map((message) => ({ code: 'OK', reqId: message.id, body: replyTo(message) })),
      after() {
        if (!conversation) return;
        ears.onOpened(conversation);
        for (const message of accepted) hear(conversation, message);
      },
    };
  }

  function send(caller: Party, item: unknown): Reply {
    if (!isRecord(item) || !isRecord(item.body)) return refuse(40001);
    const conversationId = [item.body.dialogId, item.body.conversationId].find((id) => typeof id === 'string');
    // What LivePerson answers to a message for no conversation is not documented: a parameter is missing.
    if (item.type === 'ms.PublishEvent' && conversationId === undefined) return refuse(40001);
    const conversation = conversations.find(conversationId);
    if (conversation && (conversation.accountId !== caller.accountId || conversation.consumerId !== caller.consumerId))
      return refuse(40103);
    const accepted = accept(caller, item, conversationId as string | undefined);
    return {
      status: 200,
      body: { reqId: accepted.id, code: 'OK', body: replyTo(accepted) },
      after: () => conversation && hear(conversation, accepted),
    };
  }

  function accept(caller: Party, item: Record<string, unknown>, conversationId: string | undefined): AcceptedMessage {
    const message: AcceptedMessage = {
      ...caller,
      conversationId,
      id: String(item.id),
      type: String(item.type),
      body: item.body,
    };
    if (item.type === 'ms.PublishEvent') message.sequence = conversations.takeSequence(String(conversationId));
    messages.push(message);
    return message;
  }

  function hear(conversation: Conversation, { body, sequence }: AcceptedMessage): void {
    if (!isRecord(body)) return;
    if (sequence !== undefined) ears.onPublished(conversation, body.event, sequence);
    const field = body.conversationField;
    const closes = isRecord(field) && field.field === 'ConversationStateField' && field.conversationState === 'CLOSE';
    if (closes && !conversation.closeReason) ears.onClosed(conversation);
  }

  return {
    messages,
    clearMessages: () => void messages.splice(0),
    answer(incoming) {
      const { method, url, body } = incoming;
      const [, accountId, isSend] = PATH.exec(url.pathname) ?? [];
      if (method !== 'POST' || accountId === undefined || url.searchParams.get('v') !== '3') return notFound;
      const caller = identify(incoming, accountId);
      if ('status' in caller) return caller;
      const parsed = parseJson(body);
      return isSend ? send(caller, parsed) : converse(caller, parsed);
    },
  };
}

function replyTo({ type, conversationId, sequence }: AcceptedMessage): object {
  if (type === 'cm.ConsumerRequestConversation') return { conversationId };
  if (type === 'userprofile.SetUserProfile') return { msg: 'OK User Profile set successfully' };
  if (type === 'ms.PublishEvent') return { sequence };
  if (type === 'ms.GenerateURLForUploadFile' || type === 'ms.GenerateURLForDownloadFile') {
    const expires = Math.floor(Date.now() / 1_000) + 60;
    return {
      relativePath: `/v1/files/${randomUUID()}`,
      queryParams: { temp_url_sig: randomUUID(), temp_url_expires: String(expires) },
    };
  }
  return {};
}
