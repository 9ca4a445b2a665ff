/** A bug, planted into a copy of one file of `lib/`. */
export interface PlantedBug {
  readonly name: string;
  readonly file: string;
  /** Must occur exactly once. */
  readonly search: string;
  readonly replacement: string;
}

/** Each of them was, or could be, a real bug. The simulation finds each within 1,000 seeds. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'a refused token is dropped by key instead of by value',
    file: 'lib/tokens/token-source.ts',
    search: '(cached.token.value !== value && !isOlderThan(cached.token, sentAt))) return;',
    replacement: 'cached.token.value === "") return;',
  },
  {
    name: "a token's age is not checked when it is read from the store",
    file: 'lib/tokens/store-reader.ts',
    search: "if (phase === 'expired' || (cause === 'ahead' && phase === 'stale')) return undefined;",
    replacement: "if (cause === 'ahead' && phase === 'stale') return undefined;",
  },
  {
    name: 'the queue loses a wake-up',
    file: 'lib/tokens/turns.ts',
    search: 'lane.pause = undefined;\n      startNext(accountId);',
    replacement: 'lane.pause = undefined;',
  },
  {
    name: 'a cool-down survives success',
    file: 'lib/tokens/token-source.ts',
    search: 'cooldown.end(identity);',
    replacement: '',
  },
  {
    name: "somebody else's lock is released",
    file: 'lib/stores/memory.ts',
    search: 'if (isOurs()) locks.delete(key);',
    replacement: 'locks.delete(key);',
  },
];
