// Tests the packed tarball on every Axios, Node, Bun, Deno, TypeScript, module kind and test runner that the README names.
// Prints one line for each combination (a cell).
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { readArguments } from './arguments.mjs';

const AXIOS = ['1.17.0', '1.18.0', 'latest'];
const NODES = ['20.19.0', '22', '24', '26'];
/** The first one compiles against every Axios, the others against the newest Axios only. */
const TYPESCRIPTS = ['6', '5.9', '5.4'];
const [NEWEST_TYPESCRIPT] = TYPESCRIPTS;
const [LOWEST_NODE] = NODES;
/** What a connector's own tests may run in. The newest Vitest needs Node 22. */
const RUNNERS = [
  {
    name: 'Jest 29',
    packages: ['jest@29', 'jest-environment-jsdom@29'],
    fixture: 'jest',
    command: ['jest/bin/jest.js'],
    nodes: NODES,
  },
  {
    name: 'Jest 30',
    packages: ['jest@30', 'jest-environment-jsdom@30'],
    fixture: 'jest',
    command: ['jest/bin/jest.js'],
    nodes: NODES,
  },
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
/** Runtimes other than Node, with the arguments that go before the file. */
const RUNTIMES = [
  { name: 'Bun 1', packages: ['bun@1'], executable: 'bun', args: ['run'] },
  { name: 'Deno 2', packages: ['deno@2'], executable: 'deno', args: ['run', '--allow-all'] },
];
const ADAPTERS = ['http', 'fetch'];
/** The fixtures are ESM. A copy with another extension makes the same text another kind of module. */
const TYPE_KINDS = [
  { name: 'nodenext ESM', extension: 'mts', flags: ['--module', 'nodenext'] },
  { name: 'nodenext CommonJS', extension: 'cts', flags: ['--module', 'nodenext'] },
  { name: 'bundler', extension: 'mts', flags: ['--module', 'esnext', '--moduleResolution', 'bundler'] },
  {
    name: 'node10',
    extension: 'ts',
    flags: ['--module', 'commonjs', '--moduleResolution', 'node10', '--esModuleInterop'],
    isDeprecated: true,
  },
];
/** Kinds in which a project can reach both the ESM and the CommonJS types of Axios. */
const TYPE_KINDS_WITH_BOTH = [
  ...TYPE_KINDS.filter(({ flags }) => flags.includes('nodenext')),
  { name: 'preserve', extension: 'mts', flags: ['--module', 'preserve'] },
];
/** The version of `@nestjs/axios` that goes with each NestJS. */
const NESTS = [
  { version: '10', nestAxios: '3' },
  { version: '11', nestAxios: '4' },
  { version: '12', nestAxios: '12', isEsm: true },
];

const USAGE = `Usage: npm run matrix -- [part of a cell's name]

Runs the cells whose name contains the given text, or all cells. Examples:

  npm run matrix -- TypeScript
  npm run matrix -- "Node 24 · import"
`;
const { positionals } = readArguments({
  usage: USAGE,
  allowPositionals: true,
  check(parsed) {
    if (parsed.positionals.length > 1)
      throw new Error(`Only one part of a name is possible. Received: ${parsed.positionals.join(', ')}`);
  },
});
const [wanted = ''] = positionals;

const ROOT = resolve(import.meta.dirname, '..');
const FIXTURES = join(ROOT, '__tests__/package/fixtures');
const workshop = mkdtempSync(join(tmpdir(), 'axios-liveperson-auth-matrix-'));
process.on('exit', () => rmSync(workshop, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

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
  if (!known) cpSync(join(FIXTURES, 'modules'), folder, { recursive: true });
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

/** Flow tests that take long, by what their outcome depends on. */
const OF_AXIOS = ['flow/request-snapshot', 'flow/hostile-urls'];
/** Compares odd configs with the reading of the newest Axios. Axios 1.17 reads five of them differently. */
const OF_NEWEST_AXIOS = 'flow/request-snapshot';
const OF_NODE = ['flow/send-timeout', 'flow/both-tokens'];

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
  // Other long files depend on Axios or on Node, but not on both: each Axios runs them on the oldest Node, and each Node
  // runs those about Node's sockets on the newest Axios.
  const isLowest = nodeVersion === LOWEST_NODE;
  const isNewest = axiosVersion === 'latest';
  const left = isLowest ? [] : isNewest ? OF_AXIOS : [...OF_AXIOS, ...OF_NODE];
  if (!isNewest) left.push(OF_NEWEST_AXIOS);
  if (left.length > 0) args.push('--testPathIgnorePatterns', ...left);
  // A tenth of the generated cases does for one cell. `npm test` runs all of them.
  const env = { TEST_EFFORT: isLowest ? '0.1' : '0.05' };
  const { stderr } = run(node(nodeVersion), args, { cwd: ROOT, env });
  const { numPassedTests, numFailedTests, numFailedTestSuites } = JSON.parse(readFileSync(results, 'utf8'));
  return { passed: numPassedTests, failed: numFailedTests || numFailedTestSuites, output: stderr };
}

/** Runs a file in a runtime whose package brings the executable. */
function runIn({ name, packages, executable, args }, fileAndArguments, folder) {
  const path = join(project(name.replace(' ', '-'), packages), 'node_modules/.bin', executable);
  // Deno would otherwise keep its cache in the home folder.
  const env = { DENO_DIR: join(workshop, 'deno-cache'), DENO_NO_UPDATE_CHECK: '1' };
  const ended = run(path, [...args, ...fileAndArguments], { cwd: folder, env });
  return one(ended.status === 0, ended);
}

/** Compiles a fixture as this kind of module, within a project. */
function compile(typescript, { extension, flags, isDeprecated }, fixture, folder) {
  const compiler = join(
    project(`typescript-${typescript}`, [`typescript@${typescript}`]),
    'node_modules/typescript/bin/tsc',
  );
  const strict = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'es2022', '--types', 'node'];
  const silenced = isDeprecated && typescript === '6' ? ['--ignoreDeprecations', '6.0'] : [];
  const file = basename(fixture).replace('mts', extension);
  cpSync(join(FIXTURES, fixture), join(folder, file));
  const ended = run(process.execPath, [compiler, ...strict, ...flags, ...silenced, file], { cwd: folder });
  return one(ended.status === 0, ended);
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
  for (const runtime of RUNTIMES) {
    for (const { name, file } of MODULE_KINDS) {
      cell(`${axiosName} · ${runtime.name} · ${name}`, () => runIn(runtime, [file], connector(axiosVersion)));
    }
    for (const adapter of ADAPTERS) {
      cell(`${axiosName} · ${runtime.name} · ${adapter} adapter`, () =>
        runIn(runtime, ['adapter.mjs', adapter], connector(axiosVersion)),
      );
    }
  }
  for (const typescript of axiosVersion === 'latest' ? TYPESCRIPTS : [NEWEST_TYPESCRIPT]) {
    for (const kind of TYPE_KINDS) {
      cell(`${axiosName} · TypeScript ${typescript} · ${kind.name}`, () =>
        compile(typescript, kind, 'modules/use.mts', connector(axiosVersion)),
      );
    }
    for (const kind of TYPE_KINDS_WITH_BOTH) {
      cell(`${axiosName} · TypeScript ${typescript} · ${kind.name}, both kinds of Axios`, () =>
        compile(typescript, kind, 'types/both-kinds.mts', connector(axiosVersion)),
      );
    }
  }
}

for (const { version, nestAxios, isEsm } of NESTS) {
  const packages = [`@nestjs/axios@${nestAxios}`, `@nestjs/common@${version}`, 'rxjs', 'reflect-metadata', 'axios'];
  for (const kind of TYPE_KINDS) {
    for (const typescript of TYPESCRIPTS) {
      // TypeScript 5.4 does not let CommonJS import ESM.
      if (isEsm && typescript === '5.4' && kind.name === 'nodenext CommonJS') continue;
      cell(`types · NestJS ${version} · ${kind.name} · TypeScript ${typescript}`, () =>
        compile(
          typescript,
          kind,
          'types/nest.mts',
          project(`nest-${version}`, [tarball, ...packages, '@types/node@20']),
        ),
      );
    }
  }
}

function twoCopies() {
  const folder = project('two-copies', [tarball, 'axios', 'axios2@npm:axios@1.18.0', '@types/node@20']);
  cpSync(join(FIXTURES, 'modules'), folder, { recursive: true });
  return folder;
}
for (const kind of TYPE_KINDS) {
  cell(`types · two copies of Axios · ${kind.name} · TypeScript ${NEWEST_TYPESCRIPT}`, () =>
    compile(NEWEST_TYPESCRIPT, kind, 'types/two-copies.mts', twoCopies()),
  );
}
cell(`two copies of Axios · Node ${LOWEST_NODE} · import`, () => {
  const ended = run(node(LOWEST_NODE), ['second-copy.mjs'], { cwd: twoCopies() });
  return one(ended.status === 0, ended);
});

function observed() {
  const folder = project('opentelemetry', [tarball, 'axios', '@opentelemetry/api', '@types/node@20']);
  cpSync(join(FIXTURES, 'modules'), folder, { recursive: true });
  return folder;
}
for (const nodeVersion of NODES) {
  cell(`OpenTelemetry · Node ${nodeVersion}`, () => {
    const ended = run(node(nodeVersion), ['opentelemetry.mjs'], { cwd: observed() });
    return one(ended.status === 0, ended);
  });
}
for (const runtime of RUNTIMES)
  cell(`OpenTelemetry · ${runtime.name}`, () => runIn(runtime, ['opentelemetry.mjs'], observed()));
for (const kind of TYPE_KINDS) {
  for (const typescript of TYPESCRIPTS)
    cell(`types · OpenTelemetry · ${kind.name} · TypeScript ${typescript}`, () =>
      compile(typescript, kind, 'types/opentelemetry.mts', observed()),
    );
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
