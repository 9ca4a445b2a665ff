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

export function isWithin({ measured, limit, allowance, isExact }: Finding): boolean {
  return isExact ? measured === limit : measured <= limit * (1 + allowance);
}
