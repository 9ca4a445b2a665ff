import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';
import type { PlantedBug } from './planted-bugs.js';

const ROOT = resolve(__dirname, '../..');
/** Bundled CommonJS modules need `require` in an ES module. */
const REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

/** Puts the simulation and the sources that it drives into one file, with a bug if one is given. */
export async function bundleSimulation(outfile: string, bug?: PlantedBug): Promise<void> {
  const planted = new Set<PlantedBug>();
  const plugins = bug ? [planting(bug, planted)] : [];
  await build({
    absWorkingDir: ROOT,
    entryPoints: ['__tests__/simulation/main.ts'],
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    banner: { js: REQUIRE },
    alias: { 'axios-liveperson-auth': './lib/index.ts' },
    logLevel: 'silent',
    plugins,
    outfile,
  });
  if (bug && !planted.has(bug)) throw new Error(`${bug.file} is not part of the simulation. Correct planted-bugs.ts.`);
}

function planting(bug: PlantedBug, planted: Set<PlantedBug>): Plugin {
  return {
    name: 'planted-bug',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        if (path !== resolve(ROOT, bug.file)) return undefined;
        planted.add(bug);
        return { contents: plant(readFileSync(path, 'utf8'), bug), loader: 'ts' };
      });
    },
  };
}

/** @throws Error if the text to replace does not occur exactly once, such as after a refactoring */
export function plant(source: string, { file, search, replacement, name }: PlantedBug): string {
  const times = source.split(search).length - 1;
  if (times === 1) return source.replace(search, () => replacement);
  throw new Error(
    `The bug "${name}" cannot be planted: its text occurs ${times} times in ${file}. Correct planted-bugs.ts.`,
  );
}
