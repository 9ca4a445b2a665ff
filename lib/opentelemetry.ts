import type { MeterProvider, TracerProvider } from '@opentelemetry/api';
import { recordMetrics } from './opentelemetry/metrics.js';
import { recordSpans } from './opentelemetry/spans.js';
import { ownOf } from './own.js';

/** The options of `instrumentConnectorAuth`. */
export interface InstrumentConnectorAuthOptions {
  /**
   * Gets the spans.
   * @default the global tracer provider, also one that is registered later
   */
  tracerProvider?: TracerProvider | undefined;
  /**
   * Gets the metrics.
   * @default the global meter provider, also one that is registered later
   */
  meterProvider?: MeterProvider | undefined;
  /**
   * Adds the account to spans and metrics, as `liveperson.account`. Each account multiplies the number of time series.
   * @default false
   */
  accounts?: boolean | undefined;
}

/**
 * Shows every ConnectorAuth of this process in OpenTelemetry: spans for messages and token fetches, and metrics. It does not
 * matter whether a ConnectorAuth was created before or is created later. A second call adds nothing while the first one is active.
 *
 * @returns a function that ends it
 * @throws TypeError for a bad option; the message names the option
 */
export function instrumentConnectorAuth(options: InstrumentConnectorAuthOptions = {}): () => void {
  const { tracerProvider, meterProvider, accounts } = checked(options);
  return takeTurn(() => {
    const ends = [recordSpans({ tracerProvider, accounts }), recordMetrics({ meterProvider, accounts })];
    return () => {
      for (const end of ends) end();
    };
  });
}

function checked(options: InstrumentConnectorAuthOptions) {
  if (typeof options !== 'object' || options === null)
    throw bad('takes { tracerProvider?, meterProvider?, accounts? }', options);
  const { tracerProvider, meterProvider, accounts = false } = ownOf(options);
  if (tracerProvider !== undefined && typeof tracerProvider?.getTracer !== 'function')
    throw bad('tracerProvider must be a TracerProvider of OpenTelemetry', tracerProvider);
  if (meterProvider !== undefined && typeof meterProvider?.getMeter !== 'function')
    throw bad('meterProvider must be a MeterProvider of OpenTelemetry', meterProvider);
  if (typeof accounts !== 'boolean') throw bad('accounts must be true or false', accounts);
  return { tracerProvider, meterProvider, accounts };
}

const bad = (expected: string, received: unknown): TypeError =>
  new TypeError(
    `instrumentConnectorAuth: ${expected}. Received ${received === null ? 'null' : `a value of type ${typeof received}`}.`,
  );

interface Registration {
  readonly begin: () => () => void;
  end?: () => void;
}

// Global, because a process may load this module twice. The channels are global too, so each message would have two spans.
const REGISTRATIONS = Symbol.for('axios-liveperson-auth.opentelemetry.1');

/** Begins if nothing else of this kind is active, else when the others have ended. @returns a function that ends it */
function takeTurn(begin: Registration['begin']): () => void {
  const all = registrations();
  const own: Registration = { begin };
  all.push(own);
  const beginFirst = () => {
    const [first] = all;
    if (first && !first.end) first.end = first.begin();
  };
  beginFirst();
  return () => {
    const index = all.indexOf(own);
    if (index < 0) return;
    all.splice(index, 1);
    own.end?.();
    beginFirst();
  };
}

function registrations(): Registration[] {
  const holder = globalThis as { [REGISTRATIONS]?: Registration[] };
  holder[REGISTRATIONS] ??= [];
  return holder[REGISTRATIONS];
}
