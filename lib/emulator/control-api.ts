import { CHAOS_FIELDS, type ChaosOptions } from './chaos.js';
import { isOpen, surveyOf } from './conversations.js';
import {
  AGENT_SEND_FIELDS,
  assertHow,
  assertSurvey,
  assertTransfer,
  readEvents,
  SURVEY_FIELDS,
  TRANSFER_FIELDS,
} from './desk-input.js';
import { FAULT_FIELDS, FAULTABLE_SERVICES, type FaultableService } from './faults.js';
import { type Fields, findFieldFault } from './fields.js';
import { LIMIT_FIELDS, type RateLimit } from './limits.js';
import type { Powers } from './powers.js';
import { type Incoming, isRecord, parseJson, type Reply } from './reply.js';
import type { LoggedRequest } from './request-log.js';
import type { Services } from './services.js';
import { WEBHOOK_FIELDS, type WebhookOptions } from './webhook-options.js';
import { textEvent } from './wire.js';

/** What changes the emulator from outside, for tests in any language. Everything is JSON. */
export type ControlApi = (incoming: Incoming) => Reply;

export const isControlPath = (pathname: string): boolean => /^\/emulator(\/|$)/.test(pathname);

type Body = Readonly<Record<string, unknown>>;

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
  /** The fields that its body may have, each with the kind of its value. */
  readonly fields?: Fields;
  readonly does: string;
  run(body: Body, query: URLSearchParams): unknown;
}

const IN_CONVERSATION = { conversationId: 'text', consumerId: 'text' } as const;

