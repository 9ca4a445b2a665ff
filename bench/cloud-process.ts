import { fork } from 'node:child_process';
import type { Behaviour, Tally } from './cloud.js';

export interface BenchCloud {
  readonly origin: string;
  /** Changes its behaviour, and returns what arrived since the last change. */
  set(change: Partial<Behaviour>): Promise<Tally>;
  close(): void;
}

export async function startCloud(): Promise<BenchCloud> {
  const child = fork(new URL('./cloud.ts', import.meta.url));
  const asked = new Map<number, (said: { host: string; tally: Tally }) => void>();
  child.on('message', (said: { number: number; host: string; tally: Tally }) => {
    asked.get(said.number)?.(said);
    asked.delete(said.number);
  });
  let questions = 0;
  const ask = (change: Partial<Behaviour>): Promise<{ host: string; tally: Tally }> =>
    new Promise((resolve) => {
      const number = questions++;
      asked.set(number, resolve);
      child.send({ number, change });
    });
  const { host } = await ask({});
  return {
    origin: `http://${host}`,
    set: async (change) => (await ask(change)).tally,
    close: () => child.disconnect(),
  };
}
