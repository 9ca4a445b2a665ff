import { execFileSync } from 'node:child_process';
import { Agent } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { CreateAxiosDefaults } from 'axios';
import { bundleSize } from './bundle-size.js';
import { type BenchCloud, startCloud } from './cloud-process.js';
import type { Finding } from './limits.js';
import type { MeasureName } from './measure-names.js';
import { paceAtLimit } from './pacing.js';
import { interleave, median, quantile, ratio, type Samples } from './rounds.js';
import { type Connector, noopAdapter, type Setting, SUBJECTS, type SubjectName } from './subjects.js';

/** The figures of one measure, and those of this package that have a limit. */
export interface Result {
  readonly measure: string;
  readonly title: string;
  readonly unit: string;
  readonly figures: Readonly<Record<string, number>>;
  /** Each figure against that of bare Axios. */
  readonly ratios?: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
}

/** How much a run measures: rounds, and requests in each round. */
export interface Effort {
  readonly rounds: number;
  readonly requests: number;
  /** Divides the large counts. */
  readonly scale: number;
}

type Measure = (effort: Effort) => Promise<Result[]>;

const OURS = 'axios-liveperson-auth';
const HAND = 'hand-written pair';
const EVERYONE = Object.keys(SUBJECTS) as SubjectName[];
const CONSUMER = 'sms-4915550001';
const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Runs `run` with connectors that share a cloud, and closes all of them afterwards. */
async function withConnectors<T>(
  names: readonly SubjectName[],
  defaults: CreateAxiosDefaults,
  run: (connectors: Readonly<Record<string, Connector>>, cloud: BenchCloud) => Promise<T>,
  options?: Setting['options'],
): Promise<T> {
  const cloud = await startCloud();
  const setting = { origin: cloud.origin, defaults: { baseURL: cloud.origin, proxy: false as const, ...defaults } };
  const connectors: Record<string, Connector> = {};
  try {
    for (const name of names) connectors[name] = await SUBJECTS[name]({ ...setting, ...(options && { options }) });
    return await run(connectors, cloud);
  } finally {
    for (const connector of Object.values(connectors)) await connector.close();
    cloud.close();
  }
}

/** Sends `count` requests, `inFlight` of them at a time. */
async function sendMany(send: (index: number) => Promise<unknown>, count: number, inFlight: number): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await send(next++);
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
}

/**
 * The processor time of one request, in microseconds. With an adapter that answers at once, it is the time of the request
 * without the other work of the machine.
 */
