/** One figure of this package and its limit. */
export interface Finding {
  readonly what: string;
  readonly measured: number;
  /** Left out where the figure is only shown. */
  readonly limit?: number | undefined;
  readonly unit: string;
  /** How much of the limit a ratio may exceed because of noise: the difference of two bare instances in the same run. */
  readonly allowance: number;
  /** The figure must equal the limit. */
  readonly isExact?: boolean;
}

/** The most that noise may add to a ratio. */
const MOST_ALLOWED = 0.03;

export function isWithin({ measured, limit, allowance, isExact, unit }: Finding): boolean {
  if (limit === undefined) return true;
  // A figure that could not be measured is NaN, which JSON writes as null.
  if (!Number.isFinite(measured)) return false;
  if (isExact) return measured === limit;
  return measured <= limit * (1 + (unit === '×' ? Math.min(allowance, MOST_ALLOWED) : allowance));
}
