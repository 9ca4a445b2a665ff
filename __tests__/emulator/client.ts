import { type Emulator, type EmulatorOptions, startEmulator, type TextEvent } from '../../lib/emulator/index.js';
import { closeServers } from '../support/server.js';

/** A client of the emulator that shares nothing with lib/. */
export const ACCOUNT = '70012345';
export const account = { accountId: ACCOUNT, clientId: 'id', clientSecret: 'secret' };
export const secrets = { client_id: 'id', client_secret: 'secret' };
const open: Emulator[] = [];

export type Json = ReturnType<typeof JSON.parse>;
export const read = async (answer: Response): Promise<Json> => JSON.parse(await answer.text());

export async function start(options: Partial<EmulatorOptions> = {}): Promise<Emulator> {
  const cloud = await startEmulator({ accounts: [account, { ...account, accountId: 'other' }], ...options });
  open.push(cloud);
  return cloud;
}

export async function closeEmulators(): Promise<void> {
  await Promise.all(open.splice(0).map((cloud) => cloud.close()));
}

/** Closes what a test has left open. */
export async function closeAll(): Promise<void> {
  await closeEmulators();
  await closeServers();
}

export const post = (
  { origin }: Pick<Emulator, 'origin'>,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> =>
  fetch(origin + path, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  });

export async function appJwt(cloud: Pick<Emulator, 'origin'>, accountId = ACCOUNT): Promise<string> {
  const query = new URLSearchParams({ v: '1.0', grant_type: 'client_credentials', ...secrets });
  const answer = await post(cloud, `/sentinel/api/account/${accountId}/app/token?${query}`, '');
  return (await read(answer)).access_token;
}

export async function consumerJws(
  cloud: Pick<Emulator, 'origin'>,
  consumer: string,
  authorization?: string,
): Promise<string> {
  const headers = { Authorization: authorization ?? (await appJwt(cloud)) };
  const answer = await post(cloud, `/api/account/${ACCOUNT}/consumer?v=1.0`, { ext_consumer_id: consumer }, headers);
  return (await read(answer)).token;
}

export const CONVERSATION = `/api/account/${ACCOUNT}/messaging/consumer/conversation?v=3`;
export const SEND = `/api/account/${ACCOUNT}/messaging/consumer/conversation/send?v=3`;
export const opening = [
  { kind: 'req', id: 1, type: 'userprofile.SetUserProfile', body: {} },
  { kind: 'req', id: '2', type: 'cm.ConsumerRequestConversation', body: { brandId: ACCOUNT } },
];
export const event = (dialogId: string, what: object = text('Hello')): object => ({
  kind: 'req',
  id: 7,
  type: 'ms.PublishEvent',
  body: { dialogId, event: what },
});
export const text = (message: string): TextEvent => ({ type: 'ContentEvent', contentType: 'text/plain', message });

export async function bearing(cloud: Pick<Emulator, 'origin'>, consumer = 'c'): Promise<Record<string, string>> {
  const Authorization = await appJwt(cloud);
  return { Authorization, 'X-LP-ON-BEHALF': await consumerJws(cloud, consumer, Authorization) };
}

/** A consumer in a conversation of their own. */
export async function converse(
  cloud: Pick<Emulator, 'origin'>,
  consumer = 'c',
): Promise<{ id: string; send(what: object): Promise<Response> }> {
  const headers = await bearing(cloud, consumer);
  const [, opened] = await read(await post(cloud, CONVERSATION, opening, headers));
  const id = opened.body.conversationId;
  return { id, send: (what) => post(cloud, SEND, event(id, what), headers) };
}
