import axios from 'axios';
import type { Clock } from '../clock.js';
import { withJitter } from '../retry-policy.js';
import type { IsWanted } from '../wait.js';
import { type Attempt, fullPace, isDown, keepsTries, mayStart, type Outcome, type Pace, paceAfter } from './pacing.js';

/** A call that needs a turn for each of its attempts. */
export interface TurnOrder<Service> {
  readonly accountId: string;
  readonly service: Service;
  /** Calls are served by number. So a call that is tried again comes before calls that have not started. */
  readonly callId: number;
  /** Checked when the turn has come. */
  readonly isWanted: IsWanted;
}

/** The result of an attempt, as far as later attempts depend on it. */
export interface AttemptResult {
  readonly outcome: Outcome;
  /** How long the calls pause if they must, in milliseconds. */
  readonly pauseMs: number;
}

/** Ends a turn. @returns whether the call may take another turn without spending a try */
export type EndTurn = (result: AttemptResult | undefined) => boolean;

/** Limits the open calls of each account, and paces the calls to each of its services. */
export interface Turns<Service> {
  /**
   * Resolves when the turn has come.
   *
   * @throws CanceledError (Axios's) if no caller waits any more
   */
  take(order: TurnOrder<Service>): Promise<EndTurn>;
  /** Whether each call to a service fails, or must wait longer than callers wait. */
  isDown(accountId: string, service: Service): boolean;
  /** The milliseconds of the pause that has just begun or is under way; 0 without one. */
  pauseMs(accountId: string, service: Service): number;
  /** Ends the calls to a service that wait for a turn, or would take their next one later. */
  failWaiting(accountId: string, service: Service, error: unknown): void;
  /** The accounts that have had calls. */
  accounts(): Iterable<string>;
  openCalls(accountId: string, service: Service): OpenCalls;
  /** Ends all waits. */
  close(error: unknown): void;
}

/** The calls to one service. */
export interface OpenCalls {
  /** Calls that the service has not answered yet. */
  open: number;
  /** Calls that wait for their turn. */
  waiting: number;
}

interface Waiter<Service> extends TurnOrder<Service> {
  start(): void;
  fail(error: unknown): void;
}

/** An account's calls to one service. */
interface Lane<Service> {
  pace: Pace;
  open: number;
  /** By number. */
  readonly waiting: Waiter<Service>[];
  /** The highest number of its calls so far. */
  newest: number;
  /** The calls up to this number have failed. */
  ended: { readonly upTo: number; readonly error: unknown } | undefined;
  pause: Pause | undefined;
}

interface Pause {
  readonly ms: number;
  /** By the clock of the options. */
  readonly until: number;
  readonly timer: NodeJS.Timeout;
}

export interface TurnsParts {
  /** The open calls of one account, at most. */
  readonly max: number;
  /** In milliseconds. A service with a longer pause counts as down. */
  readonly longestWaitMs: number;
  readonly clock: Clock;
}

export function createTurns<Service>({ max, longestWaitMs, clock }: TurnsParts): Turns<Service> {
  const accounts = new Map<string, Map<Service, Lane<Service>>>();

  function lanesOf(accountId: string): Map<Service, Lane<Service>> {
    const lanes = accounts.get(accountId) ?? new Map<Service, Lane<Service>>();
    accounts.set(accountId, lanes);
    return lanes;
  }

  function laneOf(accountId: string, service: Service): Lane<Service> {
    const lanes = lanesOf(accountId);
    const known = lanes.get(service);
    if (known) return known;
    const lane = { pace: fullPace(max), open: 0, waiting: [], newest: 0, ended: undefined, pause: undefined };
    lanes.set(service, lane);
    return lane;
  }

  /** Starts the calls of an account that may start. */
  function startNext(accountId: string): void {
    const lanes = [...lanesOf(accountId).values()];
    const isFull = () => lanes.reduce((sum, { open }) => sum + open, 0) >= max;
    for (const lane of lanes) {
      while (!lane.pause && lane.waiting.length > 0 && !isFull() && mayStart(lane.pace, lane.open)) {
        const next = lane.waiting.shift();
        if (next?.isWanted()) next.start();
        else next?.fail(new axios.CanceledError());
      }
      keepAlive(lane);
    }
  }

  function end(lane: Lane<Service>, { accountId, callId }: TurnOrder<Service>, pauses: number): EndTurn {
    return (result) => {
      lane.open -= 1;
      const attempt = { callId, pauses, isAlone: lane.open + lane.waiting.length === 0 };
      const again = result?.outcome === 'limited' && result.pauseMs <= longestWaitMs && keepsTries(lane.pace, attempt);
      if (result) adjustPace(lane, accountId, attempt, result);
      startNext(accountId);
      return again;
    };
  }

  function adjustPace(
    lane: Lane<Service>,
    accountId: string,
    attempt: Attempt,
    { outcome, pauseMs }: AttemptResult,
  ): void {
    const before = lane.pace;
    lane.pace = paceAfter(before, outcome, attempt, max);
    if (lane.pace.pauses !== before.pauses) pause(lane, accountId, pauseMs);
  }

  function pause(lane: Lane<Service>, accountId: string, ms: number): void {
    if (ms === 0) return;
    const timer = setTimeout(() => {
      lane.pause = undefined;
      startNext(accountId);
    }, withJitter(ms));
    lane.pause = { ms, until: clock.now() + ms, timer };
  }

  function endPause(lane: Lane<Service>): void {
    clearTimeout(lane.pause?.timer);
    lane.pause = undefined;
  }

  /** A pause keeps the process alive only while a call waits for its end. (In a browser's environment, a timer is a number.) */
  function keepAlive({ pause, waiting }: Lane<Service>): void {
    if (waiting.length > 0) pause?.timer.ref?.();
    else pause?.timer.unref?.();
  }

  return {
    take: (order) =>
      new Promise((resolve, fail) => {
        const { accountId, service, callId } = order;
        const lane = laneOf(accountId, service);
        const start = () => {
          lane.open += 1;
          resolve(end(lane, order, lane.pace.pauses));
        };
        if (lane.ended && callId <= lane.ended.upTo) return fail(lane.ended.error);
        lane.newest = Math.max(lane.newest, callId);
        // The clock of a cool-down may be ahead of the timer.
        if (lane.pause && clock.now() >= lane.pause.until) endPause(lane);
        const before = lane.waiting.findLastIndex((waiter) => waiter.callId < callId);
        lane.waiting.splice(before + 1, 0, { ...order, start, fail });
        startNext(accountId);
      }),
    isDown(accountId, service) {
      const { pace, pause } = laneOf(accountId, service);
      return isDown(pace) || (pause !== undefined && pause.ms > longestWaitMs);
    },
    pauseMs: (accountId, service) => laneOf(accountId, service).pause?.ms ?? 0,
    failWaiting(accountId, service, error) {
      const lane = laneOf(accountId, service);
      lane.ended = { upTo: lane.newest, error };
      for (const { fail } of lane.waiting.splice(0)) fail(error);
      keepAlive(lane);
    },
    accounts: () => accounts.keys(),
    openCalls(accountId, service) {
      const lane = accounts.get(accountId)?.get(service);
      return { open: lane?.open ?? 0, waiting: lane?.waiting.length ?? 0 };
    },
    close(error) {
      for (const lanes of accounts.values()) {
        for (const lane of lanes.values()) {
          for (const { fail } of lane.waiting.splice(0)) fail(error);
          endPause(lane);
        }
      }
    },
  };
}
