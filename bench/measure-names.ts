/** The measures in the order of a full run. They have their own file, so that --help does not load the measures. */
export const MEASURE_NAMES = [
  'warm',
  'warm-64',
  'rotation',
  'unmatched',
  'loopback',
  'herd',
  'revoked',
  'pacing',
  'ahead',
  'memory',
  'allocation',
  'import',
  'bundle',
  'growth',
] as const;

export type MeasureName = (typeof MEASURE_NAMES)[number];
