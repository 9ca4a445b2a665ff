/** @jest-environment jsdom */
import axios from 'axios';
import { startEmulator } from '../../lib/emulator/index.js';
import { createConnectorAuth } from '../../lib/index.js';

const account = { accountId: '70012345', clientId: 'id', clientSecret: 'secret' };
const SEND = `/api/account/${account.accountId}/messaging/consumer/conversation/send?v=3`;
const event = { type: 'ContentEvent', contentType: 'text/plain', message: 'Grüße 👋🏽' };
const message = { kind: 'req', id: '1', type: 'ms.PublishEvent', body: { dialogId: 'd', event } };

it('in jsdom a message is delivered, and again after each refusal, without a socket', async () => {
  // A browser's environment has neither.
  expect([typeof TextEncoder, typeof fetch]).toEqual(['undefined', 'undefined']);
  const cloud = await startEmulator({ accounts: [account] });
  const http = axios.create({ adapter: cloud.adapter });
  const auth = createConnectorAuth({
    ...account,
    domainApi: cloud.origin,
    axiosConfig: { adapter: cloud.adapter },
  });
  auth.install(http);
  const send = () => http.post(SEND, message, { onBehalfOf: 'sms-1' });
  expect((await send()).data.body).toEqual({ sequence: 0 });
  cloud.revokeAppJwts();
  cloud.revokeConsumerJws();
  expect((await send()).data.body).toEqual({ sequence: 1 });
  expect(cloud.messages.map(({ body }) => body)).toEqual([message.body, message.body]);
  await auth.close();
  await cloud.close();
});
