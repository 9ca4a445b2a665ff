// A replay sends a refused request again with a new token, once for each token. A retry sends a request again after another
// fault. Both on one instance: npm run example with-axios-retry
import assert from 'node:assert/strict';
import axios from 'axios';
import { createConnectorAuth, livePersonRetry } from 'axios-liveperson-auth';
import { startEmulator } from 'axios-liveperson-auth/emulator';
import axiosRetry from 'axios-retry';

const account = { accountId: '70012345', clientId: 'retry-app', clientSecret: 'retry-secret' };
const cloud = await startEmulator({ accounts: [account] });

const http = axios.create();
const auth = createConnectorAuth({ ...account, domainApi: cloud.origin });
auth.install(http); // before or after axios-retry, with the same result
axiosRetry(http, {
  ...livePersonRetry, // a 429 after 5 s or Retry-After, a 5xx or network fault after 5, 10 and 15 s; no other 4xx
  retryDelay: () => 10, // so that the example need not wait
  // CONVERSATION and SEND have no key to tell a repetition by: a message whose answer was lost may have arrived already.
  // Leave the retries out where a message that comes twice is worse than one that comes not at all.
  onRetry: (count, error) => console.log(`  axios-retry: retry ${count} after ${error.response?.status ?? error.code}`),
});
auth.on('replay', ({ errorCode, outcome }) => console.log(`  replay after ${errorCode}: ${outcome}`));

async function send(message: string): Promise<number | undefined> {
  console.log(message);
  cloud.clearRequests();
  const event = { type: 'ContentEvent', contentType: 'text/plain', message };
  const item = { kind: 'req', id: '1', type: 'ms.PublishEvent', body: { dialogId: 'd', event } };
  const url = `/api/account/${account.accountId}/messaging/consumer/conversation/send?v=3`;
  const { config } = await http.post(url, item, { onBehalfOf: 'sms-4915550001' });
  const statuses = cloud.requests.filter(({ service }) => service === 'send').map(({ status }) => status);
  console.log(
    `  what the cloud answered: ${statuses.join(', ')}; retries counted: ${config['axios-retry']?.retryCount}`,
  );
  return config['axios-retry']?.retryCount;
}

assert.equal(await send('All is well'), 0);

cloud.failNext('send', { status: 503, times: 2 });
assert.equal(await send('The service is down for a moment'), 2);

cloud.revokeAppJwts();
assert.equal(await send('The AppJWT was revoked'), 0);

cloud.failNext('send', { status: 429, headers: { 'Retry-After': '5' } });
cloud.revokeConsumerJws();
assert.equal(await send('Too many requests, and then the ConsumerJWS was revoked'), 1);

await auth.close();
await cloud.close();
