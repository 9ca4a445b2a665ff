import axios from 'axios';
import { createConnectorAuth } from '../../lib/index.js';
import { account, type Json } from '../emulator/client.js';
import { startServer } from '../support/server.js';

export interface Connector {
  /** Of its webhook. */
  readonly webhook: string;
  /** What the webhook got. */
  readonly heard: Json[];
  /** Opens a conversation for a consumer. @returns its id */
  converse(consumerId: string): Promise<string>;
  /** Sends what a consumer said. */
  say(consumerId: string, dialogId: string, text: string): Promise<void>;
  send(consumerId: string, dialogId: string, event: object): Promise<void>;
  /** The texts from LivePerson's side. */
  replies(): string[];
}

const PATH = `/api/account/${account.accountId}/messaging/consumer/conversation`;

const ends: (() => Promise<void>)[] = [];

/** A connector on this package. */
export async function startConnector(): Promise<Connector & { connect(domainApi: string): void }> {
  const heard: Json[] = [];
  const { origin } = await startServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    heard.push(JSON.parse(body));
    response.end();
  });
  const http = axios.create();
  const send = async (consumerId: string, dialogId: string, event: object) => {
    const message = { kind: 'req', id: '1', type: 'ms.PublishEvent', body: { dialogId, event } };
    await http.post(`${PATH}/send?v=3`, message, { onBehalfOf: consumerId });
  };
  return {
    webhook: `${origin}/liveperson`,
    heard,
    connect(domainApi) {
      const auth = createConnectorAuth({ ...account, domainApi });
      auth.install(http);
      ends.push(() => auth.close());
    },
    async converse(consumerId) {
      const opening = [
        { kind: 'req', id: '1', type: 'userprofile.SetUserProfile', body: {} },
        { kind: 'req', id: '2', type: 'cm.ConsumerRequestConversation', body: { brandId: account.accountId } },
      ];
      const { data } = await http.post(`${PATH}?v=3`, opening, { onBehalfOf: consumerId });
      return data[1].body.conversationId;
    },
    send,
    say: (consumerId, dialogId, message) =>
      send(consumerId, dialogId, { type: 'ContentEvent', contentType: 'text/plain', message }),
    replies: () =>
      heard
        .flatMap(({ body }) => body.changes)
        .filter(({ event, originatorMetadata }) => event?.message && originatorMetadata.role !== 'CONSUMER')
        .map(({ event }) => event.message),
  };
}

export async function closeConnectors(): Promise<void> {
  await Promise.all(ends.splice(0).map((end) => end()));
}
