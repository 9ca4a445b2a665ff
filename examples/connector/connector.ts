import { randomUUID } from 'node:crypto';
import axios from 'axios';
import {
  type CommonOptions,
  type ConnectorAuth,
  createConnectorAuth,
  getSendApiError,
  type OneBrand,
} from 'axios-liveperson-auth';
import express, { type ErrorRequestHandler, type Express } from 'express';
import { createConversations } from './conversations.js';
import { openMemory } from './memory.js';
import { createOnce } from './once.js';
import { isSigned } from './signature.js';
import { type Attachment, readAttachments, readReplies, readStandings } from './webhook.js';

export interface ConnectorSettings extends OneBrand, Pick<CommonOptions, 'domainApi' | 'logger'> {
  /** Where the channel takes messages for its customers, as `{ to, text, fileUrl? }`. */
  channelUrl: string;
  /** Keeps conversations and known messages over a restart. Without it, they are kept in memory. */
  stateFile?: string | undefined;
}

interface OpeningAnswer {
  code?: string;
  body?: { conversationId?: string; msg?: string };
}

interface SendAnswer {
  relativePath?: string;
  queryParams?: Record<string, string>;
}

export interface Connector {
  readonly app: Express;
  readonly auth: ConnectorAuth;
}

/** Carries messages between a channel, such as an SMS gateway, and LivePerson's agents. */
export function createConnector({ channelUrl, stateFile, ...options }: ConnectorSettings): Connector {
  const { accountId, clientSecret } = options;
  const path = `/api/account/${accountId}/messaging/consumer/conversation`;

  const http = axios.create();
  const auth = createConnectorAuth(options);
  auth.install(http);

  // LivePerson may switch an app off whose webhook is slower than 2.5 s for minutes.
  const channel = axios.create({ timeout: 2_000 });

  const memory = openMemory(stateFile);
  const conversations = createConversations(memory);
  const fromChannel = createOnce<void>(memory, 'from the channel ');
  const fromLivePerson = createOnce<void>(memory, 'from LivePerson ');

  async function openConversation(): Promise<string> {
    const opening = [
      { kind: 'req', id: '1', type: 'userprofile.SetUserProfile', body: {} },
      { kind: 'req', id: '2', type: 'cm.ConsumerRequestConversation', body: { brandId: accountId } },
    ];
    const { data } = await http.post<OpeningAnswer[]>(`${path}?v=3`, opening);
    const conversationId = data.find(({ body }) => body?.conversationId)?.body?.conversationId;
    return conversationId ?? findOpenConversation(data);
  }

  /** A customer has one open conversation at a time. If this connector does not know it, an event of the webhook may have told it. */
  function findOpenConversation(answers: OpeningAnswer[]): string {
    const refusal = answers.find(({ code }) => code === 'BAD_REQUEST');
    if (!refusal) throw new Error('LivePerson opened no conversation.');
    const [, lpConsumerId = ''] = /^User (\S+) already/.exec(refusal.body?.msg ?? '') ?? [];
    const conversationId = conversations.findByConsumer(lpConsumerId);
    if (conversationId !== undefined) return conversationId;
    throw new Error(
      'LivePerson opened no conversation (BAD_REQUEST). The customer may have an open one that this connector does not know. Close it at LivePerson.',
    );
  }

  async function send(id: string, type: string, body: object): Promise<SendAnswer> {
    const { data } = await http.post<{ body?: SendAnswer }>(`${path}/send?v=3`, { kind: 'req', id, type, body });
    return data.body ?? {};
  }

  async function sendText(dialogId: string, id: string, message: string): Promise<void> {
    const event = { type: 'ContentEvent', contentType: 'text/plain', message };
    await send(id, 'ms.PublishEvent', { dialogId, event });
  }

  /** Anyone who has the URL can read the file for a minute. It has a signature, so it needs no token. */
  async function urlOfFile(relativePath: string, customer: string): Promise<string> {
    const request = () => send(randomUUID(), 'ms.GenerateURLForDownloadFile', { relativePath });
    const answer = await auth.runOnBehalfOf(`sms-${customer}`, request);
    const query = new URLSearchParams(answer.queryParams);
    return `${await auth.getOrigin('swift')}${answer.relativePath ?? relativePath}?${query}`;
  }

  async function deliverAttachment({ relativePath, text }: Attachment, to: string): Promise<void> {
    if (relativePath === undefined) {
      options.logger?.info('The agent sent a card. The customer gets its texts only.');
      await channel.post(channelUrl, { to, text: text || 'The agent sent a card that cannot be shown here.' });
    } else await channel.post(channelUrl, { to, text, fileUrl: await urlOfFile(relativePath, to) });
  }

  const app = express();

  app.post('/channel', express.json(), async ({ body }, response) => {
    const { id, from, text } = body ?? {};
    if (![id, from, text].every((value) => typeof value === 'string' && value !== '')) {
      response.status(400).send('A message is { id, from, text }, three strings.\n');
      return;
    }
    await fromChannel(id, () =>
      auth.runOnBehalfOf(`sms-${from}`, async () => {
        await sendText(await conversations.dialogOf(from, openConversation), id, text);
      }),
    );
    response.sendStatus(200);
  });

  // The signature is that of the bytes as they came. JSON that is parsed and written again may have others.
  app.post('/liveperson', express.raw({ type: () => true }), async ({ body, headers }, response) => {
    if (!Buffer.isBuffer(body) || !isSigned(body, headers['x-liveperson-signature']?.toString(), clientSecret)) {
      response.sendStatus(401);
      return;
    }
    const notification = JSON.parse(body.toString());
    for (const standing of readStandings(notification)) conversations.follow(standing);
    const deliver = async (
      message: { key: string; conversationId: string },
      work: (to: string) => Promise<unknown>,
    ) => {
      const to = conversations.customerOf(message.conversationId);
      if (to !== undefined) await fromLivePerson(message.key, async () => void (await work(to)));
      else options.logger?.warn(`A reply in conversation ${message.conversationId} is for nobody that we know.`);
    };
    for (const reply of readReplies(notification))
      await deliver(reply, (to) => channel.post(channelUrl, { to, text: reply.text }));
    for (const attachment of readAttachments(notification))
      await deliver(attachment, (to) => deliverAttachment(attachment, to));
    response.sendStatus(200);
  });

  // The sender is told that the message was not delivered, and sends it again.
  const onError: ErrorRequestHandler = (error, _request, response, _next) => {
    const refusal = getSendApiError(error);
    options.logger?.error(`A message was not delivered: ${refusal ? `error ${refusal.errorCode}` : error.message}`);
    response.sendStatus(error.expose ? error.status : 502);
  };
  app.use(onError);

  return { app, auth };
}
