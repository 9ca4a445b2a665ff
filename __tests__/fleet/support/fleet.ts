import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Done, MemberOptions, Task } from './member.js';

/** A connector in a process of its own. */
export interface Member {
  /** Obtains the ConsumerJWS of all of them at once, and the AppJWT. */
  obtain(consumers: string[]): Promise<Done>;
  /** Sends a message for each of them at once. */
  send(consumers: string[]): Promise<Done>;
  /** Obtains the tokens of a consumer, closes the auth, and ends the process at once. @returns its exit code */
  closeAfter(consumer: string): Promise<number | null>;
  /** As when a platform freezes a process. */
  freeze(): void;
  thaw(): void;
  /** As `kill -9`. */
  kill(): Promise<void>;
}

const members: Member[] = [];

export async function startMembers(count: number, options: MemberOptions): Promise<Member[]> {
  return Promise.all(Array.from({ length: count }, () => startMember(options)));
}

export async function startMember(options: MemberOptions): Promise<Member> {
  const child = fork(join(process.cwd(), '__tests__/fleet/support/member.ts'), {
    execArgv: ['--import', 'tsx'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const member: Member = {
    obtain: (consumers) => ask(child, { consumers }) as Promise<Done>,
    send: (messagesOf) => ask(child, { messagesOf }) as Promise<Done>,
    async closeAfter(consumer) {
      const ended = once(child, 'exit');
      child.send({ closeAfter: consumer });
      const [code] = await ended;
      return code;
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
  members.push(member);
  await ask(child, { options });
  return member;
}

/** Ends every process that a test has left running. */
export async function endMembers(): Promise<void> {
  await Promise.all(members.splice(0).map((member) => member.kill()));
}

async function ask(child: ChildProcess, task: Task): Promise<unknown> {
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`the process ended (${code ?? signal})`);
  });
  const answer = once(child, 'message').then(([message]) => message as unknown);
  ended.catch(() => {});
  child.send(task);
  return Promise.race([answer, ended]);
}
