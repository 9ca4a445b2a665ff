import base from './jest.config.mjs';

// What looks at lib/ from without, or at what is not mutated, would only cost time.
const ASIDE = ['package/', 'readme/', 'emulator/', 'flow/neighbours', 'flow/hostile-urls', 'flow/contexts', 'flow/faults'];

process.env.HERD = '100';

export default {
  ...base,
  // A mutant that hangs is found soon.
  testTimeout: 2_000,
  testPathIgnorePatterns: [...base.testPathIgnorePatterns, ...ASIDE.map((part) => `/${part}`)],
};
