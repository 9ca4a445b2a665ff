import { createHmac } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connector, createConnector } from '../../examples/connector/connector.js';
import { openMemory } from '../../examples/connector/memory.js';
import { createOnce } from '../../examples/connector/once.js';
import { readAttachments } from '../../examples/connector/webhook.js';
import { ACCOUNT, type Cloud, closeClouds, startCloud } from '../support/cloud.js';
import { closeServers, startServer } from '../support/server.js';

/** The example connector in conversations that the webhook tells of, event by event. */
const credentials = { accountId: ACCOUNT, clientId: 'id', clientSecret: 'secret' };
const folder = mkdtempSync(join(tmpdir(), 'connector-state-'));
let cloud: Cloud;
let channelUrl: string;
let phone: { to: string; text: string; fileUrl?: string }[];
let stateFile: string;
let connector: Connector;
let server: Server;
let origin: string;
let files = 0;

beforeEach(async () => {
  cloud = await startCloud();
  let opened = 0;
  cloud.script.conversation = () => ({
    body: [
      { code: 'OK', reqId: '1', body: {} },
      { code: 'OK', reqId: '2', body: { conversationId: `c-${++opened}` } },
    ],
  });
  phone = [];
  channelUrl = (
    await startServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += chunk));
      request.on('end', () => {
        phone.push(JSON.parse(body));
        response.end();
      });
    })
  ).origin;
  stateFile = join(folder, `${++files}.jsonl`);
  await startConnector();
});

afterEach(async () => {
  await stopConnector();
  await closeClouds();
  await closeServers();
});
afterAll(() => rmSync(folder, { recursive: true }));

