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

it.each(pages)('every link of %s leads somewhere', (page) => {
  const links = [...readFileSync(join(ROOT, page), 'utf8').matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  for (const link of links.filter((target) => !/^https?:/.test(target))) {
    const [file = '', anchor] = link.split('#');
    const path = file === '' ? join(ROOT, page) : join(ROOT, dirname(page), file);
    expect({ link, exists: existsSync(path) }).toEqual({ link, exists: true });
    if (anchor !== undefined) expect(anchorsOf(path)).toContain(anchor);
  }
});
