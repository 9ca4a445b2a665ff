import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'redis';
import { freePort } from './free-port.js';

/** A Redis of the tests' own, on a free port of loopback, which forgets all when it ends. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Starts it again on the same port, empty. */
  start(): Promise<void>;
  /** Ends it, as `kill` does. */
  stop(): Promise<void>;
  /** It keeps its connections, and answers nothing. */
  pause(): void;
  resume(): void;
  /** Ends it for good, and deletes its folder. */
  close(): Promise<void>;
}

const open: RedisServer[] = [];

/** @param ownFlags further flags of redis-server */
export async function startRedis(ownFlags: readonly string[] = []): Promise<RedisServer> {
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const folder = mkdtempSync(join(tmpdir(), 'axios-liveperson-auth-redis-'));
  // A sentinel keeps its state in its configuration file.
  const configuration = join(folder, 'redis.conf');
  writeFileSync(configuration, '');
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const flags = [
      configuration,
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--dir',
      folder,
      '--save',
      '',
      '--appendonly',
      'no',
      ...ownFlags,
    ];
    child = spawn('redis-server', flags, { stdio: 'ignore' });
    const failed = new Promise<never>((_, reject) => child?.once('error', reject));
    await Promise.race([failed, answers(url)]);
  }

  async function stop(): Promise<void> {
    const ending = child;
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
    const ended = new Promise((resolve) => ending.once('exit', resolve));
    // A process that is stopped hears no other signal.
    ending.kill('SIGKILL');
    await ended;
  }

  const server: RedisServer = {
    url,
    port,
    start,
    stop,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async close() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  open.push(server);
  await start();
  return server;
}

/** Ends every Redis that a test has left running. */
export async function closeRedis(): Promise<void> {
  await Promise.all(open.splice(0).map((server) => server.close()));
}

async function answers(url: string): Promise<void> {
  const client = createClient({ url, socket: { reconnectStrategy: () => 20 } });
  client.on('error', () => {});
  await client.connect();
  await client.ping();
  client.destroy();
}
