// Compares the package with bare Axios, a hand-written pair of interceptors and other packages: npm run bench -- --help
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { buildPackage, failUsage, readCommandLine } from './command-line.js';
import { isWithin } from './limits.js';
import { MEASURE_NAMES, type MeasureName } from './measure-names.js';

const ROUNDS = 40;
const USAGE = `usage: npm run bench -- [MEASURE ...] [--quick | --rounds N] [--check]

Compares the package with bare Axios, a hand-written pair of interceptors and other packages.

  MEASURE      what to measure; the default is all of these:
               ${MEASURE_NAMES.slice(0, 7).join(', ')},
               ${MEASURE_NAMES.slice(7).join(', ')}
  --quick      checks that the bench runs; its figures are not reliable
  --rounds N   rounds of each measure (default ${ROUNDS})
  --check      exits with 1 if a figure is over its limit
  --help       shows this

A run of all measures with at least ${ROUNDS} rounds writes bench/results.json and docs/performance.svg.
A wrong flag or measure exits with 2.`;

const { values, positionals } = readCommandLine(USAGE, () =>
  parseArgs({
    allowPositionals: true,
    options: {
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string', default: String(ROUNDS) },
    },
  }),
);
const isMeasure = (name: string): name is MeasureName => (MEASURE_NAMES as readonly string[]).includes(name);
const unknown = positionals.find((name) => !isMeasure(name));
if (unknown !== undefined) failUsage(`there is no measure ${unknown}. The measures are ${MEASURE_NAMES.join(', ')}.`);
const names: readonly MeasureName[] = positionals.length > 0 ? positionals.filter(isMeasure) : MEASURE_NAMES;
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1)
  failUsage(`--rounds must be a whole number from 1; received ${values.rounds}.`);
const effort = values.quick ? { rounds: 2, requests: 100, scale: 100 } : { rounds, requests: 1_000, scale: 1 };

buildPackage();
const { MEASURES } = await import('./measures.js').catch((error: Error & { code?: string }) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND' && error.code !== 'MODULE_NOT_FOUND') throw error;
  console.error(`bench: a compared package is not installed. Run npm ci. (${error.message.split('\n')[0]})`);
  return process.exit(2);
});
const { chart, fullTables } = await import('./report.js');

const at = (path: string): URL => new URL(`../${path}`, import.meta.url);
const results = [];
for (const name of names) {
  console.error(`bench: ${name} …`);
  results.push(...(await MEASURES[name](effort)));
}

const [cpu] = cpus();
const version = (name: string): string =>
  JSON.parse(readFileSync(at(`node_modules/${name}/package.json`), 'utf8')).version;
const report = {
  machine: `${cpu?.model.trim()}, ${cpus().length} cores`,
  node: process.versions.node,
  axios: version('axios'),
  results,
};
console.log(fullTables(report));
// Only a full run is published.
if (positionals.length === 0 && !values.quick && rounds >= ROUNDS) {
  writeFileSync(at('bench/results.json'), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(at('docs/performance.svg'), chart(report));
}
const over = results.flatMap(({ findings }) => findings).filter((finding) => !isWithin(finding));
console.log(`\nbench: ${over.length} over their limit`);
process.exit(values.check && over.length > 0 ? 1 : 0);
