// How fast the package is beside bare Axios, a hand-written pair of interceptors and others' packages:
// npm run bench [-- <measure> …] [--quick | --rounds 40], npm run bench:check (exits 1 beyond a limit).
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { isWithin } from './limits.js';

const at = (path: string): URL => new URL(`../${path}`, import.meta.url);
const give = (message: string): never => {
  console.error(message);
  process.exit(2);
};
const ROUNDS = 40;
const readFlags = () =>
  parseArgs({
    allowPositionals: true,
    options: {
      check: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string', default: String(ROUNDS) },
    },
  });
let flags: ReturnType<typeof readFlags>;
try {
  flags = readFlags();
} catch (error) {
  flags = give(`bench: ${(error as Error).message}`);
}
const { values, positionals } = flags;

if (!existsSync(at('dist/esm/index.js')))
  give('bench: there is no dist/; run it by npm run bench, which builds first.');
const { MEASURES } = await import('./measures.js').catch((error: Error & { code?: string }) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND' && error.code !== 'MODULE_NOT_FOUND') throw error;
  return give(
    `bench: one of the packages that are compared is not installed; run npm ci. (${error.message.split('\n')[0]})`,
  );
});
const { chart, fullTables } = await import('./report.js');

const unknown = positionals.find((name) => !Object.hasOwn(MEASURES, name));
if (unknown) give(`bench: there is no measure ${unknown}; there are ${Object.keys(MEASURES).join(', ')}.`);
const names = positionals.length > 0 ? positionals : Object.keys(MEASURES);
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1)
  give(`bench: --rounds must be a whole number from 1; received ${values.rounds}.`);
const effort = values.quick ? { rounds: 2, requests: 100, scale: 100 } : { rounds, requests: 1_000, scale: 1 };

const results = [];
for (const name of names) {
  console.error(`bench: ${name} …`);
  results.push(...((await MEASURES[name]?.(effort)) ?? []));
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
// Only a whole run is worth keeping.
if (positionals.length === 0 && !values.quick && rounds >= ROUNDS) {
  writeFileSync(at('bench/results.json'), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(at('docs/performance.svg'), chart(report));
}
const beyond = results.flatMap(({ findings }) => findings).filter((finding) => !isWithin(finding));
console.log(`\nbench: ${beyond.length} beyond their limit`);
process.exit(values.check && beyond.length > 0 ? 1 : 0);
