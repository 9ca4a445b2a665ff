/** Where the package takes the time from. */
export interface Clock {
  /** The present moment in milliseconds since the epoch. */
  now(): number;
}

const { timeOrigin } = performance;

/** Counts on from the start of the process, so that a step of the system's clock ages no token and keeps none young. */
export const systemClock: Clock = { now: () => timeOrigin + performance.now() };
