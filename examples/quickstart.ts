// The main job from end to end, against a LivePerson cloud on this machine: npm run example
import axios from 'axios';
import { createConnectorAuth } from 'axios-liveperson-auth';
import { startEmulator } from 'axios-liveperson-auth/emulator';

const account = { accountId: '70012345', clientId: 'quickstart-app', clientSecret: 'quickstart-secret' };
const cloud = await startEmulator({ accounts: [account] });

// What a connector has already: an Axios instance. The three lines after it are all that the package asks for.
const http = axios.create();
const auth = createConnectorAuth({ ...account, domainApi: cloud.origin });
auth.install(http);

auth.on('token', ({ kind, cause, durationMs }) =>
  say(`fetched: ${name(kind)} (${cause}), in ${durationMs.toFixed()} ms`),
);
auth.on('replay', ({ endpoint, errorCode, outcome }) =>
  say(`replayed: ${endpoint} after error ${errorCode}: ${outcome}`),
);

const conversation = `/api/account/${account.accountId}/messaging/consumer/conversation`;
const consumers = ['sms-4915550001', 'whatsapp-4915550002'];
const dialogs = new Map<string, string>();

for (const consumer of consumers) {
  console.log(`\nCONVERSATION on behalf of ${consumer}`);
  const opening = [
    { kind: 'req', id: '1', type: 'userprofile.SetUserProfile', body: {} },
    { kind: 'req', id: '2', type: 'cm.ConsumerRequestConversation', body: { brandId: account.accountId } },
  ];
  const { data } = await http.post(`${conversation}?v=3`, opening, { onBehalfOf: consumer });
  dialogs.set(consumer, data[1].body.conversationId);
}

for (const [consumer, message] of [
  ['sms-4915550001', 'Hello'],
  ['whatsapp-4915550002', 'Hi there'],
  ['sms-4915550001', 'Are you open today?'],
  ['whatsapp-4915550002', 'Where is my parcel?'],
  ['sms-4915550001', 'Thank you!'],
  ['whatsapp-4915550002', 'Found it.'],
] as const) {
  if (message === 'Are you open today?') {
    console.log('\n-- LivePerson revokes the AppJWT --');
    cloud.revokeAppJwts();
  }
  if (message === 'Where is my parcel?') {
    console.log('\n-- LivePerson revokes the ConsumerJWS of whatsapp-4915550002 --');
    cloud.revokeConsumerJws('whatsapp-4915550002');
  }
  console.log(`\nSEND "${message}" on behalf of ${consumer}`);
  const event = { type: 'ContentEvent', contentType: 'text/plain', message };
  const item = { kind: 'req', id: '3', type: 'ms.PublishEvent', body: { dialogId: dialogs.get(consumer), event } };
  const { data } = await http.post(`${conversation}/send?v=3`, item, { onBehalfOf: consumer });
  say(`answered: ${data.code}, message ${data.body.sequence} of the conversation`);
}

const published = cloud.messages.filter(({ type }) => type === 'ms.PublishEvent').length;
console.log(`\nWhat the cloud saw: ${tally(cloud.requests.map(({ service, status }) => `${service} ${status}`))}`);
console.log(`Messages delivered: ${published} of 6.`);
if (published !== 6) process.exitCode = 1;

await auth.close();
await cloud.close();

function say(line: string): void {
  console.log(`  ${line}`);
}

function name(kind: string): string {
  return kind === 'appJwt' ? 'AppJWT from Sentinel' : 'ConsumerJWS from IDP';
}

function tally(names: string[]): string {
  const counts = new Map<string, number>();
  for (const each of names) counts.set(each, (counts.get(each) ?? 0) + 1);
  return [...counts].map(([each, count]) => `${each} × ${count}`).join(', ');
}
