import type { CommonOptions } from 'axios-liveperson-auth';
import type { Service } from './history.js';
import type { RateLimit, RetryAfter, Weather } from './network.js';
import type { Random } from './random.js';

/** What may go wrong in a run. Each seed takes some of them, so that one does not hide the others. */
const HAZARDS = [
  'outages',
  'rate limits',
  'lost calls',
  'revocations',
  'aborts',
  'timeouts',
  'wrong clocks',
  'clock steps',
  'freezes',
  'crashes',
  'closings',
  'invalidations',
  'store faults',
  'credential faults',
  'rotations',
  'stragglers',
] as const;
export type Hazard = (typeof HAZARDS)[number];

/** What happens at a time, in milliseconds from the start. */
export interface Planned {
  readonly atMs: number;
  readonly step: Step;
}

export type Step =
  | { readonly do: 'send'; readonly process: number; readonly account: number; readonly consumer: number }
  | { readonly do: 'weather'; readonly service: Service; readonly weather: Weather }
  | { readonly do: 'limit'; readonly service: Service; readonly limit: RateLimit | undefined }
  | { readonly do: 'revoke'; readonly kinds: readonly ('appJwt' | 'consumerJws')[]; readonly account: number }
  | { readonly do: 'step clock'; readonly process: number; readonly ms: number }
  | { readonly do: 'freeze'; readonly process: number; readonly ms: number }
  | { readonly do: 'crash' | 'close'; readonly process: number; readonly restartAfterMs: number }
  | { readonly do: 'invalidate'; readonly process: number; readonly account: number }
  | { readonly do: 'rotate'; readonly account: number };

/** What a seed decides before the run. */
export interface Scenario {
  readonly hazards: ReadonlySet<Hazard>;
  readonly processes: number;
  readonly accountIds: readonly string[];
  readonly consumersPerAccount: number;
  readonly store: 'none' | 'without lock' | 'with lock';
  readonly storeTellsTtl: boolean;
  /** Whether the option `credentials` looks the accounts up. */
  readonly looksCredentialsUp: boolean;
  readonly options: Pick<
    CommonOptions,
    'maxConcurrentTokenRequests' | 'failureCooldownMs' | 'retry' | 'tokenTimeoutMs' | 'forcedRefreshIntervalMs'
  >;
  readonly appJwtLifetimeS: number;
  readonly consumerJwsLifetimeS: number | undefined;
  readonly latenciesMs: readonly number[];
  readonly horizonMs: number;
  readonly plan: readonly Planned[];
}

const OUTAGES: readonly Weather[] = [
  'status 503',
  'status 503',
  'status 400',
  'unreachable',
  'silent',
  'answers lost',
  'garbage',
];
const RETRY_AFTER: readonly RetryAfter[] = [
  'nothing',
  'nothing',
  'two seconds',
  'a date',
  'a past date',
  'a year',
  'garbage',
];
const LATENCIES_MS = {
  short: [0, 1, 1, 2, 5],
  mixed: [0, 1, 5, 20, 100, 400],
  long: [5, 50, 500, 1_000, 3_000],
} as const;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

export function planScenario(random: Random): Scenario {
  const { pick, chance } = random;
  const isCommon = (hazard: Hazard) => hazard === 'freezes' || hazard === 'lost calls';
  const hazards = new Set(HAZARDS.filter((hazard) => chance(isCommon(hazard) ? 0.6 : 0.25)));
  const processes = pick([1, 2, 3, 3]);
  const store = pick(processes === 1 ? (['none', 'none', 'with lock'] as const) : STORES);
  const isManyBrands = chance(0.5);
  const accountIds = isManyBrands ? pick([['70000001'], ['70000001', '70000002']]) : ['70000001'];
  const appJwtLifetimeS = pick([20, 120, 600, 3_600, 3_600]);
  const horizonMs = pick([10 * SECOND, MINUTE, 10 * MINUTE, 2 * appJwtLifetimeS * SECOND]);
  const consumersPerAccount = pick([1, 2, 4, 8]);
  const latencies = pick(['short', 'short', 'mixed', 'mixed', 'long'] as const);
  const scenario = {
    hazards,
    processes,
    accountIds,
    consumersPerAccount,
    store,
    storeTellsTtl: chance(0.7),
    looksCredentialsUp: isManyBrands,
    options: {
      maxConcurrentTokenRequests: pick([1, 2, 16]),
      ...(chance(0.3) && { failureCooldownMs: { min: SECOND, max: 8 * SECOND } }),
      ...(chance(0.2) && { retry: false as const }),
      ...(latencies !== 'long' && chance(store === 'with lock' ? 0.7 : 0.2) && { tokenTimeoutMs: 2 * SECOND }),
      ...(chance(0.4) && { forcedRefreshIntervalMs: pick([0, 500, 20 * SECOND]) }),
    },
    appJwtLifetimeS,
    consumerJwsLifetimeS: chance(0.2) ? 600 : undefined,
    latenciesMs: LATENCIES_MS[latencies],
    horizonMs,
  };
  return { ...scenario, plan: planSteps(random, scenario) };
}

