import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** What ships, proved from the packed tarball in small projects of their own. */
const ROOT = resolve(__dirname, '../..');
const FIXTURES = join(__dirname, 'fixtures');
const BIN = join(ROOT, 'node_modules/.bin');
const MINUTE = 60_000;

let workshop = '';
let tarball = '';

beforeAll(() => {
  workshop = mkdtempSync(join(tmpdir(), 'axios-liveperson-auth-'));
  // `npm test` has built already; what is packed is what it tested.
  const packed = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', workshop], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  const parsed: unknown = JSON.parse(packed);
  const [entry] = (Array.isArray(parsed) ? parsed : Object.values(parsed as object)) as { filename: string }[];
  tarball = join(workshop, entry?.filename ?? '');
}, MINUTE);

afterAll(() => rmSync(workshop, { recursive: true, force: true }));

/** A project with nothing in it but the tarball and what is named. */
function createProject(name: string, manifest: object, packages: string[] = []): string {
  const folder = join(workshop, name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, private: true, ...manifest }));
  const install = [
    'install',
    '--no-audit',
    '--no-fund',
    '--prefer-offline',
    '--ignore-scripts',
    tarball,
    'axios',
    ...packages,
  ];
  execFileSync('npm', install, { cwd: folder, stdio: 'pipe' });
  return folder;
}

function run(folder: string, command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}:\n${stdout}\n${stderr}`);
  return stdout;
}

describe('a project that installs the tarball', () => {
  let project = '';

  beforeAll(() => {
    project = createProject('modules', {}, ['@types/node@20']);
    cpSync(join(FIXTURES, 'modules'), project, { recursive: true });
    cpSync(join(project, 'use.mts'), join(project, 'use.cts'));
  }, 3 * MINUTE);

  it.each([
    ['sends with both tokens and replays, imported', 'import.mjs'],
    ['sends with both tokens and replays, required', 'require.cjs'],
    ['may hold both builds at once: each recognises the errors of the other', 'both.mjs'],
    ['reaches what is exported and nothing else', 'paths.cjs'],
  ])('%s', (_, file) => {
    run(project, 'node', file);
  });

  it.each([
    ['nodenext, ESM', 'use.mts', ['--module', 'nodenext']],
    ['nodenext, CommonJS', 'use.cts', ['--module', 'nodenext']],
    ['bundler', 'use.mts', ['--module', 'esnext', '--moduleResolution', 'bundler']],
  ])('compiles in TypeScript, and wrong types are errors (%s)', (_, file, flags) => {
    run(
      project,
      join(BIN, 'tsc'),
      '--noEmit',
      '--strict',
      '--exactOptionalPropertyTypes',
      '--target',
      'es2022',
      '--types',
      'node',
      ...flags,
      file,
    );
  });
});

it.each([
  ['29', 3 * MINUTE],
  ['30', 3 * MINUTE],
])(
  'a CommonJS project under Jest %s with no Jest configuration requires it',
  (version) => {
    const project = createProject(`jest${version}`, {}, [`jest@${version}`]);
    cpSync(join(FIXTURES, 'jest'), project, { recursive: true });
    run(project, 'npx', 'jest');
  },
  4 * MINUTE,
);

it('the tarball holds the build and the papers, in less than 120 KB', () => {
  const files = run(workshop, 'tar', '-tf', tarball).trim().split('\n');
  const strange = files.filter(
    (file) => !/^package\/(dist\/|package\.json$|README\.md$|LICENSE$|CHANGELOG\.md$)/.test(file),
  );
  expect(strange).toEqual([]);
  expect(files).toEqual(expect.arrayContaining(['package/README.md', 'package/LICENSE', 'package/CHANGELOG.md']));
  expect(readFileSync(tarball).byteLength).toBeLessThan(120_000);
});

it(
  'publint and attw find nothing',
  () => {
    run(ROOT, join(BIN, 'publint'), '--strict', '--pack', 'false');
    run(ROOT, join(BIN, 'attw'), tarball);
  },
  MINUTE,
);
