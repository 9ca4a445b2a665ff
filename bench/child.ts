// One figure of a process that does nothing else: child.ts <task> <argument>; the last line of its output is the figure.
import { createRequire } from 'node:module';
import type { AxiosAdapter } from 'axios';
import { makeToken } from './tokens.js';

const [task = '', argument = ''] = process.argv.slice(2);
const build = (path: string) => new URL(`../dist/${path}`, import.meta.url);

async function timeImport(kind: string): Promise<number> {
  const [module, what] = kind.split(':');
  const require = createRequire(import.meta.url);
  const startedAt = performance.now();
  if (module === 'cjs') {
    require('axios');
    if (what === 'both') require(build('cjs/index.js').pathname);
  } else {
    await import('axios');
    if (what === 'both') await import(build('esm/index.js').href);
  }
  return performance.now() - startedAt;
}

async function createConnector() {
  const { startCloud } = await import('./cloud-process.js');
  const { SUBJECTS, noopAdapter } = await import('./subjects.js');
  const cloud = await startCloud();
  const defaults = { baseURL: cloud.origin, adapter: noopAdapter, proxy: false as const };
  return { SUBJECTS, cloud, setting: { origin: cloud.origin, defaults } };
}

/** Bytes that a request allocates, with a young generation that holds all of a batch. */
async function allocationOf(name: string): Promise<number> {
  const { SUBJECTS, cloud, setting } = await createConnector();
  const connector = await SUBJECTS[name as keyof typeof SUBJECTS](setting);
  const batches: number[] = [];
  for (let batch = 0; batch < 60; batch += 1) {
    const before = process.memoryUsage().heapUsed;
    for (let count = 0; count < 500; count += 1) await connector.send('sms-4915550001');
    const bytes = process.memoryUsage().heapUsed - before;
    // One that was collected in its midst says nothing.
    if (bytes > 0) batches.push(bytes / 500);
  }
  connector.close();
  cloud.close();
  return batches.sort((a, b) => a - b)[batches.length >> 1] ?? Number.NaN;
}

/** A connector whose token calls are answered in this process, so that a million of them are quick. */
async function createLocal() {
  const axios = (await import('axios')).default;
  const { noopAdapter } = await import('./subjects.js');
  const { createConnectorAuth } = (await import(build('esm/index.js').href)) as typeof import('axios-liveperson-auth');
  const ACCOUNT = '70012345';
  const iat = Math.floor(Date.now() / 1000);
  const adapter: AxiosAdapter = async (config) => {
    const data = config.url?.includes('/sentinel/')
      ? { access_token: makeToken({ aud: ACCOUNT, iat, exp: iat + 3600 }, 400) }
      : { token: makeToken({ account_id: ACCOUNT, ...JSON.parse(config.data) }, 330) };
    return { data: JSON.stringify(data), status: 200, statusText: 'OK', headers: {}, config };
  };
  const origin = 'https://lo.example';
  const auth = createConnectorAuth({
    accountId: ACCOUNT,
    clientId: 'a',
    clientSecret: 'b',
    domains: { sentinel: origin, idp: origin, asyncMessagingEnt: origin },
    axiosConfig: { adapter },
  });
  const http = axios.create({ adapter: noopAdapter, baseURL: origin });
  auth.install(http);
  const send = (consumer: number) =>
    http.post(
      `/api/account/${ACCOUNT}/messaging/consumer/conversation/send?v=3`,
      {},
      { onBehalfOf: `sms-49155${consumer}` },
    );
  return { send };
}

const heap = (): number => {
  for (let times = 0; times < 4; times += 1) globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};

async function heapOfCached(count: number): Promise<number> {
  const { send } = await createLocal();
  for (let consumer = 0; consumer < 2; consumer += 1) await send(-1 - consumer);
  const before = heap();
  for (let consumer = 0; consumer < count; consumer += 1) await send(consumer);
  return heap() - before;
}

const CAP = 10_000;

async function heapPastCap(count: number): Promise<number> {
  const { send } = await createLocal();
  for (let consumer = 0; consumer < 2 * CAP; consumer += 1) await send(consumer);
  const before = heap();
  for (let consumer = 2 * CAP; consumer < count; consumer += 1) await send(consumer);
  return Math.max(0, heap() - before) / Math.max(1, count - 2 * CAP);
}

/** What a new consumer costs at the end, against the beginning. */
async function slowing(count: number): Promise<number> {
  const { send } = await createLocal();
  const slice = 2 * CAP;
  const times: number[] = [];
  for (let from = 0; from < count; from += slice) {
    const startedAt = performance.now();
    for (let consumer = from; consumer < from + slice; consumer += 1) await send(consumer);
    times.push(performance.now() - startedAt);
  }
  const middle = (some: number[]) => some.sort((a, b) => a - b)[some.length >> 1] ?? 1;
  return middle(times.slice(-10)) / middle(times.slice(1, 11));
}

const TASKS: Readonly<Record<string, () => Promise<number>>> = {
  import: () => timeImport(argument),
  allocation: () => allocationOf(argument),
  cached: () => heapOfCached(Number(argument)),
  distinct: () => heapPastCap(Number(argument)),
  slowing: () => slowing(Number(argument)),
};

const run = TASKS[task];
if (!run) throw new Error(`There is no task ${task}; there are ${Object.keys(TASKS).join(', ')}.`);
console.log(await run());
process.exit();
