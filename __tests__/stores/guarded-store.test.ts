import { createPending } from '../../lib/pending.js';
import { type Claim, guardStore } from '../../lib/stores/guarded-store.js';
import { StoreFault } from '../../lib/stores/store-fault.js';
import { ROUND_TRIPS, type RoundTrips, type TokenStore } from '../../lib/stores/token-store.js';
import { defer, until } from '../support/cloud.js';
import { rejection } from '../support/connector.js';
import { holdIntervals, holdTimers, releaseTimers } from '../support/timers.js';

afterEach(releaseTimers);

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
  const guarded = guardStore({
    store: store as never,
    timeoutMs,
    lockMs: 5_000,
    clock: { now: () => now },
    pending: createPending(),
  });
  const value = async () => ({ text: 'value', ttlMs: undefined });
  const faults: StoreFault[] = [];
  const lock = (key: string): Promise<Claim> => guarded.claim(key, undefined, (fault) => faults.push(fault));
  const operations: Record<string, () => Promise<unknown>> = {
    get: () => guarded.get('k'),
    set: () => guarded.set('k', value),
    delete: () => guarded.delete('k'),
    lock: () => lock('k'),
    getTtl: () => guarded.getTtl('k'),
  };
  const pass = (ms: number) => {
    now += ms;
  };
  return { guarded, calls, operations, pass, lock, faults };
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
    if (name !== 'get' && name !== 'lock') await expect(operations.get?.()).resolves.toBeUndefined();
  },
);

