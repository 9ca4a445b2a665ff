// What a shared store saves and costs: npm run bench:fleet -- --help
import { connect, createServer, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { buildPackage, readCommandLine } from './command-line.js';

const USAGE = `usage: npm run bench:fleet [-- --huge]

Measures what a shared token store saves and costs, with default options, and prints the figures as Markdown tables.
It starts a redis-server, which must be installed.

  --huge   also starts 32 processes with 2,000 consumers, which takes minutes
  --help   shows this

A wrong flag exits with 2.`;

const { values } = readCommandLine(USAGE, () =>
  parseArgs({ options: { huge: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } } }),
);
buildPackage();
const { createConnectorAuth, createMemoryTokenStore } = await import('axios-liveperson-auth');
const { createRedisTokenStore } = await import('axios-liveperson-auth/redis');
const { createClient } = await import('redis');
const { endMembers, startMember, startMembers } = await import('../__tests__/fleet/support/fleet.js');
const { closeRedis, startRedis } = await import('../__tests__/fleet/support/redis-server.js');
const { ACCOUNT, makeToken, startCloud } = await import('../__tests__/support/cloud.js');

const SECRET = { storeSecret: 'a passphrase of the bench' };
/** The time of a call to LivePerson. On loopback it would take almost none. */
const SERVICE_MS = 50;

const redis = await startRedis();
const client = await createClient({ url: redis.url }).connect();

await measureStarts();
await measureLatency();
await measureRevocations();
await measureEntries();
client.destroy();
await closeRedis();

async function measureStarts(): Promise<void> {
  console.log(`Cold starts. Each call at Sentinel and IDP takes ${SERVICE_MS} ms.\n`);
  console.log(
    '| processes × consumers | store | Sentinel calls | IDP calls | failed | seconds | Redis commands for each consumer and process |',
  );
  console.log('| --- | --- | --- | --- | --- | --- | --- |');
  const starts = [[4, 500], [8, 500], [2, 1_000], [16, 200], [16, 500], ...(values.huge ? [[32, 2_000]] : [])];
  await start(1, 500, 'none');
  for (const [processes = 0, consumers = 0] of starts) {
    if (processes <= 8) await start(processes, consumers, 'none');
    await start(processes, consumers, 'Redis, encrypted', redis.url);
  }
}

/** Starts processes that obtain the same consumers' tokens at once, and prints a row. */
async function start(processes: number, count: number, store: string, redisUrl?: string, first = ''): Promise<void> {
  await client.flushAll();
  const cloud = await startSlowCloud();
  const options = { domainApi: cloud.origin, ...(redisUrl && { redisUrl, ...SECRET }) };
  const fleet = await startMembers(processes, options);
  await client.configResetStat();
  const startedAt = performance.now();
  const done = await Promise.all(fleet.map((member) => member.obtain(consumersOf(count))));
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  const commands = redisUrl ? ((await countCommands()) / count / processes).toFixed(1) : '';
  const failed = done.flatMap(({ failures }) => failures).length;
  const cells = [
    first || `${processes} × ${count}`,
    store,
    cloud.count('sentinel'),
    cloud.count('idp'),
    failed,
    seconds,
  ];
  console.log(`| ${[...cells, commands].join(' | ')} |`);
  await endMembers();
  await cloud.close();
}

async function countCommands(): Promise<number> {
  const calls = [...(await client.info('commandstats')).matchAll(/^cmdstat_(\w+):calls=(\d+)/gm)];
  // Those of the processes: scripts, writes, and what scripts run is not a command of its own.
  return calls.filter(([, name]) => name === 'eval' || name === 'set').reduce((sum, [, , n]) => sum + Number(n), 0);
}

async function measureLatency(): Promise<void> {
  console.log('\nThe same with a Redis that is far away.\n');
  console.log(
    '| round trip | store | Sentinel calls | IDP calls | failed | seconds | Redis commands for each consumer and process |',
  );
  console.log('| --- | --- | --- | --- | --- | --- | --- |');
  for (const roundTripMs of [0, 50, 300]) {
    const proxy = await startSlowProxy(redis.port, roundTripMs / 2);
    await start(4, 500, 'Redis, encrypted', `redis://127.0.0.1:${proxy.port}`, `${roundTripMs} ms`);
    proxy.close();
  }
}

