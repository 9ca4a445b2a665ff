import type { IncomingHttpHeaders } from 'node:http';
import type { Emulator, EmulatorOptions, WebhookOptions } from '../../lib/emulator/index.js';
import { startServer } from '../support/server.js';
import { ACCOUNT, bearing, CONVERSATION, type Json, opening, post, read, SEND, start } from './client.js';

/** What the webhook got. */
export interface Posted {
  url: string;
  headers: IncomingHttpHeaders;
  bytes: Buffer;
  type: string;
  changes: Json[];
  /** The first change. */
  change: Json;
}

/** A connector that takes events, and an emulator that delivers to it. */
export async function startPair(
  options: Partial<EmulatorOptions> = {},
  webhook: WebhookOptions | ((origin: string) => WebhookOptions) = {},
  answer: (posted: Posted, count: number) => number | Promise<number> = () => 200,
): Promise<{ cloud: Emulator; posted: Posted[]; origin: string }> {
  const posted: Posted[] = [];
  const { origin } = await startServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const { type, body } = JSON.parse(bytes.toString());
    const { changes } = body;
    const entry = { url: request.url ?? '', headers: request.headers, bytes, type, changes, change: changes[0] };
    posted.push(entry);
    response.writeHead(await answer(entry, posted.length)).end();
  });
  const given = typeof webhook === 'function' ? webhook(origin) : { url: `${origin}/liveperson`, ...webhook };
  const cloud = await start({ webhook: { timeoutMs: 600_000, ...given }, ...options });
  return { cloud, posted, origin };
}

/** A consumer with tokens, who sends items. */
export async function consumerOf(cloud: Emulator, consumer = 'c') {
  const headers = await bearing(cloud, consumer);
  return {
    /** The whole answer of CONVERSATION. */
    async open(items: readonly object[] = opening): Promise<{ status: number; body: Json }> {
      const answer = await post(cloud, CONVERSATION, items, headers);
      return { status: answer.status, body: await read(answer) };
    },
    /** Opens a conversation. @returns its id */
    async converse(): Promise<string> {
      return (await read(await post(cloud, CONVERSATION, opening, headers)))[1].body.conversationId;
    },
    /** The whole answer of SEND. */
    async send(type: string, body: unknown, rest: object = {}): Promise<{ status: number; body: Json }> {
      const answer = await post(cloud, SEND, { kind: 'req', id: 's', type, body, ...rest }, headers);
      return { status: answer.status, body: await read(answer) };
    },
    say(dialogId: string, event: object, rest: object = {}) {
      return this.send('ms.PublishEvent', { dialogId, event }, rest);
    },
    update(conversationId: string, conversationField: unknown) {
      return this.send('cm.UpdateConversationField', { conversationId, conversationField });
    },
  };
}

export const closeOf = (dialogId: string): object => ({
  field: 'DialogChange',
  type: 'UPDATE',
  dialog: { dialogId, state: 'CLOSE', closedCause: 'Closed by consumer' },
});

export const detailsOf = ({ change }: Posted): Json => change.result.conversationDetails;
export { ACCOUNT };
