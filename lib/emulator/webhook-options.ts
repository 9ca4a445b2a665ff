import { assertHeaders } from './faults.js';
import { assertFields, isWholeNumber } from './fields.js';
import { WEBHOOK_EVENT_TYPES, type WebhookEventType } from './wire.js';

/** Where events are delivered, and how. Without `retentionMs` and `maxRetries` an event is posted once, as at LivePerson. */
export interface WebhookOptions {
  /** http or https, of the connector. Gets every event type that `endpoints` does not name. */
  url?: string;
  /** Sent with every event, beside LivePerson's own headers. */
  headers?: Record<string, string>;
  /** A URL for an event type. Without `url`, only these types are delivered. */
  endpoints?: { [Type in WebhookEventType]?: WebhookEndpoint };
  /**
   * Hash of the HMAC in `x-liveperson-signature`, over the raw body, with the client secret as the key.
   * @default 'sha1'
   */
  signature?: 'sha1' | 'sha256';
  /** @default 'base64' */
  encoding?: 'base64' | 'hex';
  /**
   * How long an answer is waited for, in milliseconds.
   * @default 5_000
   */
  timeoutMs?: number;
  /**
   * How long a refused event is posted again, in milliseconds: LivePerson's `retention_time`, at most 259,200,000 (3 days).
   * Events of a conversation keep their order.
   * @default none: an event is dropped at its first failure
   */
  retentionMs?: number;
  /**
   * How often a refused event is posted again, 0 to 5: LivePerson's older `max_retries`. The next events do not wait for it.
   * Not together with `retentionMs`.
   * @default 0
   */
  maxRetries?: number;
  /**
   * The pause before an event is posted again, in milliseconds. With `retentionMs` each further pause is twice as long, up to
   * `maxPauseMs`; with `maxRetries` all are alike.
   * @default 2_000 with `retentionMs`, 30_000 with `maxRetries`
   */
  firstPauseMs?: number;
  /** @default 300_000 */
  maxPauseMs?: number;
}

/** The URL of one event type. */
export interface WebhookEndpoint {
  /** http or https, of the connector. */
  url: string;
  /** Sent with the events of this type. */
  headers?: Record<string, string>;
}

export const WEBHOOK_FIELDS = {
  url: 'text',
  headers: 'object',
  endpoints: 'object',
  signature: 'text',
  encoding: 'text',
  timeoutMs: 'number',
  firstPauseMs: 'number',
  maxPauseMs: 'number',
  retentionMs: 'number',
  maxRetries: 'number',
} as const;

export interface ResolvedWebhook extends Required<Pick<WebhookOptions, 'signature' | 'encoding' | 'timeoutMs'>> {
  readonly retentionMs: number;
  readonly maxRetries: number;
  readonly firstPauseMs: number;
  readonly maxPauseMs: number;
  /** Where events of a type go; `undefined` if it is not subscribed to. */
  endpointFor(eventType: string): Required<WebhookEndpoint> | undefined;
}

const MAX_RETENTION_MS = 259_200_000;
const MAX_RETRIES = 5;

/** @throws TypeError naming what is wrong */
export function resolveWebhook(webhook: string | WebhookOptions): ResolvedWebhook {
  const given = typeof webhook === 'string' ? { url: webhook } : webhook;
  assertFields('The webhook', given, { ...WEBHOOK_FIELDS, url: 'anything' }, 'option');
  const { url, headers = {}, endpoints = {}, signature = 'sha1', encoding = 'base64' } = given;
  if (url !== undefined || Object.keys(endpoints).length === 0) assertUrl('The webhook', url);
  if (!['sha1', 'sha256'].includes(signature)) throw new TypeError("The webhook's signature is 'sha1' or 'sha256'.");
  if (!['base64', 'hex'].includes(encoding)) throw new TypeError("The webhook's encoding is 'base64' or 'hex'.");
  assertHeaders("The webhook's headers", headers);
  const resolved = new Map(Object.entries(endpoints).map(([type, endpoint]) => [type, readEndpoint(type, endpoint)]));
  const fallback = url === undefined ? undefined : { url, headers: {} };
  return {
    signature,
    encoding,
    ...readRedelivery(given),
    endpointFor(eventType) {
      const endpoint = resolved.get(eventType) ?? fallback;
      return endpoint && { url: endpoint.url, headers: { ...headers, ...endpoint.headers } };
    },
  };
}

function assertUrl(what: string, url: unknown): asserts url is string {
  if (typeof url !== 'string' || !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new TypeError(`${what} must be an http or https URL of your connector; received ${JSON.stringify(url)}.`);
  }
}

function readEndpoint(type: string, endpoint: WebhookEndpoint | undefined): Required<WebhookEndpoint> {
  if (!WEBHOOK_EVENT_TYPES.includes(type)) {
    throw new TypeError(`The webhook: there is no event type ${type}; use ${WEBHOOK_EVENT_TYPES.join(', ')}.`);
  }
  const what = `The webhook's endpoint for ${type}`;
  assertFields(what, endpoint, { url: 'anything', headers: 'object' });
  const { url, headers = {} } = endpoint as WebhookEndpoint;
  assertUrl(what, url);
  assertHeaders(`${what}: headers`, headers);
  return { url, headers };
}

function readRedelivery(given: WebhookOptions) {
  const { timeoutMs = 5_000, maxPauseMs = 300_000, retentionMs = 0, maxRetries = 0 } = given;
  const { firstPauseMs = given.maxRetries ? 30_000 : 2_000 } = given;
  const durations = { timeoutMs, firstPauseMs, maxPauseMs, retentionMs };
  for (const [name, ms] of Object.entries(durations)) {
    if (!(Number.isFinite(ms) && ms >= 0))
      throw new TypeError(`The webhook's ${name} must be milliseconds, 0 or more; received ${ms}.`);
  }
  if (retentionMs > MAX_RETENTION_MS) {
    throw new TypeError(
      `The webhook's retentionMs must be at most ${MAX_RETENTION_MS} (3 days); received ${retentionMs}.`,
    );
  }
  if (!isWholeNumber(maxRetries, 0, MAX_RETRIES)) {
    throw new TypeError(`The webhook's maxRetries must be a whole number from 0 to 5; received ${maxRetries}.`);
  }
  if (retentionMs > 0 && maxRetries > 0) {
    throw new TypeError('The webhook has retentionMs or maxRetries, not both: they are two ways of redelivery.');
  }
  return { ...durations, maxRetries };
}
