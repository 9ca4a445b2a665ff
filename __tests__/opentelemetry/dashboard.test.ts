import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { parse } from 'yaml';
import { instrumentConnectorAuth } from '../../lib/opentelemetry.js';
import { envelope, SEND } from '../support/cloud.js';
import { startConnector, stopConnectors } from '../support/connector.js';
import { endsWith, stopTelemetry } from '../support/telemetry.js';

afterEach(stopConnectors);
afterEach(stopTelemetry);

const FOLDER = join(__dirname, '../../examples/observability');
const read = (file: string) => readFileSync(join(FOLDER, file), 'utf8');

class PullReader extends MetricReader {
  protected override async onForceFlush() {}
  protected override async onShutdown() {}
}

/** What Prometheus scrapes from a connector to which everything has happened: the label names of each series. */
async function scrape(): Promise<Map<string, Set<string>>> {
  const reader = new PullReader();
  const meterProvider = new MeterProvider({ readers: [reader] });
  endsWith(() => meterProvider.shutdown());
  endsWith(instrumentConnectorAuth({ meterProvider }));
  const broken = async () => {
    throw new Error('down');
  };
  const store = { get: broken, set: broken, delete: broken };
  const { cloud, http } = await startConnector({ store, storeSecret: 'a passphrase of the fleet' });
  cloud.script.send = (_, count) => (count === 1 ? { status: 401, body: envelope(40103) } : undefined);
  await http.post(SEND, {}, { onBehalfOf: 'a' });
  const { resourceMetrics } = await reader.collect();
  const series = new Map<string, Set<string>>();
  for (const [, name = '', labels = ''] of new PrometheusSerializer()
    .serialize(resourceMetrics)
    .matchAll(/^(liveperson_\w+)\{(.*)\} /gm)) {
    const known = series.get(name) ?? new Set();
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label);
    series.set(name, known);
  }
  return series;
}

interface Rule {
  alert: string;
  expr: string;
  annotations: { summary: string; action: string };
}

interface Dashboard {
  panels: { title: string; targets: { expr: string; legendFormat: string }[] }[];
}

const dashboard = JSON.parse(read('dashboard.json')) as Dashboard;
const alerts = parse(read('alerts.yml')) as { groups: { rules: Rule[] }[] };
const rules = alerts.groups.flatMap((group) => group.rules);

/** All names of a text that begin with ours. */
const namesIn = (text: string) => text.match(/\bliveperson_\w+/g) ?? [];

it('the dashboard and the alerts use only names that the bridge emits', async () => {
  const series = await scrape();
  const labels = new Set([...series.values()].flatMap((names) => [...names]));
  const texts = [
    ...dashboard.panels.flatMap(({ targets }) => targets.flatMap(({ expr, legendFormat }) => [expr, legendFormat])),
    ...rules.flatMap(({ expr, annotations }) => [expr, annotations.summary]),
  ];
  const used = new Set(texts.flatMap(namesIn));
  expect([...used].filter((name) => !series.has(name) && !labels.has(name))).toEqual([]);
});

it('each metric and each label is in the dashboard', async () => {
  const series = await scrape();
  const text = JSON.stringify(dashboard);
  const bases = new Set([...series.keys()].map((name) => name.replace(/_(bucket|sum|count)$/, '')));
  expect([...bases].filter((name) => !text.includes(name))).toEqual([]);
  expect(bases.size).toBe(8);
});

it('each query groups and filters by labels of its own metrics', async () => {
  const series = await scrape();
  for (const expr of [
    ...dashboard.panels.flatMap(({ targets }) => targets.map((one) => one.expr)),
    ...rules.map((one) => one.expr),
  ]) {
    const names = namesIn(expr);
    const own = names.filter((name) => series.has(name));
    expect(own.length).toBeGreaterThan(0);
    const labels = new Set(own.flatMap((name) => [...(series.get(name) ?? [])]));
    expect({ expr, strange: names.filter((name) => !series.has(name) && !labels.has(name)) }).toEqual({
      expr,
      strange: [],
    });
  }
});

it('each alert says what happened and what to do, and there is one for each thing to watch', () => {
  for (const { annotations, expr } of rules) {
    expect(annotations).toEqual({ summary: expect.stringMatching(/\.$/), action: expect.stringMatching(/\.$/) });
    // Parentheses and braces are balanced.
    for (const [open, close] of ['()', '{}', '[]'] as const)
      expect(expr.split(open as string).length).toBe(expr.split(close as string).length);
  }
  expect(rules.map(({ alert }) => alert)).toEqual([
    'LivePersonTokenFetchesFail',
    'LivePersonCooldown',
    'LivePersonMessagesWithoutToken',
    'LivePersonManyReplays',
    'LivePersonMessagesWait',
    'LivePersonStoreErrors',
  ]);
});
