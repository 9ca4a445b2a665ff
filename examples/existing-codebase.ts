// Before and after, in a codebase whose call sites do not know whom they speak for: npm run example existing-codebase
import assert from 'node:assert/strict';
import axios, { type AxiosInstance } from 'axios';
import { createConnectorAuth } from 'axios-liveperson-auth';
import { startEmulator } from 'axios-liveperson-auth/emulator';

const account = { accountId: '70012345', clientId: 'existing-app', clientSecret: 'existing-secret' };
const cloud = await startEmulator({ accounts: [account] });
const path = `/api/account/${account.accountId}/messaging/consumer/conversation/send?v=3`;

// What there is, deep in old code. It stays as it is, before and after: no token, no consumer, no import of ours.
async function sendText(http: AxiosInstance, text: string): Promise<void> {
  const event = { type: 'ContentEvent', contentType: 'text/plain', message: text };
  await http.post(path, { kind: 'req', id: '1', type: 'ms.PublishEvent', body: { dialogId: 'd', event } });
}

console.log('Before: an instance for each consumer, with the tokens of the moment when it was made');
const { data: sentinel } = await axios.post(
  `${cloud.origin}/sentinel/api/account/${account.accountId}/app/token?v=1.0&grant_type=client_credentials`,
  new URLSearchParams({ client_id: account.clientId, client_secret: account.clientSecret }),
);
const Authorization = sentinel.access_token;
const idp = `${cloud.origin}/api/account/${account.accountId}/consumer?v=1.0`;
const { data } = await axios.post(idp, { ext_consumer_id: 'sms-1' }, { headers: { Authorization } });
const before = axios.create({ baseURL: cloud.origin, headers: { Authorization, 'X-LP-ON-BEHALF': data.token } });
await sendText(before, 'Hello');
cloud.revokeAppJwts();
const failure = await sendText(before, 'Still there?').then(undefined, (error: unknown) => error);
console.log(`  once the AppJWT is over: ${failure}`);
assert(axios.isAxiosError(failure) && failure.response?.status === 401);

console.log('After: one instance, installed into once; the consumer is named once, where a message comes in');
const after = axios.create();
const auth = createConnectorAuth({ ...account, domainApi: cloud.origin });
auth.install(after);
cloud.clearMessages();

const onIncomingSms = (from: string, text: string) => auth.runOnBehalfOf(`sms-${from}`, () => sendText(after, text));
await Promise.all([onIncomingSms('1', 'Hello'), onIncomingSms('2', 'Good morning')]);
cloud.revokeAppJwts();
await Promise.all([onIncomingSms('1', 'Still there?'), onIncomingSms('2', 'Anybody?')]);
const delivered = cloud.messages.map(
  ({ consumerId, body }) => `${consumerId}: ${(body as { event: { message: string } }).event.message}`,
);
// Messages that are sent at the same time may arrive in any order.
for (const message of delivered.sort()) console.log(`  delivered on behalf of ${message}`);
assert.equal(cloud.messages.length, 4);

await auth.close();
await cloud.close();
