import { appJwtOf } from '../../lib/tokens/identity.js';
import { ageHere, readStoredToken, writeStoredToken } from '../../lib/tokens/stored-token.js';
import { issuedToken } from '../../lib/tokens/token.js';
import { makeToken } from '../support/cloud.js';

const CONSUMER = { accountId: '70012345', consumerId: 'c' };
const ACCOUNT = appJwtOf('70012345');
const value = makeToken({ account_id: '70012345', ext_consumer_id: 'c' });
const token = { ...issuedToken(value, 1_000, 60_000), isShared: true };
const entry = (changes: object = {}) =>
  JSON.stringify({ ...JSON.parse(writeStoredToken('key', { token, isForced: false })), ...changes });

it.each([true, false])('what was written is read again, forced: %s', (isForced) => {
  expect(readStoredToken(writeStoredToken('key', { token, isForced }), 'key', CONSUMER)).toEqual({ token, isForced });
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
  ['by the store’s clock', 60_000, 100_000, 20_000, 60_000],
  ['by its own, where the store has none', 60_000, 30_000, undefined, 1_000],
  ['as of now, where its own is ahead', 60_000, 500, undefined, 500],
  ['as of now, where the store keeps it for longer than it lives', 60_000, 5_000, 90_000, 5_000],
  ['of one without an end, by its own', undefined, 30_000, undefined, 1_000],
  ['of one without an end, though the store keeps it for a while only', undefined, 30_000, 5_000, 1_000],
  ['of one without an end, as of now where its own is ahead', undefined, 500, undefined, 500],
])('its age is told %s', (_, lifetimeMs, now, leftMs, receivedAt) => {
  expect(ageHere({ ...token, lifetimeMs }, now, leftMs)).toEqual({ ...token, lifetimeMs, receivedAt });
});
