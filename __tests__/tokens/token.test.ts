import {
  appJwtLifetimeMs,
  consumerJwsLifetimeMs,
  findWrongClaim,
  issuedToken,
  phaseOf,
  readClaims,
} from '../../lib/tokens/token.js';

// The sample tokens of LivePerson's page "Authorization and Authentication".
const APP_JWT =
  'eyJraWQiOiJhcHBqd3QtMTMtMDUtMTciLCJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJsZTgxODIzMTE4IiwiYXpwIjoiNzU1ODhlMTgtMDIxMy00ZTMzLTgxNzQtODgzYWNhYzdlM2M0Iiwic2NvcGUiOiJtc2cuY29uc3VtZXIiLCJpc3MiOiJTZW50aW5lbCIsImV4cCI6MTUyNDY0NjI3MCwiaWF0IjoxNTI0NjQyNjcwfQ.aC1EbVQDIKJkrMgfoqhDqo5KZVMILTGP5UnK_4lUJQIfpFcrymvQKU9E6zt_WDhWmM2SOOcr1sz4u5xVZ9rMWZciDW_9KofEM2NDgVw1EVBxAIgGYeO0sbE9o--HKjk9DHZvukJkQFhYaHMDnj6ay4BNUqTJpDn6y3XQY7eh7rM';
const CONSUMER_JWS =
  'eyJraWQiOiJhcHBqd3QtMTMtMDUtMTciLCJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhY2NvdW50X2lkIjoibGUzMTQ1Nzc4MCIsImV4dF9jb25zdW1lcl9pZCI6InJhbmRvbV9pZDAuMTczMDc3OTY4NzUiLCJscF9jb25zdW1lcl9pZCI6IjI5Y2FmMGMxMTQ4Njk5NmQ5Mzg3ZTNhNDRlYzM0MjI5ZDEyNzMwNGRiNDk2NmQ3NzUyNzE2YmNlYjUzOGZhMjQifQ.TAJgP31rmpHvGKqb_yLP9yzVi_7tu7YoRfoqQ3RfuXGwR_AOV7DWL5Njy1m2YpC5kd9L_oRmytjFwfckwyuFJewwPGYxeZAY1q1jR5tPdb0nsvRyrMdKzO1_AFWUJtD013H9fjyjxHvxwV_Q2xe6Xp00J0T_-I6d6BkUpUFSPww';

it('reads the vendor’s own samples: an AppJWT of one hour, a ConsumerJWS without end', () => {
  const appJwt = readClaims(APP_JWT) ?? {};
  expect(appJwtLifetimeMs(appJwt, undefined)).toBe(3_600_000);
  expect(findWrongClaim(appJwt, { aud: 'le81823118' })).toBeUndefined();
  expect(findWrongClaim(appJwt, { aud: 'other' })).toBe('aud');
  const jws = readClaims(CONSUMER_JWS) ?? {};
  expect(consumerJwsLifetimeMs(jws, 0)).toBeUndefined();
  expect(findWrongClaim(jws, { account_id: 'le31457780', ext_consumer_id: 'random_id0.17307796875' })).toBeUndefined();
  expect(findWrongClaim(jws, { account_id: 'le31457780', ext_consumer_id: 'other' })).toBe('ext_consumer_id');
});

it.each([
  [undefined],
  [5],
  [''],
  [{ toString: () => APP_JWT }],
  ['a.b'],
  ['a.b.c'],
  [`${APP_JWT} `],
  [`${APP_JWT}.x`],
  [APP_JWT.split('.')[0]],
])('%j is no JWT', (value) => {
  expect(readClaims(value)).toBeUndefined();
});

it.each([
  [{ iat: 100, exp: 400 }, undefined, 300_000],
  [{ iat: 100, exp: 400 }, 60, 300_000],
  [{ exp: 400 }, 60, 60_000],
  [{ iat: 400, exp: 400 }, 60, 60_000],
  [{ iat: 400, exp: 100 }, '60', 60_000],
  [{ iat: '100', exp: '400' }, 60, 60_000],
  [{ iat: 100, exp: '400' }, 60, 60_000],
  [{}, 'soon', 3_600_000],
  [{}, [60], 3_600_000],
  [{}, Number.POSITIVE_INFINITY, 3_600_000],
  [{}, -1, 3_600_000],
  [{}, undefined, 3_600_000],
])('an AppJWT with %j and expires_in %j lives %i ms', (claims, expiresIn, lifetimeMs) => {
  expect(appJwtLifetimeMs(claims, expiresIn)).toBe(lifetimeMs);
});

it.each([
  [{ exp: 1_000 }, 400_000, 600_000],
  [{ exp: 1_000, iat: 900 }, 400_000, 100_000],
  [{ exp: 1_000 }, 2_000_000, undefined],
  [{ exp: 1_000, iat: 1_000 }, 2_000_000, undefined],
  [{ exp: '1000', iat: 900 }, 0, undefined],
  [{ iat: 900 }, 0, undefined],
])('a ConsumerJWS with %j, received at %i, lives %s ms', (claims, receivedAt, lifetimeMs) => {
  expect(consumerJwsLifetimeMs(claims, receivedAt)).toBe(lifetimeMs);
});

it.each([
  ['an array that has the account', { aud: ['a', 'b'] }, { aud: 'b' }, undefined],
  ['an array that has not', { aud: ['a'] }, { aud: 'b' }, 'aud'],
  ['a number', { aud: 5 }, { aud: '5' }, undefined],
  ['another number', { aud: 6 }, { aud: '5' }, 'aud'],
  ['an object that reads like the account', { aud: { toString: () => 'b' } }, { aud: 'b' }, 'aud'],
  ['an absent claim', {}, { aud: 'b' }, undefined],
])('of claims, %s', (_, claims, wanted, wrong) => {
  expect(findWrongClaim(claims, wanted)).toBe(wrong);
});

const WINDOWS = { refreshAheadMs: 300_000, expiryMarginMs: 30_000 };

it.each([
  ['fresh', 3_600_000, 3_299_999, 'fresh'],
  ['with as much left as it is renewed ahead', 3_600_000, 3_300_000, 'stale'],
  ['with more than the margin left', 3_600_000, 3_569_999, 'stale'],
  ['with no more than the margin left', 3_600_000, 3_570_000, 'expired'],
  ['of a life shorter than both, before its middle', 110_000, 59_999, 'fresh'],
  ['of a life shorter than both, past its middle', 110_000, 60_001, 'stale'],
  ['of a life shorter than both, near its end', 110_000, 105_000, 'expired'],
  ['of a life as short as both, on arrival', 330_000, 0, 'fresh'],
  ['of a life as short as both, past its middle', 330_000, 179_999, 'fresh'],
  ['of no life', 0, 0, 'expired'],
  ['received in the future, as it seems', 3_600_000, -7_200_000, 'fresh'],
  ['without an end', undefined, 1e15, 'fresh'],
])('a token %s', (_, lifetimeMs, age, state) => {
  const token = issuedToken('', 0, lifetimeMs);
  expect(phaseOf(token, age, WINDOWS)).toBe(state);
});

it('nothing is renewed ahead when refreshAheadMs is 0', () => {
  const windows = { refreshAheadMs: 0, expiryMarginMs: 30_000 };
  const token = issuedToken('', 0, 20_000);
  expect([9_000, 9_999, 10_000].map((now) => phaseOf(token, now, windows))).toEqual(['fresh', 'fresh', 'expired']);
});
