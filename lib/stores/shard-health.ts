import type { Clock } from '../clock.js';

/** Which shards of a store answer. A store that is not a cluster has one shard. */
export interface ShardHealth {
  /** Whether a shard is not used, because it did not answer lately. */
  isResting(shard: string): boolean;
  /** Epoch milliseconds at which the last resting shard is used again; `undefined` if all are used now. */
  restsUntil(): number | undefined;
  /** Whether the store has answered anything yet. */
  hasAnswered(): boolean;
  /** How many answers a shard has given in time. */
  answers(shard: string): number;
  answered(shard: string, isLate: boolean): void;
  /**
   * Notes that a command got no answer in time.
   *
   * @param before the shard's `answers` when the command was sent
   * @returns `resting` if that is known already
   */
  timedOut(shard: string, before: number): 'timeout' | 'resting';
}

/** How long a shard that does not answer is not used. */
const REST_MS = 2_000;
/** A late answer ends the rest at once, unless the shard was late in this time before. */
const LATE_AGAIN_MS = 3_000;

interface State {
  answers: number;
  restUntil: number;
  restedAt: number;
  isLateAgain: boolean;
}

/** @param onRest called when a shard starts to rest */
export function createShardHealth(clock: Clock, onRest: () => void): ShardHealth {
  const states = new Map<string, State>();

  function stateOf(shard: string): State {
    const never = Number.NEGATIVE_INFINITY;
    const state = states.get(shard) ?? { answers: 0, restUntil: never, restedAt: never, isLateAgain: false };
    states.set(shard, state);
    return state;
  }

  const isResting = (shard: string) => clock.now() < stateOf(shard).restUntil;

  return {
    isResting,
    restsUntil() {
      const last = Math.max(...[...states.values()].map(({ restUntil }) => restUntil));
      return clock.now() < last ? last : undefined;
    },
    hasAnswered: () => [...states.values()].some(({ answers }) => answers > 0),
    answers: (shard) => stateOf(shard).answers,
    answered(shard, isLate) {
      const state = stateOf(shard);
      if (!isLate) state.answers += 1;
      if (!isLate || !state.isLateAgain) state.restUntil = Number.NEGATIVE_INFINITY;
    },
    timedOut(shard, before) {
      if (isResting(shard)) return 'resting';
      const state = stateOf(shard);
      // One slow answer among others is no reason to give the shard up.
      if (state.answers !== before) return 'timeout';
      const now = clock.now();
      state.isLateAgain = now - state.restedAt < LATE_AGAIN_MS;
      state.restedAt = now;
      state.restUntil = now + REST_MS;
      onRest();
      return 'timeout';
    },
  };
}
