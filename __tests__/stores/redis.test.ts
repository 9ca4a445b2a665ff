import { createRedisTokenStore } from 'axios-liveperson-auth/redis';

// What a real Redis says by chance alone; the rest is tried against one, in __tests__/fleet.
it.each([
  [5, 5],
  [0, undefined],
  [-1, undefined],
  [-2, undefined],
])('a PTTL of %i is a rest of %j, in the spelling of either client', async (answer, expected) => {
  const pttl = async () => answer;
  expect(await createRedisTokenStore({ pTTL: pttl } as never).getTtl('key')).toBe(expected);
  expect(await createRedisTokenStore({ pttl } as never).getTtl('key')).toBe(expected);
});
