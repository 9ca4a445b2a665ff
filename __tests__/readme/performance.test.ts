import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isWithin } from '../../bench/limits.js';
import {
  chart,
  growthTable,
  limitsTable,
  machineLine,
  putBetween,
  type Report,
  shortTable,
  subjectsTable,
} from '../../bench/report.js';

const ROOT = join(__dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const report = JSON.parse(read('bench/results.json')) as Report;

it.each<[string, string, (report: Report) => string]>([
  ['docs/performance.md', 'machine', machineLine],
  ['docs/performance.md', 'limits', limitsTable],
  ['docs/performance.md', 'subjects', subjectsTable],
  ['docs/performance.md', 'growth', growthTable],
  ['README.md', 'performance', shortTable],
])('%s has the %s of bench/results.json', (path, name, part) => {
  expect(putBetween(read(path), name, part(report))).toBe(read(path));
});

it('the chart is drawn from it', () => {
  expect(read('docs/performance.svg')).toBe(chart(report));
});

it('a figure is within its limit up to the noise, and no further; a count must be the one', () => {
  const finding = { what: 'x', unit: '×', limit: 1.1, allowance: 0.02 };
  expect([1.1, 1.12, 1.13, Number.NaN].map((measured) => isWithin({ ...finding, measured }))).toEqual([
    true,
    true,
    false,
    false,
  ]);
  // On a noisy machine the noise is no excuse.
  expect(isWithin({ ...finding, measured: 1.2, allowance: 0.3 })).toBe(false);
  const count = { ...finding, limit: 1, allowance: 0, isExact: true };
  expect([0, 1, 2].map((measured) => isWithin({ ...count, measured }))).toEqual([false, true, false]);
});

it('a page without the place for a table is refused', () => {
  expect(() => putBetween('# Page', 'limits', 'x')).toThrow('<!-- limits -->');
});