const STORES = ['none', 'without lock', 'with lock', 'with lock', 'with lock'] as const;

function planSteps(random: Random, scenario: Omit<Scenario, 'plan'>): Planned[] {
  const { int, pick, chance } = random;
  const { hazards, horizonMs } = scenario;
  const plan: Planned[] = [];
  const process = () => int(0, scenario.processes - 1);
  const account = () => int(0, scenario.accountIds.length - 1);
  const lifetimeMs = scenario.appJwtLifetimeS * SECOND;
  const bursts = Array.from({ length: int(1, 4) }, () => int(0, horizonMs));
  // The token of a burst is about to expire.
  if (chance(0.3)) bursts.push(pick(bursts) + lifetimeMs - pick([1, 500, 4 * SECOND, 20 * SECOND]));
  /** Most things happen shortly before or after a burst of messages. */
  const someTime = () =>
    chance(0.2) ? int(0, horizonMs) : Math.max(0, pick(bursts) + pick([-200, -5, 0, 1, 5, 50, 500]));
  const durationMs = () => pick([500, 6 * SECOND, 20 * SECOND, MINUTE]);
  const at = (atMs: number, step: Step) => plan.push({ atMs, step });
  const some = (hazard: Hazard, most: number, add: () => void) => {
    if (hazards.has(hazard)) for (let left = int(1, most); left > 0; left--) add();
  };

  const sendAt = (atMs: number) =>
    at(atMs, {
      do: 'send',
      process: process(),
      account: account(),
      consumer: int(0, scenario.consumersPerAccount - 1),
    });

  for (let left = int(4, 24); left > 0; left--) sendAt(pick(bursts) + pick([0, 0, 1, 3, 40, 300, 2 * SECOND]));
  some('outages', 2, () => {
    const service = pick(['domain', 'sentinel', 'sentinel', 'idp', 'idp', 'send'] as const);
    const whose = account();
    // One outage follows the other. New tokens are needed in each, and between them.
    let time = someTime();
    for (let left = int(1, 3); left > 0; left--) {
      const end = time + durationMs();
      at(time, { do: 'weather', service, weather: pick(OUTAGES) });
      at(time, { do: 'revoke', kinds: ['appJwt', 'consumerJws'], account: whose });
      at(end, { do: 'weather', service, weather: 'fine' });
      for (let messages = int(0, 3); messages > 0; messages--) sendAt(int(time, end));
      for (let messages = int(0, 2); messages > 0; messages--) sendAt(end + pick([500, 6 * SECOND, 12 * SECOND]));
      time = end + pick([8 * SECOND, 20 * SECOND, MINUTE]);
    }
  });
  some('rate limits', 2, () => {
    const service = pick(['sentinel', 'idp', 'idp', 'idp'] as const);
    const start = chance(0.5) ? 0 : someTime();
    at(start, { do: 'limit', service, limit: { calls: int(0, 3), retryAfter: pick(RETRY_AFTER) } });
    if (chance(0.5)) at(start + durationMs(), { do: 'limit', service, limit: undefined });
  });
  some('revocations', 4, () =>
    at(someTime(), {
      do: 'revoke',
      kinds: pick([['appJwt'], ['consumerJws'], ['appJwt', 'consumerJws']] as const),
      account: account(),
    }),
  );
  some('clock steps', 2, () => {
    const ms = pick([-3_600 * SECOND, -10 * SECOND, -1, 3 * SECOND, 3_600 * SECOND, 86_400 * SECOND]);
    at(someTime(), { do: 'step clock', process: process(), ms });
  });
  some('freezes', 3, () =>
    at(pick(bursts) + pick([1, 5, 50, 500, 2 * SECOND]), {
      do: 'freeze',
      process: process(),
      ms: pick([300, 7 * SECOND, 7 * SECOND, 33 * SECOND]),
    }),
  );
  some('crashes', 2, () =>
    at(someTime(), { do: 'crash', process: process(), restartAfterMs: pick([0, 100, 3 * SECOND]) }),
  );
  some('closings', 2, () =>
    at(someTime(), { do: 'close', process: process(), restartAfterMs: pick([0, 100, 3 * SECOND]) }),
  );
  some('invalidations', 2, () => at(someTime(), { do: 'invalidate', process: process(), account: account() }));
  if (scenario.looksCredentialsUp) some('rotations', 1, () => at(someTime(), { do: 'rotate', account: account() }));
  return plan;
}
