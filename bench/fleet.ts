// What a shared store saves and costs: npm run bench:fleet -- --help
import { parseArgs } from 'node:util';
import { buildPackage, readCommandLine } from './command-line.js';

const USAGE = `usage: npm run bench:fleet

Measures what a shared token store saves and costs, and prints the figures as Markdown tables.
It starts a redis-server, which must be installed.

  --help   shows this

A wrong flag exits with 2.`;

readCommandLine(USAGE, () => parseArgs({ options: { help: { type: 'boolean', default: false } } }));
buildPackage();
const { createConnectorAuth, createMemoryTokenStore } = await import('axios-liveperson-auth');
const { createRedisTokenStore } = await import('axios-liveperson-auth/redis');
const { createClient } = await import('redis');
const { endMembers, startMembers } = await import('../__tests__/fleet/support/fleet.js');
const { closeRedis, startRedis } = await import('../__tests__/fleet/support/redis-server.js');
const { makeToken, startCloud } = await import('../__tests__/support/cloud.js');

const CONSUMERS = Array.from({ length: 500 }, (_, index) => `c${index}`);
/** The time of a call to LivePerson. On loopback it would take almost none. */
const SERVICE_MS = 50;
const PATIENT = { storeTimeoutMs: 20_000 };

const redis = await startRedis();
const client = await createClient({ url: redis.url }).connect();

console.log(`Cold start with ${CONSUMERS.length} consumers; each call at Sentinel and IDP takes ${SERVICE_MS} ms.\n`);
console.log('| processes | store | Sentinel calls | IDP calls | seconds |');
console.log('| --- | --- | --- | --- | --- |');
for (const processes of [1, 4, 8]) {
  for (const [name, options] of [
    ['none', {}],
    ['Redis without its lock', { redisUrl: redis.url, isLockless: true }],
    ['Redis', { redisUrl: redis.url }],
  ] as const) {
    await client.flushAll();
    const cloud = await startSlowCloud();
    const fleet = await startMembers(processes, { domainApi: cloud.origin, ...PATIENT, ...options });
    const startedAt = performance.now();
    await Promise.all(fleet.map((member) => member.obtain(CONSUMERS)));
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
    console.log(`| ${processes} | ${name} | ${cloud.count('sentinel')} | ${cloud.count('idp')} | ${seconds} |`);
    await endMembers();
    await cloud.close();
  }
}

console.log('\nThe average time of one ConsumerJWS: 500 of them, one after the other.\n');
console.log('| where it is | µs |');
console.log('| --- | --- |');
const cloud = await startCloud();
const account = { accountId: '70012345', clientId: 'id', clientSecret: 'secret', domainApi: cloud.origin };
for (const [name, options] of [
  ['a store in memory', { store: createMemoryTokenStore(), storeSecret: false }],
  ['Redis', { store: createRedisTokenStore(client, { prefix: 'clear:' }), storeSecret: false }],
  ['Redis, sealed', { store: createRedisTokenStore(client, { prefix: 'sealed:' }), storeSecret: new Uint8Array(32) }],
] as const) {
  const writer = createConnectorAuth({ ...account, ...options, ...PATIENT });
  for (const consumer of CONSUMERS) await writer.getConsumerJws(consumer);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const before = cloud.count('idp');
  const reader = createConnectorAuth({ ...account, ...options, ...PATIENT });
  console.log(`| ${name} | ${await timePerToken(reader)} |`);
  if (cloud.count('idp') !== before) throw new Error('Not all tokens came from the store.');
  if (name === 'a store in memory') console.log(`| memory | ${await timePerToken(reader)} |`);
  await writer.close();
  await reader.close();
}
client.destroy();
await cloud.close();
await closeRedis();

async function timePerToken(auth: ReturnType<typeof createConnectorAuth>): Promise<string> {
  const startedAt = performance.now();
  for (const consumer of CONSUMERS) await auth.getConsumerJws(consumer);
  return (((performance.now() - startedAt) * 1_000) / CONSUMERS.length).toFixed(0);
}

async function startSlowCloud() {
  const slow = await startCloud();
  const wait = () => new Promise((resolve) => setTimeout(resolve, SERVICE_MS));
  slow.script.sentinel = () => ({ after: wait(), body: { access_token: makeToken({ iat: 0, exp: 3_600 }) } });
  slow.script.idp = () => ({ after: wait(), status: 201, body: { token: makeToken({}) } });
  return slow;
}
