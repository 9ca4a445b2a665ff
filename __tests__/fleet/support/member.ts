// One process of the fleet. It does what its parent asks.
import axios from 'axios';
import { createConnectorAuth } from 'axios-liveperson-auth';
import { createRedisTokenStore } from 'axios-liveperson-auth/redis';
import { createClient } from 'redis';

export interface MemberOptions {
  domainApi: string;
  redisUrl?: string;
  isLockless?: boolean;
  tokenTimeoutMs?: number;
  storeTimeoutMs?: number;
  storeSecret?: string | false;
}

export type Task =
  | { options: MemberOptions }
  /** Obtains the tokens of these consumers at once. */
  | { consumers: string[] }
  /** Sends one message for each of these consumers at once. */
  | { messagesOf: string[] }
  /** Obtains the tokens of a consumer, closes, and ends the process at once. */
  | { closeAfter: string };

/** The result of a task. */
export interface Done {
  failures: string[];
  /** The slowest of the tokens, in milliseconds. */
  slowestMs: number;
  fromService: number;
  fromStore: number;
  faults: Record<string, number>;
  /** How many messages were answered with each status. */
  statuses: Record<string, number>;
}

let auth: ReturnType<typeof createConnectorAuth>;
let domainApi: string;
let fromService = 0;
let fromStore = 0;
let faults: Record<string, number> = {};

async function start({ redisUrl, isLockless, ...tuning }: MemberOptions): Promise<void> {
  const store = redisUrl === undefined ? undefined : await connect(redisUrl);
  if (store && isLockless) Object.assign(store, { lock: undefined });
  const account = { accountId: '70012345', clientId: 'id', clientSecret: 'secret' };
  domainApi = tuning.domainApi;
  auth = createConnectorAuth({
    ...account,
    retry: false,
    ...(store && { storeSecret: false as const }),
    ...tuning,
    store,
  });
  auth.on('token', ({ source }) => {
    if (source === 'store') fromStore += 1;
    else fromService += 1;
  });
  auth.on('store-error', ({ operation, reason, code }) => {
    const name = [operation, reason, code].filter(Boolean).join(' ');
    faults[name] = (faults[name] ?? 0) + 1;
  });
}

async function connect(url: string) {
  const client = createClient({ url, socket: { reconnectStrategy: () => 50 } });
  client.on('error', () => {});
  await client.connect();
  return createRedisTokenStore(client);
}

async function obtain(consumers: string[]): Promise<Done> {
  const failures: string[] = [];
  let slowestMs = 0;
  await Promise.all(
    consumers.map(async (consumer) => {
      const startedAt = performance.now();
      await auth.getConsumerJws(consumer).catch((error: unknown) => failures.push(String(error)));
      slowestMs = Math.max(slowestMs, performance.now() - startedAt);
    }),
  );
  await auth.getAppJwt().catch((error: unknown) => failures.push(String(error)));
  return takeDone({ failures, slowestMs });
}

async function send(consumers: string[]): Promise<Done> {
  const failures: string[] = [];
  const statuses: Record<string, number> = {};
  const http = axios.create({ baseURL: domainApi, validateStatus: () => true });
  const uninstall = auth.install(http);
  const startedAt = performance.now();
  await Promise.all(
    consumers.map(async (onBehalfOf) => {
      const url = '/api/account/70012345/messaging/consumer/conversation/send?v=3';
      const sending = http.post(url, {}, { onBehalfOf });
      const status = await sending.then(
        (response) => response.status,
        (error: unknown) => failures.push(String(error)) && 'failed',
      );
      statuses[status] = (statuses[status] ?? 0) + 1;
    }),
  );
  uninstall();
  return takeDone({ failures, slowestMs: performance.now() - startedAt, statuses });
}

function takeDone(own: Pick<Done, 'failures' | 'slowestMs'> & Partial<Done>): Done {
  const done = { fromService, fromStore, faults, statuses: {}, ...own };
  [fromService, fromStore, faults] = [0, 0, {}];
  return done;
}

async function closeAfter(consumer: string): Promise<never> {
  await auth.getConsumerJws(consumer);
  await auth.close();
  process.exit(0);
}

async function perform(task: Task): Promise<unknown> {
  if ('options' in task) return (await start(task.options)) ?? 'ready';
  if ('messagesOf' in task) return send(task.messagesOf);
  if ('closeAfter' in task) return closeAfter(task.closeAfter);
  return obtain(task.consumers);
}

process.on('message', async (task: Task) => process.send?.(await perform(task)));
process.on('disconnect', () => process.exit());
process.on('unhandledRejection', (error) => {
  console.error(error);
  process.exit(1);
});
