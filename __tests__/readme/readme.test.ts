import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { resolveOptions } from '../../lib/resolve-options.js';

const ROOT = resolve(__dirname, '../..');
const read = (page: string): string => readFileSync(join(ROOT, page), 'utf8');
const README = read('README.md');
const run = promisify(execFile);

const snippetsOf = (page: string): string[] =>
  [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code ?? '');
const PAGES = ['README.md', 'docs/errors.md', 'docs/fleet.md', 'docs/observability.md'];
const snippets = PAGES.map(read).flatMap(snippetsOf);

it('every snippet of the README and of the pages of docs/ above, every example and every test compiles against the sources', async () => {
  const folder = mkdtempSync(join(ROOT, 'examples', '.snippets-'));
  try {
    snippets.forEach((code, index) => {
      writeFileSync(join(folder, `snippet${index}.ts`), `${code}\nexport {};\n`);
    });
    const config = {
      extends: '../../tsconfig.json',
      include: ['./*.ts', '../../lib', '../../examples', '../../__tests__'],
      exclude: ['../../__tests__/package/fixtures'],
      compilerOptions: {
        // What a snippet makes is for its reader to use.
        noUnusedLocals: false,
        paths: {
          'axios-liveperson-auth': ['../../lib/index.ts'],
          'axios-liveperson-auth/emulator': ['../../lib/emulator/index.ts'],
          'axios-liveperson-auth/redis': ['../../lib/stores/redis.ts'],
          'axios-liveperson-auth/opentelemetry': ['../../lib/opentelemetry.ts'],
        },
      },
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const checked = run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder, '--noEmit']);
    await expect(checked.catch(({ stdout }) => Promise.reject(new Error(stdout)))).resolves.toBeDefined();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  expect(snippets).toHaveLength(12);
});

it('the options table names every option, and no other', () => {
  const table = /## Options[\s\S]*?\n\n(?=LivePerson)/.exec(README)?.[0] ?? '';
  const named = [...table.matchAll(/^\| (`[^|]+`) +\|/gm)].flatMap(([, names]) =>
    [...(names ?? '').matchAll(/`(\w+)/g)].map(([, name]) => name),
  );
  const resolved = Object.keys(resolveOptions({ accountId: 'a', clientId: 'b', clientSecret: 'c' }));
  expect(named.sort()).toEqual([...resolved, 'clientId', 'clientSecret'].sort());
});