/** @param started is called once the emulator runs */
export function createControlApi(
  { conversations, desk }: Services,
  started: () => { origin: string; powers: Powers },
): ControlApi {
  function conversationOf({ conversationId, consumerId }: Body): string {
    if (typeof conversationId === 'string') return conversationId;
    const open = conversations.all().filter(isOpen);
    const latest = open.findLast((each) => consumerId === undefined || each.consumerId === consumerId);
    if (latest) return latest.id;
    throw new Refusal(409, 'There is no open conversation of that consumer: open one with CONVERSATION first.');
  }

  /** The caller does not wait for the delivery: GET /deliveries tells how it fared. */
  const queued = (_: Promise<unknown>) => ({ queued: true });

  const routes: Readonly<Record<string, Route>> = {
    'GET /': { does: 'this list', run: () => ({ routes: describe() }) },
    'GET /desk': {
      does: 'a page for the browser: the agent, what arrived, tokens, faults and deliveries',
      // The desk answers before this API is asked.
      run: () => undefined,
    },
    'GET /health': { does: 'whether the emulator is up', run: () => ({ status: 'ok', origin: started().origin }) },
    'GET /requests': {
      does: 'what arrived, oldest first; ?service=send for one service',
      run: (_, query) => ({ requests: ofService(started().powers.requests, query.get('service')) }),
    },
    'GET /messages': {
      does: 'what CONVERSATION and SEND have accepted, oldest first',
      run: () => ({ messages: started().powers.messages }),
    },
    'GET /conversations': {
      does: 'the conversations, oldest first; state is that of the main dialog, stage that of the whole',
      run: () => ({
        conversations: started().powers.conversations.map(({ conversationId, accountId, consumerId, ...rest }) => ({
          conversationId,
          accountId,
          consumerId,
          state: rest.state,
          stage: rest.stage,
          dialogs: rest.dialogs.map(({ dialogId, dialogType, state }) => ({ dialogId, dialogType, state })),
        })),
      }),
    },
    'GET /snapshot': {
      does: 'conversations and consumers, whole, as startEmulator takes them',
      run: () => started().powers.snapshot(),
    },
    'GET /deliveries': {
      does: 'the events for the webhook and how they fared, oldest first',
      run: () => ({ deliveries: started().powers.deliveries }),
    },
    'POST /clear': {
      does: 'forgets requests, messages, deliveries and faults; tokens and conversations stay',
      run() {
        const { powers } = started();
        powers.clearRequests();
        powers.clearMessages();
        powers.clearDeliveries();
        powers.clearFaults();
      },
    },
    'POST /reset': {
      does: 'forgets everything except the accounts and the webhook; the clock goes back',
      run: () => started().powers.reset(),
    },
    'POST /advance-clock': {
      fields: { ms: 'number' },
      does: 'moves the clock forward: tokens, signed URLs, retention and delays follow it',
      run: ({ ms }) => started().powers.advanceClock(ms as number),
    },
    'POST /revoke-app-jwts': {
      fields: { accountId: 'text' },
      does: 'every AppJWT issued so far, of the account or of all, is refused with 40102',
      run: ({ accountId }) => started().powers.revokeAppJwts(accountId as string | undefined),
    },
    'POST /revoke-consumer-jws': {
      fields: { consumerId: 'text' },
      does: 'every ConsumerJWS issued so far, of the consumer or of all, is refused with 40103',
      run: ({ consumerId }) => started().powers.revokeConsumerJws(consumerId as string | undefined),
    },
    'POST /fail-next': {
      fields: { service: 'text', ...FAULT_FIELDS },
      does: `injects a fault into the next answers of a service (${FAULTABLE_SERVICES.join(', ')})`,
      run: ({ service, ...fault }) => started().powers.failNext(service as FaultableService, fault),
    },
    'POST /limit': {
      fields: { service: 'text', ...LIMIT_FIELDS },
      does: 'answers only so many calls of a service per time, and further ones with 429; the service alone ends it',
      run({ service, ...limit }) {
        const isEnd = Object.keys(limit).length === 0;
        started().powers.limit(service as FaultableService, isEnd ? undefined : (limit as unknown as RateLimit));
      },
    },
    'POST /chaos': {
      fields: CHAOS_FIELDS,
      does: 'injects faults at random, the same for the same seed; {} ends it',
      run: (chaos) => started().powers.chaos(chaos as unknown as ChaosOptions),
    },
    'POST /agent-says': {
      fields: { ...IN_CONVERSATION, text: 'text' },
      does: 'the agent says text in a conversation: the named one, or the latest open one of the consumer, or of all',
      run({ text, ...where }) {
        if (text === undefined) throw new Refusal(400, 'text is missing: what does the agent say?');
        return queued(desk.send(conversationOf(where), textEvent(text as string)));
      },
    },
    'POST /agent-sends': {
      fields: { ...IN_CONVERSATION, event: 'anything', ...AGENT_SEND_FIELDS },
      does: 'the same for any event, such as { "type": "ChatStateEvent", "chatState": "COMPOSING" }, or a list of events',
      // Misuse is told before the search for a conversation, here and below.
      run({ event, conversationId, consumerId, ...how }) {
        const events = readEvents(event);
        assertHow(how);
        return queued(desk.send(conversationOf({ conversationId, consumerId }), events, how));
      },
    },
    'POST /start-survey': {
      fields: { ...IN_CONVERSATION, ...SURVEY_FIELDS },
      does: 'starts a post-conversation survey, with its first question if there is a text',
      run({ conversationId, consumerId, ...survey }) {
        assertSurvey(survey);
        const id = conversationOf({ conversationId, consumerId });
        const started = queued(desk.startSurvey(id, survey));
        const conversation = conversations.find(id);
        return { ...started, dialogId: conversation && surveyOf(conversation)?.id };
      },
    },
    'POST /transfer': {
      fields: { ...IN_CONVERSATION, ...TRANSFER_FIELDS },
      does: 'gives a conversation to another skill, another agent, or both',
      run({ conversationId, consumerId, ...to }) {
        assertTransfer(to);
        return queued(desk.transfer(conversationOf({ conversationId, consumerId }), to));
      },
    },
    'POST /close-conversation': {
      fields: IN_CONVERSATION,
      does: 'the agent closes a conversation; an open survey ends',
      run: (where) => queued(desk.closeConversation(conversationOf(where))),
    },
    'POST /store-file': {
      fields: { base64: 'text', fileType: 'text' },
      does: 'keeps a file for an agent to send, and answers its relativePath',
      run: ({ base64, fileType }) => ({
        relativePath: started().powers.storeFile(Buffer.from(String(base64 ?? ''), 'base64'), fileType as string),
      }),
    },
    'POST /redeliver': {
      fields: IN_CONVERSATION,
      does: 'posts the last event of a conversation to the webhook once more, as LivePerson may',
      run(where) {
        const { deliveries, redeliver } = started().powers;
        const conversationId = conversationOf(where);
        const last = deliveries.findLast((delivery) => delivery.conversationId === conversationId);
        if (!last) throw new Refusal(409, 'Nothing was delivered of that conversation yet.');
        return queued(redeliver(last));
      },
    },
    'POST /webhook': {
      fields: WEBHOOK_FIELDS,
      does: 'where events go from now on; {} for nowhere',
      run(webhook) {
        const isNowhere = Object.keys(webhook).length === 0;
        started().powers.setWebhook(isNowhere ? undefined : (webhook as WebhookOptions));
      },
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

function readFields(text: string, fields: Fields): Body {
  const body = text.trim() === '' ? {} : parseJson(text);
  if (!isRecord(body)) throw new Refusal(400, 'The body must be a JSON object.');
  const fault = findFieldFault(body, fields);
  if (fault) throw new Refusal(400, fault);
  return body;
}

function ofService(requests: readonly LoggedRequest[], service: string | null): readonly LoggedRequest[] {
  return service === null ? requests : requests.filter((request) => request.service === service);
}
