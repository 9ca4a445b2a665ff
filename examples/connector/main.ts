// A connector between an SMS gateway and LivePerson, and a day in its life: npm run example connector
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axios from 'axios';
import { type AcceptedMessage, type Delivery, startEmulator } from 'axios-liveperson-auth/emulator';
import express from 'express';
import { createConnector } from './connector.js';

async function listen(server: Server): Promise<string> {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

// The SMS gateway: what the connector brings there, the customer reads on his telephone.
const phone: string[] = [];
let isGatewayDown = false;
const gateway = express().use(express.json());
gateway.post('/', ({ body }, response) => {
  if (!isGatewayDown) {
    phone.push(body.text);
    console.log(`  ${body.to} reads: ${body.text}${body.fileUrl ? ' (with a file)' : ''}`);
  }
  response.sendStatus(isGatewayDown ? 503 : 200);
  isGatewayDown = false;
});
const gatewayServer = createServer(gateway);

// LivePerson, and the connector between the two.
const account = { accountId: '70012345', clientId: 'connector-app', clientSecret: 'connector-secret' };
const cloud = await startEmulator({ accounts: [account] });
const channelUrl = await listen(gatewayServer);
const folder = mkdtempSync(join(tmpdir(), 'connector-'));
const stateFile = join(folder, 'state.jsonl');

async function startConnector() {
  const { app, auth } = createConnector({ ...account, domainApi: cloud.origin, channelUrl, stateFile });
  auth.on('replay', ({ errorCode, outcome }) => console.log(`  replayed after error ${errorCode}: ${outcome}`));
  const server = createServer(app);
  const origin = await listen(server);
  // LivePerson redelivers only if the app's manifest has a retention time.
  cloud.setWebhook({ url: `${origin}/liveperson`, retentionMs: 60_000, firstPauseMs: 10 });
  return {
    origin,
    async stop() {
      await auth.close();
      server.close();
      server.closeAllConnections();
    },
  };
}
let connector = await startConnector();

async function customerWrites(id: string, text: string): Promise<void> {
  console.log(`The customer writes: ${text}`);
  const before = desk().length;
  await axios.post(`${connector.origin}/channel`, { id, from: '4915550001', text });
  for (const message of desk().slice(before)) console.log(`  the agent reads: ${textOf(message)}`);
}

async function agentWrites(text: string): Promise<Delivery> {
  console.log(`The agent writes: ${text}`);
  return cloud.agentSays(conversation(), text);
}

const desk = () => cloud.messages.filter(({ type }) => type === 'ms.PublishEvent');
const conversation = () => desk().at(-1)?.conversationId ?? '';
const textOf = ({ body }: AcceptedMessage) => (body as { event: { message: string } }).event.message;

await customerWrites('sms-1', 'Are you open today?');
const reply = await agentWrites('Until six.');

console.log('The gateway brings the first message again, and LivePerson its reply');
await axios.post(`${connector.origin}/channel`, { id: 'sms-1', from: '4915550001', text: 'Are you open today?' });
await cloud.redeliver(reply);

console.log('LivePerson revokes the AppJWT');
cloud.revokeAppJwts();
await customerWrites('sms-2', 'And on Sunday?');

console.log('The agent sends a file');
await cloud.agentSends(conversation(), {
  type: 'ContentEvent',
  contentType: 'hosted/file',
  message: { caption: 'The way to us', relativePath: '/v1/map.png', fileType: 'PNG' },
});

console.log('The connector restarts in the middle of the conversation');
await connector.stop();
connector = await startConnector();
await agentWrites('Are you still there?');
const before = conversation();
await customerWrites('sms-again', 'Yes.');
console.log(`  in the same conversation: ${conversation() === before}`);

console.log('The gateway is down for a moment');
isGatewayDown = true;
const { attempts } = await agentWrites('From ten to two.');
console.log(`  delivered at attempt ${attempts}`);

console.log('Somebody else posts to the webhook');
const forged = await axios.post(`${connector.origin}/liveperson`, reply.body, {
  headers: { 'Content-Type': 'application/json', 'x-liveperson-signature': 'sha1=Zm9yZ2Vk' },
  validateStatus: () => true,
});
console.log(`  answered ${forged.status}`);

console.log('The agent leaves, and a survey asks');
const first = conversation();
await cloud.startSurvey(first, { text: 'How was it, from 1 to 5?' });
await customerWrites('sms-survey', '5');

console.log('The survey ends, and with it the conversation');
await cloud.closeConversation(first);
await customerWrites('sms-3', 'One more thing …');
console.log(`  in a new conversation: ${conversation() !== first}`);

assert.deepEqual(desk().map(textOf), ['Are you open today?', 'And on Sunday?', 'Yes.', '5', 'One more thing …']);
assert.deepEqual(phone, [
  'Until six.',
  'The way to us',
  'Are you still there?',
  'From ten to two.',
  'How was it, from 1 to 5?',
]);
assert.equal(forged.status, 401);
assert.notEqual(conversation(), first);

await connector.stop();
gatewayServer.close();
gatewayServer.closeAllConnections();
await cloud.close();
rmSync(folder, { recursive: true });
