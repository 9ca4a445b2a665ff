import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { type Fields, findFieldFault } from '../fields.js';
import type { ResolvedOptions } from '../options.js';
import type { Powers } from '../powers.js';
import { type Incoming, isRecord, notFound, parseJson, type Reply } from '../reply.js';
import type { Services } from '../services.js';
import { textEvent } from '../wire.js';
import { type DeskAssets, loadAssets } from './assets.js';
import { streamUpdates } from './feed.js';
import { createMask } from './mask.js';
import { createDeskView } from './view.js';

/** Answers the requests of the desk: the page, what it shows, and what its buttons do that the control API cannot. */
export type Desk = (incoming: Incoming) => Promise<Reply>;

export const DESK_PATH = '/emulator/desk';

export const isDeskPath = (pathname: string): boolean => /^\/emulator\/desk(\/|$)/.test(pathname);

/** Nothing from elsewhere, nothing inline, and in no frame. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'cache-control': 'no-store',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

const SURVEY_QUESTION = 'How satisfied are you with this conversation?';

export function createDesk(
  services: Services,
  { accounts, onBehalfHeader }: Pick<ResolvedOptions, 'accounts' | 'onBehalfHeader'>,
  started: () => { powers: Powers },
): Desk {
  const mask = createMask(
    accounts.map(({ clientSecret }) => clientSecret),
    onBehalfHeader,
  );
  const epoch = randomUUID();
  const view = once(() => createDeskView(services, started().powers.requests, mask, onBehalfHeader, epoch));
  const assets = once(loadAssets);
  const { unheard } = services.desk;

  const files: Readonly<Record<string, readonly [name: keyof DeskAssets, type: string]>> = {
    [DESK_PATH]: ['html', 'text/html'],
    [`${DESK_PATH}/desk.css`]: ['css', 'text/css'],
    [`${DESK_PATH}/desk.js`]: ['js', 'text/javascript'],
  };

  async function answerFile([name, type]: readonly [keyof DeskAssets, string], incoming: Incoming): Promise<Reply> {
    const bytes = Buffer.from((await assets())[name]);
    const isZipped = /\bgzip\b/.test(String(incoming.headers['accept-encoding'] ?? ''));
    return {
      status: 200,
      body: isZipped ? gzipSync(bytes) : bytes,
      headers: {
        ...HEADERS,
        'content-type': `${type}; charset=utf-8`,
        vary: 'accept-encoding',
        ...(isZipped && { 'content-encoding': 'gzip' }),
      },
    };
  }

  /** What the page asks for by POST. Each is done at once; the page sees in its lists how it fares. */
  const acts: Readonly<
    Record<string, { readonly fields: Fields; run(body: Readonly<Record<string, unknown>>): unknown }>
  > = {
    say: {
      fields: { conversationId: 'text', text: 'text' },
      run: ({ conversationId, text }) => unheard.send(conversationId as string, textEvent(String(text ?? ''))),
    },
    'close-conversation': {
      fields: { conversationId: 'text' },
      run: ({ conversationId }) => unheard.closeConversation(conversationId as string),
    },
    'start-survey': {
      fields: { conversationId: 'text' },
      run: ({ conversationId }) => unheard.startSurvey(conversationId as string, { text: SURVEY_QUESTION }),
    },
    transfer: {
      fields: { conversationId: 'text', skillId: 'text' },
      run: ({ conversationId, skillId }) =>
        unheard.transfer(conversationId as string, {
          agentId: randomUUID(),
          ...(skillId !== undefined && { skillId: skillId as string }),
        }),
    },
    redeliver: {
      fields: { epoch: 'text', id: 'number' },
      run({ epoch: given, id }) {
        const delivery = given === epoch ? view().findDelivery(id as number) : undefined;
        if (!delivery) throw new Error('The emulator has forgotten this delivery.');
        return started().powers.redeliver(delivery);
      },
    },
  };

  function act(name: string, text: string): Reply {
    const chosen = Object.hasOwn(acts, name) ? acts[name] : undefined;
    if (!chosen) return notFound;
    const body = parseJson(text);
    const fault = isRecord(body) ? findFieldFault(body, chosen.fields) : 'The body must be a JSON object.';
    if (fault !== undefined) return { status: 400, body: { error: fault } };
    try {
      chosen.run(body as Record<string, unknown>);
      return { status: 200, body: { reachesWebhook: services.webhook.isSet } };
    } catch (error) {
      const status = error instanceof TypeError ? 400 : 409;
      return { status, body: { error: error instanceof Error ? error.message : String(error) } };
    }
  }

  function answerDetails(query: URLSearchParams): Reply {
    const isCurrent = query.get('epoch') === epoch;
    const details = isCurrent ? view().requestDetails(Number(query.get('id'))) : undefined;
    if (details) return { status: 200, body: details };
    return { status: 410, body: { error: 'The emulator has forgotten this request.' } };
  }

  return async (incoming) => {
    const { method, url, body } = incoming;
    const path = url.pathname.replace(/(.)\/$/, '$1');
    const name = path.slice(DESK_PATH.length + 1);
    if (method === 'POST') return { ...act(name, body), headers: HEADERS };
    if (method !== 'GET') return notFound;
    const file = files[path];
    if (file) return answerFile(file, incoming);
    if (name === 'request') return { ...answerDetails(url.searchParams), headers: HEADERS };
    if (name !== 'updates') return notFound;
    return {
      status: 200,
      body: '',
      headers: { ...HEADERS, 'content-type': 'text/event-stream' },
      stream: (page) => streamUpdates(page, view(), services.changes),
    };
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
