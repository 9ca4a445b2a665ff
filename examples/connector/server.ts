// The connector as a process of its own, with LivePerson or the emulator: npx tsx examples/connector/server.ts
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createConnector } from './connector.js';

const {
  LP_ACCOUNT_ID,
  LP_CLIENT_ID,
  LP_CLIENT_SECRET,
  LP_DOMAIN_API,
  CHANNEL_URL,
  STATE_FILE,
  PORT = '3000',
} = process.env;
if (!LP_ACCOUNT_ID || !LP_CLIENT_ID || !LP_CLIENT_SECRET) {
  console.error('Set LP_ACCOUNT_ID, LP_CLIENT_ID and LP_CLIENT_SECRET; for the emulator, LP_DOMAIN_API too.');
  process.exit(2);
}
const credentials = { accountId: LP_ACCOUNT_ID, clientId: LP_CLIENT_ID, clientSecret: LP_CLIENT_SECRET };

const server = createServer();
server.on('error', ({ message }) => {
  console.error(`Port ${PORT} cannot be used (${message}): set PORT to another one.`);
  process.exit(1);
});
server.listen(PORT, () => {
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const app = express();
  // Without a channel, replies are printed here.
  app.post('/phone', express.json(), ({ body }, response) => {
    console.log(`${body.to} reads: ${body.text}${body.fileUrl ? ` (file: ${body.fileUrl})` : ''}`);
    response.sendStatus(200);
  });
  const channelUrl = CHANNEL_URL || `${origin}/phone`;
  const settings = { ...credentials, domainApi: LP_DOMAIN_API, channelUrl, stateFile: STATE_FILE, logger: console };
  app.use(createConnector(settings).app);
  server.on('request', app);
  console.log(`The channel brings messages to ${origin}/channel, LivePerson to ${origin}/liveperson.`);
});
