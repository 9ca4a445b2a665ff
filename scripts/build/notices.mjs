import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The packages whose code esbuild put into the bundles, sorted by name. */
export function bundledPackages(metafiles) {
  const folders = new Set();
  for (const { outputs } of metafiles) {
    for (const { inputs } of Object.values(outputs)) {
      for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
        const [folder] = /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(path) ?? [];
        if (folder && bytesInOutput > 0) folders.add(folder);
      }
    }
  }
  return [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return { name, version, license, text: readLicence(folder, name) };
  });
}

function readLicence(folder, name) {
  const file = readdirSync(folder).find((entry) => /^(licen[cs]e|copying)(\.\w+)?$/i.test(entry));
  if (!file) throw new Error(`${name} is bundled, but has no licence file: its notice cannot be shipped.`);
  return readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim();
}

export function createNotices(packages) {
  const sections = packages.map(
    ({ name, version, license, text }) => `${'-'.repeat(78)}\n${name} ${version} (${license})\n\n${text}\n`,
  );
  return `axios-liveperson-auth contains code of these packages.\n\n${sections.join('\n')}`;
}
