import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { closeClouds, startCloud } from '../support/cloud.js';
import { closeRedis, startRedis } from './support/redis-server.js';

const run = promisify(execFile);
const snippets = ['README.md', 'docs/fleet.md']
  .flatMap((page) => [...readFileSync(page, 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code))
  .filter((code) => /const redis = /.test(code));

afterEach(async () => {
  await Promise.all([closeClouds(), closeRedis()]);
});

it('the set-up is shown for both clients, in the README and in docs/fleet.md', () => {
  expect(snippets.map((code) => /from '(redis|ioredis)'/.exec(code)?.[1])).toEqual(['redis', 'redis', 'ioredis']);
});

it.each([
  ['down', 0],
  ['up', 1],
  ['up', 2],
  ['down', 1],
  ['down', 2],
])('with Redis %s, set-up %i starts and serves', async (state, index) => {
  const cloud = await startCloud();
  const redis = await startRedis();
  if (state === 'down') await redis.stop();
  const folder = mkdtempSync(join('examples', '.set-up-'));
  const file = join(folder, 'main.ts');
  const code = (snippets[index] ?? '').replace(
    'createConnectorAuth({',
    'createConnectorAuth({ domainApi: process.env.CLOUD!,',
  );
  const use = `
auth.on('store-error', ({ reason, code }) => console.log('fault', reason, code));
console.log('jws', await auth.getConsumerJws('c', { accountId: '70012345' }));
await auth.close();
console.log('closed');
process.exit();`;
  writeFileSync(file, code + use);
  const env = {
    ...process.env,
    CLOUD: cloud.origin,
    REDIS_URL: redis.url,
    LP_CLIENT_ID: 'id',
    LP_CLIENT_SECRET: 'secret',
    LP_STORE_SECRET: 'a passphrase of the test',
  };
  try {
    const { stdout } = await run('node_modules/.bin/tsx', [file], { env });
    expect(stdout).toMatch(/^jws ey/m);
    expect(stdout).toContain('closed');
    expect(/^fault failed/m.test(stdout)).toBe(state === 'down');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
