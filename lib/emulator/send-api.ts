import { type ConversationListener, takesSequence } from './agent-desk.js';
import { createBoundedLog } from './bounded-log.js';
import {
  type Conversation,
  type ConversationBook,
  type Dialog,
  mainDialogOf,
  type Party,
  takeSequence,
} from './conversations.js';
import type { FileStore } from './files.js';
import {
  DOWNLOAD_TYPE,
  examineClientProperties,
  examineConversation,
  examineSend,
  OPENING_TYPE,
  PROFILE_TYPE,
  PUBLISH_TYPE,
  UPDATE_TYPE,
  UPLOAD_TYPE,
} from './item-rules.js';
import type { ResolvedOptions } from './options.js';
import { type Incoming, isRecord, notFound, parseJson, type Reply } from './reply.js';
import { type Finding, judge } from './strictness.js';
import { lpConsumerId, type TokenBook } from './tokens.js';
import type { ConversationEvent, Metadata } from './wire.js';

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
  /** Beside the body; `undefined` if there was none. */
  metadata?: unknown;
  /** The dialog that a published event names, such as a survey. */
  dialogId?: string;
  /** Place of a published event in its dialog, from 0. A chat state has none. */
  sequence?: number;
}

/** The conversations and what was said in them. */
export interface SendApi {
  /** The newest, oldest first. */
  readonly messages: AcceptedMessage[];
  clearMessages(): void;
  answer(incoming: Incoming): Reply;
}

type Item = Readonly<Record<string, unknown>>;

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

/** Not documented, but more would be a mistake. */
const MAX_ITEMS = 100;

/** A longer profile is accepted, but not remembered. */
const MAX_PROFILE_LENGTH = 16_384;

const CLOSED = { msg: 'OK Conversation resolved successfully' };

/** An accepted item: its reply's body, and what comes of it. */
interface Outcome {
  readonly body: object;
  readonly warnings?: readonly string[];
  readonly after?: () => void;
}

