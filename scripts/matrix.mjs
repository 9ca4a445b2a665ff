// Proves the packed tarball on every Axios, Node, module kind and test runner that the README names: one line for each cell.
//   node scripts/matrix.mjs [part of a cell's name]   runs the cells whose name contains it
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';

const AXIOS = ['1.17.0', '1.18.0', 'latest'];
const NODES = ['20.19.0', '22', '24', '26'];
/** Older ones than the first are tried on the newest Axios alone. */
const TYPESCRIPTS = ['6', '5.9', '5.4'];
const [LOWEST_NODE] = NODES;
/** What a connector's own tests may run in. The newest Vitest needs Node 22. */
const RUNNERS = [
  { name: 'Jest 29', packages: ['jest@29'], fixture: 'jest', command: ['jest/bin/jest.js'], nodes: NODES },
  { name: 'Jest 30', packages: ['jest@30'], fixture: 'jest', command: ['jest/bin/jest.js'], nodes: NODES },
  {
    name: 'Vitest 3',
    packages: ['vitest@3'],
    fixture: 'vitest',
    command: ['vitest/vitest.mjs', 'run'],
    nodes: ['20.19.0', '22'],
  },
  {
    name: 'Vitest 5',
    packages: ['vitest@5'],
    fixture: 'vitest',
    command: ['vitest/vitest.mjs', 'run'],
    nodes: ['22', '24', '26'],
  },
];
const MODULE_KINDS = [
  { name: 'import', file: 'import.mjs' },
  { name: 'require', file: 'require.cjs' },
  { name: 'both builds at once', file: 'both.mjs' },
];
const TYPE_KINDS = [
  { name: 'nodenext ESM', file: 'use.mts', flags: ['--module', 'nodenext'] },
  { name: 'nodenext CommonJS', file: 'use.cts', flags: ['--module', 'nodenext'] },
  { name: 'bundler', file: 'use.mts', flags: ['--module', 'esnext', '--moduleResolution', 'bundler'] },
];

const ROOT = resolve(import.meta.dirname, '..');
const FIXTURES = join(ROOT, '__tests__/package/fixtures');
const workshop = mkdtempSync(join(tmpdir(), 'axios-liveperson-auth-matrix-'));
process.on('exit', () => rmSync(workshop, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

const [wanted = ''] = process.argv.slice(2);
let passed = 0;
let failed = 0;

/** A project with nothing in it but these packages, made when a cell first needs it. */
const projects = new Map();
function project(name, packages) {
  const folder = join(workshop, name);
  if (!projects.has(name)) {
    mkdirSync(folder);
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, private: true }));
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...packages], {
      cwd: folder,
      stdio: 'pipe',
    });
    projects.set(name, folder);
  }
  return folder;
}

/** The package `node` brings the executable itself. */
const node = (version) => join(project(`node-${version}`, [`node@${version}`]), 'node_modules/node/bin/node');
const versionOf = (folder, name) =>
  JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')).version;

const tarball = (() => {
  const packed = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--pack-destination', workshop], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  const [{ filename }] = Array.isArray(packed) ? packed : Object.values(packed);
  return join(workshop, filename);
})();

function connector(axiosVersion) {
  const known = projects.has(`axios-${axiosVersion}`);
  const folder = project(`axios-${axiosVersion}`, [tarball, `axios@${axiosVersion}`, '@types/node@20']);
  if (!known) {
    cpSync(join(FIXTURES, 'modules'), folder, { recursive: true });
    cpSync(join(folder, 'use.mts'), join(folder, 'use.cts'));
  }
  return folder;
}

function run(executable, args, { cwd, env = {} }) {
  // What is started from within finds the same Node first.
  const PATH = `${dirname(executable)}${delimiter}${process.env.PATH}`;
  return spawnSync(executable, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, PATH, ...env },
    timeout: 600_000,
  });
}

/** Runs a cell, which gives `{ tests, output }`: how many tests passed, and what to show when not all did. */
function cell(name, check) {
  if (!name.includes(wanted)) return;
  const startedAt = performance.now();
  let result;
  try {
    result = check();
  } catch (error) {
    result = { passed: 0, failed: 1, output: String(error.stderr ?? '') + error.stack };
  }
  passed += result.passed;
  failed += result.failed;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(
    `${result.failed ? 'FAIL' : 'ok  '}  ${name}: ${result.passed} passed, ${result.failed} failed (${seconds} s)`,
  );
  if (result.failed) console.log(result.output);
}

