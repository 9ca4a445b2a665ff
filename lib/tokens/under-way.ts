/** The work under way, one piece for each key. */
export interface UnderWay {
  /** Runs work. @param work gets a function that says whether the result may be kept */
  run<T>(key: string, work: (isCurrent: () => boolean) => Promise<T>): Promise<T>;
  /** Work whose key matches goes on, but its result is not kept. */
  drop(matches: (key: string) => boolean): void;
}

export function createUnderWay(): UnderWay {
  const latest = new Map<string, object>();
  return {
    async run(key, work) {
      const own = {};
      const isCurrent = () => latest.get(key) === own;
      latest.set(key, own);
      try {
        return await work(isCurrent);
      } finally {
        if (isCurrent()) latest.delete(key);
      }
    },
    drop: (matches) => deleteMatching(latest, matches),
  };
}

export function deleteMatching(map: Map<string, unknown>, matches: (key: string) => boolean): void {
  for (const key of map.keys()) if (matches(key)) map.delete(key);
}
