import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { startEmulator } from '../../lib/emulator/index.js';

const ROOT = resolve(__dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'docs/migrating.md'), 'utf8');
const run = promisify(execFile);

function codeOf(step: string, language: 'ts' | 'diff'): string {
  const code = new RegExp(`<!-- step: ${step} -->\\n\\n\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(PAGE)?.[1];
  if (code === undefined) throw new Error(`docs/migrating.md has no step ${step}`);
  return code;
}

/** Applies a diff without line numbers: each block of it must be found in the code, once. */
function applyDiff(code: string, diff: string): string {
  return diff.split('\n\n').reduce((patched, block) => {
    const lines = block.split('\n').filter((line) => line !== '');
    const textOf = (...marks: string[]) =>
      lines
        .filter(([mark = '']) => marks.includes(mark))
        .map((line) => `${line.slice(1)}\n`)
        .join('');
    const before = textOf(' ', '-');
    if (before === '') return textOf('+') + patched;
    if (patched.split(before).length !== 2) throw new Error(`not found, or not once:\n${before}`);
    return patched.replace(before, () => textOf(' ', '+'));
  }, code);
}

const before = codeOf('before', 'ts');
const STEPS: [string, string, { sentinel: number; idp: number }][] = [
  // The helper renews but the AppJWT, whichever token was refused.
  ['before', before, { sentinel: 3, idp: 1 }],
  // The helper's tokens, and ours.
  ['step 1', applyDiff(before, codeOf('1', 'diff')), { sentinel: 3, idp: 3 }],
  // The claims of the helper's tokens name the consumer.
  ['call sites that pass their own tokens', applyDiff(before, codeOf('tokens', 'diff')), { sentinel: 3, idp: 3 }],
  ['step 2', codeOf('2', 'ts'), { sentinel: 2, idp: 2 }],
  ['step 3', codeOf('3', 'ts'), { sentinel: 2, idp: 2 }],
];

it.each(STEPS)('%s of the migration is a connector that works', async (name, code, counts) => {
  const account = { accountId: '70012345', clientId: 'id', clientSecret: 'secret' };
  const cloud = await startEmulator({ accounts: [account] });
  const folder = mkdtempSync(join(ROOT, 'examples', '.migrating-'));
  try {
    writeFileSync(join(folder, 'connector.ts'), code);
    // Each message is awaited, so that what is revoked in between is revoked for the next.
    const main = `
      import { onIncomingSms } from './connector.js';
      process.stdin.on('data', async (text) => {
        await onIncomingSms('4915550001', String(text)).then(() => console.log('sent'), (error) => console.log(String(error)));
      });`;
    writeFileSync(join(folder, 'main.ts'), main);
    const env = {
      ...process.env,
      LP_ACCOUNT_ID: account.accountId,
      LP_CLIENT_ID: account.clientId,
      LP_CLIENT_SECRET: account.clientSecret,
      LP_DOMAIN_API: cloud.origin,
      LP_SENTINEL: cloud.origin,
      LP_IDP: cloud.origin,
      LP_MESSAGING: cloud.origin,
    };
    const connector = execFile(join(ROOT, 'node_modules/.bin/tsx'), [join(folder, 'main.ts')], { cwd: ROOT, env });
    const ended = new Promise((end) => connector.once('close', end));
    const say = async (text: string): Promise<string> => {
      const answer = new Promise<string>((heard) =>
        connector.stdout?.once('data', (data) => heard(String(data).trim())),
      );
      connector.stdin?.write(text);
      return Promise.race([answer, ended.then(() => 'the connector ended')]);
    };

    expect(await say('Hello')).toBe('sent');
    cloud.revokeAppJwts();
    expect(await say('Are you there?')).toBe('sent');
    cloud.revokeConsumerJws();
    // What the helper could not do.
    expect(await say('Still?')).toMatch(name === 'before' ? /status code 401/ : /^sent$/);
    connector.stdin?.end();
    await ended;
    const count = (service: string) => cloud.requests.filter((request) => request.service === service).length;
    expect({ sentinel: count('sentinel'), idp: count('idp') }).toEqual(counts);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await cloud.close();
  }
});

it('the code compiles, as strict as our own', async () => {
  const folder = mkdtempSync(join(ROOT, 'examples', '.migrating-'));
  try {
    for (const [name, code] of STEPS) writeFileSync(join(folder, `${name.replace(' ', '-')}.ts`), code);
    const config = {
      extends: '../../tsconfig.json',
      include: ['./*.ts', '../../lib'],
      compilerOptions: { paths: { 'axios-liveperson-auth': ['../../lib/index.ts'] } },
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const checked = run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder, '--noEmit']);
    await expect(checked.catch(({ stdout }) => Promise.reject(new Error(stdout)))).resolves.toBeDefined();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
