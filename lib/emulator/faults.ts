import { validateHeaderName, validateHeaderValue } from 'node:http';
import { assertFields, type Fields, isWholeNumber } from './fields.js';
import type { ServiceName } from './request-log.js';

/** A fault in the next answer of a service. */
export interface Fault {
  /** Answers with this status instead. */
  status?: number;
  /** Text as it stands, anything else as JSON. */
  body?: unknown;
  /** Of the answer, beside its Content-Type. */
  headers?: Record<string, string>;
  /** Milliseconds before the answer, on the emulator's clock. Alone, it delays the true answer. */
  delayMs?: number;
  /** Breaks the connection instead of answering. */
  reset?: boolean;
  /** Breaks the connection half-way through the answer. */
  cutOff?: boolean;
  /**
   * The service does its work first, and then its answer is lost: the message has arrived, but the connector does not know.
   * Alone, it breaks the connection; with `status` and the like, that answer is given instead.
   */
  afterAcceptance?: boolean;
  /** How many requests in a row. @default 1 */
  times?: number;
}

/** A service that faults and limits can be set for. */
export type FaultableService = Exclude<ServiceName, 'unknown' | 'swift'>;

export const FAULTABLE_SERVICES: readonly FaultableService[] = ['domain', 'sentinel', 'idp', 'conversation', 'send'];

const EFFECT_FIELDS = {
  status: 'number',
  body: 'anything',
  headers: 'object',
  delayMs: 'number',
  reset: 'flag',
  cutOff: 'flag',
  afterAcceptance: 'flag',
} as const satisfies Fields;

export const FAULT_FIELDS = { ...EFFECT_FIELDS, times: 'number' } as const satisfies Fields;

/** A fault whose values are right, for one request. */
export type FaultEffect = Omit<Fault, 'times'>;

export interface Faults {
  /** @throws TypeError for a service or a fault that does not exist */
  add(service: FaultableService, fault: Fault): void;
  /** The fault for the next request of a service. Taking it uses it up. */
  take(service: ServiceName): FaultEffect | undefined;
  /** How many of the next requests of each service get a fault. */
  waiting(): { service: ServiceName; count: number }[];
  clear(): void;
}

/** So many different faults may wait for a service. */
const MAX_WAITING = 1_000;
/** Of the bodies of all faults that wait for a service, in characters. */
const MAX_WAITING_LENGTH = 32 * 2 ** 20;
export const LONGEST_DELAY_MS = 2 ** 31 - 1;

export function createFaults(): Faults {
  const queues = new Map<ServiceName, { readonly effect: FaultEffect; readonly length: number; left: number }[]>();
  return {
    add(service, fault) {
      assertService('failNext', service);
      assertFields('failNext', fault, FAULT_FIELDS);
      const { times = 1, ...effect } = fault;
      if (!isWholeNumber(times, 1)) throw badValue('failNext', 'times', 'a whole number from 1', times);
      assertEffect('failNext', effect);
      const queue = queues.get(service) ?? [];
      if (queue.length >= MAX_WAITING) {
        throw new TypeError(
          `failNext: ${MAX_WAITING} faults wait for ${service} already. Use times, or clearFaults().`,
        );
      }
      const length = JSON.stringify(effect.body ?? '').length;
      const waiting = queue.reduce((sum, entry) => sum + entry.length, length);
      if (waiting > MAX_WAITING_LENGTH) {
        throw new TypeError(`failNext: the bodies of the faults that wait for ${service} are too long in sum.`);
      }
      queue.push({ effect, length, left: times });
      queues.set(service, queue);
    },
    take(service) {
      const queue = queues.get(service);
      const first = queue?.[0];
      if (!first) return undefined;
      first.left -= 1;
      if (first.left === 0) queue.shift();
      return first.effect;
    },
    waiting: () =>
      [...queues].flatMap(([service, queue]) => {
        const count = queue.reduce((sum, { left }) => sum + left, 0);
        return count > 0 ? [{ service, count }] : [];
      }),
    clear: () => queues.clear(),
  };
}

/** @throws TypeError naming the services that there are */
export function assertService(caller: string, service: unknown): asserts service is FaultableService {
  if (!FAULTABLE_SERVICES.some((known) => known === service)) {
    throw new TypeError(`${caller}: service must be one of ${FAULTABLE_SERVICES.join(', ')}.`);
  }
}

/** @throws TypeError naming the value that is wrong */
export function assertEffect(caller: string, effect: FaultEffect): void {
  assertFields(caller, effect, EFFECT_FIELDS);
  const { status = 500, delayMs = 0, headers = {} } = effect;
  if (!isWholeNumber(status, 200, 599)) throw badValue(caller, 'status', 'an HTTP status from 200 to 599', status);
  if (!isWholeNumber(delayMs, 0, LONGEST_DELAY_MS)) {
    throw badValue(caller, 'delayMs', `whole milliseconds from 0 to ${LONGEST_DELAY_MS}`, delayMs);
  }
  assertHeaders(`${caller}: headers`, headers);
}

/** @throws TypeError for a header that HTTP cannot carry. Its value is not shown. */
export function assertHeaders(where: string, headers: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(headers)) {
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value as string);
    } catch {
      throw new TypeError(`${where} has a name or a value that HTTP does not allow: ${JSON.stringify(name)}.`);
    }
    if (typeof value !== 'string') throw new TypeError(`${where}: ${name} must be a text.`);
  }
}

export const badValue = (caller: string, name: string, expected: string, received: unknown): TypeError =>
  new TypeError(`${caller}: ${name} must be ${expected}; received ${String(received)}.`);
