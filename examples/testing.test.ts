// A connector's own tests with Jest, on the emulator, without a sandbox or mocks: npm run example testing
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import axios from 'axios';
import { createConnectorAuth } from 'axios-liveperson-auth';
import { type Emulator, startEmulator } from 'axios-liveperson-auth/emulator';
import { type Connector, createConnector } from './connector/connector.js';

const account = { accountId: '70012345', clientId: 'tested-app', clientSecret: 'tested-secret' };
let cloud: Emulator;
let connector: Connector;
let server: Server;
let channel: string;

// A cloud for each test: tokens, conversations and faults of the last one are gone with it.
beforeEach(async () => {
  cloud = await startEmulator({ accounts: [account] });
  connector = createConnector({ ...account, domainApi: cloud.origin, channelUrl: 'http://127.0.0.1:9/' });
  server = createServer(connector.app);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  channel = `http://127.0.0.1:${(server.address() as AddressInfo).port}/channel`;
});

afterEach(async () => {
  await connector.auth.close();
  server.close();
  server.closeAllConnections();
  await cloud.close();
});

const sms = (id: string, text: string) =>
  axios.post(channel, { id, from: '4915550001', text }, { validateStatus: () => true });
const texts = () =>
  cloud.messages.flatMap(({ body }) => (body as { event?: { message: string } }).event?.message ?? []);
const count = (service: string) => cloud.requests.filter((request) => request.service === service).length;

test('a message reaches the agent, on behalf of who wrote it', async () => {
  await sms('1', 'Hello');
  expect(texts()).toEqual(['Hello']);
  expect(cloud.messages.at(-1)?.consumerId).toBe('sms-4915550001');
});

test('ten messages at once open one conversation and cost one AppJWT', async () => {
  await Promise.all(Array.from({ length: 10 }, (_, index) => sms(`${index}`, 'Hello?')));
  expect([count('sentinel'), count('conversation'), count('send')]).toEqual([1, 1, 10]);
});

test('a revoked AppJWT costs no message, and the agent gets it once', async () => {
  await sms('1', 'Hello');
  cloud.revokeAppJwts();
  await sms('2', 'Are you there?');
  expect(texts()).toEqual(['Hello', 'Are you there?']);
});

test('when LivePerson is down, the channel is told to bring the message again', async () => {
  cloud.failNext('send', { status: 503 });
  expect((await sms('1', 'Hello')).status).toBe(502);
  expect((await sms('1', 'Hello')).status).toBe(200);
  expect(texts()).toEqual(['Hello']);
});

test('a unit test needs no network and no waiting: the adapter reaches the cloud, and fake timers bring the retry', async () => {
  jest.useFakeTimers();
  const { adapter } = cloud;
  const auth = createConnectorAuth({ ...account, axiosConfig: { adapter } });
  const http = axios.create({ adapter });
  auth.install(http);
  cloud.failNext('sentinel', { status: 503 });
  const event = { type: 'ContentEvent', contentType: 'text/plain', message: 'Hello' };
  const message = { kind: 'req', id: '1', type: 'ms.PublishEvent', body: { dialogId: 'd', event } };
  const url = `/api/account/${account.accountId}/messaging/consumer/conversation/send?v=3`;
  const sent = http.post(url, message, { onBehalfOf: 'sms-1' });
  // LivePerson's first pause is 5 s, and up to a tenth longer.
  await jest.advanceTimersByTimeAsync(6_000);
  expect((await sent).status).toBe(200);
  expect(count('sentinel')).toBe(2);
  await auth.close();
  jest.useRealTimers();
});
