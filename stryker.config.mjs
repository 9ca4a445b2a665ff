/** Mutation testing of all that is in lib/ but the emulator: npm run mutation [-- --mutate lib/request/dispatch.ts] */
export default {
  mutate: ['lib/**/*.ts', '!lib/emulator/**', '!lib/cli/**', '!lib/index.ts'],
  testRunner: 'jest',
  jest: { configFile: 'jest.mutation.config.mjs', enableFindRelatedTests: false },
  coverageAnalysis: 'perTest',
  ignoreStatic: true,
  concurrency: 2,
  // A mutant that all tests cover takes as long as these do when it lives; on a loaded machine that is minutes. What never ends
  // fails its test after 5 s, but for a loop without a wait.
  timeoutMS: 120_000,
  disableTypeChecks: true,
  reporters: ['progress-append-only', 'clear-text', 'json'],
  jsonReporter: { fileName: 'reports/mutation.json' },
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  tempDirName: '.stryker',
  thresholds: { high: 100, low: 90, break: 90 },
};
