import { readdirSync } from 'node:fs';
import { join } from 'node:path';

// For mutation testing: all tests that it needs in one file, so that the modules under test are loaded once for each mutant,
// not once for each file; and none is run once another has failed. What looks at lib/ from without, or at what is not
// mutated, or takes long, is left out.
const ROOT = join(__dirname, '..');
const ASIDE =
  /^(package|simulation|readme|emulator|examples|cli|support)\/|neighbours|hostile-urls|faults|async-context|fleet\/fleet/;

type Body = (...args: unknown[]) => unknown;
let underWay = 0;
let hasFailed = false;

const untilOneFails =
  (body: Body) =>
  async (...args: unknown[]): Promise<void> => {
    // One that is still under way has run into its timeout.
    if (hasFailed || underWay > 0) return;
    underWay += 1;
    try {
      await body(...args);
    } catch (error) {
      hasFailed = true;
      throw error;
    } finally {
      underWay -= 1;
    }
  };

const { it } = globalThis;
const wrapped = (name: string, body: Body) => it(name, () => untilOneFails(body)());
globalThis.it = Object.assign(wrapped, it, {
  each:
    (...table: Parameters<typeof it.each>) =>
    (name: string, body: Body) =>
      it.each(...table)(name, (...args: unknown[]) => untilOneFails(body)(...args)),
}) as typeof it;

/** What fails soonest and costs least comes first. */
const FIRST = ['flow/tokens', 'flow/targets', 'flow/replay', 'flow/renewal', 'flow/bad-answers', 'flow/waiting'];
const rank = (file: string): number => {
  const place = FIRST.findIndex((first) => file.startsWith(first));
  return !file.startsWith('flow/') ? -1 : place < 0 ? FIRST.length : place;
};

const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).sort((a, b) => rank(a) - rank(b));
for (const file of files) {
  if (file.endsWith('.test.ts') && !ASIDE.test(file)) require(join(ROOT, file));
}
