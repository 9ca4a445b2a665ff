import axios from 'axios';
import {
  type CommonOptions,
  type ConnectorAuth,
  createConnectorAuth,
  getSendApiError,
  type OneBrand,
} from 'axios-liveperson-auth';
import type { ConversationReply, ConversationRequest, PublishEvent } from 'axios-liveperson-auth/emulator';
import express, { type ErrorRequestHandler, type Express } from 'express';
import { createOnce } from './once.js';
import { isSigned } from './signature.js';
import { readReplies, readStandings } from './webhook.js';

export interface ConnectorSettings extends OneBrand, Pick<CommonOptions, 'domainApi' | 'logger'> {
  /** Where the channel takes messages for its customers, as `{ to, text }`. */
  channelUrl: string;
}

export interface Connector {
  readonly app: Express;
  readonly auth: ConnectorAuth;
}

/** Carries messages between a channel, such as an SMS gateway, and LivePerson's agents. */
export function createConnector({ channelUrl, ...options }: ConnectorSettings): Connector {
  const { accountId, clientSecret } = options;
  const path = `/api/account/${accountId}/messaging/consumer/conversation`;

  const http = axios.create();
  const auth = createConnectorAuth(options);
  auth.install(http);

  // LivePerson may switch an app off whose webhook is slower than 2.5 s for minutes.
  const channel = axios.create({ timeout: 2_000 });

  const conversations = createOnce<string>();
  const customers = new Map<string, string>();
  /** The dialog of a conversation that takes the next message: the conversation itself, or a survey. */
  const dialogs = new Map<string, string>();
  const fromChannel = createOnce<void>();
  const fromLivePerson = createOnce<void>();

  async function openConversation(customer: string): Promise<string> {
    const opening: ConversationRequest = [
      { kind: 'req', id: '1', type: 'userprofile.SetUserProfile', body: {} },
      { kind: 'req', id: '2', type: 'cm.ConsumerRequestConversation', body: { brandId: accountId } },
    ];
    const { data } = await http.post<ConversationReply>(`${path}?v=3`, opening);
    if (data.some(({ code }) => code === 'BAD_REQUEST')) {
      throw new Error(
        'The customer has an open conversation that this connector has forgotten. Close it in LivePerson, and keep `conversations` in a database.',
      );
    }
    const conversationId = data.find(({ body }) => body.conversationId)?.body.conversationId;
    if (conversationId === undefined) throw new Error('LivePerson opened no conversation.');
    customers.set(conversationId, customer);
    return conversationId;
  }

  async function sendText(dialogId: string, id: string, message: string): Promise<void> {
    const event = { type: 'ContentEvent', contentType: 'text/plain', message };
    const item: PublishEvent = { kind: 'req', id, type: 'ms.PublishEvent', body: { dialogId, event } };
    await http.post(`${path}/send?v=3`, item);
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
        const conversationId = await conversations(from, () => openConversation(from));
        await sendText(dialogs.get(conversationId) ?? conversationId, id, text);
      }),
    );
    response.sendStatus(200);
  });

  // The signature is that of the bytes as they came: parsed and written again, they are others.
  app.post('/liveperson', express.raw({ type: () => true }), async ({ body, headers }, response) => {
    if (!Buffer.isBuffer(body) || !isSigned(body, headers['x-liveperson-signature']?.toString(), clientSecret)) {
      response.sendStatus(401);
      return;
    }
    const notification = JSON.parse(body.toString());
    for (const { key, conversationId, text } of readReplies(notification)) {
      const to = customers.get(conversationId);
      if (to === undefined) options.logger?.warn(`A reply in conversation ${conversationId} is for nobody we know.`);
      else await fromLivePerson(key, async () => void (await channel.post(channelUrl, { to, text })));
    }
    for (const { conversationId, openDialog } of readStandings(notification)) {
      if (openDialog === undefined) {
        conversations.forget(customers.get(conversationId) ?? '');
        customers.delete(conversationId);
        dialogs.delete(conversationId);
      } else dialogs.set(conversationId, openDialog);
    }
    response.sendStatus(200);
  });

  // Whoever brought the message is told that it was not delivered, and brings it again.
  const onError: ErrorRequestHandler = (error, _request, response, _next) => {
    const refusal = getSendApiError(error);
    options.logger?.error(`A message was not delivered: ${refusal ? `error ${refusal.errorCode}` : error.message}`);
    response.sendStatus(error.expose ? error.status : 502);
  };
  app.use(onError);

  return { app, auth };
}
