import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };

/** The scripts of this project. The others run a tool, which has its own help. */
const own = Object.entries(scripts).filter(([, command]) => /^(node scripts\/|tsx )\S*[^&]*$/.test(command));

const run = (command: string, flag: string) => {
  const [program = '', ...args] = command.split(' ');
  const started = program === 'tsx' ? ['node_modules/tsx/dist/cli.mjs', ...args] : args;
  return spawnSync(process.execPath, [...started, flag], { cwd: ROOT, encoding: 'utf8', timeout: 120_000 });
};

it('all scripts of this project are known', () => {
  expect(own.map(([name]) => name)).toEqual(
    expect.arrayContaining(['build', 'example', 'bench', 'bench:fleet', 'bench:publish', 'matrix', 'soak', 'api']),
  );
});

it.each(own)('npm run %s prints its usage when asked for it', (name, command) => {
  expect(run(command, '--help')).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(new RegExp(`^usage: npm run ${name}\\b`, 'i')),
    stderr: '',
  });
});

it.each(own)('npm run %s refuses an unknown flag before it starts work', (_, command) => {
  expect(run(command, '--nope')).toMatchObject({
    status: 2,
    stdout: '',
    stderr: expect.stringMatching(/Unknown option '--nope'[\s\S]*(usage: npm run|--help shows the usage)/i),
  });
});

it('npm run example refuses a name that does not exist', () => {
  const { status, stdout, stderr } = run('node scripts/example.mjs', 'conector');
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/There is no example "conector"\.[\s\S]*\n {2}connector\n/);
});
