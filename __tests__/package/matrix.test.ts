import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';

const MATRIX = join(resolve(__dirname, '../..'), 'scripts/matrix.mjs');

const matrix = (...args: string[]) =>
  spawnSync(process.execPath, [MATRIX, ...args], { encoding: 'utf8', timeout: 120_000 });

it('npm run matrix prints its usage when asked for it', () => {
  expect(matrix('--help')).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^Usage: npm run matrix/),
    stderr: '',
  });
});

it.each([
  ['an unknown flag', ['--hlep'], '--hlep'],
  ['more than one part of a name', ['Node', '24'], 'Node, 24'],
])('npm run matrix refuses %s, and starts no work', (_, args, named) => {
  const { status, stdout, stderr } = matrix(...args);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toContain(named);
  expect(stderr).toContain('Usage: npm run matrix');
});
