import { createPending } from '../../lib/pending.js';
import { guardStore, StoreFault } from '../../lib/stores/guarded-store.js';
import type { TokenStore } from '../../lib/stores/token-store.js';
import { defer, until } from '../support/cloud.js';
import { rejection } from '../support/connector.js';

const nothing = async (): Promise<undefined> => undefined;
const never = () => new Promise<never>(() => {});

function guard(own: Partial<Record<keyof TokenStore, (...args: never[]) => unknown>>, timeoutMs = 1_000) {
  let now = 0;
  const calls: unknown[][] = [];
  const store = Object.fromEntries(
    Object.entries({ get: nothing, set: nothing, delete: nothing, ...own }).map(([name, work]) => [
      name,
      (...args: never[]) => {
        calls.push([name, ...args]);
        return (work as (...args: never[]) => unknown)(...args);
      },
    ]),
  );
  const guarded = guardStore({ store: store as never, timeoutMs, clock: { now: () => now }, pending: createPending() });
  const value = async () => 'value';
  const operations: Record<string, () => Promise<unknown>> = {
    get: () => guarded.get('k'),
    set: () => guarded.set('k', value, undefined),
    delete: () => guarded.delete('k'),
    lock: () => guarded.lock('k', 1_000),
    getTtl: () => guarded.getTtl('k'),
  };
  const pass = (ms: number) => {
    now += ms;
  };
  return { guarded, calls, operations, pass };
}

const OPERATIONS = ['get', 'set', 'delete', 'lock', 'getTtl'] as const;

it('a fault says what was tried and why it came to nothing', () => {
  expect(new StoreFault('get', 'failed', 'OOM').message).toBe('get: OOM');
  expect(new StoreFault('set', 'timeout').message).toBe('set: timeout');
});

it.each(OPERATIONS)(
  '%s that is not answered in time is a fault, and the store is left alone for two seconds',
  async (name) => {
    const { operations, calls, pass, guarded } = guard({ [name]: never }, 20);
    expect(await rejection(operations[name]?.() as Promise<unknown>)).toMatchObject({
      operation: name,
      reason: 'timeout',
    });
    calls.length = 0;
    for (const other of ['get', 'set', 'lock', 'getTtl']) {
      expect(await rejection(operations[other]?.() as Promise<unknown>)).toMatchObject({
        operation: other,
        reason: 'resting',
      });
    }
    await guarded.pause(60_000);
    expect(calls).toEqual([]);
    pass(1_999);
    await expect(operations.get?.()).rejects.toMatchObject({ reason: 'resting' });
    pass(1);
    if (name !== 'get') await expect(operations.get?.()).resolves.toBeUndefined();
  },
);

it('an answer that came in time, while this process was busy, is no timeout', async () => {
  const get = () => new Promise((resolve) => setTimeout(resolve, 20, 'value'));
  const { guarded, calls } = guard({ get }, 20);
  const read = guarded.get('k');
  while (calls.length === 0) await Promise.resolve();
  // Both timers run by now, and are over when their turn comes.
  for (const end = performance.now() + 50; performance.now() < end; );
  expect(await read).toBe('value');
  await new Promise((resolve) => setTimeout(resolve, 5));
  await expect(guarded.getTtl('k')).resolves.toBeUndefined();
});

it('a store that rests is not waited for, though something is still being deleted there', async () => {
  const { operations } = guard({ get: never, delete: never }, 20);
  await rejection(operations.get?.() as Promise<unknown>);
  const ended: string[] = [];
  const ends = (name: string) => rejection(operations[name]?.() as Promise<unknown>).then(() => ended.push(name));
  await Promise.all([ends('delete'), ends('get')]);
  expect(ended).toEqual(['get', 'delete']);
});

it('nothing is sealed for a store that rests', async () => {
  const { operations, guarded } = guard({ get: never }, 20);
  await rejection(operations.get?.() as Promise<unknown>);
  const makeValue = jest.fn(async () => 'value');
  await expect(guarded.set('k', makeValue, undefined)).rejects.toMatchObject({ operation: 'set', reason: 'resting' });
  expect(makeValue).not.toHaveBeenCalled();
});

it('what is to be deleted is, even from a store that rests', async () => {
  const { operations, calls } = guard({ get: never }, 20);
  await rejection(operations.get?.() as Promise<unknown>);
  await operations.delete?.();
  expect(calls.at(-1)).toEqual(['delete', 'k']);
});

