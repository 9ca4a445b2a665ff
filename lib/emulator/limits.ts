import type { EmulatorClock } from './clock.js';
import { assertService, badValue, type FaultableService, type FaultEffect } from './faults.js';
import { assertFields, isWholeNumber } from './fields.js';
import type { ServiceName } from './request-log.js';

/** How many calls of a service are answered. Further calls get 429. */
export interface RateLimit {
  /** So many calls in each period. */
  calls: number;
  /** Length of a period in milliseconds, on the emulator's clock. */
  perMs: number;
  /** Seconds for the header `Retry-After` of the 429. @default no such header */
  retryAfter?: number;
}

export const LIMIT_FIELDS = { calls: 'number', perMs: 'number', retryAfter: 'number' } as const;

export interface Limits {
  /** `undefined` ends the service's limit. @throws TypeError for a bad one */
  set(service: FaultableService, limit: RateLimit | undefined): void;
  /** Counts a call. @returns the refusal, for a call beyond the limit */
  take(service: ServiceName): FaultEffect | undefined;
  clear(): void;
}

export function createLimits(clock: EmulatorClock): Limits {
  const limits = new Map<ServiceName, RateLimit & { startedAt: number; count: number }>();
  return {
    set(service, limit) {
      assertService('limit', service);
      if (limit === undefined) return void limits.delete(service);
      assertFields('limit', limit, LIMIT_FIELDS);
      const { calls, perMs, retryAfter = 0 } = limit;
      if (!isWholeNumber(calls, 1)) throw badValue('limit', 'calls', 'a whole number from 1', calls);
      if (!isWholeNumber(perMs, 1)) throw badValue('limit', 'perMs', 'whole milliseconds from 1', perMs);
      if (!isWholeNumber(retryAfter, 0)) throw badValue('limit', 'retryAfter', 'whole seconds, 0 or more', retryAfter);
      limits.set(service, { ...limit, startedAt: clock.now(), count: 0 });
    },
    take(service) {
      const limit = limits.get(service);
      if (!limit) return undefined;
      const now = clock.now();
      const isOver = now - limit.startedAt >= limit.perMs;
      // The first call starts a period; the next one starts with the first call after its end.
      if (isOver || limit.count === 0) Object.assign(limit, { startedAt: now, count: 0 });
      limit.count += 1;
      if (limit.count <= limit.calls) return undefined;
      const headers = limit.retryAfter === undefined ? {} : { 'retry-after': String(limit.retryAfter) };
      return { status: 429, headers, body: { error: `more than ${limit.calls} calls in ${limit.perMs} ms` } };
    },
    clear: () => limits.clear(),
  };
}
