import http from 'node:http';
import { context, metrics, propagation, trace } from '@opentelemetry/api';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici';
import {
  AggregationTemporality,
  type DataPoint,
  type Histogram,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';

const ends: (() => unknown)[] = [];

/** Removes all that the tests of a file have registered. */
export async function stopTelemetry(): Promise<void> {
  for (const end of ends.splice(0).reverse()) await end();
  trace.disable();
  metrics.disable();
  context.disable();
  propagation.disable();
}

/** A function that `stopTelemetry` calls. */
export function endsWith(end: () => unknown): void {
  ends.push(end);
}

export interface Spans {
  readonly provider: NodeTracerProvider;
  /** The ended spans with this name, or all. */
  named(name?: string): ReadableSpan[];
  childrenOf(parent: ReadableSpan | undefined): ReadableSpan[];
  reset(): void;
}

/** A global tracer provider with an in-memory exporter. */
export function startTracing(): Spans {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  provider.register();
  endsWith(() => provider.shutdown());
  return {
    provider,
    named: (name) => exporter.getFinishedSpans().filter((span) => name === undefined || span.name === name),
    childrenOf: (parent) =>
      exporter
        .getFinishedSpans()
        .filter((span) => parent !== undefined && span.parentSpanContext?.spanId === parent.spanContext().spanId),
    reset: () => exporter.reset(),
  };
}

interface PatchedModule {
  readonly name: string;
  patch?(exports: unknown): unknown;
  unpatch?(exports: unknown): void;
}

/** The real instrumentation of Node's http. Jest loads modules itself, so its hook is called here. */
export function instrumentHttp(): void {
  const instrumentation = new HttpInstrumentation();
  const modules = (instrumentation as unknown as { _modules: PatchedModule[] })._modules;
  const definition = modules.find(({ name }) => name === 'http');
  definition?.patch?.(http);
  endsWith(() => {
    definition?.unpatch?.(http);
    instrumentation.disable();
  });
}

/** The real instrumentation of fetch. */
export function instrumentFetch(): void {
  const instrumentation = new UndiciInstrumentation();
  instrumentation.enable();
  endsWith(() => instrumentation.disable());
}

export interface Metrics {
  readonly provider: MeterProvider;
  /** The data points of each metric, with the metric's description and unit. */
  collect(): Promise<Metric[]>;
}

export interface Metric {
  name: string;
  description: string;
  unit: string;
  points: DataPoint<number | Histogram>[];
}

export function startMetering(): Metrics {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 31 - 1 });
  const provider = new MeterProvider({ readers: [reader] });
  endsWith(() => provider.shutdown());
  return {
    provider,
    async collect() {
      await provider.forceFlush();
      const [last] = exporter.getMetrics().slice(-1);
      return (last?.scopeMetrics ?? []).flatMap(({ metrics: all }) =>
        all.map(({ descriptor: { name, description, unit }, dataPoints }) => ({
          ...{ name, description, unit },
          points: dataPoints as DataPoint<number | Histogram>[],
        })),
      );
    },
  };
}