it.each([
  [{ code: 'ECONNREFUSED', message: 'connect 10.0.0.1' }, 'ECONNREFUSED'],
  [{ code: 'a secret', name: 'Error', message: 'no' }, 'Error'],
  [{ code: 'x'.repeat(41), name: 'Error', message: 'no' }, 'Error'],
  [{ name: 'ReplyError', message: 'OOM command not allowed' }, 'OOM'],
  [{ name: 'ReplyError', message: 'xOOM command not allowed' }, 'ReplyError'],
  [{ name: 'ReplyError', message: ['OOM now'] }, 'ReplyError'],
  [{ name: 'a secret', message: 'no' }, 'object'],
  [{ name: 'secret!', message: 'no' }, 'object'],
  [null, 'object'],
  ['a secret', 'string'],
])('an error %j is known by %s alone', async (error, code) => {
  const { operations } = guard({ get: () => Promise.reject(error) });
  expect(await rejection(operations.get?.() as Promise<unknown>)).toMatchObject({
    operation: 'get',
    reason: 'failed',
    code,
  });
});

it('takes null for nothing, and a store without locks or clock for one that has none', async () => {
  const { guarded } = guard({ get: async () => null, lock: async () => null });
  expect([guarded.canLock, await guarded.get('k'), await guarded.lock('k', 1_000)]).toEqual([
    true,
    undefined,
    undefined,
  ]);
  const { guarded: plain } = guard({});
  expect([plain.canLock, await plain.lock('k', 1_000), await plain.getTtl('k')]).toEqual([false, undefined, undefined]);
});

it.each([
  [5, 5],
  [0, undefined],
  [-1, undefined],
  ['5', undefined],
  [Number.NaN, undefined],
])('a rest of %j is one of %j', async (leftMs, expected) => {
  expect(await guard({ getTtl: async () => leftMs }).guarded.getTtl('k')).toBe(expected);
});

it('names a value to be deleted only where there is one', async () => {
  const { guarded, calls } = guard({});
  await guarded.delete('k');
  await guarded.delete('k', 'old');
  expect(calls).toStrictEqual([
    ['delete', 'k'],
    ['delete', 'k', 'old'],
  ]);
});

it('writes of one key go one after the other, a failed one included, and who reads waits for them', async () => {
  const first = defer<false>();
  const { guarded, calls } = guard({
    set: (_: string, value: string) => (value === 'a' ? first.promise : nothing()),
  } as never);
  const failed = rejection(guarded.set('k', async () => 'a', 5));
  const second = guarded.set('k', async () => 'b', 5);
  const read = guarded.get('k');
  await guarded.get('other');
  expect(calls).toEqual([
    ['set', 'k', 'a', 5],
    ['get', 'other'],
  ]);
  first.resolve(false);
  expect(await failed).toMatchObject({ operation: 'set', reason: 'failed' });
  await Promise.all([second, read]);
  expect(calls.slice(2)).toEqual([
    ['set', 'k', 'b', 5],
    ['get', 'k'],
  ]);
});

it('who reads waits for the last write of its key, though an earlier one is done', async () => {
  const [first, second] = [defer(), defer()];
  const { guarded, calls } = guard({
    set: (_: string, value: string) => (value === 'a' ? first.promise : second.promise),
  } as never);
  const one = guarded.set('k', async () => 'a', 5);
  const two = guarded.set('k', async () => 'b', 5);
  first.resolve();
  await one;
  await new Promise((resolve) => setImmediate(resolve));
  const read = guarded.get('k');
  await new Promise((resolve) => setImmediate(resolve));
  expect(calls.map(([name]) => name)).toEqual(['set', 'set']);
  second.resolve();
  await Promise.all([two, read]);
  expect(calls.map(([name]) => name)).toEqual(['set', 'set', 'get']);
});

it('a lock is given back but once, kept alive while it is held, and given back by close()', async () => {
  let released = 0;
  let extended = 0;
  const lock = async () =>
    Object.assign(
      async () => {
        released += 1;
      },
      {
        extend: async () => {
          extended += 1;
        },
      },
    );
  const { guarded } = guard({ lock });
  const release = await guarded.lock('k', 30);
  await until(() => extended >= 2);
  release?.();
  release?.();
  const [releasedOnce, extendedSoFar] = [released, extended];
  await new Promise((resolve) => setTimeout(resolve, 40));
  expect([releasedOnce, extended]).toEqual([1, extendedSoFar]);
  await guarded.lock('k', 60_000);
  guarded.close();
  expect(released).toBe(2);
  await expect(guarded.lock('k', 1_000)).rejects.toMatchObject({ reason: 'resting' });
});

it('a lock that cannot be extended, and one that is none, do no harm', async () => {
  const { guarded } = guard({ lock: async () => nothing });
  const release = await guarded.lock('k', 3);
  await new Promise((resolve) => setTimeout(resolve, 20));
  release?.();
  await expect(guard({ lock: async () => 'OK' }).guarded.lock('k', 3)).rejects.toMatchObject({ reason: 'unusable' });
});
