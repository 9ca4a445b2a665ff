import { createMemoryTokenStore, type TokenStore } from 'axios-liveperson-auth';
import type { History } from './history.js';
import type { SimulatedProcess } from './process.js';
import type { Random } from './random.js';
import type { Scheduler } from './scheduler.js';

/** The store that the processes share: the package's memory store, at a distance and with faults. */
export interface SharedStore {
  for(process: SimulatedProcess): TokenStore;
  /** The probability that an operation or its reply is lost, fails, or is slow. */
  setFaults(probability: number): void;
}

export interface SharedStoreParts {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly history: History;
  readonly canLock: boolean;
  readonly tellsTtl: boolean;
}

const LATENCIES_MS = [0, 1, 1, 2, 3, 10];
const SLOW_MS = [100, 300, 1_000, 4_000];

export function createSharedStore({ scheduler, random, history, canLock, tellsTtl }: SharedStoreParts): SharedStore {
  const memory = createMemoryTokenStore({ max: 100 });
  let faults = 0;

  function storeOf(process: SimulatedProcess): TokenStore {
    /** Carries an operation to the store, and its reply back. */
    const operate = <T>(what: string, work: () => Promise<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        const fault = random.chance(faults) ? random.pick(['lost', 'reply lost', 'fails', 'slow'] as const) : undefined;
        const delayMs = () => random.pick(fault === 'slow' ? SLOW_MS : LATENCIES_MS);
        if (fault) history.record({ type: 'store', process, what: `${what}: ${fault}` });
        if (fault === 'lost') return;
        scheduler.after(delayMs(), undefined, () => {
          work().then((result) => {
            if (fault === 'reply lost') return;
            scheduler.after(delayMs(), process, () => {
              if (fault === 'fails') reject(Object.assign(new Error('simulated'), { code: 'ECONNRESET' }));
              else resolve(result);
            });
          }, reject);
        });
      });
    const note = (what: string) => history.record({ type: 'store', process, what });

    async function lock(key: string, ttlMs: number) {
      const grant = {};
      const happening = { type: 'lock', process, key, grant } as const;
      const handle = await operate(`lock ${key}`, async () => {
        const taken = await memory.lock(key, ttlMs);
        if (taken) history.record({ ...happening, operation: 'take', ttlMs });
        return taken;
      });
      if (!handle) return undefined;
      const release = () =>
        operate(`release ${key}`, async () => {
          history.record({ ...happening, operation: 'release', ttlMs: 0 });
          await handle();
          const taken = await memory.lock(key, 1);
          if (taken) history.record({ ...happening, operation: 'found free', ttlMs: 0 });
          await taken?.();
        });
      const extend = (newTtlMs: number) =>
        operate(`extend ${key}`, async () => {
          history.record({ ...happening, operation: 'extend', ttlMs: newTtlMs });
          await handle.extend?.(newTtlMs);
        });
      return Object.assign(release, { extend });
    }

    return {
      get: (key) =>
        operate(`get ${key}`, async () => {
          const value = await memory.get(key);
          note(`get ${key}: ${value === undefined ? 'nothing' : 'an entry'}`);
          return value;
        }),
      set: (key, value, ttlMs) =>
        operate(`set ${key}`, () => {
          note(`set ${key}`);
          return memory.set(key, value, ttlMs);
        }),
      delete: (key, value) =>
        operate(`delete ${key}`, () => {
          note(`delete ${key}`);
          return memory.delete(key, value);
        }),
      ...(canLock && { lock }),
      ...(tellsTtl && { getTtl: (key: string) => operate(`getTtl ${key}`, () => memory.getTtl(key)) }),
    };
  }

  return {
    for: storeOf,
    setFaults(probability) {
      faults = probability;
    },
  };
}
