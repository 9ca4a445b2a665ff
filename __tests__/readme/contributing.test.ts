import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { SEND } from '../support/cloud.js';
import { startConnector, stopConnectors } from '../support/connector.js';

afterEach(stopConnectors);

it('a 503 is not sent again', async () => {
  const { cloud, http } = await startConnector();
  cloud.script.send = () => ({ status: 503 });
  await expect(http.post(SEND, {}, { onBehalfOf: 'c' })).rejects.toMatchObject({ status: 503 });
  expect(cloud.count('send')).toBe(1);
});

it('that test is the one which CONTRIBUTING.md shows', () => {
  const page = readFileSync(resolve(__dirname, '../../CONTRIBUTING.md'), 'utf8');
  const shown = /```ts\n([\s\S]*?)```/.exec(page)?.[1]?.replace(/^ {3}/gm, '').trim();
  expect(shown).toMatch(/^it\('a 503/);
  expect(readFileSync(__filename, 'utf8')).toContain(shown);
});
