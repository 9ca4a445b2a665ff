import axios, { type AxiosError } from 'axios';
import axiosRetry from 'axios-retry';
import { livePersonRetry } from '../lib/index.js';
import { askedPauseMs, isTransientFault, tokenCallRetry } from '../lib/retry-policy.js';
import { closeClouds, startCloud } from './support/cloud.js';

const NOW = 1_800_000_000_000;
beforeEach(() => void jest.spyOn(Date, 'now').mockReturnValue(NOW));
afterEach(() => jest.restoreAllMocks());
afterEach(closeClouds);

const failed = (status?: number, headers: Record<string, string> = {}, code = 'ERR'): AxiosError =>
  ({ code, message: '', ...(status && { response: { status, headers } }) }) as AxiosError;
const pause = (retry: number, error: AxiosError) => livePersonRetry.retryDelay?.(retry, error);

it('pauses 5, 10 and 15 s after a 5xx and a network fault', () => {
  for (const error of [failed(503), failed()])
    expect([1, 2, 3].map((retry) => pause(retry, error))).toEqual([5_000, 10_000, 15_000]);
});

it('pauses 5 s after a 429, or as long as Retry-After says, in seconds or as a date', () => {
  expect(pause(3, failed(429))).toBe(5_000);
  expect(pause(1, failed(429, { 'retry-after': '12' }))).toBe(12_000);
  expect(pause(1, failed(429, { 'retry-after': new Date(NOW + 20_000).toUTCString() }))).toBe(20_000);
});

it.each<[string, AxiosError, boolean, boolean]>([
  ['429', failed(429), true, true],
  ['500', failed(500), true, true],
  ['599', failed(599), true, true],
  ['a reset', failed(undefined, {}, 'ECONNRESET'), true, true],
  ['a timeout', failed(undefined, {}, 'ECONNABORTED'), false, true],
  ['an abort', failed(undefined, {}, 'ERR_CANCELED'), false, false],
  ['600', failed(600), false, true],
  ['a pause of a minute', failed(429, { 'retry-after': '60' }), true, true],
  ['a pause of two minutes', failed(429, { 'retry-after': '120' }), false, false],
  ['401', failed(401), false, false],
  ['404', failed(404), false, false],
])('%s: retried by the preset %s, by the token calls %s', (_, error, preset, tokenCall) => {
  expect(livePersonRetry.retryCondition?.(error)).toBe(preset);
  expect(tokenCallRetry(undefined).retryCondition?.(error)).toBe(tokenCall);
});

it.each<[string, AxiosError, boolean]>([
  ['an answer that broke off', failed(200, {}, 'ERR_BAD_RESPONSE'), true],
  ['an answer that cannot be used', failed(200), false],
  ['a redirect', failed(300, {}, 'ERR_BAD_RESPONSE'), false],
  ['no answer', failed(), true],
  [
    'an answer that is too long',
    { ...failed(), message: 'maxContentLength size of 65536 exceeded' } as AxiosError,
    false,
  ],
])('%s may pass by itself: %s', (_, error, isSo) => {
  expect(isTransientFault(error)).toBe(isSo);
});

it.each<[unknown, number]>([
  ['7', 7_000],
  [' 7 ', 7_000],
  [7, 7_000],
  ['0.25', 250],
  ['7s', 0],
  ['x7', 0],
  ['1.x', 0],
  ['-7', 0],
  ['soon', 0],
  [['7'], 0],
  [undefined, 0],
])('Retry-After: %j asks for %i ms', (header, ms) => {
  expect(askedPauseMs(failed(429, { 'retry-after': header as string }))).toBe(ms);
});

it.each([
  ['of HTTP', (date: Date) => date.toUTCString()],
  ['of mail, which ends with a number', (date: Date) => date.toUTCString().replace('GMT', '+0000')],
  ['of ISO 8601, which begins with one', (date: Date) => date.toISOString()],
])('Retry-After as a date in the form %s is read', (_, format) => {
  const ms = askedPauseMs(failed(429, { 'retry-after': format(new Date(NOW + 20_000)) }));
  expect(ms).toBe(20_000);
});

it('Retry-After as a date in the past asks for nothing, and an answer without headers neither', () => {
  expect(askedPauseMs(failed(429, { 'retry-after': new Date(0).toUTCString() }))).toBe(0);
  expect(askedPauseMs({ response: { status: 429 } } as AxiosError)).toBe(0);
  expect(askedPauseMs(failed())).toBe(0);
});

it('given keys override one by one, and undefined overrides nothing', () => {
  const policy = tokenCallRetry({ retries: 1, retryDelay: undefined as never });
  expect(policy.retries).toBe(1);
  expect([1, 2, 3].map((retry) => policy.retryDelay(retry, failed(503)))).toEqual([5_000, 10_000, 15_000]);
  expect(tokenCallRetry(false)).toMatchObject({ retries: 0 });
});

it('serves an instance of the user’s own', async () => {
  const cloud = await startCloud();
  cloud.script.other = (_, count) => (count < 3 ? { status: 503 } : undefined);
  const http = axios.create({ baseURL: cloud.origin });
  axiosRetry(http, { ...livePersonRetry, retryDelay: () => 0 });
  await expect(http.post('/x')).resolves.toMatchObject({ status: 200 });
  expect(cloud.count('other')).toBe(3);
});
