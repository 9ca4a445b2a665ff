import { createHash } from 'node:crypto';
import {
  assertEffect,
  assertService,
  badValue,
  FAULTABLE_SERVICES,
  type FaultableService,
  type FaultEffect,
} from './faults.js';
import { assertFields } from './fields.js';
import { isRecord } from './reply.js';
import type { ServiceName } from './request-log.js';

/** Faults at random, which are the same for the same seed. */
export interface ChaosOptions {
  /** The same seed gives the n-th request of a service the same fault. */
  seed: number | string;
  /** The share of requests that get a fault, from 0 to 1. */
  rate: number;
  /** As in `failNext`, without `times`. A fault with `service` is for that service alone. */
  faults: (FaultEffect & {
    /** The only service that gets the fault. @default any */
    service?: FaultableService;
  })[];
}

export const CHAOS_FIELDS = { seed: 'anything', rate: 'number', faults: 'objects' } as const;

export interface Chaos {
  /** `{}` ends it. @throws TypeError for a bad value */
  set(chaos: ChaosOptions | Record<string, never>): void;
  take(service: ServiceName): FaultEffect | undefined;
  clear(): void;
}

export function createChaos(): Chaos {
  let current: ChaosOptions | undefined;
  const counts = new Map<ServiceName, number>();

  return {
    set(given) {
      const next = readChaos(given);
      counts.clear();
      current = next;
    },
    take(service) {
      if (!current || !FAULTABLE_SERVICES.some((known) => known === service)) return undefined;
      const count = counts.get(service) ?? 0;
      counts.set(service, count + 1);
      const { seed, rate, faults } = current;
      const fitting = faults.filter((fault) => fault.service === undefined || fault.service === service);
      // Each service counts for itself, so the order between services does not matter.
      const digest = createHash('sha256')
        .update(`${typeof seed} ${seed} ${service} ${count}`)
        .digest();
      if (digest.readUInt32BE(0) / 2 ** 32 >= rate) return undefined;
      const fault = fitting[digest.readUInt32BE(4) % fitting.length];
      if (!fault) return undefined;
      const { service: _, ...effect } = fault;
      return effect;
    },
    clear() {
      current = undefined;
      counts.clear();
    },
  };
}

function readChaos(given: ChaosOptions | Record<string, never>): ChaosOptions | undefined {
  assertFields('chaos', given, CHAOS_FIELDS);
  if (Object.values(given).every((value) => value === undefined)) return undefined;
  const { seed, rate, faults } = given as ChaosOptions;
  if (!(typeof seed === 'string' || Number.isFinite(seed))) throw badValue('chaos', 'seed', 'a number or a text', seed);
  if (!(rate >= 0 && rate <= 1)) throw badValue('chaos', 'rate', 'a number from 0 to 1', rate);
  if (!Array.isArray(faults) || faults.length === 0 || !faults.every(isRecord)) {
    throw new TypeError('chaos: faults must be a list of at least one fault, as failNext takes it.');
  }
  faults.forEach(({ service, ...effect }, index) => {
    const where = `chaos: faults[${index}]`;
    if (service !== undefined) assertService(where, service);
    assertEffect(where, effect);
  });
  return { seed, rate, faults: structuredCopy(faults) };
}

/** The caller may change its list afterwards. */
const structuredCopy = (faults: ChaosOptions['faults']): ChaosOptions['faults'] =>
  faults.map((fault) => ({ ...fault }));
