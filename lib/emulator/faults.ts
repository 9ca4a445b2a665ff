import type { ServiceName } from './request-log.js';

/** How the next answer of a service is bent. */
export interface Fault {
  /** Answers with this status instead. */
  status?: number;
  /** Text as it stands, anything else as JSON. */
  body?: unknown;
  /** Of the answer, beside its Content-Type. */
  headers?: Record<string, string>;
  /** Milliseconds before the answer; alone, it delays the true one. */
  delayMs?: number;
  /** Breaks the connection instead of answering. */
  reset?: boolean;
  /** Breaks the connection half-way through the answer. */
  cutOff?: boolean;
  /** How many requests in a row. @default 1 */
  times?: number;
}

export interface Faults {
  add(service: ServiceName, fault: Fault): void;
  /** The fault for the next request of a service; it is used up by asking. */
  take(service: ServiceName): Fault | undefined;
  clear(): void;
}

export function createFaults(): Faults {
  const queues = new Map<ServiceName, Fault[]>();
  return {
    add(service, { times = 1, ...fault }) {
      const { status = 500, delayMs = 0 } = fault;
      if (!isWithin(times, 1)) throw bad('times', 'a whole number from 1', times);
      if (!isWithin(status, 200, 599)) throw bad('status', 'an HTTP status from 200 to 599', status);
      if (!isWithin(delayMs, 0)) throw bad('delayMs', 'whole milliseconds, 0 or more', delayMs);
      const queue = queues.get(service) ?? [];
      queue.push(...Array.from({ length: times }, () => fault));
      queues.set(service, queue);
    },
    take: (service) => queues.get(service)?.shift(),
    clear: () => queues.clear(),
  };
}

const isWithin = (value: number, min: number, max = Number.MAX_SAFE_INTEGER): boolean =>
  Number.isInteger(value) && value >= min && value <= max;

const bad = (name: string, expected: string, received: unknown): TypeError =>
  new TypeError(`failNext: ${name} must be ${expected}; received ${received}.`);
