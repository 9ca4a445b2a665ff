// Two processes that share their tokens, told by who fetched what and who used it again: npm run example fleet
// With REDIS_URL=redis://… through Redis; else through Keyv, on a file.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import axios from 'axios';
import { createConnectorAuth, type TokenStore } from 'axios-liveperson-auth';
import { startEmulator } from 'axios-liveperson-auth/emulator';
import { createRedisTokenStore } from 'axios-liveperson-auth/redis';
import Keyv from 'keyv';
import { createClient } from 'redis';

const account = { accountId: '70012345', clientId: 'fleet-app', clientSecret: 'fleet-secret' };
const consumers = ['sms-4915550001', 'whatsapp-4915550002'];
const { REDIS_URL, FLEET_FILE = '', FLEET_CLOUD, FLEET_NAME } = process.env;

if (FLEET_CLOUD === undefined) await runFleet();
else await runConnector(FLEET_CLOUD);

/** The parent: a LivePerson cloud, and two connectors, one after the other, as in a deploy. */
async function runFleet(): Promise<void> {
  const cloud = await startEmulator({ accounts: [account] });
  const folder = mkdtempSync(join(tmpdir(), 'fleet-'));
  console.log(`The tokens are shared through ${REDIS_URL ? 'Redis' : 'Keyv'}.`);
  for (const name of ['first', 'second']) {
    const env = {
      ...process.env,
      FLEET_CLOUD: cloud.origin,
      FLEET_NAME: name,
      FLEET_FILE: join(folder, 'tokens.json'),
    };
    const [code] = await once(fork(fileURLToPath(import.meta.url), { env }), 'exit');
    if (code !== 0) process.exitCode = 1;
  }
  const count = (service: string) => cloud.requests.filter((request) => request.service === service).length;
  console.log(`What the cloud saw: sentinel × ${count('sentinel')}, idp × ${count('idp')}, send × ${count('send')}`);
  if (count('send') !== 4) process.exitCode = 1;
  rmSync(folder, { recursive: true, force: true });
  await cloud.close();
}

/** A child: a connector like any other, but for its store. */
async function runConnector(domainApi: string): Promise<void> {
  const { store, end } = await openStore();
  const storeSecret = 'one passphrase for the fleet';
  const auth = createConnectorAuth({ ...account, domainApi, store, storeSecret });
  auth.on('token', ({ kind, source }) => {
    const service = kind === 'appJwt' ? 'Sentinel' : 'IDP';
    console.log(`  ${FLEET_NAME}: ${source === 'store' ? 'reused' : `fetched from ${service}`}: ${kind}`);
  });
  const http = axios.create();
  auth.install(http);
  for (const onBehalfOf of consumers) {
    const event = { type: 'ContentEvent', contentType: 'text/plain', message: 'Hello' };
    const item = { kind: 'req', id: '1', type: 'ms.PublishEvent', body: { dialogId: 'any', event } };
    const url = `/api/account/${account.accountId}/messaging/consumer/conversation/send?v=3`;
    await http.post(url, item, { onBehalfOf, validateStatus: () => true });
  }
  // No request waits for its tokens to be written to the store. close() does.
  await auth.close();
  await end();
}

async function openStore(): Promise<{ store: TokenStore; end: () => Promise<unknown> }> {
  if (!REDIS_URL) {
    return { store: new Keyv({ store: fileMap(FLEET_FILE) }), end: async () => {} };
  }
  const client = createClient({ url: REDIS_URL, disableOfflineQueue: true });
  client.on('error', ({ message }) => console.error(message));
  await client.connect();
  return { store: createRedisTokenStore(client, { prefix: `example-${process.ppid}:` }), end: () => client.close() };
}

/** What Keyv asks of a place to keep things in: here a file, which does for two processes that take turns. */
function fileMap(file: string) {
  const read = (): Record<string, string> => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {});
  const write = (entries: Record<string, string>) => writeFileSync(file, JSON.stringify(entries));
  return {
    get: (key: string) => read()[key],
    set: (key: string, value: string) => write({ ...read(), [key]: value }),
    delete(key: string) {
      const { [key]: gone, ...rest } = read();
      write(rest);
      return gone !== undefined;
    },
    clear: () => write({}),
  };
}
