import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FAULTS } from '../../soak/faults.js';

const page = readFileSync(resolve(__dirname, '../../docs/reliability.md'), 'utf8');
const promises = page.slice(page.indexOf('## Promises'), page.indexOf('## Soak'));
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
