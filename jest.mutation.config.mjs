import base from './jest.config.mjs';

process.env.TEST_EFFORT = '0.01';
process.env.TEST_PATIENCE_MS = '5000';

export default {
  ...base,
  testMatch: ['**/support/every-test.ts'],
  // A mutant that hangs is found soon.
  testTimeout: 5_000,
};
