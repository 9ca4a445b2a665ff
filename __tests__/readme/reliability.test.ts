import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FAULTS } from '../../soak/faults.js';

const page = readFileSync(resolve(__dirname, '../../docs/reliability.md'), 'utf8');
const promises = page.slice(page.indexOf('## Promises'), page.indexOf('\n## ', page.indexOf('## Promises')));
const references = [...promises.matchAll(/`([\w/-]+\.test\.ts)`: (.+?) +\|$/gm)].map(
  ([, file = '', title = '']) => [file, title] as const,
);

it('docs/reliability.md names a test for every promise', () => {
  const rows = promises.split('\n').filter((line) => line.startsWith('| ') && !/^\| (promise|-)/.test(line));
  expect(rows.length).toBeGreaterThan(15);
  expect(references).toHaveLength(rows.length);
});

it.each(references)('that there is: %s has “%s”', (file, title) => {
  const path = join(__dirname, '..', file);
  expect(existsSync(path)).toBe(true);
  expect(readFileSync(path, 'utf8')).toContain(title);
});

it('its soak has every fault of the schedule', () => {
  for (const { name } of FAULTS) expect(page).toContain(`| ${name} `);
});

it('its soak checks what the page says', () => {
  const soak = readFileSync(resolve(__dirname, '../../soak/soak.ts'), 'utf8');
  const list = /It checks:\n\n((?:- .+\n)+)/.exec(page)?.[1] ?? '';
  const checks = [...list.matchAll(/^- (.+)$/gm)].map(([, check]) => check);
  expect(checks).toHaveLength(7);
  for (const check of checks) expect(soak).toContain(check);
});

it('every module that its tables name exists', () => {
  const names = [...page.slice(page.indexOf('## Mutation')).matchAll(/`([\w/-]+\.ts)`/g)].map(([, name = '']) => name);
  expect(names.length).toBeGreaterThan(10);
  for (const name of names)
    expect({ name, exists: existsSync(join(__dirname, '../../lib', name)) }).toEqual({ name, exists: true });
});
