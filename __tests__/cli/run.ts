import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { until } from '../support/cloud.js';

/** The executable as it ships; `npm test` has built it. */
const EXECUTABLE = join(__dirname, '../../dist/cli/main.js');

export interface Run {
  readonly child: ChildProcess;
  readonly stdout: string;
  readonly stderr: string;
  /** The exit code. */
  readonly ended: Promise<number | null>;
  /** Waits until something was printed. */
  printed(text: string): Promise<void>;
}

const running = new Set<ChildProcess>();

/** With nothing in the environment but what is given. */
export function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Run {
  const child = spawn(process.execPath, [EXECUTABLE, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  const run = {
    child,
    stdout: '',
    stderr: '',
    ended: new Promise<number | null>((resolve) => child.once('close', resolve)),
    printed: (text: string) => until(() => run.stdout.includes(text) || child.exitCode !== null),
  };
  child.stdout?.on('data', (chunk) => {
    run.stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    run.stderr += chunk;
  });
  child.once('close', () => running.delete(child));
  return run;
}

/** The doctor, with a time limit that a busy machine does not reach. */
export const DOCTOR = ['doctor', '--timeout', '600'];

/** Runs to its end. */
export async function run(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const started = start(args, env);
  const code = await started.ended;
  return { code, stdout: started.stdout, stderr: started.stderr };
}

/** Ends what a test has left running. */
export async function endRuns(): Promise<void> {
  await Promise.all(
    [...running].map((child) => {
      const closed = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      return closed;
    }),
  );
}
