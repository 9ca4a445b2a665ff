import type { Random } from './random.js';

/** Whose work a task is: one simulated process. The tasks of services and of the scenario have no owner. */
export interface Owner {
  /** The process does nothing before this time, as if its machine were paused. */
  frozenUntil: number;
}

interface Task {
  at: number;
  readonly owner: Owner | undefined;
  /** Decides between tasks of the same time. */
  readonly rank: number;
  /** Set by code of the package with `setTimeout`, `setInterval` or `setImmediate`. */
  readonly isTimer: boolean;
  readonly everyMs: number | undefined;
  readonly run: () => void;
}

/**
 * Runs everything asynchronous, one task at a time, in virtual time. All promises that a task settles are followed to their
 * end before the next task, so the seed alone decides the order.
 */
export interface Scheduler {
  /** Virtual epoch milliseconds. */
  readonly now: number;
  /** Runs a task after `ms` milliseconds. */
  after(ms: number, owner: Owner | undefined, run: () => void): void;
  /** Removes all tasks of a process, as a crash does. */
  drop(owner: Owner): void;
  /** How many timers the package's code in this process has set. */
  timersOf(owner: Owner): number;
  /** Runs tasks until `isDone`, until `deadline` has come, or until there are none. */
  run(isDone: () => boolean, deadline: number): Promise<void>;
}

const START = Date.UTC(2030, 0, 1);
/** More tasks are an endless loop. */
const MOST_TASKS = 100_000;

const { setImmediate: whenIdle } = globalThis;

export function createScheduler(random: Random): Scheduler {
  const tasks = new Set<Task>();
  let now = START;
  let current: Owner | undefined;
  let done = 0;

  function add(ms: number, owner: Owner | undefined, run: () => void, isTimer: boolean, everyMs?: number): Task {
    const at = now + Math.max(0, Math.ceil(ms));
    const task = { at, owner, run, isTimer, everyMs, rank: isTimer ? rankOfTimer(at, owner) : random.next() };
    tasks.add(task);
    return task;
  }

  /** Timers of one process that are due at the same time run in the order in which they were set, as in Node. */
  function rankOfTimer(at: number, owner: Owner | undefined): number {
    for (const task of tasks) if (task.isTimer && task.owner === owner && task.at === at) return task.rank;
    return random.next();
  }

  const dueAt = ({ at, owner }: Task): number => (owner && owner.frozenUntil > at ? owner.frozenUntil : at);

  function next(): Task | undefined {
    let first: Task | undefined;
    let firstAt = 0;
    for (const task of tasks) {
      const at = dueAt(task);
      if (!first || at < firstAt || (at === firstAt && task.rank < first.rank)) [first, firstAt] = [task, at];
    }
    return first;
  }

  function perform(task: Task): void {
    now = Math.max(now, dueAt(task));
    if (task.everyMs === undefined) tasks.delete(task);
    else task.at = now + task.everyMs;
    current = task.owner;
    done += 1;
    task.run();
  }

  const setTimer = (work: (...args: unknown[]) => void, ms: number | undefined, args: unknown[], repeats: boolean) => {
    const delayMs = Math.max(1, Number(ms) || 0);
    return timerOf(add(delayMs, current, () => work(...args), true, repeats ? delayMs : undefined));
  };
  const clear = (timer: unknown) => void tasks.delete((timer as { task?: Task } | undefined)?.task as Task);
  virtual.now = () => now;
  virtual.random = () => random.next();
  virtual.timers = {
    setTimeout: (work, ms, ...args) => setTimer(work, ms, args, false),
    setInterval: (work, ms, ...args) => setTimer(work, ms, args, true),
    setImmediate: (work, ...args) => timerOf(add(0, current, () => work(...args), true)),
    clear,
  };

  return {
    get now() {
      return now;
    },
    after: (ms, owner, run) => void add(ms, owner, run, false),
    drop(owner) {
      for (const task of tasks) if (task.owner === owner) tasks.delete(task);
    },
    timersOf: (owner) => [...tasks].filter((task) => task.isTimer && task.owner === owner).length,
    async run(isDone, deadline) {
      for (;;) {
        // Runs after all promises that can be settled.
        await new Promise<void>((resolve) => whenIdle(resolve));
        if (isDone()) return;
        const task = next();
        if (!task || dueAt(task) > deadline) {
          now = Math.max(now, Number.isFinite(deadline) ? deadline : now);
          return;
        }
        if (done >= MOST_TASKS) throw new Error(`the run did not end after ${MOST_TASKS} tasks`);
        perform(task);
      }
    },
  };
}

/** What `setTimeout` returns. */
const timerOf = (task: Task) => {
  const timer = {
    task,
    ref: () => timer,
    unref: () => timer,
    hasRef: () => true,
  };
  return timer;
};

type Work = (...args: unknown[]) => void;

/** The time, the timers and the random numbers of the run under way. */
const virtual = {
  now: () => START,
  random: () => 0,
  timers: undefined as
    | undefined
    | {
        setTimeout(work: Work, ms?: number, ...args: unknown[]): unknown;
        setInterval(work: Work, ms?: number, ...args: unknown[]): unknown;
        setImmediate(work: Work, ...args: unknown[]): unknown;
        clear(timer: unknown): void;
      },
};

/**
 * From now on, the time, timers and random numbers of this process are those of the scheduler that was created last. Libraries
 * keep references to `performance` and `Date`, so their methods are replaced.
 */
export function virtualiseProcess(): void {
  const timers = () => {
    if (!virtual.timers) throw new Error('A timer was set before the first run.');
    return virtual.timers;
  };
  Object.assign(globalThis, {
    setTimeout: (work: Work, ms?: number, ...args: unknown[]) => timers().setTimeout(work, ms, ...args),
    setInterval: (work: Work, ms?: number, ...args: unknown[]) => timers().setInterval(work, ms, ...args),
    setImmediate: (work: Work, ...args: unknown[]) => timers().setImmediate(work, ...args),
    clearTimeout: (timer: unknown) => timers().clear(timer),
    clearInterval: (timer: unknown) => timers().clear(timer),
    clearImmediate: (timer: unknown) => timers().clear(timer),
  });
  Date.now = () => virtual.now();
  performance.now = () => virtual.now() - START + 1_000;
  Math.random = () => virtual.random();
}
