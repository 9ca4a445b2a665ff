// One process of the fleet: told by its parent what to do, with the built package as a user has it.
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

export type Task = { options: MemberOptions } | { consumers: string[] };

/** What came of a task. */
export interface Done {
  failures: string[];
  /** The slowest of the tokens, in milliseconds. */
  slowestMs: number;
  fromService: number;
  fromStore: number;
  faults: Record<string, number>;
}

let auth: ReturnType<typeof createConnectorAuth>;
let fromService = 0;
let fromStore = 0;
let faults: Record<string, number> = {};

async function start({ redisUrl, isLockless, domainApi, ...tuning }: MemberOptions): Promise<void> {
  const store = redisUrl === undefined ? undefined : await connect(redisUrl);
  if (store && isLockless) Object.assign(store, { lock: undefined });
  const account = { accountId: '70012345', clientId: 'id', clientSecret: 'secret' };
  auth = createConnectorAuth({
    ...account,
    domainApi,
    retry: false,
    ...(store && { storeSecret: false as const }),
    ...tuning,
    store,
  });
  auth.on('token', ({ source }) => {
    if (source === 'store') fromStore += 1;
    else fromService += 1;
  });
  auth.on('store-error', ({ operation, reason }) => {
    const name = `${operation} ${reason}`;
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
  const done = { failures, slowestMs, fromService, fromStore, faults };
  [fromService, fromStore, faults] = [0, 0, {}];
  return done;
}

process.on('message', async (task: Task) => {
  process.send?.('options' in task ? ((await start(task.options)) ?? 'ready') : await obtain(task.consumers));
});
process.on('disconnect', () => process.exit());
process.on('unhandledRejection', (error) => {
  console.error(error);
  process.exit(1);
});
