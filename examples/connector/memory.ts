import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

/** What the connector must not forget when it restarts. Values are JSON. */
export interface Memory {
  has(key: string): boolean;
  get(key: string): unknown;
  set(key: string, value: unknown): void;
  delete(key: string): void;
  keys(): Iterable<string>;
}

/**
 * Keeps everything in one file: each change is a line, and the file is rewritten when most of its lines are out of date. That is
 * enough for one process. Several processes share a database instead. Without a file, a restart forgets everything.
 */
export function openMemory(file?: string): Memory {
  const entries = new Map<string, unknown>(file === undefined ? [] : readEntries(file));
  let lines = 0;

  function write(...line: [key: string, value?: unknown]): void {
    if (file === undefined) return;
    appendFileSync(file, `${JSON.stringify(line)}\n`);
    lines += 1;
    if (lines > 2 * entries.size + 1_000) rewrite(file);
  }

  function rewrite(path: string): void {
    // A crash leaves the old file or the new one, never half of one.
    writeFileSync(`${path}.new`, [...entries].map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    renameSync(`${path}.new`, path);
    lines = entries.size;
  }

  if (file !== undefined) rewrite(file);
  return {
    has: (key) => entries.has(key),
    get: (key) => entries.get(key),
    keys: () => entries.keys(),
    set(key, value) {
      if (entries.get(key) === value) return;
      entries.set(key, value);
      write(key, value);
    },
    delete(key) {
      if (entries.delete(key)) write(key);
    },
  };
}

/** A crash may have cut off the last line. It is then missing, like a change a moment later. */
function readEntries(file: string): Map<string, unknown> {
  const entries = new Map<string, unknown>();
  if (!existsSync(file)) return entries;
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [key, value] = parseLine(line);
    if (key === undefined) continue;
    if (value === undefined) entries.delete(key);
    else entries.set(key, value);
  }
  return entries;
}

function parseLine(line: string): [key?: string, value?: unknown] {
  try {
    return JSON.parse(line);
  } catch {
    return [];
  }
}
