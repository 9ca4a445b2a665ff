import { fullPace, isDown, keepsTries, mayStart, type Outcome, type Pace, paceAfter } from '../../lib/tokens/pacing.js';

const MAX = 16;
const pace = (part: Partial<Pace> = {}): Pace => ({ ...fullPace(MAX), ...part });

/** The pace after attempts of different calls, each begun under the pace that it changes. */
const after = (start: Pace, ...outcomes: Outcome[]): Pace =>
  outcomes.reduce(
    (now, outcome, callId) => paceAfter(now, outcome, { callId, pauses: now.pauses, isAlone: false }, MAX),
    start,
  );
const times = (count: number, outcome: Outcome): Outcome[] => Array<Outcome>(count).fill(outcome);

it.each<[string, Pace, number, boolean]>([
  ['the first call', pace(), 0, true],
  ['the last below the limit', pace(), 15, true],
  ['one above the limit', pace(), 16, false],
  ['the last of the allowance', pace({ passed: 12, allowance: 20 }), 7, true],
  ['one above the allowance', pace({ passed: 12, allowance: 20 }), 8, false],
  ['one above the allowance, alone', pace({ passed: 20, allowance: 20 }), 0, true],
  ['the only one at the lowest limit', pace({ limit: 1 }), 0, true],
  ['a second one at the lowest limit', pace({ limit: 1 }), 1, false],
])('%s may start, with %#: %j, open %i: %s', (_, now, open, may) => {
  expect(mayStart(now, open)).toBe(may);
});

it.each<[string, Pace, Partial<Pace>]>([
  ['a 429 halves the limit and pauses', after(pace(), 'limited'), { limit: 8, pauses: 1 }],
  ['an odd limit is halved downwards', after(pace({ limit: 5 }), 'limited'), { limit: 2 }],
  ['the limit is never below one', after(pace({ limit: 1 }), 'limited'), { limit: 1, pauses: 1 }],
  [
    'a 429 keeps the number that passed as the allowance',
    after(pace(), ...times(20, 'passed'), 'limited'),
    {
      allowance: 20,
      passed: 0,
    },
  ],
  ['the allowance is never below one', after(pace(), 'limited'), { allowance: 1 }],
  [
    'the limit grows by one after four calls that passed',
    after(pace({ limit: 8 }), ...times(4, 'passed')),
    { limit: 9 },
  ],
  ['three are too few', after(pace({ limit: 8 }), ...times(3, 'passed')), { limit: 8, streak: 3 }],
  ['the limit never exceeds the option', after(pace(), ...times(40, 'passed')), { limit: MAX }],
  [
    'the allowance ends when twice as many have passed',
    after(pace({ allowance: 3 }), ...times(6, 'passed')),
    { allowance: Number.POSITIVE_INFINITY },
  ],
  ['and not before', after(pace({ allowance: 3 }), ...times(5, 'passed')), { allowance: 3 }],
  ['one fault changes nothing', after(pace(), 'failed'), { limit: MAX, pauses: 0 }],
  [
    'three different calls that fail in a row are an outage',
    after(pace(), ...times(3, 'failed')),
    {
      limit: 1,
      pauses: 1,
    },
  ],
  ['unless one passes in between', after(pace(), 'failed', 'failed', 'passed', 'failed'), { limit: MAX, pauses: 0 }],
])('%s', (_, now, expected) => {
  expect(now).toMatchObject(expected);
});

it.each<[string, Pace, boolean, boolean]>([
  ['other calls wait', pace(), false, true],
  ['it is alone', pace(), true, false],
  ['no call has passed for eleven pauses', pace({ vainPauses: 11 }), false, true],
  ['no call has passed for twelve', pace({ vainPauses: 12 }), false, false],
  ['one has passed since', after(pace({ vainPauses: 12 }), 'passed'), false, true],
])('a call that is refused with 429 while %s keeps its tries, %#', (_, now, isAlone, keeps) => {
  expect(keepsTries(now, { callId: 1, pauses: 0, isAlone })).toBe(keeps);
});

it('the other refusals of one burst neither halve again nor pause again', () => {
  const first = paceAfter(pace(), 'limited', { callId: 1, pauses: 0, isAlone: false }, MAX);
  const second = paceAfter(first, 'limited', { callId: 2, pauses: 0, isAlone: false }, MAX);
  expect(second).toMatchObject({ limit: 8, pauses: 1, allowance: 1 });
});

it('a call that fails again and again is one call, not an outage', () => {
  const now = [1, 2, 3, 4].reduce(
    (before) => paceAfter(before, 'failed', { callId: 7, pauses: 0, isAlone: false }, MAX),
    pace(),
  );
  expect([isDown(now), now.pauses]).toEqual([false, 0]);
});

it('a service that fails for single calls that are alone is down, but needs no pause', () => {
  const now = [1, 2, 3].reduce(
    (before, callId) => paceAfter(before, 'failed', { callId, pauses: 0, isAlone: true }, MAX),
    pace(),
  );
  expect([isDown(now), now.pauses]).toEqual([true, 0]);
});
