import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isWithin } from '../../bench/limits.js';
import {
  chart,
  growthTable,
  limitsTable,
  machineLine,
  pacingTable,
  putBetween,
  type Report,
  revokedTable,
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
  ['docs/performance.md', 'revoked', revokedTable],
  ['docs/performance.md', 'growth', growthTable],
  ['docs/reliability.md', 'pacing', pacingTable],
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
  // The noise adds at most 3 %.
  expect(isWithin({ ...finding, measured: 1.2, allowance: 0.3 })).toBe(false);
  const count = { ...finding, limit: 1, allowance: 0, isExact: true };
  expect([0, 1, 2].map((measured) => isWithin({ ...count, measured }))).toEqual([false, true, false]);
});

it('a figure without a limit is shown, and never fails', () => {
  const finding = { what: 'x', unit: '×', measured: 9, allowance: 0 };
  expect(isWithin(finding)).toBe(true);
  const results = [{ measure: 'loopback', title: 'x', unit: '×', figures: {}, findings: [finding] }];
  expect(limitsTable({ ...report, results })).toMatch(/^\| x +\| 9 × +\| none +\| +\| +\|$/m);
});

it('a figure that could not be measured is shown as failed', () => {
  const finding = { what: 'x', unit: '×', measured: Number.NaN, limit: 1.15, allowance: 0 };
  const figures = { 'axios-auth-refresh': Number.NaN };
  const results = [{ measure: 'ahead', title: 'p99', unit: '×', figures, findings: [finding] }];
  // As bench/results.json has it.
  const written = JSON.parse(JSON.stringify({ ...report, results })) as Report;
  expect(limitsTable(written)).toMatch(/\| failed +\| 1\.15 × \| +\| \*\*not met\*\* \|$/);
  for (const part of [subjectsTable, shortTable]) expect(part(written)).toMatch(/\| axios-auth-refresh \| failed \|$/);
});

it('the table of revoked tokens has a row for each case', () => {
  const figures = { lost: 0, sends: 3, sentinel: 1, idp: 1 };
  const results = [
    { measure: 'revoked', title: '5,000 in flight, 500 consumers', unit: '', figures, findings: [] },
    { measure: 'revoked', title: 'the worst of these', unit: '', figures: {}, findings: [] },
  ];
  const [, , ...rows] = revokedTable({ ...report, results }).split('\n');
  expect(rows).toEqual([expect.stringMatching(/^\| 5,000 in flight, 500 consumers \| 0 +\| 3 +\| 1 +\| 1 +\|$/)]);
});

describe.each(['bench/bench.ts', 'bench/fleet.ts'])('%s', (file) => {
  const run = (flag: string) =>
    spawnSync(process.execPath, ['--import', 'tsx', file, flag], { cwd: ROOT, encoding: 'utf8' });

  it('prints its usage with --help', () => {
    expect(run('--help')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('usage: npm run bench'),
      stderr: '',
    });
  });

  it('exits with 2 on an unknown flag, without starting work', () => {
    expect(run('--unknown')).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining("'--unknown'") });
  });
});

it('a page without the place for a table is refused', () => {
  expect(() => putBetween('# Page', 'limits', 'x')).toThrow('<!-- limits -->');
});