async function startConnector(): Promise<void> {
  connector = createConnector({ ...credentials, domainApi: cloud.origin, channelUrl, stateFile });
  server = createServer(connector.app);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function stopConnector(): Promise<void> {
  await connector.auth.close();
  server.close();
  server.closeAllConnections();
}

async function customerWrites(id: string, text: string): Promise<number> {
  const message = { id, from: '4915550001', text };
  const headers = { 'content-type': 'application/json' };
  return (await fetch(`${origin}/channel`, { method: 'POST', headers, body: JSON.stringify(message) })).status;
}

async function webhook(notification: object): Promise<number> {
  const body = JSON.stringify(notification);
  const signature = createHmac('sha1', credentials.clientSecret).update(body).digest('base64');
  const headers = { 'x-liveperson-signature': `sha1=${signature}` };
  return (await fetch(`${origin}/liveperson`, { method: 'POST', headers, body })).status;
}

const said = (dialogId: string, sequence: number, event: object | string, role = 'ASSIGNED_AGENT') =>
  webhook({
    type: 'ms.MessagingEventNotification',
    body: {
      changes: [
        {
          sequence,
          originatorMetadata: { role },
          messageAudience: 'ALL',
          conversationId: 'c-1',
          dialogId,
          event:
            typeof event === 'string' ? { type: 'ContentEvent', contentType: 'text/plain', message: event } : event,
        },
      ],
    },
  });

const changed = (state: string, stage: string, dialogs: Record<string, string>, convId = 'c-1') =>
  webhook({
    type: 'cqm.ExConversationChangeNotification',
    body: {
      changes: [
        {
          result: {
            convId,
            conversationDetails: {
              state,
              stage,
              participants: [
                { id: 'agent', role: 'ASSIGNED_AGENT' },
                { id: 'lp-consumer', role: 'CONSUMER' },
              ],
              dialogs: Object.entries(dialogs).map(([dialogId, dialogState]) => ({ dialogId, state: dialogState })),
            },
          },
        },
      ],
    },
  });

const opened = () => cloud.count('conversation');
const dialogsOfSends = () =>
  cloud.seen
    .filter(({ service }) => service === 'send')
    .map(({ body }) => JSON.parse(body))
    .filter(({ type }) => type === 'ms.PublishEvent')
    .map(({ body }) => body.dialogId);
const texts = () => phone.map(({ text }) => text);

it('a survey has its own sequence and its own dialog, and ends by the stage', async () => {
  await customerWrites('1', 'Hello');
  await said('c-1', 0, 'Hi');
  await said('c-1', 1, 'Bye');
  await changed('CLOSE', 'OPEN', { 'c-1': 'CLOSE', 's-1': 'OPEN' });
  await said('s-1', 0, 'How was it?', 'AGENT');
  await customerWrites('2', '5');
  await said('s-1', 1, 'Thank you.', 'AGENT');
  await said('s-1', 1, 'Thank you.', 'AGENT');
  expect(texts()).toEqual(['Hi', 'Bye', 'How was it?', 'Thank you.']);
  expect([opened(), dialogsOfSends()]).toEqual([1, ['c-1', 's-1']]);
  await changed('CLOSE', 'CLOSE', { 'c-1': 'CLOSE', 's-1': 'CLOSE' });
  await customerWrites('3', 'One more thing');
  expect([opened(), dialogsOfSends()]).toEqual([2, ['c-1', 's-1', 'c-2']]);
});

it('a restart in the middle of a survey loses and doubles nothing', async () => {
  await customerWrites('1', 'Hello');
  await said('c-1', 0, 'Hi');
  await changed('CLOSE', 'OPEN', { 'c-1': 'CLOSE', 's-1': 'OPEN' });
  await stopConnector();
  await startConnector();
  expect(await customerWrites('1', 'Hello')).toBe(200);
  await said('c-1', 0, 'Hi');
  await said('s-1', 0, 'How was it?', 'AGENT');
  await customerWrites('2', '5');
  expect(texts()).toEqual(['Hi', 'How was it?']);
  expect([opened(), dialogsOfSends()]).toEqual([1, ['c-1', 's-1']]);
});

const alreadyOpen = () => ({
  body: [
    { code: 'OK', reqId: '1', body: {} },
    { code: 'BAD_REQUEST', reqId: '2', body: { msg: 'User lp-consumer already has an open conversation' } },
  ],
});

it('a second open conversation: the one that the webhook reported is continued', async () => {
  await changed('OPEN', 'OPEN', { 'c-7': 'OPEN' }, 'c-7');
  cloud.script.conversation = alreadyOpen;
  expect(await customerWrites('1', 'Hello')).toBe(200);
  expect([opened(), dialogsOfSends()]).toEqual([1, ['c-7']]);
});

it('a second open conversation that nobody reported is an error, and the next attempt asks again', async () => {
  const usual = cloud.script.conversation ?? alreadyOpen;
  cloud.script.conversation = alreadyOpen;
  expect(await customerWrites('1', 'Hello')).toBe(502);
  expect(dialogsOfSends()).toEqual([]);
  cloud.script.conversation = usual;
  expect(await customerWrites('1', 'Hello')).toBe(200);
  expect([opened(), dialogsOfSends()]).toEqual([2, ['c-1']]);
});

it('a file reaches the channel with a signed URL, once', async () => {
  await customerWrites('1', 'Hello');
  cloud.script.send = () => ({
    body: {
      code: 'OK',
      body: { relativePath: '/v1/map.png', queryParams: { temp_url_sig: 'sig', temp_url_expires: '9' } },
    },
  });
  const hosts = ['sentinel', 'idp', 'asyncMessagingEnt', 'swift'];
  const baseURIs = hosts.map((service) => ({ service, account: ACCOUNT, baseURI: cloud.host }));
  cloud.script.domain = () => ({ body: { baseURIs } });
  const message = { caption: 'The way', relativePath: '/v1/map.png', fileType: 'PNG' };
  for (let delivery = 0; delivery < 2; delivery++)
    await said('c-1', 3, { type: 'ContentEvent', contentType: 'hosted/file', message });
  const fileUrl = `${cloud.origin}/v1/map.png?temp_url_sig=sig&temp_url_expires=9`;
  expect(phone).toEqual([{ to: '4915550001', text: 'The way', fileUrl }]);
});

it('a card reaches the channel as its texts', async () => {
  await customerWrites('1', 'Hello');
  const elements = [
    { type: 'text', text: 'Our hours' },
    { type: 'horizontal', elements: [{ type: 'button', title: 'Call us' }] },
  ];
  await said('c-1', 0, { type: 'RichContentEvent', content: { type: 'vertical', elements } });
  await said('c-1', 1, { type: 'RichContentEvent', content: { type: 'image', url: 'https://x/' } });
  expect(texts()).toEqual(['Our hours\nCall us', 'The agent sent a card that cannot be shown here.']);
});

it('attachments are read from any form of notification', () => {
  for (const notification of [{}, { type: 'ms.MessagingEventNotification' }, { type: 'x', body: { changes: [{}] } }])
    expect(readAttachments(notification)).toEqual([]);
});

describe('the memory', () => {
  it('survives a restart, a cut last line and many changes', () => {
    const memory = openMemory(stateFile);
    for (let round = 0; round < 3_000; round++) memory.set('busy', round);
    memory.set('kept', { deep: ['value'] });
    memory.set('gone', 1);
    memory.delete('gone');
    expect(readFileSync(stateFile, 'utf8').split('\n').length).toBeLessThan(2_000);
    appendFileSync(stateFile, '["half a li');
    const again = openMemory(stateFile);
    expect([...again.keys()].sort()).toEqual(['busy', 'kept']);
    expect([again.get('busy'), again.get('kept')]).toEqual([2_999, { deep: ['value'] }]);
    again.set('after', true);
    expect(openMemory(stateFile).get('after')).toBe(true);
  });

  it('keeps the latest keys of a kind, and all of the others', async () => {
    const memory = openMemory(stateFile);
    memory.set('customer of c-1', 'x');
    const once = createOnce<number>(memory, 'seen ', 2);
    for (const key of ['a', 'b', 'c']) await once(key, async () => 1);
    expect([...openMemory(stateFile).keys()].sort()).toEqual(['customer of c-1', 'seen b', 'seen c']);
  });
});
