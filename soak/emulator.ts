// The emulator's memory in a long run: npm run soak:emulator [-- --seconds 30]
// Consumers come, talk, send files and nonsense, and are asked in surveys, while faults are injected and the webhook fails.
// The emulator is in this process, behind its adapter, so a minute holds some hours of a test suite.
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { parseArgs } from 'node:util';
import axios from 'axios';
import { startEmulator } from 'axios-liveperson-auth/emulator';
import { failUsage, readCommandLine } from '../bench/command-line.js';

const USAGE = `usage: npm run soak:emulator -- [--seconds N]

Shows that the memory of the emulator is bounded. Ends with 1 if it grows.

  --seconds N  how long (default 30)
  --help       shows this

A wrong flag exits with 2.`;

const options = { seconds: { type: 'string', default: '30' }, help: { type: 'boolean', default: false } } as const;
const { values } = readCommandLine(USAGE, () => parseArgs({ options }), 'soak:emulator');
const seconds = Number(values.seconds);
if (!(seconds > 0 && Number.isFinite(seconds)))
  failUsage(`--seconds must be a number above 0; received ${JSON.stringify(values.seconds)}.`, 'soak:emulator');

const ACCOUNT = { accountId: '70012345', clientId: 'soak-app', clientSecret: 'soak-secret' };
const MESSAGING = `/api/account/${ACCOUNT.accountId}/messaging/consumer/conversation`;

const connector = createServer((request, response) => {
  request.resume();
  response.writeHead(Math.random() < 0.1 ? 500 : 200).end();
});
await new Promise<void>((listening) => connector.listen(0, '127.0.0.1', listening));
const webhook = `http://127.0.0.1:${(connector.address() as AddressInfo).port}`;

const cloud = await startEmulator({ accounts: [ACCOUNT], autoReply: 'echo', receipts: true, survey: 'How was it?' });
const http = axios.create({ adapter: cloud.adapter, baseURL: cloud.origin, validateStatus: () => true });

async function login(consumer: string): Promise<Record<string, string>> {
  const params = { grant_type: 'client_credentials', client_id: ACCOUNT.clientId, client_secret: ACCOUNT.clientSecret };
  const path = `/sentinel/api/account/${ACCOUNT.accountId}/app/token?v=1.0`;
  const { access_token: Authorization } = (await http.post(path, undefined, { params })).data;
  const body = { ext_consumer_id: consumer };
  const { data } = await http.post(`/api/account/${ACCOUNT.accountId}/consumer`, body, { headers: { Authorization } });
  return { Authorization, 'X-LP-ON-BEHALF': data.token };
}

let serial = 0;
const publish = (dialogId: string, event: unknown) => ({
  kind: 'req',
  id: `m${serial++}`,
  type: 'ms.PublishEvent',
  body: { dialogId, event },
});
const text = (message: string) => ({ type: 'ContentEvent', contentType: 'text/plain', message });
const OPENING = [
  { kind: 'req', id: '1', type: 'userprofile.SetUserProfile', body: {} },
  { kind: 'req', id: '2', type: 'cm.ConsumerRequestConversation', body: { brandId: ACCOUNT.accountId } },
];

/** One conversation from beginning to end, and what a broken client does beside it. */
async function live(headers: Record<string, string>): Promise<void> {
  const send = (item: unknown) => http.post(`${MESSAGING}/send?v=3`, item, { headers });
  const { data } = await http.post(`${MESSAGING}?v=3`, OPENING, { headers });
  const id: string | undefined = data[1]?.body.conversationId;
  if (id === undefined) return;
  for (const message of ['Hello', 'Are you open today?']) await send(publish(id, text(message)));
  await send(publish(id, { type: 'ChatStateEvent', chatState: 'COMPOSING' }));
  await send(publish(`unknown-${serial}`, text('lost')));
  await send('no JSON');
  await send({ ...publish(id, text('x')), id: 'x'.repeat(1_000) });
  const upload = {
    kind: 'req',
    id: 'u',
    type: 'ms.GenerateURLForUploadFile',
    body: { fileSize: '1', fileType: 'PNG' },
  };
  const { relativePath, queryParams } = (await send(upload)).data.body;
  await http.put(relativePath, Buffer.alloc(50_000), { params: queryParams });
  const close = { field: 'DialogChange', type: 'UPDATE', dialog: { dialogId: id, state: 'CLOSE' } };
  const body = { conversationId: id, conversationField: close };
  await send({ kind: 'req', id: 'c', type: 'cm.UpdateConversationField', body });
  if (serial % 3 === 0) await cloud.closeConversation(id).catch(() => {});
  else
    await send({
      kind: 'req',
      id: 'c',
      type: 'cm.UpdateConversationField',
      body: { ...body, conversationField: { field: 'Stage', conversationState: 'CLOSE' } },
    });
}

/** Bytes that are no request, and connections that drop. */
function disturb(): void {
  const [host = '', port] = cloud.host.split(':');
  const socket = connect(Number(port), host, () =>
    socket.end(serial % 2 === 0 ? 'nonsense\r\n\r\n' : 'POST / HTTP/1.1\r\n'),
  );
  socket.on('error', () => {});
  socket.on('data', () => {});
  socket.setTimeout(1_000, () => socket.destroy());
}

const heapMb = (): number => {
  globalThis.gc?.();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return (heapUsed + external + arrayBuffers) / 2 ** 20;
};
const median = (numbers: number[]): number => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

console.log(`The emulator runs for ${seconds} s after its logs are full.`);
const unhandled: unknown[] = [];
process.on('unhandledRejection', (error) => unhandled.push(error));

let conversations = 0;
async function round(): Promise<void> {
  cloud.setWebhook(serial % 5 === 0 ? 'http://127.0.0.1:1/' : { url: webhook, maxRetries: 1, firstPauseMs: 10 });
  cloud.failNext('send', { status: 503, times: 2 });
  cloud.limit('conversation', { calls: 100, perMs: 1 });
  const sessions = await Promise.all(Array.from({ length: 10 }, () => login(`sms-${serial++}`)));
  for (let turn = 0; turn < 10; turn++) await Promise.all(sessions.map(live));
  conversations += 100;
  disturb();
  if (serial % 7 === 0)
    await http.post(`${MESSAGING}/send?v=3`, text('x'.repeat(2 ** 20)), { headers: sessions[0] ?? {} });
}

while (conversations < 11_000) await round();
const heaps: number[] = [];
for (const end = performance.now() + seconds * 1_000; performance.now() < end; ) {
  await round();
  heaps.push(heapMb());
}
const third = Math.ceil(heaps.length / 3);
const [early, late] = [median(heaps.slice(0, third)), median(heaps.slice(-third))];
const lists = [cloud.requests, cloud.messages, cloud.deliveries, cloud.conversations].map(({ length }) => length);
await cloud.close();
connector.close();
connector.closeAllConnections();

const checks: [what: string, isSo: boolean][] = [
  [
    `${conversations} conversations, and every list has at most 10,000 entries: ${lists}`,
    lists.every((n) => n <= 10_000),
  ],
  [`memory at the end is that of the beginning: ${late.toFixed(1)} MB, ${early.toFixed(1)} MB`, late - early < 32],
  ['no unhandled rejection', unhandled.length === 0],
];
for (const [what, isSo] of checks) console.log(`${isSo ? 'ok  ' : 'FAIL'}  ${what}`);
process.exitCode = checks.every(([, isSo]) => isSo) ? 0 : 1;
