import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { effort } from '../support/effort.js';
import { bundleSimulation, plant } from './bundle.js';
import { PLANTED_BUGS, type PlantedBug } from './planted-bugs.js';

const SEEDS = effort(300);
const SEEDS_FOR_A_BUG = 1_000;

const folder = mkdtempSync(join(tmpdir(), 'simulation-'));
const clean = join(folder, 'clean.mjs');
beforeAll(() => bundleSimulation(clean));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a bundle in a process of its own, because it replaces the process's time and timers. */
function run(bundle: string, ...args: (string | number)[]) {
  return new Promise<{ code: number; lines: string[]; stderr: string }>((resolve) => {
    const options = { maxBuffer: 1e8 };
    execFile(process.execPath, [bundle, ...args.map(String)], options, (error, stdout, stderr) => {
      const code = typeof error?.code === 'number' ? error.code : error ? -1 : 0;
      resolve({ code, lines: stdout.trimEnd().split('\n'), stderr });
    });
  });
}

it(`${SEEDS} seeds keep every guarantee`, async () => {
  const { code, lines } = await run(clean, '--seeds', SEEDS);
  expect(lines).toEqual([`simulation: ${SEEDS} passed, 0 failed`]);
  expect(code).toBe(0);
});

it.each([3, 47, 4711])('seed %d gives the same trace each time', async (seed) => {
  const [first, second] = [await run(clean, '--seed', seed), await run(clean, '--seed', seed)];
  expect(first.lines.length).toBeGreaterThan(20);
  expect(second.lines).toEqual(first.lines);
});

describe.each(PLANTED_BUGS)('the planted bug: $name', (bug: PlantedBug) => {
  const bundle = join(folder, `${PLANTED_BUGS.indexOf(bug)}.mjs`);

  it(`is found within ${SEEDS_FOR_A_BUG} seeds, and its seed replays it`, async () => {
    await bundleSimulation(bundle, bug);
    const found = await run(bundle, '--seeds', SEEDS_FOR_A_BUG, '--first');
    expect(found.code).toBe(1);
    const [, seed = '', violation = ''] = /^seed (\d+): (.+)$/.exec(found.lines[0] ?? '') ?? [];
    expect(found.lines[1]).toBe(`  Replay it: npm run simulate -- --seed ${seed}`);

    const replayed = await run(bundle, '--seed', seed);
    expect(replayed.lines.some((line) => line.endsWith(`BROKEN: ${violation}`))).toBe(true);
    const withoutBug = await run(clean, '--seed', seed);
    expect(withoutBug.lines.at(-1)).toBe('simulation: 1 passed, 0 failed');
  });
});

it.each([0, 2])('a bug whose text occurs %d times cannot be planted', (times) => {
  const bug = { name: 'any', file: 'lib/any.ts', search: 'text', replacement: 'other' };
  expect(() => plant('text'.repeat(times), bug)).toThrow(`its text occurs ${times} times in lib/any.ts`);
});

it('a bug in a file that is not part of the simulation cannot be planted', async () => {
  const bug = { name: 'any', file: 'lib/emulator/index.ts', search: 'x', replacement: 'y' };
  await expect(bundleSimulation(join(folder, 'none.mjs'), bug)).rejects.toThrow('is not part of the simulation');
});

it.each([
  [['--seeds', 'many'], '--seeds must be a whole number; received "many".'],
  [['--seed', '-1'], "Option '--seed' argument is ambiguous."],
  [['--sed', '1'], "Unknown option '--sed'"],
])('%j ends with the usage error', async (args, message) => {
  const { code, stderr } = await run(clean, ...args);
  expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
});
