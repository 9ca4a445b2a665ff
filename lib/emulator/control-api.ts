import { type AgentDesk, textEvent } from './agent-desk.js';
import type { ConversationBook } from './conversations.js';
import type { Fault } from './faults.js';
import type { Emulator } from './handle.js';
import type { ConversationEvent } from './notifications.js';
import type { WebhookOptions } from './options.js';
import { type Incoming, isRecord, parseJson, type Reply } from './reply.js';
import type { ServiceName } from './request-log.js';

/** What bends the emulator from outside, for tests in any language. Everything is JSON. */
export type ControlApi = (incoming: Incoming) => Reply;

export const isControlPath = (pathname: string): boolean => /^\/emulator(\/|$)/.test(pathname);

type Fields = Readonly<Record<string, unknown>>;

/** An answer with this status and sentence. */
class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

interface Route {
  /** The fields that its body may have, each with what it must be. */
  readonly fields?: Readonly<Record<string, FieldType>>;
  readonly does: string;
  run(body: Fields, query: URLSearchParams): unknown;
}

const FIELD_TYPES = {
  text: ['a text', (value: unknown) => typeof value === 'string' && value !== ''],
  number: ['a number', (value: unknown) => typeof value === 'number'],
  flag: ['true or false', (value: unknown) => typeof value === 'boolean'],
  object: ['an object', isRecord],
  anything: ['anything', () => true],
} as const;

type FieldType = keyof typeof FIELD_TYPES;

const SERVICES: readonly ServiceName[] = ['domain', 'sentinel', 'idp', 'conversation', 'send'];