async function measureRevocations(): Promise<void> {
  await client.flushAll();
  const cloud = await startCloud();
  const options = { domainApi: cloud.origin, redisUrl: redis.url, ...SECRET };
  const fleet = await startMembers(4, options);
  const consumers = consumersOf(100);
  let sent = 0;
  let delivered = 0;
  const sendAll = async () => {
    const done = await Promise.all(fleet.map((member) => member.send(consumers)));
    sent += fleet.length * consumers.length;
    delivered += done.reduce((sum, { statuses }) => sum + (statuses['200'] ?? 0), 0);
  };
  await sendAll();
  const before = [cloud.count('sentinel'), cloud.count('idp')] as const;
  for (let round = 0; round < 4; round++) {
    await fleet.shift()?.kill();
    fleet.push(await startMember(options));
    cloud.refuse(...cloud.issued.appJwt, ...[...cloud.issued.consumerJws.values()].flat());
    await sendAll();
    await new Promise((resolve) => setTimeout(resolve, 5_000));
  }
  console.log(
    '\nA rolling restart of 4 processes, with all tokens revoked before each of 4 rounds of 100 messages a process.\n',
  );
  console.log('| messages | delivered | Sentinel calls | IDP calls |');
  console.log('| --- | --- | --- | --- |');
  const after = [cloud.count('sentinel') - before[0], cloud.count('idp') - before[1]];
  console.log(`| ${sent} | ${delivered} | ${after.join(' | ')} |`);
  await endMembers();
  await cloud.close();
}

async function measureEntries(): Promise<void> {
  console.log('\nOne ConsumerJWS of 500, on average: one after the other, and the bytes of its entry.\n');
  console.log('| where it is | µs | µs of processor time | bytes in Redis |');
  console.log('| --- | --- | --- | --- |');
  const cloud = await startCloud();
  const account = { accountId: ACCOUNT, clientId: 'id', clientSecret: 'secret', domainApi: cloud.origin };
  const consumers = consumersOf(500);
  for (const [name, options] of [
    ['a store in memory', { store: createMemoryTokenStore(), storeSecret: false }],
    ['Redis', { store: createRedisTokenStore(client, { prefix: 'clear:' }), storeSecret: false }],
    ['Redis, encrypted', { store: createRedisTokenStore(client, { prefix: 'sealed:' }), ...SECRET }],
  ] as const) {
    const writer = createConnectorAuth({ ...account, ...options });
    for (const consumer of consumers) await writer.getConsumerJws(consumer);
    await writer.close();
    const before = cloud.count('idp');
    const reader = createConnectorAuth({ ...account, ...options });
    await reader.getConsumerJws('c0');
    const figures = await timePerToken(reader, consumers.slice(1));
    if (cloud.count('idp') !== before) throw new Error('Not all tokens came from the store.');
    console.log(`| ${[name, ...figures, await bytesOf(name === 'Redis' ? 'clear:' : 'sealed:')].join(' | ')} |`);
    if (name === 'a store in memory')
      console.log(`| ${['memory', ...(await timePerToken(reader, consumers)), ''].join(' | ')} |`);
    await reader.close();
  }
  await cloud.close();
}

async function timePerToken(auth: ReturnType<typeof createConnectorAuth>, consumers: string[]): Promise<string[]> {
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  for (const consumer of consumers) await auth.getConsumerJws(consumer);
  const { user, system } = process.cpuUsage(cpu);
  return [(performance.now() - startedAt) * 1_000, user + system].map((us) => (us / consumers.length).toFixed(0));
}

async function bytesOf(prefix: string): Promise<string> {
  const keys = await client.keys(`${prefix}consumerJws:*`);
  if (keys.length === 0) return '';
  return String(await client.memoryUsage(keys[0] ?? ''));
}

async function startSlowCloud() {
  const slow = await startCloud();
  const wait = () => new Promise((resolve) => setTimeout(resolve, SERVICE_MS));
  slow.script.sentinel = () => ({ after: wait(), body: { access_token: makeToken({ iat: 0, exp: 3_600 }) } });
  slow.script.idp = () => ({ after: wait(), status: 201, body: { token: makeToken({}) } });
  return slow;
}

/** Passes everything on after a delay in each direction. */
async function startSlowProxy(target: number, delayMs: number) {
  const pipe = (from: Socket, to: Socket) => {
    from.on('data', (data) => setTimeout(() => to.write(data), delayMs));
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
  };
  const server = createServer((socket) => {
    const upstream = connect(target, '127.0.0.1');
    pipe(socket, upstream);
    pipe(upstream, socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { port: typeof address === 'object' && address ? address.port : 0, close: () => server.close() };
}

function consumersOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `c${index}`);
}
