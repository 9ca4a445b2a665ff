/** The figures of each subject, one for each round. */
export type Samples<Name extends string> = Record<Name, number[]>;

/** Rounds until V8 has optimised the code. Their figures are dropped. */
const WARM_UPS = 5;

/**
 * Runs every subject once in each round. The order changes from round to round, so that other work on the machine affects
 * all subjects equally.
 */
export async function interleave<Name extends string>(
  subjects: Readonly<Record<Name, () => Promise<number>>>,
  rounds: number,
): Promise<Samples<Name>> {
  const names = Object.keys(subjects) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, []])) as unknown as Samples<Name>;
  for (let round = 0; round < WARM_UPS + rounds; round += 1) {
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(turn + round) % names.length] as Name;
      const figure = await subjects[name]();
      if (round >= WARM_UPS) samples[name].push(figure);
    }
  }
  return samples;
}

export function median(figures: readonly number[]): number {
  return quantile(figures, 0.5);
}

export function quantile(figures: readonly number[], share: number): number {
  const sorted = [...figures].sort((a, b) => a - b);
  const at = Math.min(sorted.length - 1, Math.floor(sorted.length * share));
  return sorted[at] ?? Number.NaN;
}

/** The median of the ratios of two subjects within each round. */
export function ratio(figures: readonly number[], base: readonly number[]): number {
  return median(figures.map((figure, round) => figure / (base[round] ?? Number.NaN)));
}
