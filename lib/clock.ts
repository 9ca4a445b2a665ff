/** Where the package takes the time from. */
export interface Clock {
  /** The present moment in milliseconds since the epoch. */
  now(): number;
}

const { timeOrigin } = performance;

/** Counts on from the start of the process, so that a step of the system's clock ages no token and keeps none young. */
export const systemClock: Clock = { now: () => Math.floor(timeOrigin + performance.now()) };

/** Whole milliseconds, so that no event or snapshot has a fraction of one. */
export function toWholeClock(clock: Clock): Clock {
  return clock === systemClock ? clock : { now: () => Math.floor(clock.now()) };
}

/** Whether `then` is less than `ms` from `now`, also if the clock stepped back. */
export const isWithin = (then: number | undefined, now: number, ms: number): boolean =>
  then !== undefined && Math.abs(now - then) < ms;
