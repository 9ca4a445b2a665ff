// What needs a real Redis: npm run test:fleet. The tests start servers of their own.
import base from './jest.config.mjs';

export default {
  ...base,
  testMatch: ['**/__tests__/fleet/**/*.test.ts'],
  testPathIgnorePatterns: ['/fixtures/'],
};
