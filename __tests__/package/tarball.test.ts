import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';

/** What ships, proved from the packed tarball in small projects of their own. */
const ROOT = resolve(__dirname, '../..');
const FIXTURES = join(__dirname, 'fixtures');
const BIN = join(ROOT, 'node_modules/.bin');
const NODE10 = [
  ...['--module', 'commonjs', '--moduleResolution', 'node10', '--esModuleInterop'],
  ...['--ignoreDeprecations', '6.0'],
];

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
});

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
  });

  it.each([
    ['sends with both tokens and replays, imported', 'import.mjs'],
    ['sends with both tokens and replays, required', 'require.cjs'],
    ['may hold both builds at once: each recognises the errors of the other', 'both.mjs'],
    ['reaches what is exported and nothing else', 'paths.cjs'],
  ])('%s', (_, file) => {
    run(project, 'node', file);
  });

  it('has an executable that starts', () => {
    const bin = join(project, 'node_modules/.bin/axios-liveperson-auth');
    expect(run(project, bin, '--version').trim()).toBe(
      JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version,
    );
    const { status, stdout } = spawnSync(bin, ['doctor', '--domain-api', 'http://127.0.0.1:1', '--account', '1'], {
      cwd: project,
      encoding: 'utf8',
      env: { ...process.env, LP_CLIENT_ID: 'id', LP_CLIENT_SECRET: 'secret' },
    });
    expect([status, stdout]).toEqual([1, expect.stringContaining('could not be reached (ECONNREFUSED)')]);
    const [axios, aside] = [join(project, 'node_modules/axios'), join(project, 'node_modules/.axios')];
    renameSync(axios, aside);
    const { status: failed, stderr } = spawnSync(bin, ['doctor'], { cwd: project, encoding: 'utf8' });
    renameSync(aside, axios);
    expect([failed, stderr]).toEqual([1, 'axios-liveperson-auth: axios is not installed: npm install axios\n']);
  });

  it.each([
    ['nodenext, ESM', 'modules/use', 'mts', ['--module', 'nodenext']],
    ['nodenext, CommonJS', 'modules/use', 'cts', ['--module', 'nodenext']],
    ['bundler', 'modules/use', 'mts', ['--module', 'esnext', '--moduleResolution', 'bundler']],
    ['node10', 'modules/use', 'ts', NODE10],
    ['nodenext, ESM, with both kinds of Axios', 'types/both-kinds', 'mts', ['--module', 'nodenext']],
    ['nodenext, CommonJS, with both kinds of Axios', 'types/both-kinds', 'cts', ['--module', 'nodenext']],
  ])('compiles in TypeScript, and wrong types are errors (%s)', (_, fixture, extension, flags) => {
    const file = `${basename(fixture)}.${extension}`;
    cpSync(join(FIXTURES, `${fixture}.mts`), join(project, file));
    const strict = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'es2022', '--types', 'node'];
    run(project, join(BIN, 'tsc'), ...strict, ...flags, file);
  });
});

describe('a project that has OpenTelemetry’s API too', () => {
  let project = '';

  beforeAll(() => {
    // The lowest version that the package allows.
    project = createProject('opentelemetry', {}, ['@opentelemetry/api@1.9.0', '@types/node@20']);
    cpSync(join(FIXTURES, 'modules'), project, { recursive: true });
  });

  it('has one span for each message, with both builds of the package and of the bridge', () => {
    run(project, 'node', 'opentelemetry.mjs');
  });

  it.each([
    ['nodenext, ESM', 'mts', ['--module', 'nodenext']],
    ['nodenext, CommonJS', 'cts', ['--module', 'nodenext']],
    ['bundler', 'mts', ['--module', 'esnext', '--moduleResolution', 'bundler']],
    ['node10', 'ts', NODE10],
  ])('compiles with the bridge (%s)', (_, extension, flags) => {
    const file = `bridge.${extension}`;
    cpSync(join(FIXTURES, 'types/opentelemetry.mts'), join(project, file));
    const strict = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'es2022', '--types', 'node'];
    run(project, join(BIN, 'tsc'), ...strict, ...flags, file);
  });
});

it.each([['29'], ['30']])(
  'a CommonJS project under Jest %s with no Jest configuration requires it, mocked and in jsdom too',
  (version) => {
    const project = createProject(`jest${version}`, {}, [`jest@${version}`, `jest-environment-jsdom@${version}`]);
    cpSync(join(FIXTURES, 'jest'), project, { recursive: true });
    run(project, 'npx', 'jest');
  },
);

it('a project under Jest with jsdom requires it, and sends through the emulator’s adapter', () => {
  const project = createProject('jest-jsdom', {}, ['jest@30', 'jest-environment-jsdom@30']);
  cpSync(join(FIXTURES, 'jest-jsdom'), project, { recursive: true });
  run(project, 'npx', 'jest');
});

it('the tarball holds the build and the documents, and nothing else', () => {
  const files = run(workshop, 'tar', '-tf', tarball).trim().split('\n');
  const documents =
    /^package\/(package\.json|LICENSE|(README|CHANGELOG|CONTRIBUTING|SECURITY)\.md|docs\/[\w-]+\.(md|svg))$/;
  expect(files.filter((file) => !file.startsWith('package/dist/') && !documents.test(file))).toEqual([]);
  const expected = [
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
    'SECURITY.md',
    'docs/errors.md',
    'dist/THIRD-PARTY-NOTICES.txt',
  ];
  expect(files).toEqual(expect.arrayContaining(expected.map((file) => `package/${file}`)));
});

it('publint and attw find nothing', () => {
  run(ROOT, join(BIN, 'publint'), '--strict', '--pack', 'false');
  run(ROOT, join(BIN, 'attw'), tarball);
});
