// Runs an example of examples/ against the emulator:
//   npm run example          the quickstart
//   npm run example NAME     examples/NAME.ts, examples/NAME/main.ts, or the tests of examples/NAME.test.ts with Jest
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');
const FOLDER = join(ROOT, 'examples');

const TSX = ['node_modules/tsx/dist/cli.mjs'];
const JEST = ['node_modules/jest/bin/jest.js', '--roots', 'examples', '--verbose', '--runTestsByPath'];

const examples = new Map();
for (const entry of readdirSync(FOLDER).sort()) {
  if (entry.endsWith('.test.ts')) examples.set(entry.replace('.test.ts', ''), [...JEST, join('examples', entry)]);
  else if (entry.endsWith('.ts')) examples.set(entry.replace('.ts', ''), [...TSX, join('examples', entry)]);
  else if (existsSync(join(FOLDER, entry, 'main.ts')))
    examples.set(entry, [...TSX, join('examples', entry, 'main.ts')]);
}

const [name = 'quickstart', ...args] = process.argv.slice(2);
const command = examples.get(name);
if (command) {
  const { status } = spawnSync(process.execPath, [...command, ...args], { cwd: ROOT, stdio: 'inherit' });
  process.exitCode = status ?? 1;
} else {
  console.error(`There is no example ${JSON.stringify(name)}. There are: ${[...examples.keys()].join(', ')}.`);
  process.exitCode = 2;
}
