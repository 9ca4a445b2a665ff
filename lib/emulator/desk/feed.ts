// Imported, because tests may replace the global timers with fakes.

import type { Writable } from 'node:stream';
import { clearInterval, setInterval, setTimeout } from 'node:timers';
import type { Change, ChangeFeed } from '../changes.js';
import { LIST_NAMES, type ListName, type Update } from './rows.js';
import type { DeskView } from './view.js';

const LISTS_OF: Readonly<Record<Change, readonly ListName[]>> = {
  request: ['requests'],
  token: ['tokens'],
  conversation: ['conversations', 'messages'],
  delivery: ['deliveries'],
  fault: [],
  clock: [],
};

/** So many milliseconds of changes go in one update. */
const PAUSE_MS = 100;

/** A page that hears nothing for longer knows that the connection is lost. */
const HEARTBEAT_MS = 10_000;

interface KnownRow {
  readonly row: object;
  readonly json: string;
}

/** Sends the page what has changed, as server-sent events, until the page goes away. */
export function streamUpdates(page: Writable, view: DeskView, changes: ChangeFeed): void {
  /** What the page has of each list. */
  const known = new Map(LIST_NAMES.map((name) => [name, new Map<number, KnownRow>()]));
  const changed = new Set<ListName>(LIST_NAMES);
  let isWhole = true;
  let isPlanned = false;
  let isReady = true;

  function describe(name: ListName): { rows: unknown[]; gone: number[] } | undefined {
    const before = known.get(name) ?? new Map<number, KnownRow>();
    const now = new Map<number, KnownRow>();
    const rows: unknown[] = [];
    for (const row of view.list(name)) {
      const last = before.get(row.id);
      // A row that never changes is the same object each time.
      const current = last?.row === row ? last : { row, json: JSON.stringify(row) };
      now.set(row.id, current);
      if (current.json !== last?.json) rows.push(row);
    }
    const gone = [...before.keys()].filter((id) => !now.has(id));
    known.set(name, now);
    return isWhole || rows.length > 0 || gone.length > 0 ? { rows, gone } : undefined;
  }

  function send(): void {
    isPlanned = false;
    // A page that reads slowly gets all changes at once, later.
    if (!isReady || page.destroyed) return;
    const lists = Object.fromEntries(
      [...changed].flatMap((name) => {
        const list = describe(name);
        return list ? [[name, list]] : [];
      }),
    );
    const update: Update = { isWhole, facts: view.facts(), lists };
    changed.clear();
    isWhole = false;
    isReady = page.write(`data: ${JSON.stringify(update)}\n\n`);
  }

  function plan(): void {
    if (isPlanned) return;
    isPlanned = true;
    setTimeout(send, PAUSE_MS).unref();
  }

  const unsubscribe = changes.subscribe((change) => {
    for (const name of LISTS_OF[change]) changed.add(name);
    plan();
  });
  page.on('drain', () => {
    isReady = true;
    plan();
  });
  const heartbeat = setInterval(plan, HEARTBEAT_MS).unref();
  page.once('close', () => {
    clearInterval(heartbeat);
    unsubscribe();
  });
  send();
}
