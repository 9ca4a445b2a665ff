// Builds dist/: one ESM and one CommonJS bundle per entry point, and the types of each.
// The CommonJS bundles carry inside what ships as ESM only, so that they load wherever require() does (Jest included).
import { execFileSync } from 'node:child_process';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const common = {
  entryPoints: { index: 'lib/index.ts', emulator: 'lib/emulator/index.ts', redis: 'lib/stores/redis.ts' },
  bundle: true,
  platform: 'node',
  target: 'node20',
  legalComments: 'none',
};

rmSync('dist', { recursive: true, force: true });
await build({ ...common, format: 'esm', outdir: 'dist/esm', packages: 'external' });
await build({ ...common, format: 'cjs', outdir: 'dist/cjs', external: ['axios', 'lru-cache'] });
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
cpSync('dist/esm', 'dist/cjs', { recursive: true, filter: (path) => !path.endsWith('.js') });
writeFileSync('dist/cjs/package.json', '{ "type": "commonjs" }\n');