it('an answer that came in time, while this process was busy, is no timeout', async () => {
  const get = () => new Promise((resolve) => setTimeout(resolve, 20, 'value'));
  const { guarded, calls } = guard({ get }, 20);
  const read = guarded.get('k');
  while (calls.length === 0) await Promise.resolve();
  // Both timers run by now, and are over when their turn comes.
  for (const end = performance.now() + 50; performance.now() < end; );
  expect((await read)?.text).toBe('value');
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
  const makeValue = jest.fn(async () => ({ text: 'value', ttlMs: undefined }));
  await expect(guarded.set('k', makeValue)).rejects.toMatchObject({ operation: 'set', reason: 'resting' });
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
  const { guarded, lock } = guard({ get: async () => null, lock: async () => null });
  expect([guarded.canLock, await guarded.get('k'), await lock('k')]).toEqual([true, undefined, {}]);
  const { guarded: plain } = guard({});
  expect([plain.canLock, await plain.getTtl('k')]).toEqual([false, undefined]);
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
  const failed = rejection(guarded.set('k', async () => ({ text: 'a', ttlMs: 5 })));
  const second = guarded.set('k', async () => ({ text: 'b', ttlMs: 5 }));
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
  const one = guarded.set('k', async () => ({ text: 'a', ttlMs: 5 }));
  const two = guarded.set('k', async () => ({ text: 'b', ttlMs: 5 }));
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

/** A lock that counts, and whose release may fail. */
function createLock(release: () => Promise<unknown> = nothing) {
  const counts = { released: 0, extended: 0 };
  const lock = async () =>
    Object.assign(
      () => {
        counts.released += 1;
        return release();
      },
      {
        extend: async () => {
          counts.extended += 1;
        },
      },
    );
  return { counts, lock };
}

it('a lock is released once, extended while it is held, and released by close()', async () => {
  const intervals = holdIntervals();
  const { counts, lock } = createLock();
  const { guarded, lock: take, calls } = guard({ lock });
  const { release } = await take('k');
  expect(calls).toContainEqual(['lock', 'lock:k', 5_000]);
  intervals.run();
  intervals.run();
  await until(() => counts.extended === 2);
  release?.();
  release?.();
  intervals.run();
  await until(() => counts.released === 1);
  expect(counts.extended).toBe(2);
  await take('k');
  guarded.close();
  await until(() => counts.released === 2);
  await expect(take('k')).rejects.toMatchObject({ reason: 'resting' });
});

it('a release that fails is reported, and tried again while the lock can still be there', async () => {
  const retries = holdTimers(1_000);
  const { counts, lock } = createLock(() => Promise.reject(new Error('NOPERM no rights')));
  const { lock: take, faults } = guard({ lock }, 5_000);
  const { release } = await take('k');
  release?.();
  for (let released = 1; released <= 5; released++) {
    await until(() => counts.released === released && (released === 5 || retries.waiting === 1));
    retries.end();
  }
  await new Promise((resolve) => setImmediate(resolve));
  expect([retries.waiting, faults]).toMatchObject([0, [{ operation: 'lock', reason: 'failed', code: 'NOPERM' }]]);
});

it('a lock that cannot be extended, and a value that is not a lock, do no harm', async () => {
  const intervals = holdIntervals();
  const { lock: take } = guard({ lock: async () => nothing });
  const { release } = await take('k');
  intervals.run();
  release?.();
  await expect(guard({ lock: async () => 'OK' }).lock('k')).rejects.toMatchObject({ reason: 'unusable' });
});

it('an entry that was stored before the lock was taken is returned, and the lock released', async () => {
  const { counts, lock } = createLock();
  const { guarded } = guard({ lock, get: async () => 'entry' } as never);
  expect(await guarded.claim('k', undefined, () => {})).toMatchObject({ found: { text: 'entry' } });
  expect(counts.released).toBe(1);
  expect((await guarded.claim('k', 'entry', () => {})).release).toBeDefined();
});

it('at most 32 commands are in flight, and the time of a command starts when it is sent', async () => {
  const open: (() => void)[] = [];
  let most = 0;
  const get = () =>
    new Promise<undefined>((resolve) => {
      open.push(() => resolve(undefined));
      most = Math.max(most, open.length);
    });
  // Each round of 32 takes nearly the whole time. The last of 320 waits for nine of them.
  const { guarded } = guard({ get }, 200);
  const all = Promise.all(Array.from({ length: 320 }, (_, index) => guarded.get(`k${index}`)));
  for (let round = 0; round < 10; round++) {
    await until(() => open.length === 32);
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (const answer of open.splice(0)) answer();
  }
  await all;
  expect(most).toBe(32);
});

it('one slow answer among others is a fault of its own, and the store goes on', async () => {
  const get = (key: string) => (key === 'slow' ? never() : nothing());
  const { guarded } = guard({ get } as never, 50);
  const slow = rejection(guarded.get('slow'));
  const busy = setInterval(() => guarded.get('other').catch(() => {}), 5);
  expect(await slow).toMatchObject({ reason: 'timeout' });
  clearInterval(busy);
  await expect(guarded.get('k')).resolves.toBeUndefined();
});

it('of many commands that a dead store does not answer, one is reported', async () => {
  const { guarded } = guard({ get: never }, 20);
  const all = await Promise.all(Array.from({ length: 50 }, (_, index) => rejection(guarded.get(`k${index}`))));
  expect(all.map((fault) => (fault as StoreFault).reason).filter((reason) => reason === 'timeout')).toHaveLength(1);
});

it('a late answer shows that the store is up again', async () => {
  const late = defer<string>();
  const { guarded } = guard({ get: (key: string) => (key === 'late' ? late.promise : nothing()) } as never, 20);
  await rejection(guarded.get('late'));
  await expect(guarded.get('k')).rejects.toMatchObject({ reason: 'resting' });
  late.resolve('late');
  await new Promise((resolve) => setImmediate(resolve));
  await expect(guarded.get('k')).resolves.toBeUndefined();
});

it('a store whose answers are always late rests most of the time', async () => {
  const answers: ((value: string) => void)[] = [];
  const { guarded, pass } = guard({ get: () => new Promise((resolve) => answers.push(resolve)) }, 20);
  for (let times = 0; times < 2; times++) {
    await expect(guarded.get(`k${times}`)).rejects.toMatchObject({ reason: 'timeout' });
    for (const answer of answers.splice(0)) answer('late');
    await new Promise((resolve) => setImmediate(resolve));
  }
  await expect(guarded.get('k')).rejects.toMatchObject({ reason: 'resting' });
  pass(2_000);
  await expect(guarded.get('k')).rejects.toMatchObject({ reason: 'timeout' });
});

describe('a store with combined operations', () => {
  function withRoundTrips(own: Partial<RoundTrips>) {
    const roundTrips: RoundTrips = {
      batchSize: 2,
      read: async (keys) => keys.map((key) => ({ value: `entry of ${key}`, leftMs: 5 })),
      watch: async (keys) => keys.map(() => undefined),
      claim: async (attempts) => attempts.map(() => ({ isOurs: true, value: undefined })),
      lockOf: () => nothing,
      keep: nothing,
      shardOf: () => '',
      ...own,
    };
    const store = { get: never, set: nothing, delete: nothing, lock: never };
    Object.defineProperty(store, ROUND_TRIPS, { value: roundTrips });
    const parts = { timeoutMs: 30, lockMs: 5_000, clock: { now: () => 0 }, pending: createPending() };
    return guardStore({ ...parts, store: store as never });
  }

  it('reads the keys of one moment together', async () => {
    const reads: string[][] = [];
    const read: RoundTrips['read'] = async (keys) => {
      reads.push([...keys]);
      return keys.map((value) => ({ value, leftMs: 5 }));
    };
    const guarded = withRoundTrips({ read });
    const entries = await Promise.all(['a', 'b', 'c'].map((key) => guarded.get(key)));
    expect(reads).toEqual([['a', 'b'], ['c']]);
    expect(entries).toEqual(['a', 'b', 'c'].map((text) => ({ text, leftMs: 5, readAt: 0 })));
  });

  it('releases a lock whose answer was lost, and again if it comes late', async () => {
    const late = defer<{ isOurs: boolean; value: undefined }[]>();
    let released = 0;
    const lock = async () => {
      released += 1;
    };
    const guarded = withRoundTrips({ claim: () => late.promise, lockOf: () => lock });
    expect(await rejection(guarded.claim('k', undefined, () => {}))).toMatchObject({ reason: 'timeout' });
    await until(() => released === 1);
    late.resolve([{ isOurs: true, value: undefined }]);
    await until(() => released === 2);
  });

  it('goes on with the other shards if one hangs', async () => {
    const read: RoundTrips['read'] = async (keys) => (keys[0] === 'a' ? never() : [{ value: 'entry', leftMs: 5 }]);
    const guarded = withRoundTrips({ batchSize: 1, read, shardOf: (key) => key });
    expect(await rejection(guarded.get('a'))).toMatchObject({ reason: 'timeout' });
    expect(await rejection(guarded.get('a'))).toMatchObject({ reason: 'resting' });
    expect(await guarded.get('b')).toMatchObject({ text: 'entry' });
  });
});
