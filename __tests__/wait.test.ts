import axios from 'axios';
import { createWaits, endersOf, timeoutMs, type WaitLimits } from '../lib/wait.js';

const waitFor = <T>(begin: (isWanted: () => boolean) => Promise<T>, limits: WaitLimits) =>
  createWaits().waitFor(begin, endersOf(limits));

it.each([
  [undefined, 0],
  [null, 0],
  [0, 0],
  [-5, 0],
  [Number.NaN, 0],
  ['soon', 0],
  [1, 1],
  ['250', 250],
  [2.9, 2],
  [2 ** 31, 2 ** 31 - 1],
])('a timeout of %p is %d ms', (timeout, ms) => {
  expect(timeoutMs(timeout)).toBe(ms);
});

it.each([
  ['in success', () => Promise.resolve('done')],
  ['in failure', () => Promise.reject(new Error('no'))],
])('a wait that ends %s leaves nothing behind it', async (_, work) => {
  const { signal } = new AbortController();
  const added = jest.spyOn(signal, 'addEventListener');
  const removed = jest.spyOn(signal, 'removeEventListener');
  const { token: cancelToken } = axios.CancelToken.source();
  const set = jest.spyOn(globalThis, 'setTimeout');
  const cleared = jest.spyOn(globalThis, 'clearTimeout');
  let isWanted = () => false;
  const begin = (ask: () => boolean) => {
    isWanted = ask;
    return work();
  };
  const wait = waitFor(begin, { signal, cancelToken, timeout: 60_000 });
  expect(isWanted()).toBe(true);
  await wait.catch(() => {});
  expect(isWanted()).toBe(false);
  expect(added).toHaveBeenCalledTimes(1);
  expect(removed.mock.calls).toEqual(added.mock.calls.map((call) => call.slice(0, 2)));
  expect((cancelToken as unknown as { _listeners: unknown[] })._listeners).toEqual([]);
  expect(cleared).toHaveBeenCalledWith(set.mock.results.at(-1)?.value);
  jest.restoreAllMocks();
});

it('a signal that was aborted before is heard without a listener', async () => {
  const signal = AbortSignal.abort();
  const added = jest.spyOn(signal, 'addEventListener');
  await expect(waitFor(() => new Promise(() => {}), { signal })).rejects.toMatchObject({ code: 'ERR_CANCELED' });
  expect(added).not.toHaveBeenCalled();
});

it('a timeout has Axios’s older code where nothing asks for the clearer one', async () => {
  const ended = waitFor(() => new Promise(() => {}), { timeout: 1, transitional: null as never });
  await expect(ended).rejects.toMatchObject({ code: 'ECONNABORTED', message: 'timeout of 1ms exceeded' });
});
