import { appJwtOf } from '../../lib/tokens/identity.js';
import { ageHere, isKeepDue, readStoredToken, ttlOf, writeStoredToken } from '../../lib/tokens/stored-token.js';
import { issuedToken } from '../../lib/tokens/token.js';
import { makeToken } from '../support/cloud.js';

const CONSUMER = { accountId: '70012345', consumerId: 'c' };
const ACCOUNT = appJwtOf('70012345');
const value = makeToken({ account_id: '70012345', ext_consumer_id: 'c' });
const token = { ...issuedToken(value, 1_000, 60_000), isShared: true };
const stored = { token, issuedAt: 900, writtenAt: 1_100, isForced: false };
const entry = (changes: object = {}) => JSON.stringify({ ...JSON.parse(writeStoredToken('key', stored)), ...changes });
const DAY = 86_400_000;

it.each([true, false])('what was written is read again, forced: %s', (isForced) => {
  const text = writeStoredToken('key', { ...stored, isForced });
  expect(readStoredToken(text, 'key', CONSUMER)).toEqual({ ...stored, isForced });
});

it('a ConsumerJWS may be without an end, an AppJWT not', () => {
  const text = entry({ lifetimeMs: undefined });
  expect(readStoredToken(text, 'key', CONSUMER)?.token.lifetimeMs).toBeUndefined();
  expect(readStoredToken(text, 'key', ACCOUNT)).toBeUndefined();
});

it.each<[string, string]>([
  ['another version', entry({ v: 0 })],
  ['another key', entry({ key: 'other' })],
  ['a token that is no text', entry({ token: [value] })],
  ['a token that is no JWT', entry({ token: 'abc' })],
  ['a token of another consumer', entry({ token: makeToken({ ext_consumer_id: 'd' }) })],
  ['a time that is none', entry({ receivedAt: '1000' })],
  ['a time of issue that is none', entry({ issuedAt: null })],
  ['a time of writing that is none', entry({ writtenAt: undefined })],
  ['the format of an older version', entry({ v: 1 })],
  ['a life that is none', entry({ lifetimeMs: 'long' })],
  ['null', 'null'],
  ['no JSON', '{'],
  ['more than is looked into', `${entry()}${' '.repeat(64 * 1024)}`],
])('%s is not read', (_, text) => {
  expect(readStoredToken(text, 'key', CONSUMER)).toBeUndefined();
});

it('is read up to 64 KiB', () => {
  const text = entry();
  expect(readStoredToken(text + ' '.repeat(64 * 1024 - text.length), 'key', CONSUMER)).toBeDefined();
});

it('is known to be forced only where it says so', () => {
  expect(readStoredToken(entry({ isForced: 1 }), 'key', CONSUMER)?.isForced).toBe(false);
});

it.each([
  ['by the store’s clock', 60_000, 100_000, 20_000, [60_000, 900, 60_100]],
  ['by its own, where the store has none', 60_000, 30_000, undefined, [1_000, 900, 1_100]],
  ['as of now, where its own is ahead', 60_000, 500, undefined, [500, 500, 500]],
  ['as of now, where the store keeps it for longer than it lives', 60_000, 5_000, 90_000, [5_000, 900, 5_000]],
  ['as older, where the writer’s clock was ahead', 60_000, 600, 59_000, [-400, -500, -300]],
  ['of one without an end, by its own', undefined, 30_000, undefined, [1_000, 900, 1_100]],
  ['of one without an end, by the store’s clock', undefined, 30_000, 30 * DAY - 29_000, [900, 800, 1_000]],
  ['of one without an end, as of now where its own is ahead', undefined, 500, undefined, [500, 500, 500]],
])('its age is told %s', (_, lifetimeMs, now, leftMs, [receivedAt, issuedAt, writtenAt]) => {
  const { token: here, ...times } = ageHere({ ...stored, token: { ...token, lifetimeMs } }, now, leftMs);
  expect(here).toEqual({ ...token, lifetimeMs, receivedAt });
  expect(times).toEqual({ issuedAt, writtenAt, isForced: false });
});

it.each([
  [60_000, 59_900],
  [60_000.7, 59_900],
  [50, -50],
  [undefined, 30 * DAY],
])('a token that lives for %p ms is kept for %i ms', (lifetimeMs, ttlMs) => {
  expect(ttlOf({ ...stored, token: { ...token, lifetimeMs } })).toBe(ttlMs);
});

it.each([
  ['a token that expires', 60_000, 1e12, 5, false],
  ['a fresh entry', undefined, 1_200, 30 * DAY - 100, false],
  ['an entry of yesterday', undefined, 1_200, 29 * DAY - 1, true],
  ['an entry of today, where the store has no clock', undefined, 1_100 + DAY, undefined, false],
  ['an entry of yesterday, where the store has no clock', undefined, 1_101 + DAY, undefined, true],
])('whether the life of %s is renewed', (_, lifetimeMs, now, leftMs, isDue) => {
  expect(isKeepDue({ ...stored, token: { ...token, lifetimeMs } }, now, leftMs)).toBe(isDue);
});
