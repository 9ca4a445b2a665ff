import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** The files of the page, as text. */
export interface DeskAssets {
  readonly html: string;
  readonly css: string;
  /** For the page and for its shared worker. */
  readonly js: string;
}

/** The published package has the page beside the emulator. */
export async function loadAssets(): Promise<DeskAssets> {
  const folder = typeof __dirname === 'string' ? join(__dirname, '../desk') : '';
  if (!existsSync(join(folder, 'index.html'))) return buildAssets();
  const read = (file: string) => readFile(join(folder, file), 'utf8');
  const [html, css, js] = await Promise.all(['index.html', 'desk.css', 'desk.js'].map(read));
  return { html, css, js } as DeskAssets;
}

const BUILD = 'scripts/build/desk.mjs';

/** An emulator that runs from its sources builds the page. */
async function buildAssets(): Promise<DeskAssets> {
  if (!existsSync(BUILD)) {
    throw new Error('The files of the desk are not beside the emulator. If you bundle the package, leave it external');
  }
  const { stdout } = await promisify(execFile)(process.execPath, [BUILD], { maxBuffer: 2 ** 24 });
  return JSON.parse(stdout) as DeskAssets;
}