export function createControlApi(
  emulator: Omit<Emulator, 'close'>,
  conversations: ConversationBook,
  desk: AgentDesk,
): ControlApi {
  function conversationOf({ conversationId, consumerId }: Fields): string {
    if (typeof conversationId === 'string') return conversationId;
    const open = conversations.all().filter(({ closeReason }) => closeReason === undefined);
    const latest = open.findLast((each) => consumerId === undefined || each.consumerId === consumerId);
    if (latest) return latest.id;
    throw new Refusal(409, 'There is no open conversation of that consumer: open one with CONVERSATION first.');
  }

  const inConversation = { conversationId: 'text', consumerId: 'text' } as const;
  /** What is still to be delivered keeps nobody waiting: GET /deliveries tells how it fared. */
  const queued = (_: Promise<unknown>) => ({ queued: true });

  const routes: Readonly<Record<string, Route>> = {
    'GET /': { does: 'this list', run: () => ({ routes: describe() }) },
    'GET /health': { does: 'whether the emulator is up', run: () => ({ status: 'ok', origin: emulator.origin }) },
    'GET /requests': {
      does: 'what arrived, oldest first; ?service=send for one service',
      run: (_, query) => ({ requests: ofService(emulator.requests, query.get('service')) }),
    },
    'GET /messages': {
      does: 'what CONVERSATION and SEND have accepted, oldest first',
      run: () => ({ messages: emulator.messages }),
    },
    'GET /conversations': {
      does: 'the conversations, oldest first',
      run: () => ({
        conversations: conversations.all().map(({ id, accountId, consumerId, closeReason }) => ({
          conversationId: id,
          accountId,
          consumerId,
          state: closeReason ? 'CLOSE' : 'OPEN',
        })),
      }),
    },
    'GET /deliveries': {
      does: 'the events for the webhook and how they fared, oldest first',
      run: () => ({ deliveries: emulator.deliveries }),
    },
    'POST /clear': {
      does: 'forgets requests, messages, deliveries and faults; tokens and conversations stay',
      run() {
        emulator.clearRequests();
        emulator.clearMessages();
        emulator.clearDeliveries();
        emulator.clearFaults();
      },
    },
    'POST /revoke-app-jwts': {
      fields: { accountId: 'text' },
      does: 'every AppJWT issued so far, of the account or of all, is refused with 40102',
      run: ({ accountId }) => emulator.revokeAppJwts(accountId as string | undefined),
    },
    'POST /revoke-consumer-jws': {
      fields: { consumerId: 'text' },
      does: 'every ConsumerJWS issued so far, of the consumer or of all, is refused with 40103',
      run: ({ consumerId }) => emulator.revokeConsumerJws(consumerId as string | undefined),
    },
    'POST /fail-next': {
      fields: {
        service: 'text',
        status: 'number',
        body: 'anything',
        headers: 'object',
        delayMs: 'number',
        reset: 'flag',
        cutOff: 'flag',
        times: 'number',
      },
      does: `bends the next answers of a service (${SERVICES.join(', ')})`,
      run({ service, ...fault }) {
        const known = SERVICES.find((name) => name === service);
        if (!known || known === 'unknown') throw new Refusal(400, `service must be one of ${SERVICES.join(', ')}.`);
        emulator.failNext(known, fault as Fault);
      },
    },
    'POST /agent-says': {
      fields: { ...inConversation, text: 'text' },
      does: 'the agent says text in a conversation: the named one, or the latest open one of the consumer, or of all',
      run: ({ text, ...where }) => {
        if (text === undefined) throw new Refusal(400, 'text is missing: what does the agent say?');
        return queued(desk.send(conversationOf(where), textEvent(text as string)));
      },
    },
    'POST /agent-sends': {
      fields: { ...inConversation, event: 'object' },
      does: 'the same for any event, such as { "type": "ChatStateEvent", "chatState": "COMPOSING" }',
      run: ({ event, ...where }) => {
        if (!isRecord(event) || typeof event.type !== 'string') throw new Refusal(400, 'event must have a type.');
        return queued(desk.send(conversationOf(where), event as ConversationEvent));
      },
    },
    'POST /close-conversation': {
      fields: inConversation,
      does: 'the agent closes a conversation',
      run: (where) => queued(desk.closeConversation(conversationOf(where))),
    },
    'POST /redeliver': {
      fields: inConversation,
      does: 'posts the last event of a conversation to the webhook once more, as LivePerson may',
      run(where) {
        const conversationId = conversationOf(where);
        const last = emulator.deliveries.findLast((delivery) => delivery.conversationId === conversationId);
        if (!last) throw new Refusal(409, 'Nothing was delivered of that conversation yet.');
        return queued(emulator.redeliver(last));
      },
    },
    'POST /webhook': {
      fields: {
        url: 'text',
        signature: 'text',
        encoding: 'text',
        timeoutMs: 'number',
        firstPauseMs: 'number',
        maxPauseMs: 'number',
        retentionMs: 'number',
      },
      does: 'where events go from now on; {} for nowhere',
      run: (webhook) =>
        emulator.setWebhook(webhook.url === undefined ? undefined : (webhook as unknown as WebhookOptions)),
    },
  };

  const describe = () =>
    Object.entries(routes).map(([name, { does, fields }]) => {
      const [method, path] = name.split(' ');
      return { method, path: `/emulator${path === '/' ? '' : path}`, does, ...(fields && { fields }) };
    });

  return ({ method, url, body }) => {
    const name = `${method} ${url.pathname.replace(/^\/emulator/, '').replace(/(.)\/$/, '$1') || '/'}`;
    const route = Object.hasOwn(routes, name) ? routes[name] : undefined;
    try {
      if (!route) throw new Refusal(404, `There is no ${method} ${url.pathname}: GET /emulator lists what there is.`);
      const result = route.run(readFields(body, route.fields ?? {}), url.searchParams);
      return { status: 200, body: result ?? { ok: true } };
    } catch (error) {
      const status = error instanceof Refusal ? error.status : error instanceof TypeError ? 400 : 409;
      return { status, body: { error: error instanceof Error ? error.message : String(error) } };
    }
  };
}

function readFields(text: string, fields: NonNullable<Route['fields']>): Fields {
  const body = text.trim() === '' ? {} : parseJson(text);
  if (!isRecord(body)) throw new Refusal(400, 'The body must be a JSON object.');
  for (const [name, value] of Object.entries(body)) {
    const type = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!type) {
      const known = Object.keys(fields);
      throw new Refusal(
        400,
        `There is no field ${name} here; ${known.length ? `use ${known.join(', ')}` : 'leave it out'}.`,
      );
    }
    const [expected, is] = FIELD_TYPES[type];
    if (!is(value)) throw new Refusal(400, `${name} must be ${expected}.`);
  }
  return body;
}

function ofService(requests: Emulator['requests'], service: string | null): Emulator['requests'] {
  return service === null ? requests : requests.filter((request) => request.service === service);
}
