// Runs simulations: npm run simulate [-- --seeds 1000 --from 1 --first], or one seed with its trace: -- --seed 4711
import { parseArgs } from 'node:util';
import { virtualiseProcess } from './scheduler.js';
import { simulate } from './simulate.js';

const USAGE = `Usage: npm run simulate -- [options]

Simulates processes, services and a store in virtual time. A seed decides everything that happens.

  --seeds N   how many seeds (default 1000)
  --from N    the first seed (default 1)
  --first     stop at the first seed that fails
  --seed N    one seed, with a trace of what happened
  --help      this text`;

const { values } = readArguments();
if (values.help) {
  console.log(USAGE);
} else if (values.seed !== undefined) {
  virtualiseProcess();
  const { violation, trace } = await simulate(wholeNumber('seed', values.seed), true);
  for (const line of trace) console.log(line);
  report(violation === undefined ? 1 : 0, violation === undefined ? 0 : 1);
} else {
  const [seeds, from] = [wholeNumber('seeds', values.seeds), wholeNumber('from', values.from)];
  virtualiseProcess();
  await simulateMany(from, seeds);
}

async function simulateMany(from: number, seeds: number): Promise<void> {
  let passed = 0;
  let failed = 0;
  for (let seed = from; seed < from + seeds && !(values.first && failed > 0); seed++) {
    const { violation } = await simulate(seed);
    if (violation === undefined) {
      passed += 1;
      continue;
    }
    failed += 1;
    console.log(`seed ${seed}: ${violation}`);
    console.log(`  Replay it: npm run simulate -- --seed ${seed}`);
  }
  report(passed, failed);
}

/** The last line, which .ci/run reads. */
function report(passed: number, failed: number): void {
  console.log(`simulation: ${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        seeds: { type: 'string', default: '1000' },
        from: { type: 'string', default: '1' },
        first: { type: 'boolean', default: false },
        seed: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    return failUsage((error as Error).message);
  }
}

function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(number)) return number;
  return failUsage(`--${name} must be a whole number; received ${JSON.stringify(text)}.`);
}

function failUsage(message: string): never {
  console.error(`simulate: ${message}`);
  console.error('simulate: --help shows the usage.');
  process.exit(2);
}
