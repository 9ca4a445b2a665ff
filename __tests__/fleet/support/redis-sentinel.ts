import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type RedisServer, startRedis } from './redis-server.js';

const run = promisify(execFile);

export const MASTER_NAME = 'mymaster';

export interface RedisSentinel {
  readonly sentinel: RedisServer;
  /** The port of the current master, as the sentinel knows it. */
  masterPort(): Promise<number>;
  /** Makes the replica the master, and returns when the old master is its replica. */
  failOver(): Promise<void>;
}

/** A master, its replica and one sentinel with a quorum of 1. They end with `closeRedis()`. */
export async function startRedisSentinel(): Promise<RedisSentinel> {
  const master = await startRedis();
  const replica = await startRedis(['--replicaof', '127.0.0.1', String(master.port)]);
  const sentinel = await startRedis(['--sentinel']);
  await cli(sentinel.port, 'SENTINEL', 'MONITOR', MASTER_NAME, '127.0.0.1', String(master.port), '1');
  // The times after which a sentinel looks again, in ms. They are only shorter, so nothing depends on them.
  await cli(sentinel.port, 'SENTINEL', 'DEBUG', 'INFO-PERIOD', '200', 'PUBLISH-PERIOD', '200');
  await untilReplicates(sentinel.port, replica.port);

  async function masterPort(): Promise<number> {
    const [, port] = (await cli(sentinel.port, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER_NAME)).split('\n');
    return Number(port);
  }

  return {
    sentinel,
    masterPort,
    async failOver() {
      const before = await masterPort();
      // Replication is asynchronous. A write that the replica does not have yet would be lost.
      await untilReplicated(before);
      // Refused until the sentinel has seen that the replica is up to date.
      while ((await cli(sentinel.port, 'SENTINEL', 'FAILOVER', MASTER_NAME)) !== 'OK') await pause();
      await untilReplicates(sentinel.port, before);
    },
  };
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 200));

async function cli(port: number, ...command: string[]): Promise<string> {
  const { stdout } = await run('redis-cli', ['-p', String(port), ...command]);
  return stdout.trim();
}

/** Until the sentinel and the server agree that the server is a replica that is up to date. */
async function untilReplicates(sentinelPort: number, port: number): Promise<void> {
  for (;;) {
    const known = await cli(sentinelPort, 'SENTINEL', 'REPLICAS', MASTER_NAME);
    const own = await cli(port, 'INFO', 'replication');
    if (known.includes(`127.0.0.1:${port}\n`) && own.includes('master_link_status:up')) return;
    await pause();
  }
}

/** Until the replica has confirmed all that was written to the master before. */
async function untilReplicated(masterPort: number): Promise<void> {
  const replication = () => cli(masterPort, 'INFO', 'replication');
  const written = numberIn(await replication(), /^master_repl_offset:(\d+)/m);
  while (numberIn(await replication(), /^slave0:.*offset=(\d+)/m) < written) await pause();
}

const numberIn = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0);
