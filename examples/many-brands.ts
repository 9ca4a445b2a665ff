// One connector for many brands: the account in the URL picks the credentials: npm run example many-brands
import assert from 'node:assert/strict';
import axios from 'axios';
import { createConnectorAuth, isConnectorAuthError } from 'axios-liveperson-auth';
import { startEmulator } from 'axios-liveperson-auth/emulator';

const brands = [
  { accountId: '70012345', clientId: 'app-of-shoes', clientSecret: 'secret-of-shoes' },
  { accountId: '70067890', clientId: 'app-of-hats', clientSecret: 'secret-of-hats' },
];
const cloud = await startEmulator({ accounts: brands });

// Stands for a secrets manager. It is asked once for each brand, and again when Sentinel refuses what it gave.
async function readSecret(accountId: string) {
  console.log(`  the secrets manager is asked for account ${accountId}`);
  return brands.find((brand) => brand.accountId === accountId);
}

const http = axios.create();
const auth = createConnectorAuth({ credentials: readSecret, domainApi: cloud.origin });
auth.install(http);
auth.on('token', ({ kind, accountId }) => console.log(`  new ${kind} of account ${accountId}`));

async function send(accountId: string, consumer: string, message: string): Promise<void> {
  console.log(`SEND for account ${accountId} on behalf of ${consumer}`);
  const event = { type: 'ContentEvent', contentType: 'text/plain', message };
  const item = { kind: 'req', id: '1', type: 'ms.PublishEvent', body: { dialogId: `of-${accountId}`, event } };
  const url = `/api/account/${accountId}/messaging/consumer/conversation/send?v=3`;
  await http.post(url, item, { onBehalfOf: consumer });
}

// The same telephone number writes to both brands: two consumers, with a ConsumerJWS each.
await send('70012345', 'sms-4915550001', 'Do you have these in 42?');
await send('70067890', 'sms-4915550001', 'Do you have this in green?');
await send('70012345', 'sms-4915550001', 'And in 43?');

const failure = await send('70099999', 'sms-4915550001', 'Hello?').then(undefined, (error: unknown) => error);
assert(isConnectorAuthError(failure) && failure.code === 'ERR_UNKNOWN_ACCOUNT');
console.log(`  ${failure.code}: ${failure.message}`);

const sent = cloud.requests.filter(({ service }) => service === 'send').length;
const sentinel = cloud.requests.filter(({ service }) => service === 'sentinel').length;
console.log(`What the cloud saw: send × ${sent}, sentinel × ${sentinel}; nothing of the account that is not ours.`);
assert.deepEqual([sent, sentinel], [3, 2]);

await auth.close();
await cloud.close();
