// Builds dist/: one ESM and one CommonJS bundle per entry point, and the types of each; and the executable.
// The CommonJS bundles carry inside what ships as ESM only, so that they load wherever require() does (Jest included); what
// they share of jose is a file of its own.
// The emulator and the Redis store need nothing but Node: their CommonJS bundles serve both kinds of modules, and so do the
// emulator's types.
// The executable carries what it alone needs, and imports the package by its name.
// Whoever debugs reads the ESM bundles, or the sources; the rest is minified, for the tarball's sake.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';

const common = { bundle: true, platform: 'node', target: 'node20', legalComments: 'none' };
const index = 'lib/index.ts';
const emulator = 'lib/emulator/index.ts';
const redis = 'lib/stores/redis.ts';
/** Adds our request options to Axios's types. */
const augmentation = 'lib/request/request-options.ts';

rmSync('dist', { recursive: true, force: true });
await buildEsm();
await buildCommonJs();
await buildExecutable();
await buildTypes();

async function buildEsm() {
  const legible = { minifyWhitespace: true, minifySyntax: true };
  await build({
    ...common,
    ...legible,
    entryPoints: { index },
    format: 'esm',
    outdir: 'dist/esm',
    packages: 'external',
  });
}

async function buildCommonJs() {
  // Jest cannot run a dynamic import of CommonJS code, so it becomes a require().
  const cjs = { ...common, format: 'cjs', minify: true, supported: { 'dynamic-import': false } };
  const used = new Map();
  const sharedJose = {
    name: 'shared-jose',
    setup({ onResolve }) {
      onResolve({ filter: /^jose\// }, ({ path }) => {
        used.set(path, `export * from '${path}';`);
        return { path: './jose.js', external: true };
      });
    },
  };
  const external = ['axios', 'lru-cache'];
  await build({
    ...cjs,
    entryPoints: { index, emulator, redis },
    outdir: 'dist/cjs',
    external,
    plugins: [sharedJose],
  });
  const contents = [...used.values()].join('\n');
  await build({ ...cjs, stdin: { contents, resolveDir: '.' }, outfile: 'dist/cjs/jose.js' });
  writeFileSync('dist/cjs/package.json', '{ "type": "commonjs" }\n');
  const require = createRequire(import.meta.url);
  for (const entry of ['emulator', 'redis']) {
    const names = Object.keys(require(`../dist/cjs/${entry}.js`));
    writeFileSync(`dist/esm/${entry}.js`, `export { ${names.join(', ')} } from '../cjs/${entry}.js';\n`);
  }
}

async function buildExecutable() {
  await build({
    ...common,
    entryPoints: { main: 'lib/cli/main.ts' },
    format: 'esm',
    outdir: 'dist/cli',
    splitting: true,
    minify: true,
    external: ['axios', 'axios-liveperson-auth', 'jose'],
    banner: { js: '#!/usr/bin/env node' },
  });
}

/** One file of types for each entry point, with what it exports and nothing else. */
async function buildTypes() {
  const outDir = mkdtempSync(join(tmpdir(), 'axios-liveperson-auth-types-'));
  try {
    const tsc = 'node_modules/typescript/bin/tsc';
    execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', outDir], { stdio: 'inherit' });
    const typesOf = (source) => join(outDir, source.replace('lib/', '').replace('.ts', '.d.ts'));
    const bundle = await rollup({
      input: {
        index: typesOf(index),
        emulator: typesOf(emulator),
        redis: typesOf(redis),
        'request-options': typesOf(augmentation),
      },
      plugins: [dts()],
      external: /^[^./]/,
    });
    await bundle.write({ dir: 'dist/esm', entryFileNames: '[name].d.ts', chunkFileNames: '[name].ts' });
  } finally {
    rmSync(outDir, { recursive: true });
  }
  cpSync('dist/esm', 'dist/cjs', { recursive: true, filter: (path) => !path.endsWith('.js') });
  writeFileSync('dist/esm/emulator.d.ts', `export * from '../cjs/emulator.js';\n`);
  augmentBothKindsOfAxios();
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
    const entry = `dist/${kind}/index.d.ts`;
    const reference = `/// <reference path="../${other}/request-options.d.ts" />\n`;
    writeFileSync(entry, reference + readFileSync(entry, 'utf8'));
  }
}