export function createSendApi(
  options: ResolvedOptions,
  tokens: TokenBook,
  conversations: ConversationBook,
  files: FileStore,
  listener: ConversationListener,
): SendApi {
  const messages = createBoundedLog<AcceptedMessage>(({ body, metadata }) => JSON.stringify([body, metadata]).length);

  function refuse(code: ErrorCode, errorCode: number = code): Reply {
    const status = code === 40001 ? options.missingParameterStatus : 401;
    const [title, details] = ERRORS[code];
    return errorReply(status, title, details, errorCode);
  }

  /** The error code and the words for a bad input other than a missing brand are not documented. */
  function refuseInput({ sentence, isMissingBrand }: Finding): Reply {
    if (isMissingBrand) return refuse(40001);
    return {
      ...errorReply(options.missingParameterStatus, 'Input was invalid', sentence, 40001),
      warnings: [sentence],
    };
  }

  function identify({ headers }: Incoming, accountId: string): Party | Reply {
    const authorization = headers.authorization as string | undefined;
    if (authorization === undefined) return refuse(40105, options.missingAppJwtCode);
    const jwt = options.tolerateBearer ? authorization.replace(/^Bearer /i, '') : authorization;
    if (!tokens.findAppJwt(accountId, jwt)) return refuse(40102);
    const onBehalf = headers[options.onBehalfHeader.toLowerCase()] as string | undefined;
    if (onBehalf === undefined) return refuse(40104);
    const issued = tokens.findConsumerJws(accountId, onBehalf);
    return issued ? { accountId, consumerId: issued.consumerId } : refuse(40103);
  }

  /** CONVERSATION: the profile, the request for the conversation, and what is said first. */
  function converse(caller: Party, items: unknown, doubts: readonly Finding[]): Reply {
    if (!Array.isArray(items) || items.length === 0 || items.length > MAX_ITEMS || !items.every(isRecord)) {
      return refuseInput({ rule: 'always', sentence: `The body must be a JSON list of 1 to ${MAX_ITEMS} objects.` });
    }
    const findings = [...examineConversation(items, caller.accountId), ...doubts];
    const { refusal, warnings } = judge(findings, options.strict);
    if (refusal) return refuseInput(refusal);
    const opening = items.find(({ type }) => type === OPENING_TYPE);
    const isSecond =
      opening !== undefined &&
      options.secondConversation === 'refuse' &&
      conversations.findOpenOf(caller) !== undefined;
    const conversation = opening && !isSecond ? conversations.open(caller, opening.body as Item) : undefined;
    const afters: (() => void)[] = conversation ? [() => listener.onOpened(conversation)] : [];
    const replies = items.map((item) => {
      const reqId = requestIdOf(item);
      if (isSecond && item.type !== PROFILE_TYPE) {
        const msg = `User ${lpConsumerId(caller.accountId, caller.consumerId)} already has an open conversation`;
        return { code: 'BAD_REQUEST', reqId, body: { msg } };
      }
      const { body, after } = accept(caller, item, conversation);
      if (after) afters.push(after);
      return { code: 'OK', reqId, body };
    });
    return {
      status: 200,
      body: replies,
      warnings,
      after: () => {
        for (const after of afters) after();
      },
    };
  }

  /** SEND: one item for a conversation that is open, as a rule. */
  function send(caller: Party, item: unknown, doubts: readonly Finding[]): Reply {
    if (!isRecord(item)) return refuseInput({ rule: 'always', sentence: 'The body must be a JSON object.' });
    const { conversationId, dialogId } = isRecord(item.body) ? item.body : {};
    const conversation = conversations.findDialog(dialogId)?.conversation ?? conversations.find(conversationId);
    if (conversation && !isOf(caller, conversation)) return refuse(40103);
    const { refusal, warnings } = judge([...examineSend(item), ...doubts], options.strict);
    if (refusal) return refuseInput(refusal);
    const outcome = accept(caller, item, conversation);
    return {
      status: 200,
      body: { reqId: requestIdOf(item), code: 'OK', body: outcome.body },
      warnings: [...warnings, ...(outcome.warnings ?? [])],
      ...(outcome.after && { after: outcome.after }),
    };
  }

  function accept(caller: Party, item: Item, conversation: Conversation | undefined): Outcome {
    const { type, metadata } = item;
    const body = item.body as Item;
    const named = [body.dialogId, body.conversationId].find((id) => typeof id === 'string') as string | undefined;
    const message: AcceptedMessage = {
      ...caller,
      conversationId: conversation?.id ?? named,
      id: requestIdOf(item),
      type: String(type),
      body,
      ...(metadata !== undefined && { metadata }),
    };
    const outcome = type === PUBLISH_TYPE ? publish(message, conversation) : act(caller, message, conversation);
    messages.push(message);
    return outcome;
  }

  function publish(message: AcceptedMessage, conversation: Conversation | undefined): Outcome {
    const { event, dialogId } = message.body as { event?: ConversationEvent; dialogId?: unknown };
    const dialog = conversation && dialogFor(conversation, dialogId);
    const name = dialog?.id ?? message.conversationId ?? '';
    const isSaid = isRecord(event) && typeof event.type === 'string';
    const sequence =
      isSaid && !takesSequence(event)
        ? undefined
        : dialog
          ? takeSequence(dialog)
          : conversations.takeSequenceOfUnknown(name);
    message.dialogId = name;
    if (sequence !== undefined) message.sequence = sequence;
    const reply = { body: { sequence: sequence ?? 0 } };
    if (!conversation || !dialog) {
      return { ...reply, warnings: [doubtAbout('The conversation or dialog of the message is unknown.')] };
    }
    if (dialog.closed) return { ...reply, warnings: [doubtAbout('The dialog of the message is closed.')] };
    const metadata = Array.isArray(message.metadata) ? (message.metadata as Metadata[]) : undefined;
    return {
      ...reply,
      ...(isSaid && {
        after: () => listener.onPublished(conversation, dialog, { event, sequence, metadata }),
      }),
    };
  }

  function act(caller: Party, { type, body }: AcceptedMessage, conversation: Conversation | undefined): Outcome {
    const { fileType, relativePath, conversationField } = body as Item;
    if (type === OPENING_TYPE) return { body: { conversationId: conversation?.id } };
    if (type === UPLOAD_TYPE) {
      return { body: files.sign('PUT', files.createPath(caller.accountId, String(fileType))) };
    }
    if (type === DOWNLOAD_TYPE) return { body: files.sign('GET', String(relativePath)) };
    if (type === PROFILE_TYPE) {
      conversations.meet(caller).profile = JSON.stringify(body).length > MAX_PROFILE_LENGTH ? undefined : body;
      return { body: { msg: 'OK User Profile set successfully' } };
    }
    if (type !== UPDATE_TYPE) return { body: {} };
    if (!conversation) return { body: CLOSED, warnings: [doubtAbout('The conversation is unknown.')] };
    const { isClose, warnings, tell } = listener.onFields(conversation, conversationField);
    return { body: isClose ? CLOSED : {}, warnings, after: tell };
  }

  return {
    messages: messages.entries,
    clearMessages: messages.clear,
    answer(incoming) {
      const { method, url, headers, body } = incoming;
      const [, accountId, isSend] = PATH.exec(url.pathname) ?? [];
      if (method !== 'POST' || accountId === undefined || url.searchParams.get('v') !== '3') return notFound;
      const caller = identify(incoming, accountId);
      if ('status' in caller) return caller;
      const parsed = parseJson(body);
      const doubts = examineClientProperties(headers['client-properties']);
      return isSend ? send(caller, parsed, doubts) : converse(caller, parsed, doubts);
    },
  };
}

const errorReply = (status: number, title: string, details: string, errorCode: number): Reply => ({
  status,
  body: { kind: 'resp', code: status, body: { title, details, errorCode }, type: '.ReqBody$ErrorResp' },
});

const requestIdOf = ({ id }: Item): string => (typeof id === 'string' || typeof id === 'number' ? String(id) : '');

const isOf = (caller: Party, { accountId, consumerId }: Conversation): boolean =>
  accountId === caller.accountId && consumerId === caller.consumerId;

/** A message of CONVERSATION names no dialog, and some clients of SEND name the conversation alone. */
const dialogFor = (conversation: Conversation, dialogId: unknown): Dialog | undefined =>
  typeof dialogId === 'string' ? conversation.dialogs.find(({ id }) => id === dialogId) : mainDialogOf(conversation);

const doubtAbout = (sentence: string): string => `${sentence} A real server might refuse this.`;
