// Runs an example of examples/ against the emulator:
//   npm run example          the quickstart
//   npm run example NAME     examples/NAME.ts, examples/NAME/main.ts, or the tests of examples/NAME.test.ts with Jest
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readArguments } from './arguments.mjs';

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

const { positionals } = readArguments({
  usage: `Usage: npm run example -- [NAME]

Runs an example against the emulator. The default is quickstart. There are:

  ${[...examples.keys()].join('\n  ')}
`,
  allowPositionals: true,
  check({ positionals: [name, ...others] }) {
    if (name !== undefined && !examples.has(name)) throw new Error(`There is no example ${JSON.stringify(name)}.`);
    if (others.length > 0) throw new Error(`Only one example at a time. Received: ${[name, ...others].join(', ')}.`);
  },
});
const command = examples.get(positionals[0] ?? 'quickstart');
const { status } = spawnSync(process.execPath, command, { cwd: ROOT, stdio: 'inherit' });
process.exitCode = status ?? 1;
