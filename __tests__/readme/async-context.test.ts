import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { SNIPPETS } from '../support/async-context-page.js';

const ROOT = resolve(__dirname, '../..');
const run = promisify(execFile);

// __tests__/flow/async-context.test.ts runs the snippets.
it('the snippets of docs/async-context.md compile, as strict as our own code', async () => {
  const folder = mkdtempSync(join(ROOT, 'examples', '.async-context-'));
  try {
    for (const [name, code] of SNIPPETS) writeFileSync(join(folder, name), code);
    const config = { extends: '../../tsconfig.json', include: ['./*.ts'] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const checked = run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder, '--noEmit']);
    await expect(checked.catch(({ stdout }) => Promise.reject(new Error(stdout)))).resolves.toBeDefined();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
