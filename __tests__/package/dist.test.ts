import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { bundleSize } from '../../bench/bundle-size.js';

/** What `npm test` has built. */
const ROOT = resolve(__dirname, '../..');
const DIST = join(ROOT, 'dist');
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

const filesOf = (folder: string, extension = ''): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(extension))
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();

const scripts = filesOf(DIST, '.js');
const bundles = scripts.filter((file) => existsSync(join(DIST, `${file}.map`)));

/** The source files of a bundle, by the path that its map gives. */
function sourcesOf(bundle: string): { path: string; content: string }[] {
  const map = JSON.parse(readFileSync(join(DIST, `${bundle}.map`), 'utf8'));
  return map.sources.map((source: string, index: number) => ({
    path: resolve(DIST, dirname(bundle), source),
    content: map.sourcesContent[index],
  }));
}

it('a second build gives the same bytes', () => {
  const again = join(ROOT, 'dist.again');
  try {
    execFileSync(process.execPath, ['scripts/build.mjs', '--out', 'dist.again'], { cwd: ROOT });
    const files = filesOf(again);
    expect(files).toEqual(filesOf(DIST));
    const different = files.filter((file) => !readFileSync(join(again, file)).equals(readFileSync(join(DIST, file))));
    expect(different).toEqual([]);
  } finally {
    rmSync(again, { recursive: true, force: true });
  }
});

it('every line of the build can be read', () => {
  for (const file of scripts) {
    const lines = readFileSync(join(DIST, file), 'utf8').split('\n');
    expect({ file, long: lines.filter((line) => line.length > 400) }).toEqual({ file, long: [] });
  }
  // One statement on each line: a minified bundle has a tenth of these lines.
  expect(readFileSync(join(DIST, 'esm/index.js'), 'utf8').split('\n').length).toBeGreaterThan(2_000);
});

it('source maps lead to the files of lib/, and contain them', () => {
  expect(bundles).toEqual(expect.arrayContaining(['cjs/emulator.js', 'cjs/index.js', 'cjs/redis.js', 'esm/index.js']));
  for (const bundle of bundles) {
    const own = sourcesOf(bundle).filter(({ path }) => path.startsWith(join(ROOT, 'lib/')));
    expect(own.length).toBeGreaterThan(0);
    for (const { path, content } of own) expect(content).toBe(readFileSync(path, 'utf8'));
  }
});

describe('the notices and the bill of materials', () => {
  const bundled = new Set<string>();
  for (const { path } of bundles.flatMap(sourcesOf)) {
    const folder = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0];
    if (folder) {
      const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      bundled.add(`${name} ${version}`);
    }
  }
  const notices = readFileSync(join(DIST, 'THIRD-PARTY-NOTICES.txt'), 'utf8');
  const bill = JSON.parse(readFileSync(join(DIST, 'sbom.cdx.json'), 'utf8'));
  const listed = bill.components.map(({ name, version }: { name: string; version: string }) => `${name} ${version}`);

  it('name every package that is bundled, and no other', () => {
    const named = [...notices.matchAll(/^-{78}\n(\S+ \S+) \(/gm)].map(([, name]) => name);
    expect(named).toEqual([...bundled].sort());
    expect(named.length).toBeGreaterThan(5);
    expect(notices.match(/Permission is hereby granted|Apache License|copyright notice/gi)?.length).toBeGreaterThan(
      named.length - 1,
    );
  });

  it('list the runtime dependencies and all that is bundled', () => {
    expect(bill).toMatchObject({ bomFormat: 'CycloneDX', metadata: { component: { name: manifest.name } } });
    expect(listed).toEqual(expect.arrayContaining([...bundled]));
    const names = listed.map((entry: string) => entry.split(' ')[0]);
    expect(names).toEqual(expect.arrayContaining(Object.keys(manifest.dependencies)));
    expect(names).not.toContain('jest');
  });
});

it.each(['esm', 'cjs'] as const)('the production entry takes at most 40 KB in a bundle (%s)', (format) => {
  expect(bundleSize(join(DIST, format, 'index.js'), format)).toBeLessThanOrEqual(40);
});

describe('a config mistake', () => {
  const mistake = "createConnectorAuth({ accountId: '1', clientId: process.env.NOPE, clientSecret: 'the-secret' });";

  it.each([
    ['module', `import { createConnectorAuth } from 'axios-liveperson-auth'; ${mistake}`],
    ['commonjs', `const { createConnectorAuth } = require('axios-liveperson-auth'); ${mistake}`],
  ])('prints its message and a short stack with names of functions, also through a slow pipe (%s)', (type, code) => {
    const command = '"$0" "--input-type=$1" --eval "$2" 2>&1 | (sleep 0.3; cat)';
    const printed = execFileSync('sh', ['-c', command, process.execPath, type, code], { cwd: ROOT, encoding: 'utf8' });
    expect(printed).toContain(
      'TypeError: createConnectorAuth: clientId must be a string that is not empty; received undefined. Is an environment variable missing?',
    );
    expect(printed).toMatch(/at resolveOptions \(/);
    expect(printed).toMatch(/at createConnectorAuth \(/);
    expect(printed.length).toBeLessThan(2_500);
    expect(printed).not.toContain('the-secret');
  });
});

describe('package.json', () => {
  it('says where the project lives', () => {
    const { repository, bugs, homepage } = manifest;
    const project = repository.url.replace(/^git\+|\.git$/g, '');
    expect(project).toMatch(/^https:\/\/github\.com\/[\w-]+\/axios-liveperson-auth$/);
    expect({ bugs, homepage }).toEqual({ bugs: { url: `${project}/issues` }, homepage: `${project}#readme` });
    expect(manifest).toMatchObject({
      author: expect.stringMatching(/./),
      publishConfig: { access: 'public', provenance: true },
    });
  });
});
