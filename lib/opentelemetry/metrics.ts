import { type Attributes, type BatchObservableResult, type MeterProvider, metrics } from '@opentelemetry/api';
import {
  channelNamed,
  detailsOf,
  INSPECT_CHANNEL,
  type InspectMessage,
  REQUEST_CHANNEL,
  type RequestTraceMessage,
  STORE_ERROR_CHANNEL,
  TOKEN_CHANNEL,
  type TokenTraceMessage,
} from '../diagnostics.js';
import type { StoreErrorEvent } from '../events.js';
import type { ConnectorAuthSnapshot } from '../tokens/snapshot.js';
import { accountOf, SCOPE, subscribeTo, subscribeToChannel } from './subscribe.js';

export interface MetricOptions {
  readonly meterProvider: MeterProvider | undefined;
  readonly accounts: boolean;
}

/** Waits and fetches end within milliseconds or take as long as the retries: 5, 10 and 15 seconds. */
const SECONDS = {
  unit: 's',
  advice: { explicitBucketBoundaries: [0, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120] },
};

/** Records metrics. @returns a function that ends it */
export function recordMetrics({ meterProvider, accounts }: MetricOptions): () => void {
  const startedAt = new WeakMap<object, number>();
  let provider: MeterProvider | undefined;
  let instruments: Instruments | undefined;

  /** The instruments of the present provider. The global one may be registered later than this, or replaced. */
  function current(): Instruments {
    const wanted = meterProvider ?? metrics.getMeterProvider();
    if (instruments && provider === wanted) return instruments;
    instruments?.end();
    provider = wanted;
    instruments = createInstruments(wanted, accounts);
    return instruments;
  }

  const ends = [
    subscribeTo<RequestTraceMessage>(REQUEST_CHANNEL, {
      start: () => void current(),
      asyncEnd(message) {
        const { outcome, waitedMs } = message;
        const account = accountOf(accounts, message.accountId);
        const { waits, replays } = current();
        waits.record(waitedMs / 1_000, { 'liveperson.outcome': outcome, ...account });
        for (const { errorCode, outcome: end } of detailsOf(message)?.replays ?? [])
          replays.add(1, { 'liveperson.error.code': errorCode, 'liveperson.outcome': end, ...account });
      },
    }),
    subscribeTo<TokenTraceMessage>(TOKEN_CHANNEL, {
      start(message) {
        current();
        startedAt.set(message, performance.now());
      },
      asyncEnd(message) {
        const { kind, cause, source, outcome, accountId } = message;
        const begun = startedAt.get(message);
        if (begun === undefined) return;
        current().fetches.record((performance.now() - begun) / 1_000, {
          'liveperson.token.kind': kind,
          'liveperson.token.cause': cause,
          'liveperson.token.source': source,
          'liveperson.outcome': outcome,
          ...accountOf(accounts, accountId),
        });
      },
    }),
    subscribeToChannel<StoreErrorEvent>(STORE_ERROR_CHANNEL, ({ kind, operation, reason, accountId }) => {
      current().storeErrors.add(1, {
        'liveperson.token.kind': kind,
        'liveperson.store.operation': operation,
        'liveperson.store.reason': reason,
        ...accountOf(accounts, accountId),
      });
    }),
  ];
  current();

  return () => {
    for (const end of ends) end();
    instruments?.end();
  };
}

type Instruments = ReturnType<typeof createInstruments>;

/** The durations have their unit in the name, so that every exporter for Prometheus gives them the same name. */
function createInstruments(provider: MeterProvider, accounts: boolean) {
  const meter = provider.getMeter(SCOPE);
  const waiting = meter.createObservableGauge('liveperson.calls.waiting', {
    description: 'Calls to the Domain API, Sentinel and IDP that wait for their turn',
    unit: '{call}',
  });
  const open = meter.createObservableGauge('liveperson.calls.open', {
    description: 'Calls to the Domain API, Sentinel and IDP that are not answered yet',
    unit: '{call}',
  });
  const cooldowns = meter.createObservableGauge('liveperson.cooldowns', {
    description: 'Failures that are answered from memory now, by the code of the error that requests get',
    unit: '{cooldown}',
  });
  const tokens = meter.createObservableGauge('liveperson.tokens', {
    description: 'Tokens in memory',
    unit: '{token}',
  });
  const observed = [waiting, open, cooldowns, tokens];

  function observe(result: BatchObservableResult): void {
    const report = (instrument: (typeof observed)[number], counts: Counts) => {
      for (const [value, attributes] of counts.values()) result.observe(instrument, value, attributes);
    };
    const { calls, failures, inMemory } = countAll(inspectAll(), accounts);
    report(waiting, calls.waiting);
    report(open, calls.open);
    report(cooldowns, failures);
    report(tokens, inMemory);
  }
  meter.addBatchObservableCallback(observe, observed);

  return {
    fetches: meter.createHistogram('liveperson.token.fetch.duration.seconds', {
      description: 'Time to fetch a token, with its retries and the waits for other processes',
      ...SECONDS,
    }),
    waits: meter.createHistogram('liveperson.message.wait.duration.seconds', {
      description: 'Time that a message waited for tokens, without its sends',
      ...SECONDS,
    }),
    replays: meter.createCounter('liveperson.replays', {
      description: 'Messages that were sent again after a token was refused, or could not be',
      unit: '{replay}',
    }),
    storeErrors: meter.createCounter('liveperson.store.errors', {
      description: 'Faults of the shared store. The token is then fetched from the service',
      unit: '{error}',
    }),
    end: () => meter.removeBatchObservableCallback(observe, observed),
  };
}

/** The snapshots of all ConnectorAuths of this process. */
function inspectAll(): ConnectorAuthSnapshot[] {
  const snapshots: ConnectorAuthSnapshot[] = [];
  const message: InspectMessage<ConnectorAuthSnapshot> = { add: (snapshot) => void snapshots.push(snapshot) };
  channelNamed(INSPECT_CHANNEL).publish(message);
  return snapshots;
}

/** Counts by their attributes. */
type Counts = Map<string, [number, Attributes]>;

function add(counts: Counts, count: number, attributes: Attributes): void {
  const key = JSON.stringify(attributes);
  counts.set(key, [count + (counts.get(key)?.[0] ?? 0), attributes]);
}

/** Series that are 0 are reported too, so that a graph shows their end. */
function countAll(snapshots: readonly ConnectorAuthSnapshot[], isByAccount: boolean) {
  const calls: Record<'open' | 'waiting', Counts> = { open: new Map(), waiting: new Map() };
  const failures: Counts = new Map();
  const inMemory: Counts = new Map();
  for (const { cooldowns, consumers, accounts } of snapshots) {
    add(inMemory, consumers.count, { 'liveperson.token.kind': 'consumerJws' });
    for (const { accountId, appJwt, calls: byService } of accounts) {
      const account = accountOf(isByAccount, accountId);
      add(inMemory, appJwt ? 1 : 0, { 'liveperson.token.kind': 'appJwt', ...account });
      for (const code of ['ERR_DOMAIN_LOOKUP', 'ERR_APP_JWT', 'ERR_CONSUMER_JWS'])
        add(failures, 0, { 'liveperson.error.code': code, ...account });
      for (const [service, { open, waiting }] of Object.entries(byService)) {
        add(calls.open, open, { 'liveperson.call.kind': service, ...account });
        add(calls.waiting, waiting, { 'liveperson.call.kind': service, ...account });
      }
    }
    for (const { code, accountId } of cooldowns)
      add(failures, 1, { 'liveperson.error.code': code, ...accountOf(isByAccount, accountId) });
  }
  return { calls, failures, inMemory };
}
