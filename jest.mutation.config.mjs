import base from './jest.config.mjs';

process.env.TEST_EFFORT = '0.01';

export default {
  ...base,
  testMatch: ['**/support/every-test.ts'],
  // A mutant that hangs is found soon.
  testTimeout: 5_000,
};
