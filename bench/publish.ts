// Puts the figures of bench/results.json into docs/performance.md and the README: npm run bench:publish
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { readCommandLine } from './command-line.js';
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
} from './report.js';

const USAGE = `usage: npm run bench:publish

Writes the figures of bench/results.json into docs/performance.md, docs/performance.svg and the README.

  --help   shows this

A wrong flag exits with 2.`;

readCommandLine(USAGE, () => parseArgs({ options: { help: { type: 'boolean', default: false } } }));

const at = (path: string): URL => new URL(`../${path}`, import.meta.url);
const report = readReport();
const change = (path: string, parts: Readonly<Record<string, string>>): void => {
  const page = readFileSync(at(path), 'utf8');
  const changed = Object.entries(parts).reduce((text, [name, part]) => putBetween(text, name, part), page);
  writeFileSync(at(path), changed);
};

change('docs/performance.md', {
  machine: machineLine(report),
  limits: limitsTable(report),
  subjects: subjectsTable(report),
  revoked: revokedTable(report),
  growth: growthTable(report),
});
change('docs/reliability.md', { pacing: pacingTable(report) });
change('README.md', { performance: shortTable(report) });
writeFileSync(at('docs/performance.svg'), chart(report));

function readReport(): Report {
  try {
    const read = JSON.parse(readFileSync(at('bench/results.json'), 'utf8')) as Report;
    if (!read?.results?.length) throw new Error('it has no results');
    return read;
  } catch (error) {
    console.error(
      `bench: bench/results.json cannot be read: ${(error as Error).message}. Run npm run bench to write it.`,
    );
    return process.exit(2);
  }
}
