// Builds dist/ with esbuild and tsc. Nothing is minified, and the source maps contain the sources.
//   dist/esm, dist/cjs                the entry points and their types
//   dist/cli                          the executable, with the packages that only it needs
//   dist/desk                         the page of the emulator's desk
//   dist/THIRD-PARTY-NOTICES.txt      licences of the bundled packages
//   dist/sbom.cdx.json                software bill of materials (CycloneDX)
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative, resolve } from 'node:path';
import { build } from 'esbuild';
import ts from 'typescript';
import { readArguments } from './arguments.mjs';
import { createBillOfMaterials } from './build/bill-of-materials.mjs';
import { buildDesk } from './build/desk.mjs';
import { bundledPackages, createNotices } from './build/notices.mjs';

const ROOT = resolve(import.meta.dirname, '..');
process.chdir(ROOT);

const { values } = readArguments({
  usage: `Usage: npm run build -- [--out FOLDER]

Builds the package.

  --out FOLDER  where to write (dist)
  --help        shows this
`,
  options: { out: { type: 'string', default: 'dist' } },
});
const out = values.out;

const ENTRIES = {
  index: 'lib/index.ts',
  emulator: 'lib/emulator/index.ts',
  redis: 'lib/stores/redis.ts',
  opentelemetry: 'lib/opentelemetry.ts',
};
/** Entries that are built only as CommonJS. Their ESM files re-export it, so both module kinds share one copy. */
const SHARED = ['emulator', 'redis', 'opentelemetry'];
/** Packages that load with require() on every supported Node. CommonJS files contain the other packages, which are ESM only. */
const REQUIRABLE = ['axios', 'lru-cache', '@opentelemetry/api'];

const readable = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  charset: 'utf8',
  // jose has a line of 785 characters.
  lineLimit: 200,
  legalComments: 'none',
  sourcemap: true,
  metafile: true,
};

rmSync(out, { recursive: true, force: true });
const bundles = [await buildDesk(join(out, 'desk')), await buildEsm(), await buildCommonJs(), await buildExecutable()];
reExportShared();
buildTypes();
const packages = bundledPackages(bundles.map(({ metafile }) => metafile));
writeFileSync(join(out, 'THIRD-PARTY-NOTICES.txt'), createNotices(packages));
writeFileSync(join(out, 'sbom.cdx.json'), createBillOfMaterials(packages));

function buildEsm() {
  return build({
    ...readable,
    entryPoints: { index: ENTRIES.index },
    format: 'esm',
    outdir: join(out, 'esm'),
    packages: 'external',
  });
}

function buildCommonJs() {
  return build({
    ...readable,
    entryPoints: ENTRIES,
    format: 'cjs',
    outdir: join(out, 'cjs'),
    external: REQUIRABLE,
    // Jest cannot run import() in CommonJS code, so it becomes require().
    supported: { 'dynamic-import': false },
    // Jest's jsdom environment does not have these globals, which jose needs when it loads.
    banner: { js: `"use strict";\nconst { TextDecoder, TextEncoder } = require('node:util');` },
  });
}

function buildExecutable() {
  return build({
    ...readable,
    entryPoints: { main: 'lib/cli/main.ts' },
    format: 'esm',
    outdir: join(out, 'cli'),
    splitting: true,
    external: ['axios', 'axios-liveperson-auth', 'jose'],
    // commander is CommonJS, and requires Node's own modules.
    banner: {
      js: "import { createRequire as createNodeRequire } from 'node:module';\nconst require = createNodeRequire(import.meta.url);",
    },
  });
}

function reExportShared() {
  writeFileSync(join(out, 'cjs/package.json'), '{ "type": "commonjs" }\n');
  const require = createRequire(import.meta.url);
  for (const entry of SHARED) {
    const names = Object.keys(require(resolve(out, `cjs/${entry}.js`)));
    writeFileSync(join(out, `esm/${entry}.js`), `export { ${names.join(', ')} } from '../cjs/${entry}.js';\n`);
  }
}

/** The types of the entry points, and of the modules that these import. */
function buildTypes() {
  const tsc = 'node_modules/typescript/bin/tsc';
  for (const kind of ['esm', 'cjs']) {
    const folder = join(out, kind);
    execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', folder], { stdio: 'inherit' });
    for (const [entry, source] of Object.entries(ENTRIES).filter(([name]) => name !== 'index')) {
      const path = relative('lib', source).replace(/\.ts$/, '.js');
      // tsc has already written the types of a source that has the name of its entry.
      if (path !== `${entry}.js`) writeFileSync(join(folder, `${entry}.d.ts`), `export * from './${path}';\n`);
    }
  }
  for (const entry of SHARED) writeFileSync(join(out, `esm/${entry}.d.ts`), `export * from '../cjs/${entry}.js';\n`);
  augmentBothKindsOfAxios();
  for (const kind of ['esm', 'cjs']) removeUnusedTypes(join(out, kind));
}

/**
 * Axios has separate types for ESM and for CommonJS, and a file augments only those of its own module kind.
 * A project can use both: NestJS 10 and 11 are CommonJS, so an ESM project gets its `axiosRef` with the CommonJS types.
 * A path reference works across module kinds in every TypeScript version, unlike an import.
 */
function augmentBothKindsOfAxios() {
  for (const [kind, other] of [
    ['esm', 'cjs'],
    ['cjs', 'esm'],
  ]) {
    const entry = join(out, kind, 'index.d.ts');
    const reference = `/// <reference path="../${other}/request/request-options.d.ts" />\n`;
    writeFileSync(entry, reference + readFileSync(entry, 'utf8'));
  }
}

/** Removes the types of modules that no entry point of this folder imports. */
function removeUnusedTypes(folder) {
  const used = new Set();
  const visit = (file) => {
    if (used.has(file)) return;
    used.add(file);
    const { importedFiles } = ts.preProcessFile(readFileSync(file, 'utf8'));
    for (const { fileName } of importedFiles) {
      if (fileName.startsWith('.')) visit(join(file, '..', fileName).replace(/\.js$/, '.d.ts'));
    }
  };
  for (const entry of Object.keys(ENTRIES)) visit(join(folder, `${entry}.d.ts`));
  for (const name of readdirSync(folder, { recursive: true })) {
    const file = join(folder, name);
    if (name.endsWith('.d.ts') && !used.has(file)) rmSync(file);
  }
  removeEmptyFolders(folder);
}

function removeEmptyFolders(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeEmptyFolders(join(folder, entry.name));
  }
  if (readdirSync(folder).length === 0) rmSync(folder, { recursive: true });
}
