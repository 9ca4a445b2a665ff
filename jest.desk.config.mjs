// What needs a browser: npm run test:desk. It takes Debian's Chromium, or the one that CHROMIUM names.
import base from './jest.config.mjs';

export default {
  ...base,
  testMatch: ['**/__tests__/desk/**/*.test.ts'],
  testPathIgnorePatterns: ['/fixtures/'],
};
