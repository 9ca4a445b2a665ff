/** How fast an account's calls to one service may go. It changes with each answer. */
export interface Pace {
  /** The number of calls that may be open at once. */
  readonly limit: number;
  /** Calls that passed since the limit last changed. */
  readonly streak: number;
  /** Calls that passed since the last pause. */
  readonly passed: number;
  /** Calls that passed between the last two pauses. The service probably refuses the next one. */
  readonly allowance: number;
  /** The number of pauses so far. */
  readonly pauses: number;
  /** The number of pauses since the last call that passed. */
  readonly vainPauses: number;
  /** The calls that failed since the last one that passed, at most `DOWN_AFTER` of them. */
  readonly failing: readonly number[];
}

/** `limited`: answered with 429. `failed`: not answered, or answered with 5xx. `passed`: any other answer. */
export type Outcome = 'passed' | 'limited' | 'failed';

/** An attempt that has ended. */
export interface Attempt {
  readonly callId: number;
  /** `Pace.pauses` when the attempt began. */
  readonly pauses: number;
  /** Whether no other call is open or waits for a turn. */
  readonly isAlone: boolean;
}

/** The limit grows by one after this many calls that passed. */
const GROW_AFTER = 4;
/** After so many pauses in which no call passed, a refused call spends its tries. */
const MOST_VAIN_PAUSES = 12;
/** A service is down if this many different calls failed in a row. One call may fail because of its own consumer. */
const DOWN_AFTER = 3;

/** @param max the option `maxConcurrentTokenRequests` */
export const fullPace = (max: number): Pace => ({
  limit: max,
  streak: 0,
  passed: 0,
  allowance: Number.POSITIVE_INFINITY,
  pauses: 0,
  vainPauses: 0,
  failing: [],
});

/** Whether one more call may start. Near the allowance, calls go one at a time, so that a refusal costs one call. */
export const mayStart = ({ limit, passed, allowance }: Pace, open: number): boolean =>
  open === 0 || (open < limit && passed + open < allowance);

/** Whether the service fails for every call. */
export const isDown = ({ failing }: Pace): boolean => failing.length >= DOWN_AFTER;

/**
 * Whether a call that was refused with 429 keeps its tries. It does while other calls wait with it, because the service may
 * serve them in turn, those of other processes too.
 */
export const keepsTries = ({ vainPauses }: Pace, { isAlone }: Attempt): boolean =>
  !isAlone && vainPauses < MOST_VAIN_PAUSES;

/** The pace after an attempt. If its `pauses` is higher, the calls must pause now. */
export function paceAfter(pace: Pace, outcome: Outcome, attempt: Attempt, max: number): Pace {
  // The attempts of one burst are refused together. They cause one pause.
  const isLate = attempt.pauses !== pace.pauses;
  if (outcome === 'passed') {
    const working = { ...pace, vainPauses: 0, failing: [] };
    return isLate ? working : faster(working, max);
  }
  const failing = pace.failing.includes(attempt.callId) ? pace.failing : [...pace.failing, attempt.callId];
  const next = { ...pace, failing: failing.slice(0, DOWN_AFTER) };
  // A call that is alone needs no pause: its cool-down spaces the next ones.
  if (isLate || (outcome === 'failed' && (attempt.isAlone || !isDown(next)))) return next;
  return {
    ...next,
    limit: outcome === 'limited' ? Math.max(1, Math.floor(pace.limit / 2)) : 1,
    streak: 0,
    passed: 0,
    allowance: outcome === 'limited' ? Math.max(1, pace.passed) : pace.allowance,
    pauses: pace.pauses + 1,
    vainPauses: pace.vainPauses + 1,
  };
}

function faster(pace: Pace, max: number): Pace {
  const passed = pace.passed + 1;
  const streak = pace.streak + 1;
  const grows = streak >= GROW_AFTER && pace.limit < max;
  return {
    ...pace,
    passed,
    streak: grows ? 0 : streak,
    limit: grows ? pace.limit + 1 : pace.limit,
    // The service allows more than before.
    allowance: passed >= 2 * pace.allowance ? Number.POSITIVE_INFINITY : pace.allowance,
  };
}
