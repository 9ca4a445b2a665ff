import { type Conversation, isOpen, surveyOf } from '../conversations.js';
import type { Delivery } from '../delivery.js';
import { isRecord } from '../reply.js';
import type { LoggedRequest } from '../request-log.js';
import type { Services } from '../services.js';
import type { TranscriptEntry } from '../transcript.js';
import type { ConversationEvent } from '../wire.js';
import type { Mask } from './mask.js';
import { createReplays } from './replays.js';
import type {
  ConversationRow,
  DeliveryRow,
  Facts,
  ListName,
  MessageRow,
  RequestDetails,
  RequestRow,
  Rows,
} from './rows.js';

/** What the page shows of the emulator. */
export interface DeskView {
  facts(): Facts;
  /** The newest rows of a list, oldest first. */
  list<Name extends ListName>(name: Name): Rows[Name][];
  /** `undefined` for a request that is not in the log any more. */
  requestDetails(id: number): RequestDetails | undefined;
  findDelivery(id: number): Delivery | undefined;
}

/** Longer lists would make the page slow. */
const MOST_ROWS = { conversations: 500, messages: 3_000, requests: 200, tokens: 50, deliveries: 200 } as const;
const LONGEST_TEXT = 10_000;
const LONGEST_PATH = 500;
const LONGEST_BODY = 65_536;

export function createDeskView(
  { clock, conversations, transcript, tokens, webhook, faults }: Services,
  requests: readonly LoggedRequest[],
  mask: Mask,
  onBehalfHeader: string,
  epoch: string,
): DeskView {
  const idOf = createIds();
  const replays = createReplays(onBehalfHeader);
  // Neither changes.
  const messageOf = remember(describeMessage);
  const pathOf = remember(({ path }: LoggedRequest) => cut(path, LONGEST_PATH, mask.text));

  const lists: { [Name in ListName]: () => Rows[Name][] } = {
    conversations: () => conversations.all().slice(-MOST_ROWS.conversations).map(describeConversation),
    messages: () => transcript.entries.slice(-MOST_ROWS.messages).map(messageOf),
    requests() {
      replays.observe(requests);
      return requests.slice(-MOST_ROWS.requests).map(describeRequest);
    },
    tokens() {
      const { appJwts, consumerJws } = tokens.newest(MOST_ROWS.tokens);
      return [
        ...appJwts.map(([value, issued]) => ({
          id: idOf(issued),
          kind: 'AppJWT' as const,
          owner: issued.accountId,
          mark: mask.token(value) ?? '',
          isRevoked: issued.revoked,
          expiresAt: issued.expiresAt,
        })),
        ...consumerJws.map(([value, issued]) => ({
          id: idOf(issued),
          kind: 'ConsumerJWS' as const,
          owner: mask.said(issued.consumerId),
          mark: mask.token(value) ?? '',
          isRevoked: issued.revoked,
        })),
      ];
    },
    deliveries: () => webhook.deliveries.slice(-MOST_ROWS.deliveries).map(describeDelivery),
  };

  function describeConversation(conversation: Conversation): ConversationRow {
    return {
      id: idOf(conversation),
      conversationId: conversation.id,
      consumerId: mask.said(conversation.consumerId),
      isOpen: isOpen(conversation),
      isInSurvey: surveyOf(conversation) !== undefined,
      skillId: conversation.skillId,
    };
  }

  function describeMessage(entry: TranscriptEntry): MessageRow {
    const { conversationId, dialog, event, sequence, audience, time } = entry;
    return {
      id: idOf(entry),
      conversationId,
      speaker: speakerOf(entry),
      dialogId: dialog.id,
      isForConsumer: audience !== 'AGENTS_AND_MANAGERS',
      ...(sequence !== undefined && { sequence }),
      time,
      ...describeEvent(event),
    };
  }

  function describeEvent(event: ConversationEvent): Pick<MessageRow, 'text' | 'choices' | 'chatState' | 'receipt'> {
    if (event.type === 'ChatStateEvent') return { chatState: String(event.chatState) };
    if (event.type === 'AcceptStatusEvent') {
      const sequences = Array.isArray(event.sequenceList) ? event.sequenceList.map(Number) : [];
      return { receipt: { status: mask.said(String(event.status)), sequences } };
    }
    const choices = choicesOf(event).map(mask.said);
    const text = cut(textOf(event), LONGEST_TEXT, mask.said);
    return { text, ...(choices.length > 0 && { choices }) };
  }

  function describeRequest(request: LoggedRequest): RequestRow {
    const { time, service, method, status, errorCode, headers, warnings } = request;
    const appJwt = mask.token(headers.authorization);
    const consumerJws = mask.token(headers[onBehalfHeader.toLowerCase()]);
    const original = replays.originalOf(request);
    return {
      id: idOf(request),
      time,
      service,
      method,
      path: pathOf(request),
      status,
      ...(errorCode !== undefined && { errorCode }),
      ...(appJwt !== undefined && { appJwt }),
      ...(consumerJws !== undefined && { consumerJws }),
      ...(original && { replayOf: idOf(original) }),
      warnings: warnings.map(mask.text),
    };
  }

  function describeDelivery(delivery: Delivery): DeliveryRow {
    const { type, conversationId, state, attempts, failure } = delivery;
    const shown = { type: mask.said(type), conversationId, state, attempts };
    return { id: idOf(delivery), ...shown, ...(failure !== undefined && { failure: mask.text(failure) }) };
  }

  return {
    facts: () => ({
      epoch,
      now: clock.now(),
      aheadMs: clock.now() - Math.floor(Date.now()),
      hasWebhook: webhook.isSet,
      faults: faults.waiting(),
    }),
    list: (name) => lists[name](),
    requestDetails(id) {
      const request = requests.find((each) => idOf(each) === id);
      if (!request) return undefined;
      const headers = Object.entries(request.headers).map(
        ([name, value = '']) => [name, mask.header(name, String(value))] as const,
      );
      return { headers, body: cut(request.body, LONGEST_BODY, mask.text) };
    },
    findDelivery: (id) => webhook.deliveries.find((each) => idOf(each) === id),
  };
}

/** Numbers for objects, in the order in which they are first seen. */
function createIds(): (object: object) => number {
  const ids = new WeakMap<object, number>();
  let last = 0;
  return (object) => {
    const known = ids.get(object);
    if (known !== undefined) return known;
    last += 1;
    ids.set(object, last);
    return last;
  };
}

/** Calls a function once for each object. */
function remember<T extends object, R>(describe: (object: T) => R): (object: T) => R {
  const described = new WeakMap<T, { readonly value: R }>();
  return (object) => {
    const known = described.get(object) ?? { value: describe(object) };
    described.set(object, known);
    return known.value;
  };
}

/** The part of a long text that is shown. The mask sees more of it, so that no secret is cut in two. */
function cut(text: string, longest: number, mask: (text: string) => string): string {
  if (text.length <= longest) return mask(text);
  return `${mask(text.slice(0, longest + 10_000)).slice(0, longest)}… (${text.length} characters)`;
}

const SPEAKERS = {
  CONSUMER: 'consumer',
  ASSIGNED_AGENT: 'agent',
  MANAGER: 'manager',
  CONTROLLER: 'controller',
  READER: 'reader',
} as const;

function speakerOf({ originator: { role }, dialog }: TranscriptEntry): MessageRow['speaker'] {
  if (role !== 'AGENT') return SPEAKERS[role];
  return dialog.type === 'POST_SURVEY' ? 'survey bot' : 'bot';
}

function textOf({ type, contentType, message, content }: ConversationEvent): string {
  if (typeof message === 'string') return message;
  if (contentType === 'hosted/file' && isRecord(message)) {
    return ['File', message.relativePath, message.caption].filter((part) => typeof part === 'string').join(' ');
  }
  return `${type} ${JSON.stringify(content ?? message ?? {})}`;
}

function choicesOf({ quickReplies }: ConversationEvent): string[] {
  const replies = isRecord(quickReplies) && Array.isArray(quickReplies.replies) ? quickReplies.replies : [];
  return replies.map((reply) => String(isRecord(reply) ? (reply.title ?? '') : ''));
}
