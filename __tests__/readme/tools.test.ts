import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { doctorCommand } from '../../lib/cli/doctor/command.js';
import { KINDS } from '../../lib/cli/doctor/diagnosis.js';
import { STEPS } from '../../lib/cli/doctor/examine.js';
import { emulatorCommand } from '../../lib/cli/emulator/command.js';
import { closeEmulators, converse, start } from '../emulator/client.js';

const ROOT = resolve(__dirname, '../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const [doctor, emulator] = [read('docs/doctor.md'), read('docs/emulator.md')];
const run = promisify(execFile);

/** First cells of the rows of a page's tables, without flags' values. */
const firstCells = (page: string) => [...page.matchAll(/^\| `([^`]+)`/gm)].map(([, cell = '']) => cell);

afterEach(closeEmulators);

it('docs/doctor.md names every kind of diagnosis and every step, and no other', () => {
  const kinds = firstCells(doctor.slice(doctor.indexOf('## What it finds'))).slice(1);
  expect(kinds.sort()).toEqual([...KINDS].sort());
  const steps = [...doctor.matchAll(/^\| [^|`]+ \| `(\w+)` /gm)].map(([, name]) => name);
  expect(steps.slice(1)).toEqual([...STEPS]);
});

it.each([
  ['docs/doctor.md', doctor, doctorCommand.flags],
  ['docs/emulator.md', emulator, emulatorCommand.flags],
])('%s names every flag with its value, and no other', (_, page, flags) => {
  const named = firstCells(page).filter((cell) => cell.startsWith('--'));
  const known = Object.entries(flags).map(([name, flag]) => `--${name}${'value' in flag ? ` ${flag.value}` : ''}`);
  expect(named).toEqual(known);
});

describe('the control API in docs/emulator.md', () => {
  const calls = [...emulator.matchAll(/^curl (?:-X (\w+) )?localhost:4790(\S+)(?: -d '(.*)')?$/gm)].map(
    ([, method = 'GET', path = '', body]) => ({ method, path, ...(body && { body }) }),
  );

  it('works as written, call by call', async () => {
    const cloud = await start({ controlApi: true });
    await converse(cloud, 'sms-4915550001');
    expect(calls).toHaveLength(24);
    for (const { method, path, body } of calls) {
      // The content type that curl -d sends.
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const answer = await fetch(cloud.origin + path, { method, headers, ...(body && { body }) });
      expect([path, answer.status]).toEqual([path, 200]);
    }
  });

  it('is described and called from end to end', async () => {
    const cloud = await start({ controlApi: true });
    const { routes } = JSON.parse(await (await fetch(`${cloud.origin}/emulator`)).text());
    const names = routes.map(
      ({ method, path }: { method: string; path: string }) => `${method} ${path.slice(9) || '/'}`,
    );
    expect(firstCells(emulator).filter((cell) => /^(GET|POST) /.test(cell))).toEqual(names);
    const called = calls.map(({ method, path }) => `${method} ${path.replace(/\?.*/, '').slice(9) || '/'}`);
    expect(called.sort()).toEqual([...names].sort());
  });
});

describe('the examples of docs/emulator.md', () => {
  const examples = [...emulator.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code);

  it.each([
    [0, "delivered [ 'How can I help?' ]\n"],
    [1, 'domain,sentinel,idp,send\n'],
  ])('number %i runs as written', async (index, printed) => {
    expect(examples).toHaveLength(2);
    const folder = mkdtempSync(join(ROOT, 'examples', '.snippets-'));
    try {
      writeFileSync(join(folder, 'snippet.ts'), examples[index] ?? '');
      const { stdout } = await run(join(ROOT, 'node_modules/.bin/tsx'), [join(folder, 'snippet.ts')], { cwd: ROOT });
      expect(stdout).toBe(printed);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