async function timeRequests(...[send, count, inFlight]: Parameters<typeof sendMany>): Promise<number> {
  const before = process.cpuUsage();
  await sendMany(send, count, inFlight);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

/** The time of one request by the clock, in microseconds. */
async function clockRequests(...[send, count, inFlight]: Parameters<typeof sendMany>): Promise<number> {
  const startedAt = performance.now();
  await sendMany(send, count, inFlight);
  return ((performance.now() - startedAt) * 1000) / count;
}

function compare(
  measure: string,
  title: string,
  samples: Samples<string>,
  limits: readonly { against: string; limit?: number }[],
): Result {
  const of = (name: string) => samples[name] ?? [];
  const names = Object.keys(samples);
  const floor = Math.abs(ratio(of('bare again'), of('bare')) - 1);
  return {
    measure,
    title,
    unit: 'µs',
    figures: Object.fromEntries(names.map((name) => [name, median(of(name))])),
    ratios: Object.fromEntries(names.map((name) => [name, ratio(of(name), of('bare'))])),
    findings: limits.map(({ against, limit }) => ({
      what: `${title}, against ${against}`,
      measured: ratio(of(OURS), of(against)),
      limit,
      unit: '×',
      allowance: floor,
    })),
  };
}

const timeOf = (
  connectors: Readonly<Record<string, Connector>>,
  time: (connector: Connector) => Promise<number>,
): Record<string, () => Promise<number>> =>
  Object.fromEntries(Object.entries(connectors).map(([name, connector]) => [name, () => time(connector)]));

type Sampler = (effort: Effort) => Promise<Samples<string>>;

const sampleWarm =
  (inFlight: number): Sampler =>
  ({ rounds, requests }) =>
    withConnectors(EVERYONE, { adapter: noopAdapter }, (connectors) => {
      const time = ({ send }: Connector) => timeRequests(() => send(CONSUMER), requests, inFlight);
      return interleave(timeOf(connectors, time), rounds);
    });

const sampleRotation: Sampler = ({ rounds, requests, scale }) =>
  withConnectors(['bare', 'bare again', HAND, OURS], { adapter: noopAdapter }, async (connectors) => {
    const consumers = Array.from({ length: 10_000 / scale }, (_, index) => `sms-49155${index}`);
    const at = (index: number) => consumers[index % consumers.length] as string;
    for (const connector of Object.values(connectors)) {
      // V8 optimises the code of all before the consumers come. Otherwise `bare again` differs from `bare` by 3 %.
      await sendMany(() => connector.send(at(0)), requests, 64);
      await sendMany((i) => connector.send(at(i)), consumers.length, 64);
    }
    let turn = 0;
    const time = ({ send }: Connector) => timeRequests(() => send(at(turn++)), requests, 1);
    return interleave(timeOf(connectors, time), rounds);
  });

const sampleUnmatched: Sampler = ({ rounds, requests }) =>
  withConnectors(EVERYONE, { adapter: noopAdapter }, (connectors) => {
    const time = ({ sendOther }: Connector) => timeRequests(() => sendOther(), requests, 1);
    return interleave(timeOf(connectors, time), rounds);
  });

/** The numbers of consumers, and of requests in flight, in the table of growth. */
const SERVED = [1, 100, 10_000, 100_000];
const IN_FLIGHT = [1, 16, 256, 1_024];

const sampleServed =
  (served: number): Sampler =>
  ({ rounds, requests, scale }) => {
    const count = Math.ceil(served / scale);
    const at = (index: number) => `sms-${index % count}`;
    const run = async (connectors: Readonly<Record<string, Connector>>) => {
      for (const { send } of Object.values(connectors)) await sendMany(() => send(at(0)), requests, 64);
      await sendMany((index) => connectors[OURS]?.send(at(index)) as Promise<unknown>, count, 64);
      let turn = 0;
      return interleave(
        timeOf(connectors, ({ send }) => timeRequests(() => send(at(turn++)), requests, 1)),
        rounds,
      );
    };
    return withConnectors(['bare', 'bare again', OURS], { adapter: noopAdapter }, run, { maxConsumers: count });
  };

const sampleInFlight =
  (inFlight: number): Sampler =>
  ({ rounds, requests }) =>
    withConnectors(['bare', 'bare again', OURS], { adapter: noopAdapter }, (connectors) => {
      const time = ({ send }: Connector) => timeRequests(() => send(CONSUMER), Math.max(requests, inFlight), inFlight);
      return interleave(timeOf(connectors, time), rounds);
    });

/** The measures that run in child processes. */
export const SAMPLERS: Readonly<Record<string, Sampler>> = {
  warm: sampleWarm(1),
  'warm-64': sampleWarm(64),
  rotation: sampleRotation,
  unmatched: sampleUnmatched,
  ...Object.fromEntries(SERVED.map((served) => [`served-${served}`, sampleServed(served)])),
  ...Object.fromEntries(IN_FLIGHT.map((inFlight) => [`in-flight-${inFlight}`, sampleInFlight(inFlight)])),
};

/** V8 optimises the same code differently from process to process: about 1 % of a request's time and 3 % of its memory. */
const PROCESSES = 5;

function sampleInProcesses(name: string, effort: Effort, processes: number): Samples<string> {
  const count = Math.min(processes, effort.rounds);
  const share = JSON.stringify({ ...effort, rounds: Math.ceil(effort.rounds / count) });
  const samples: Record<string, number[]> = {};
  for (let done = 0; done < count; done += 1) {
    for (const [subject, figures] of Object.entries(inChild<Samples<string>>('samples', [name, share])))
      samples[subject] = [...(samples[subject] ?? []), ...figures];
  }
  return samples;
}

const inProcesses =
  (name: string, title: string, limits: Parameters<typeof compare>[3]): Measure =>
  async (effort) => [compare(name, title, sampleInProcesses(name, effort, PROCESSES), limits)];

const WARM_LIMITS = [
  { against: 'bare', limit: 1.1 },
  { against: HAND, limit: 0.97 },
];

const loopback: Measure = ({ rounds, requests }) => {
  const httpAgent = new Agent({ keepAlive: true, maxSockets: 64 });
  // The package sets maxRedirects to 0 on its own requests. Everyone gets it, as it makes a request faster.
  const defaults = { httpAgent, validateStatus: () => true, maxRedirects: 0 };
  return withConnectors(EVERYONE, defaults, async (connectors) => {
    const time = ({ send }: Connector) => clockRequests(() => send(CONSUMER), requests, 64);
    const samples = await interleave(timeOf(connectors, time), rounds);
    return [
      compare('loopback', 'loopback HTTP without redirects, 64 in flight', samples, [
        { against: 'static headers', limit: 1.05 },
        { against: HAND },
      ]),
    ];
  }).finally(() => httpAgent.destroy());
};

const exactly = (what: string, measured: number, limit: number, unit = 'calls'): Finding => ({
  what,
  measured,
  limit,
  unit,
  allowance: 0,
  isExact: true,
});
const atMost = (what: string, measured: number, limit: number, unit: string, allowance = 0): Finding => ({
  what,
  measured,
  limit,
  unit,
  allowance,
});

const herd: Measure = async ({ scale }) => [
  await withConnectors([OURS], { adapter: noopAdapter }, async ({ [OURS]: ours }, cloud) => {
    await cloud.set({ sentinelDelayMs: 50, idpDelayMs: 50 });
    await Promise.all(Array.from({ length: 10_000 / scale }, () => ours?.send(CONSUMER)));
    const { domain, sentinel, idp } = await cloud.set({});
    return {
      measure: 'herd',
      title: '10,000 concurrent first requests, one consumer',
      unit: 'calls',
      figures: { domain, sentinel, idp },
      findings: [
        exactly('Domain API calls of 10,000 first requests', domain, 1),
        exactly('Sentinel calls of 10,000 first requests', sentinel, 1),
        exactly('IDP calls of 10,000 first requests', idp, 1),
      ],
    };
  }),
  await withConnectors([OURS], { adapter: noopAdapter }, async ({ [OURS]: ours }, cloud) => {
    await cloud.set({ idpDelayMs: 10 });
    const count = 1_000 / scale;
    await Promise.all(Array.from({ length: count }, (_, index) => ours?.send(`sms-${index}`)));
    const { sentinel, idp, mostIdpOpen } = await cloud.set({});
    return {
      measure: 'herd',
      title: '1,000 consumers at once',
      unit: 'calls',
      figures: { sentinel, idp, 'open together': mostIdpOpen },
      findings: [
        exactly('Sentinel calls of 1,000 consumers', sentinel, 1),
        exactly('IDP calls of 1,000 consumers', idp, count),
        atMost('IDP calls open together', mostIdpOpen, 16, 'calls'),
      ],
    };
  }),
];

/** Messages in flight when both tokens are revoked, and the consumers that they belong to. */
const REVOCATIONS = [
  { messages: 1, consumers: 1 },
  { messages: 64, consumers: 1 },
  { messages: 64, consumers: 64 },
  { messages: 500, consumers: 1 },
  { messages: 500, consumers: 500 },
  { messages: 5_000, consumers: 1 },
  { messages: 5_000, consumers: 500 },
];

/** Each message is refused with 40102 first. With a new AppJWT it is refused with 40103, until it has a new ConsumerJWS too. */
async function revokeBoth({ messages, consumers }: (typeof REVOCATIONS)[number]): Promise<Result> {
  const httpAgent = new Agent({ keepAlive: true });
  // With a timeout, a message that hangs is counted as lost and does not stop the bench.
  const figures = await withConnectors([OURS], { httpAgent, timeout: 60_000 }, async ({ [OURS]: ours }, cloud) => {
    const send = async (index: number) => ours?.send(`sms-${index % consumers}`, `m${index}`);
    await sendMany(send, consumers, 64);
    await cloud.set({ holdSends: messages, sentinelDelayMs: 50, idpDelayMs: 10 });
    const sends = await Promise.allSettled(Array.from({ length: messages }, (_, index) => send(index)));
    const { sentinel, mostIdpOfOne, mostSendsOfOne } = await cloud.set({});
    const lost = sends.filter(({ status }) => status === 'rejected').length;
    return { lost, sends: mostSendsOfOne, sentinel, idp: mostIdpOfOne };
  }).finally(() => httpAgent.destroy());
  const title = `${inWords(messages)} in flight, ${inWords(consumers)} consumer${consumers > 1 ? 's' : ''}`;
  return { measure: 'revoked', title, unit: '', figures, findings: [] };
}

/** The counts do not depend on the machine, so a quick run has them too. */
const revoked: Measure = async () => {
  const results: Result[] = [];
  for (const revocation of REVOCATIONS) results.push(await revokeBoth(revocation));
  const worst = (figure: string) => Math.max(...results.map(({ figures }) => figures[figure] ?? Number.NaN));
  const findings = [
    exactly('both tokens revoked: messages lost', worst('lost'), 0, 'messages'),
    atMost('both tokens revoked: sends of one message', worst('sends'), 3, 'sends'),
    exactly('both tokens revoked: Sentinel calls', worst('sentinel'), 1),
    atMost('both tokens revoked: IDP calls for one consumer', worst('idp'), 1, 'calls'),
  ];
  return [...results, { measure: 'revoked', title: 'the worst of these', unit: '', figures: {}, findings }];
};

/** What IDP allows, and how long it takes to answer. */
const IDP_LIMITS = [20, 50].flatMap((calls) =>
  [5, 50, 100].map((latencyMs) => ({ calls, latencyMs, perMs: 5_000, retryAfter: false })),
);

/** The figures do not depend on the machine, so a quick run has them too. */
const pacing: Measure = async () => {
  const results: Result[] = [];
  for (const limit of IDP_LIMITS) {
    const figures = { ...(await paceAtLimit(1_000, limit)) };
    const title = `${limit.calls} calls in 5 s, ${limit.latencyMs} ms`;
    results.push({ measure: 'pacing', title, unit: '', figures, findings: [] });
  }
  const worst = (figure: string) => Math.max(...results.map(({ figures }) => figures[figure] ?? Number.NaN));
  const findings = [
    exactly('1,000 new consumers at a limited IDP: failed', worst('failed'), 0, 'requests'),
    atMost('1,000 new consumers at a limited IDP: calls', worst('calls'), 1.2, '×'),
    atMost('1,000 new consumers at a limited IDP: time', worst('time'), 1.3, '×'),
  ];
  return [...results, { measure: 'pacing', title: 'the worst of these', unit: '', figures: {}, findings }];
};

const APP_JWT_TTL_MS = 2_000;
const AHEAD_SUBJECTS: readonly SubjectName[] = [
  HAND,
  'axios-auth-refresh',
  'simple-oauth2',
  'axios-oauth-client',
  OURS,
];

/** The 99th percentile of a message's time while Sentinel issues the next AppJWT, against that of all other messages. */
async function renewAhead(name: SubjectName, seconds: number): Promise<number> {
  const httpAgent = new Agent({ keepAlive: true, maxSockets: 16 });
  const options = { refreshAheadMs: 1_000, expiryMarginMs: 200 };
  return withConnectors(
    [name],
    { httpAgent },
    async ({ [name]: connector }, cloud) => {
      await cloud.set({ appJwtTtlMs: APP_JWT_TTL_MS });
      await connector?.send(CONSUMER);
      await cloud.set({ sentinelDelayMs: 200 });
      const end = performance.now() + seconds * 1_000;
      const samples: { from: number; to: number }[] = [];
      let failed = 0;
      const worker = async () => {
        while (performance.now() < end) {
          const from = performance.timeOrigin + performance.now();
          await connector?.send(CONSUMER).catch(() => {
            failed += 1;
          });
          samples.push({ from, to: performance.timeOrigin + performance.now() });
        }
      };
      await Promise.all(Array.from({ length: 8 }, worker));
      const { sentinelBusy } = await cloud.set({});
      const isRenewing = ({ from, to }: { from: number; to: number }) =>
        sentinelBusy.some((busy) => from < busy.to && to > busy.from);
      const p99 = (some: typeof samples) =>
        quantile(
          some.map(({ from, to }) => to - from),
          0.99,
        );
      const during = samples.filter(isRenewing);
      // NaN is within no limit. It also results when no token was renewed.
      return failed > 0 ? Number.NaN : p99(during) / p99(samples.filter((sample) => !isRenewing(sample)));
    },
    options,
  ).finally(() => httpAgent.destroy());
}

const ahead: Measure = async ({ rounds, scale }) => {
  const seconds = scale > 1 ? 1.5 : 6;
  const time = (name: SubjectName) => [name, () => renewAhead(name, seconds)] as const;
  const samples = await interleave(Object.fromEntries(AHEAD_SUBJECTS.map(time)), Math.min(rounds, 3));
  const figures = Object.fromEntries(Object.entries(samples).map(([name, ratios]) => [name, median(ratios)]));
  return [
    {
      measure: 'ahead',
      title: 'p99 while the AppJWT is renewed, against p99 otherwise',
      unit: '×',
      figures,
      findings: [
        atMost('p99 while the AppJWT is renewed, against p99 otherwise', figures[OURS] ?? Number.NaN, 1.15, '×'),
      ],
    },
  ];
};

/** Measures in a fresh process, so that nothing else is on its heap. */
function inChild<Figures>(
  task: string,
  taskArguments: readonly (string | number)[],
  flags: readonly string[] = [],
): Figures {
  const file = fileURLToPath(new URL('./child.ts', import.meta.url));
  const parts = [...process.execArgv, ...flags, file, task, ...taskArguments.map(String)];
  const output = execFileSync(process.execPath, parts, { encoding: 'utf8' });
  return JSON.parse(output.trim().split('\n').at(-1) ?? '');
}

const memory: Measure = async ({ scale }) => {
  const cached = inChild<number>('cached', [10_000 / scale], ['--expose-gc']) / 1e6;
  const [past, slowing] = inChild<[number, number]>('distinct', [1_000_000 / scale], ['--expose-gc']);
  return [
    {
      measure: 'memory',
      title: 'memory',
      unit: '',
      figures: { 'MB of 10,000 cached consumers': cached, 'bytes of each consumer past the cap': past, slowing },
      findings: [
        atMost('heap of 10,000 cached consumers', cached, 7, 'MB'),
        atMost('heap of each distinct consumer past the cap', past, 30, 'bytes'),
        atMost('cost of the last of 1,000,000 consumers, against the first past the cap', slowing, 1.15, '×'),
      ],
    },
  ];
};

const YOUNG = ['--min-semi-space-size=256', '--max-semi-space-size=256'];

const allocation: Measure = async ({ scale }) => {
  const bytesOf = (name: SubjectName) =>
    median(Array.from({ length: scale > 1 ? 1 : PROCESSES }, () => inChild<number>('allocation', [name], YOUNG)));
  const figures = Object.fromEntries((['bare', HAND, OURS] as const).map((name) => [name, bytesOf(name)]));
  const measured = (figures[OURS] ?? Number.NaN) / (figures.bare ?? Number.NaN);
  return [
    {
      measure: 'allocation',
      title: 'bytes allocated per matched request',
      unit: 'bytes',
      figures,
      findings: [atMost('allocation per matched request, against bare', measured, 1.1, '×')],
    },
  ];
};

const KINDS = { esm: 'ESM', cjs: 'CommonJS' } as const;

/** The time in which plain Node loads the modules, in milliseconds. */
function timeLoading(kind: 'esm' | 'cjs', modules: readonly string[]): number {
  const load = modules.map((name) => (kind === 'esm' ? `await import('${name}');` : `require('${name}');`));
  const code = `const from = performance.now(); ${load.join(' ')} console.log(performance.now() - from);`;
  const type = kind === 'esm' ? 'module' : 'commonjs';
  const options = { cwd: ROOT, encoding: 'utf8' } as const;
  return Number(execFileSync(process.execPath, [`--input-type=${type}`, '--eval', code], options));
}

const imports: Measure = async ({ rounds }) => {
  const results: Result[] = [];
  for (const kind of ['esm', 'cjs'] as const) {
    const time = (modules: readonly string[]) => async () => timeLoading(kind, modules);
    const ours = `${ROOT}dist/${kind}/index.js`;
    const samples = await interleave({ axios: time(['axios']), both: time(['axios', ours]) }, Math.min(rounds, 25));
    const added = median(samples.both.map((both, round) => both - (samples.axios[round] ?? 0)));
    const title = `import on top of Axios (${KINDS[kind]})`;
    const figures = { axios: median(samples.axios), added };
    results.push({ measure: 'import', title, unit: 'ms', figures, findings: [atMost(title, added, 15, 'ms')] });
  }
  return results;
};

const bundle: Measure = async () =>
  (['esm', 'cjs'] as const).map((kind) => {
    const size = bundleSize(`${ROOT}dist/${kind}/index.js`, kind);
    const title = `bundle without Axios, minified and compressed (${KINDS[kind]})`;
    return {
      measure: 'bundle',
      title,
      unit: 'KB',
      figures: { size },
      findings: [atMost(title, size, 40, 'KB')],
    };
  });

const growth: Measure = async (effort) => {
  const rows = [
    ...SERVED.map((count) => [`served-${count}`, `${inWords(count)} consumer${count > 1 ? 's' : ''}`]),
    ...IN_FLIGHT.map((count) => [`in-flight-${count}`, `${inWords(count)} in flight`]),
  ];
  return rows.map(([name = '', title = '']) => compare('growth', title, sampleInProcesses(name, effort, 2), []));
};

const inWords = (count: number): string => count.toLocaleString('en');

export const MEASURES: Readonly<Record<MeasureName, Measure>> = {
  warm: inProcesses('warm', 'tokens warm, one by one', WARM_LIMITS),
  'warm-64': inProcesses('warm-64', 'tokens warm, 64 in flight', WARM_LIMITS),
  rotation: inProcesses('rotation', '10,000 consumers in rotation', [{ against: 'bare', limit: 1.15 }]),
  unmatched: inProcesses('unmatched', 'other request (unmatched)', [{ against: 'bare', limit: 1.03 }]),
  loopback,
  herd,
  revoked,
  pacing,
  ahead,
  memory,
  allocation,
  import: imports,
  bundle,
  growth,
};
