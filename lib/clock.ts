/** Where the package takes the time from. */
export interface Clock {
  /** The present moment in milliseconds since the epoch. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };
