import fc from 'fast-check';
import { ConnectorAuthError, isConnectorAuthError } from '../../lib/errors.js';
import { createCooldown } from '../../lib/tokens/cooldown.js';
import { appJwtOf, type Identity, keyOf } from '../../lib/tokens/identity.js';
import { issuedToken, type Token } from '../../lib/tokens/token.js';
import { createAppJwtCache } from '../../lib/tokens/token-cache.js';
import { createTokenSource } from '../../lib/tokens/token-source.js';
import { effort } from '../support/effort.js';

const IDENTITIES: readonly Identity[] = [appJwtOf('a'), appJwtOf('b')];
const LIFETIME_MS = 1_000;
const WINDOWS = { refreshAheadMs: 200, expiryMarginMs: 50 };
const FORCED_MS = 60;
const COOLDOWN = { min: 30, max: 100 };

/** A call at the service, which the test answers. */
interface Call {
  readonly key: number;
  readonly isWanted: () => boolean;
  readonly settle: (outcome: Outcome) => void;
}

type Outcome = { value: string } | { failed: true } | { givenUp: true };

/** A token source whose service and clock the test is. */
function createWorld() {
  let now = 1_000_000;
  const clock = { now: () => now };
  const calls: Call[] = [];
  const source = createTokenSource({
    cache: createAppJwtCache(),
    clock,
    windows: WINDOWS,
    forcedRefreshIntervalMs: FORCED_MS,
    cooldown: createCooldown({ clock, range: COOLDOWN, code: 'ERR_APP_JWT', keyOf }),
    fetchToken: ({ identity, isWanted }) =>
      new Promise<Token>((resolve, reject) => {
        const settle = (outcome: Outcome) => {
          if ('value' in outcome) resolve(issuedToken(outcome.value, now, LIFETIME_MS));
          else reject('failed' in outcome ? new ConnectorAuthError('ERR_APP_JWT', 'no') : new Error('given up'));
        };
        calls.push({
          key: IDENTITIES.findIndex(({ accountId }) => accountId === identity.accountId),
          isWanted,
          settle,
        });
      }),
    onFetched: () => {},
    onFailed: () => {},
  });
  return { source, calls, now: () => now, pass: (ms: number) => (now += ms) };
}

/** What ought to be known of one identity. */
interface ModelState {
  held?: { value: string; receivedAt: number; dropped: boolean; forcedAt?: number | undefined };
  /** The number of the call that is under way for whoever comes next. */
  flight?: number;
  failure?: { until: number; pauseMs: number };
}

/** Somebody who asked, and what ought to come of it. */
interface Asker {
  result: string | undefined;
  expected: string | undefined;
  call: number | undefined;
  isWaiting: boolean;
}

type Step =
  | { do: 'get'; key: number }
  | { do: 'answer'; pick: number; fails: boolean }
  | { do: 'take turn'; pick: number }
  | { do: 'leave'; pick: number }
  | { do: 'refuse'; key: number; isOld: boolean }
  | { do: 'invalidate'; key: number | undefined }
  | { do: 'pass'; ms: number };

const key = fc.constantFrom(0, 1);
const pick = fc.nat({ max: 20 });
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('get' as const), key }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('answer' as const), pick, fails: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('take turn' as const), pick }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('leave' as const), pick }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('refuse' as const), key, isOld: fc.boolean() }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('invalidate' as const), key: fc.option(key, { nil: undefined }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(10, 30, 60, 200, 760, 1_000) }),
    },
  ),
  { maxLength: 60, size: 'max' },
) satisfies fc.Arbitrary<Step[]>;

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Runs steps against the token source; `pause` is what happens between two. */
function createPlayer(pause: () => Promise<unknown>) {
  const world = createWorld();
  const { source, calls } = world;
  const model: ModelState[] = [{}, {}];
  const askers: Asker[] = [];
  const open = new Set<number>();
  const old = ['', ''];
  let begun = 0;

  const begin = (state: ModelState): number => {
    const call = begun++;
    open.add(call);
    state.flight = call;
    return call;
  };

  const isUsable = ({ held }: ModelState) =>
    held && !held.dropped && held.receivedAt + LIFETIME_MS - world.now() > WINDOWS.expiryMarginMs;

  function get(at: number): void {
    const state = model[at] as ModelState;
    const asker: Asker = { result: undefined, expected: undefined, call: undefined, isWaiting: true };
    askers.push(asker);
    const isCooling = state.failure && world.now() < state.failure.until;
    if (isUsable(state) && state.held) {
      asker.expected = state.held.value;
      const isDue = state.held.receivedAt + LIFETIME_MS - world.now() <= WINDOWS.refreshAheadMs;
      if (isDue && state.flight === undefined && !isCooling) begin(state);
    } else if (state.flight !== undefined) asker.call = state.flight;
    else if (isCooling) asker.expected = `until ${state.failure?.until}`;
    else asker.call = begin(state);

    source
      .get(IDENTITIES[at] as Identity, () => asker.isWaiting)
      .then(
        ({ value }) => (asker.result = value),
        (error) => (asker.result = isConnectorAuthError(error) ? `until ${error.retryAt}` : 'given up'),
      );
  }

  function end(number: number, outcome: Outcome): void {
    const { key: at, settle } = calls[number] as Call;
    const state = model[at] as ModelState;
    const isCurrent = state.flight === number;
    open.delete(number);
    let expected: string;
    if ('value' in outcome) {
      expected = outcome.value;
      delete state.failure;
      if (isCurrent) {
        old[at] = state.held?.value ?? '';
        state.held = { value: outcome.value, receivedAt: world.now(), dropped: false, forcedAt: state.held?.forcedAt };
      }
    } else if ('failed' in outcome) {
      if (isCurrent) {
        const pauseMs = state.failure ? Math.min(state.failure.pauseMs * 2, COOLDOWN.max) : COOLDOWN.min;
        state.failure = { until: world.now() + pauseMs, pauseMs };
      }
      expected = `until ${isCurrent ? state.failure?.until : undefined}`;
    } else expected = 'given up';
    if (isCurrent) delete state.flight;
    for (const asker of askers) if (asker.call === number) asker.expected = expected;
    settle(outcome);
  }

  function takeTurn(number: number): void {
    const call = calls[number] as Call;
    const state = model[call.key] as ModelState;
    // A call in the background has nobody who waits for it, and is wanted all the same.
    const waiting = askers.filter((asker) => asker.call === number);
    const isWanted = aheads.has(number) || waiting.some(({ isWaiting }) => isWaiting);
    expect(call.isWanted()).toBe(isWanted);
    if (isWanted) return;
    if (state.flight === number) delete state.flight;
    end(number, { givenUp: true });
  }

  const aheads = new Set<number>();

  async function play(step: Step): Promise<void> {
    const numbers = [...open].filter((number) => number < calls.length);
    const before = begun;
    if (step.do === 'get') {
      get(step.key);
      if (begun > before && askers.at(-1)?.call === undefined) aheads.add(before);
    } else if (step.do === 'pass') world.pass(step.ms);
    else if (step.do === 'leave') {
      const asker = askers[step.pick % Math.max(1, askers.length)];
      if (asker) asker.isWaiting = false;
    } else if (step.do === 'refuse') {
      const { held } = model[step.key] as ModelState;
      const value = step.isOld ? old[step.key] : held?.value;
      source.refuse(IDENTITIES[step.key] as Identity, value ?? '');
      const isForced = held?.forcedAt !== undefined && world.now() - held.forcedAt < FORCED_MS;
      if (held && held.value === value && !held.dropped && !isForced) {
        held.dropped = true;
        held.forcedAt = world.now();
      }
    } else if (step.do === 'invalidate') {
      source.invalidate(({ accountId }) => step.key === undefined || accountId === IDENTITIES[step.key]?.accountId);
      for (const [at, state] of model.entries()) {
        if (step.key !== undefined && step.key !== at) continue;
        if (state.held) Object.assign(state.held, { dropped: true, forcedAt: undefined });
        delete state.flight;
        delete state.failure;
      }
    } else {
      const number = numbers[step.pick % Math.max(1, numbers.length)];
      if (number !== undefined && step.do === 'take turn') takeTurn(number);
      else if (number !== undefined && step.do === 'answer')
        end(number, step.fails ? { failed: true } : { value: `token ${number}` });
    }
    await pause();
  }

  return { play, askers, calls, begun: () => begun, end, open };
}

it('is what a simple model of it says, whatever happens in whatever order', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (plan) => {
      const player = createPlayer(settled);
      for (const step of plan) {
        await player.play(step);
        expect(player.calls.length).toBe(player.begun());
        expect(player.askers.map(({ result }) => result)).toEqual(player.askers.map(({ expected }) => expected));
      }
      for (const number of [...player.open]) player.end(number, { value: `token ${number}` });
      await settled();
      for (const { result } of player.askers) expect(result).toBeDefined();
    }),
    { numRuns: effort(600) },
  );
});

it('leaves nobody waiting and gives nobody up who waits, however close two things are', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 6 }), { minLength: 12, maxLength: 12 }), async (pauses) => {
      const { source, calls } = createWorld();
      const [identity] = IDENTITIES as [Identity];
      let isWaiting = true;
      const impatient = source.get(identity, () => isWaiting).catch(() => {});
      isWaiting = false;
      await settled();
      const patient: Promise<Token>[] = [];
      for (const [index, ticks] of pauses.entries()) {
        if (index === 6 && !calls[0]?.isWanted()) calls[0]?.settle({ givenUp: true });
        if (index >= 6) patient.push(source.get(identity, () => true));
        for (let i = 0; i < ticks; i++) await Promise.resolve();
      }
      await settled();
      expect(calls.length).toBe(2);
      calls[1]?.settle({ value: 'token' });
      await impatient;
      expect(new Set((await Promise.all(patient)).map(({ value }) => value))).toEqual(new Set(['token']));
    }),
    { numRuns: 100 },
  );
});
