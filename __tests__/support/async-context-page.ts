import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const PAGE = readFileSync(join(__dirname, '../../docs/async-context.md'), 'utf8');

/** The code of docs/async-context.md by file name, which is the first line of each code block. */
export const SNIPPETS: ReadonlyMap<string, string> = new Map(
  [...PAGE.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(([block, language, code = '']) => {
    const name = /^\/\/ (\S+\.ts)\n/.exec(code)?.[1];
    if (language !== 'ts' || name === undefined)
      throw new Error(`docs/async-context.md has code without a name:\n${block}`);
    return [name, code];
  }),
);