const one = (isRight, { stdout, stderr }) => ({
  passed: Number(isRight),
  failed: Number(!isRight),
  output: stdout + stderr,
});

/** The flow tests of the project, on the tarball and on another Axios than the installed one. */
function flow(axiosVersion, nodeVersion) {
  const folder = connector(axiosVersion);
  const config = join(workshop, `jest-${axiosVersion}.config.mjs`);
  const mapper = {
    '^(\\.\\./)+lib/index\\.js$': join(folder, 'node_modules/axios-liveperson-auth/dist/cjs/index.js'),
    '^axios$': join(folder, 'node_modules/axios/dist/node/axios.cjs'),
  };
  writeFileSync(
    config,
    `import base from ${JSON.stringify(join(ROOT, 'jest.config.mjs'))};
     export default { ...base, rootDir: ${JSON.stringify(ROOT)}, roots: ['<rootDir>/__tests__/flow'],
       moduleNameMapper: { ...${JSON.stringify(mapper)}, ...base.moduleNameMapper } };`,
  );
  const results = join(workshop, 'results.json');
  rmSync(results, { force: true });
  const args = [
    join(ROOT, 'node_modules/jest/bin/jest.js'),
    '-c',
    config,
    '--json',
    '--outputFile',
    results,
    '--maxWorkers',
    '2',
  ];
  // Each Axios meets all the hostile URLs once, on the oldest Node; on the others a sample.
  const env = nodeVersion === LOWEST_NODE ? {} : { TEST_EFFORT: '0.05' };
  const { stderr } = run(node(nodeVersion), args, { cwd: ROOT, env });
  const { numPassedTests, numFailedTests, numFailedTestSuites } = JSON.parse(readFileSync(results, 'utf8'));
  return { passed: numPassedTests, failed: numFailedTests || numFailedTestSuites, output: stderr };
}

for (const axiosVersion of AXIOS) {
  const axiosName =
    axiosVersion === 'latest' ? `Axios ${versionOf(connector('latest'), 'axios')} (latest)` : `Axios ${axiosVersion}`;
  for (const nodeVersion of NODES) {
    cell(`${axiosName} · Node ${nodeVersion} · flow tests`, () => flow(axiosVersion, nodeVersion));
    for (const { name, file } of MODULE_KINDS) {
      cell(`${axiosName} · Node ${nodeVersion} · ${name}`, () => {
        const ended = run(node(nodeVersion), [file], { cwd: connector(axiosVersion) });
        return one(ended.status === 0, ended);
      });
    }
  }
  for (const typescript of axiosVersion === 'latest' ? TYPESCRIPTS : TYPESCRIPTS.slice(0, 1)) {
    for (const { name, file, flags } of TYPE_KINDS) {
      cell(`${axiosName} · TypeScript ${typescript} · ${name}`, () => {
        const compiler = join(
          project(`typescript-${typescript}`, [`typescript@${typescript}`]),
          'node_modules/typescript/bin/tsc',
        );
        const strict = [
          '--noEmit',
          '--strict',
          '--exactOptionalPropertyTypes',
          '--target',
          'es2022',
          '--types',
          'node',
        ];
        const ended = run(process.execPath, [compiler, ...strict, ...flags, file], { cwd: connector(axiosVersion) });
        return one(ended.status === 0, ended);
      });
    }
  }
}

for (const { name, packages, fixture, command, nodes } of RUNNERS) {
  for (const nodeVersion of nodes) {
    cell(`${name} · Node ${nodeVersion}`, () => {
      const folder = project(name.replace(' ', '-'), [tarball, 'axios', ...packages]);
      cpSync(join(FIXTURES, fixture), folder, { recursive: true });
      const [script, ...args] = command;
      const ended = run(node(nodeVersion), [join('node_modules', script), ...args], { cwd: folder });
      return one(ended.status === 0, ended);
    });
  }
}

console.log(`matrix: ${passed} passed, ${failed} failed`);
process.exitCode = failed || !passed ? 1 : 0;
