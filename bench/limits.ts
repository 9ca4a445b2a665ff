/** A figure of this package, and what it may be at most. */
export interface Finding {
  readonly what: string;
  readonly measured: number;
  readonly limit: number;
  readonly unit: string;
  /** What the noise of the machine may add to a ratio: what bare Axios differs from itself by. */
  readonly allowance: number;
  /** It must be exactly the limit. */
  readonly isExact?: boolean;
}

/** However noisy the machine, no ratio is allowed more than this. */
const MOST_ALLOWED = 0.03;

export function isWithin({ measured, limit, allowance, isExact, unit }: Finding): boolean {
  if (isExact) return measured === limit;
  return measured <= limit * (1 + (unit === '×' ? Math.min(allowance, MOST_ALLOWED) : allowance));
}
