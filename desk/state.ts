import { type Facts, LIST_NAMES, type ListName, type Rows, type Update } from '../lib/emulator/desk/rows.js';

/** What the page knows of the emulator. */
export interface DeskState {
  readonly isOnline: boolean;
  /** `undefined` until the emulator has answered for the first time. */
  readonly facts: Facts | undefined;
  /** How far the emulator's clock is ahead of the browser's, in milliseconds. */
  readonly clockOffsetMs: number;
  /** Oldest first. */
  readonly lists: Lists;
}

type Lists = { readonly [Name in ListName]: ReadonlyMap<number, Rows[Name]> };

export type FeedMessage = { readonly kind: 'update'; readonly update: Update } | { readonly kind: 'lost' };

export const EMPTY: DeskState = {
  isOnline: true,
  facts: undefined,
  clockOffsetMs: 0,
  lists: {
    conversations: new Map(),
    messages: new Map(),
    requests: new Map(),
    tokens: new Map(),
    deliveries: new Map(),
  },
};

export function takeMessage(state: DeskState, message: FeedMessage): DeskState {
  if (message.kind === 'lost') return { ...state, isOnline: false };
  const { facts, lists, isWhole } = message.update;
  const before = isWhole ? EMPTY.lists : state.lists;
  const changed = LIST_NAMES.flatMap((name) => {
    const list = lists[name];
    return list ? [[name, takeList<{ id: number }>(before[name], list)]] : [];
  });
  return {
    isOnline: true,
    facts,
    clockOffsetMs: facts.now - Date.now(),
    lists: { ...before, ...(Object.fromEntries(changed) as Partial<Lists>) },
  };
}

/** A row keeps its place in a Map when it changes. */
function takeList<R extends { readonly id: number }>(
  before: ReadonlyMap<number, R>,
  { rows, gone }: { readonly rows: readonly R[]; readonly gone: readonly number[] },
): ReadonlyMap<number, R> {
  const after = new Map(before);
  for (const id of gone) after.delete(id);
  for (const row of rows) after.set(row.id, row);
  return after;
}

/** The update that takes a page from nothing to this state; `undefined` while there is nothing to tell. */
export function wholeUpdate({ facts, clockOffsetMs, lists }: DeskState): Update | undefined {
  if (!facts) return undefined;
  return {
    isWhole: true,
    facts: { ...facts, now: Date.now() + clockOffsetMs },
    lists: Object.fromEntries(
      LIST_NAMES.map((name) => [name, { rows: [...lists[name].values()], gone: [] }]),
    ) as Update['lists'],
  };
}
