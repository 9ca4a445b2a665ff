// Builds the page of the emulator's desk. Run by itself, it prints the files as JSON, for an emulator that runs from its sources.
import { copyFileSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const PAGE = resolve(import.meta.dirname, '../../desk');

const options = {
  entryPoints: { desk: join(PAGE, 'main.tsx') },
  tsconfig: join(PAGE, 'tsconfig.json'),
  bundle: true,
  format: 'iife',
  platform: 'browser',
  target: ['chrome109', 'firefox115', 'safari16'],
  charset: 'utf8',
  lineLimit: 200,
  legalComments: 'none',
};

/** Writes the files of the page to a folder. @returns what esbuild tells of the script */
export async function buildDesk(folder) {
  const result = await build({ ...options, outdir: folder, sourcemap: true, metafile: true });
  for (const file of ['index.html', 'desk.css']) copyFileSync(join(PAGE, file), join(folder, file));
  return result;
}

async function printDesk() {
  const { outputFiles } = await build({ ...options, outdir: PAGE, write: false });
  const read = (file) => readFileSync(join(PAGE, file), 'utf8');
  process.stdout.write(JSON.stringify({ html: read('index.html'), css: read('desk.css'), js: outputFiles[0].text }));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await printDesk();
