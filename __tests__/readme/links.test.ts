import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');
const pages = ['.', 'docs'].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((file) => file.endsWith('.md'))
    .map((file) => join(folder, file)),
);

/** As GitHub makes them of headings. */
const anchorsOf = (path: string): string[] =>
  [...readFileSync(path, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .replace(/\s/g, '-'),
  );

const { homepage } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const PROJECT: string = homepage.replace('#readme', '');
const PREFIXES = [`${PROJECT}/blob/main/`, `${PROJECT.replace('github.com', 'raw.githubusercontent.com')}/main/`];

const linksOf = (page: string): string[] => {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const found = [...text.matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$/gm)];
  return found.map(([, inline, defined]) => inline ?? defined ?? '');
};

/** The file of this project that a link leads to; `undefined` for other places. */
function fileOf(page: string, link: string): string | undefined {
  const [target = ''] = link.split('#');
  if (target === '') return join(ROOT, page);
  const prefix = PREFIXES.find((start) => target.startsWith(start));
  if (prefix) return join(ROOT, target.slice(prefix.length));
  return /^https?:/.test(target) ? undefined : join(ROOT, dirname(page), target);
}

it.each(pages)('every link of %s leads somewhere', (page) => {
  for (const link of linksOf(page)) {
    const path = fileOf(page, link);
    if (path === undefined) continue;
    expect({ link, exists: existsSync(path) }).toEqual({ link, exists: true });
    const [, anchor] = link.split('#');
    if (anchor !== undefined) expect(anchorsOf(path)).toContain(anchor);
  }
});

it('links of the README are absolute, so that they work on a package page', () => {
  expect(linksOf('README.md').filter((link) => !/^(https:|#)/.test(link))).toEqual([]);
  expect(linksOf('README.md').filter((link) => fileOf('README.md', link) !== undefined).length).toBeGreaterThan(5);
});

it('every name of a file in brackets has its link', () => {
  const text = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const defined = new Set([...text.matchAll(/^\[([^\]]+)\]: \S+$/gm)].map(([, name]) => name));
  const used = [...text.matchAll(/\[([^\]\s]+\.md)\](?![:(])/g)].map(([, name]) => name);
  expect(used.filter((name) => !defined.has(name))).toEqual([]);
  expect(new Set(used)).toEqual(defined);
});
