// Puts the figures of bench/results.json into docs/performance.md and the README: npm run bench:publish
import { readFileSync, writeFileSync } from 'node:fs';
import {
  chart,
  growthTable,
  limitsTable,
  machineLine,
  putBetween,
  type Report,
  shortTable,
  subjectsTable,
} from './report.js';

const at = (path: string): URL => new URL(`../${path}`, import.meta.url);
const report = JSON.parse(readFileSync(at('bench/results.json'), 'utf8')) as Report;
const change = (path: string, parts: Readonly<Record<string, string>>): void => {
  const page = readFileSync(at(path), 'utf8');
  const changed = Object.entries(parts).reduce((text, [name, part]) => putBetween(text, name, part), page);
  writeFileSync(at(path), changed);
};

change('docs/performance.md', {
  machine: machineLine(report),
  limits: limitsTable(report),
  subjects: subjectsTable(report),
  growth: growthTable(report),
});
change('README.md', { performance: shortTable(report) });
writeFileSync(at('docs/performance.svg'), chart(report));
