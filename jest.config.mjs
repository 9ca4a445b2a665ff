// jose, p-memoize and parts of msw ship ESM only, which Jest cannot require: they are transformed like our own sources.
const ESM_ONLY =
  'jose|p-memoize|p-queue|p-timeout|eventemitter3|mimic-function|rettime|until-async|@open-draft/deferred-promise';

export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/__tests__'],
  testMatch: ['**/*.test.ts'],
  // What needs a real Redis is run by npm run test:fleet, and what needs a browser by npm run test:desk.
  testPathIgnorePatterns: ['/fixtures/', '/__tests__/fleet/', '/__tests__/desk/'],
  transform: {
    [`(\\.ts|/node_modules/(${ESM_ONLY})/.*\\.m?js)$`]: [
      'ts-jest',
      { tsconfig: 'tsconfig.jest.json', diagnostics: false },
    ],
  },
  transformIgnorePatterns: [`/node_modules/(?!(${ESM_ONLY})/)`],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^axios-liveperson-auth$': '<rootDir>/lib/index.ts',
    '^axios-liveperson-auth/emulator$': '<rootDir>/lib/emulator/index.ts',
    '^axios-liveperson-auth/redis$': '<rootDir>/lib/stores/redis.ts',
    '^axios-liveperson-auth/opentelemetry$': '<rootDir>/lib/opentelemetry.ts',
  },
  // No test is judged by how long it takes; this ends one that hangs. A busy machine does not reach it.
  testTimeout: 600_000,
};
