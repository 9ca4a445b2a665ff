// Builds dist/: one ESM and one CommonJS bundle per entry point, and the types of each; and the executable.
// The CommonJS bundles carry inside what ships as ESM only, so that they load wherever require() does (Jest included).
// The emulator needs nothing but Node: its CommonJS bundle serves both kinds of modules.
// The executable carries what it alone needs, and imports the package by its name.
import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const common = {
  entryPoints: { index: 'lib/index.ts', emulator: 'lib/emulator/index.ts', redis: 'lib/stores/redis.ts' },
  bundle: true,
  platform: 'node',
  target: 'node20',
  legalComments: 'none',
};

rmSync('dist', { recursive: true, force: true });
const { emulator: _, ...others } = common.entryPoints;
await build({ ...common, entryPoints: others, format: 'esm', outdir: 'dist/esm', packages: 'external' });
await build({ ...common, format: 'cjs', outdir: 'dist/cjs', minifyWhitespace: true, external: ['axios', 'lru-cache'] });
writeFileSync('dist/cjs/package.json', '{ "type": "commonjs" }\n');
const emulator = Object.keys(createRequire(import.meta.url)('../dist/cjs/emulator.js'));
writeFileSync('dist/esm/emulator.js', `export { ${emulator.join(', ')} } from '../cjs/emulator.js';\n`);
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
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
removeUnreachableTypes('dist/esm');
cpSync('dist/esm', 'dist/cjs', { recursive: true, filter: (path) => !path.endsWith('.js') });

/** The types of what no export of the package leads to are of use to nobody. */
function removeUnreachableTypes(folder) {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8'));
  const entries = Object.values(exports).flatMap((entry) => entry.import?.types ?? []);
  const reached = new Set();
  const visit = (file) => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const [, path] of readFileSync(file, 'utf8').matchAll(/from '(\.[^']+)\.js'/g)) {
      visit(join(dirname(file), `${path}.d.ts`));
    }
  };
  for (const entry of entries) visit(join(entry));
  for (const file of readdirSync(folder, { recursive: true })) {
    if (file.endsWith('.d.ts') && !reached.has(join(folder, file))) rmSync(join(folder, file));
  }
}
