import { gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';

/** The size of the package in a bundle: an entry and its dependencies without Axios, minified and compressed, in KB. */
export function bundleSize(entry: string, kind: 'esm' | 'cjs'): number {
  const { outputFiles } = buildSync({
    entryPoints: [entry],
    format: kind,
    platform: 'node',
    target: 'node20',
    bundle: true,
    minify: true,
    legalComments: 'none',
    external: ['axios'],
    write: false,
  });
  return gzipSync(outputFiles[0]?.contents ?? '').byteLength / 1_024;
}
