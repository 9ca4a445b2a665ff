// LivePerson's Messaging REST API takes the same two tokens, on paths and in a header of its own: npm run example messaging-rest-api
import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import axios from 'axios';
import { createConnectorAuth } from 'axios-liveperson-auth';
import { startEmulator } from 'axios-liveperson-auth/emulator';
import { decodeJwt } from 'jose';

const account = { accountId: '70012345', clientId: 'rest-app', clientSecret: 'rest-secret' };
const cloud = await startEmulator({ accounts: [account] });

// The emulator has no Messaging REST API. A server that takes everything stands in for it, and the Domain API names its host.
const arrived: { method: string | undefined; url: string | undefined; headers: IncomingHttpHeaders }[] = [];
const standIn = createServer(({ method, url, headers }, response) => {
  arrived.push({ method, url, headers });
  response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
});
await new Promise<void>((listening) => standIn.listen(0, '127.0.0.1', listening));
const hosts = {
  sentinel: cloud.host,
  idp: cloud.host,
  messagingRestApiDomain: `127.0.0.1:${(standIn.address() as AddressInfo).port}`,
};
const baseURIs = Object.entries(hosts).map(([service, baseURI]) => ({ service, baseURI }));
cloud.failNext('domain', { status: 200, body: { baseURIs } });

const auth = createConnectorAuth({ ...account, domainApi: cloud.origin });

// An instance of its own, and no install(): only CONVERSATION and SEND are given their tokens. (onBehalfHeaders: ['LP-On-Behalf']
// would rename the header on these two, such as for a gateway that reads it there; it does not make other paths ours.)
const rest = axios.create({ headers: { 'Brand-ID': account.accountId, 'Client-source': 'example-connector' } });

async function put(consumer: string, path: (lpConsumerId: string) => string, body: object): Promise<void> {
  const jws = await auth.getConsumerJws(consumer);
  const url = (await auth.getOrigin('messagingRestApiDomain')) + path(String(decodeJwt(jws).lp_consumer_id));
  const headers = { Authorization: await auth.getAppJwt(), 'LP-On-Behalf': jws };
  await rest.put(url, body, { headers, maxRedirects: 0 }).catch((error) => {
    // Nothing is replayed here: after a 401, drop what was refused, and let the caller try again with new tokens.
    if (error.response?.status === 401) auth.invalidate({ accountId: account.accountId });
    throw error;
  });
}

await put('sms-4915550001', (id) => `/messaging/v1/consumers/${id}`, { firstName: 'Ina' });
await put('sms-4915550001', (id) => `/messaging/v1/consumers/${id}`, { firstName: 'Ina', lastName: 'Berg' });

for (const { method, url, headers } of arrived) {
  console.log(`${method} ${url}`);
  for (const name of ['authorization', 'lp-on-behalf', 'brand-id', 'client-source']) {
    console.log(`  ${name}: ${String(headers[name]).replace(/^eyJ.*/, 'a JWT')}`);
  }
}
console.log(`What it cost: ${cloud.requests.map(({ service }) => service).join(', ')}.`);
assert(arrived.length === 2 && arrived.every(({ headers }) => /^eyJ/.test(String(headers['lp-on-behalf']))));
assert.deepEqual(
  cloud.requests.map(({ service }) => service),
  ['domain', 'sentinel', 'idp'],
);

await auth.close();
standIn.close();
await cloud.close();
