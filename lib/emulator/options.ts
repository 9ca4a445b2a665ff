import type { KeyAndCertificate } from './certificate.js';
import type { Party } from './conversations.js';
import type { Delivery } from './delivery.js';
import type { LoggedRequest } from './request-log.js';

/** A brand that the emulator knows. */
export interface EmulatorAccount {
  /** Digits, or a prefix and digits. */
  accountId: string;
  /** What the connector signs in with. */
  clientId: string;
  /** What it signs in with, and the key of the signature on what the webhook gets. */
  clientSecret: string;
}

/** What a service answers where LivePerson documents nothing. */
export interface ErrorReply {
  /** HTTP status. */
  status?: number;
  /** Text as it stands, anything else as JSON. */
  body?: unknown;
}

/** Where events are delivered, and how. */
export interface WebhookOptions {
  /** http or https, of the connector. */
  url: string;
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
   * The pause before the first redelivery, in milliseconds; each further one is twice as long, up to `maxPauseMs`. An event
   * is delivered when it is answered with 200 or 201.
   * @default 2_000
   */
  firstPauseMs?: number;
  /** @default 300_000 */
  maxPauseMs?: number;
  /**
   * How long an event is redelivered before it is given up, in milliseconds.
   * @default 600_000
   */
  retentionMs?: number;
}

/** What the agent answers to a text; `undefined` for nothing. */
export type AutoReply = (text: string, from: Party & { conversationId: string }) => string | undefined;

/** What `startEmulator` takes. */
export interface EmulatorOptions {
  /** At least one. */
  accounts: EmulatorAccount[];
  /** @default 0: the system chooses a free one */
  port?: number;
  /** @default '127.0.0.1' */
  host?: string;
  /**
   * PEM texts, such as `createSelfSignedCertificate()` makes: the emulator then speaks https, and plain http for the Domain
   * API alone.
   */
  tls?: KeyAndCertificate;
  /**
   * Whether tests in other languages may bend the emulator over HTTP, under `/emulator`.
   * @default false
   */
  controlApi?: boolean;
  /**
   * Whether the Send API takes `Bearer ` before the AppJWT. No document says so, and no known client sends it.
   * @default false
   */
  tolerateBearer?: boolean;
  /**
   * The error code for a missing AppJWT: LivePerson's table has 40105, its worked example 40104.
   * @default 40105
   */
  missingAppJwtCode?: 40105 | 40104;
  /**
   * HTTP status of error 40001: its digits say 400, the description says "always 401".
   * @default 400
   */
  missingParameterStatus?: 400 | 401;
  /**
   * The Domain API's answer for an account it does not know.
   * @default status 401 with `{ error: 'unknown account' }`
   */
  unknownAccount?: ErrorReply;
  /**
   * IDP's answer to an AppJWT it does not take.
   * @default status 401 with `{ error: 'invalid AppJWT' }`
   */
  idpError?: ErrorReply;
  /**
   * Lifetime of an AppJWT, in seconds.
   * @default 3600
   */
  appJwtTtlSeconds?: number;
  /**
   * The header that the Send API reads the ConsumerJWS from.
   * @default 'X-LP-On-Behalf'
   */
  onBehalfHeader?: string;
  /**
   * The connector's webhook; events are delivered to it as LivePerson does. `setWebhook()` changes it.
   * @default none
   */
  webhook?: string | WebhookOptions;
  /**
   * What the agent answers by itself: `'echo'` the consumer's own words.
   * @default nothing
   */
  autoReply?: 'echo' | AutoReply;
  /** Told of every request once it was answered. */
  onRequest?: (request: LoggedRequest) => void;
  /** Told of every event each time that it was posted to the webhook. */
  onDelivery?: (delivery: Delivery) => void;
}

export type ResolvedWebhook = Required<WebhookOptions>;

export type ResolvedOptions = Required<
  Omit<EmulatorOptions, 'tls' | 'unknownAccount' | 'idpError' | 'webhook' | 'autoReply'>
> & {
  tls: EmulatorOptions['tls'] | undefined;
  webhook: ResolvedWebhook | undefined;
  autoReply: AutoReply | undefined;
  unknownAccount: Required<ErrorReply>;
  idpError: Required<ErrorReply>;
};

/** @throws TypeError naming the option that is missing or wrong; a secret is never shown */
export function resolveOptions(options: EmulatorOptions): ResolvedOptions {
  if (!Array.isArray(options?.accounts) || options.accounts.length === 0) {
    throw new TypeError(
      'startEmulator: accounts must be a list of at least one { accountId, clientId, clientSecret }.',
    );
  }
  options.accounts.forEach((account, index) => {
    for (const name of ['accountId', 'clientId', 'clientSecret'] as const) {
      if (typeof account?.[name] !== 'string' || account[name] === '') {
        throw new TypeError(`startEmulator: accounts[${index}].${name} must be a string that is not empty.`);
      }
    }
  });
  const ttl = options.appJwtTtlSeconds ?? 3_600;
  if (!(ttl > 0)) throw new TypeError(`startEmulator: appJwtTtlSeconds must be more than 0; received ${ttl}.`);
  return {
    accounts: options.accounts,
    port: options.port ?? 0,
    host: options.host ?? '127.0.0.1',
    tls: options.tls,
    controlApi: options.controlApi ?? false,
    tolerateBearer: options.tolerateBearer ?? false,
    missingAppJwtCode: options.missingAppJwtCode ?? 40105,
    missingParameterStatus: options.missingParameterStatus ?? 400,
    unknownAccount: { status: 401, body: { error: 'unknown account' }, ...options.unknownAccount },
    idpError: { status: 401, body: { error: 'invalid AppJWT' }, ...options.idpError },
    appJwtTtlSeconds: ttl,
    onBehalfHeader: options.onBehalfHeader ?? 'X-LP-On-Behalf',
    webhook: options.webhook === undefined ? undefined : resolveWebhook(options.webhook),
    autoReply: options.autoReply === 'echo' ? (text) => text : options.autoReply,
    onRequest: options.onRequest ?? (() => {}),
    onDelivery: options.onDelivery ?? (() => {}),
  };
}

/** @throws TypeError naming what is wrong */
export function resolveWebhook(webhook: string | WebhookOptions): ResolvedWebhook {
  const given = typeof webhook === 'string' ? { url: webhook } : webhook;
  const { url, signature = 'sha1', encoding = 'base64' } = given;
  if (typeof url !== 'string' || !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new TypeError(`The webhook must be an http or https URL of your connector; received ${JSON.stringify(url)}.`);
  }
  if (!['sha1', 'sha256'].includes(signature)) throw new TypeError("The webhook's signature is 'sha1' or 'sha256'.");
  if (!['base64', 'hex'].includes(encoding)) throw new TypeError("The webhook's encoding is 'base64' or 'hex'.");
  const { timeoutMs = 5_000, firstPauseMs = 2_000, maxPauseMs = 300_000, retentionMs = 600_000 } = given;
  const durations = { timeoutMs, firstPauseMs, maxPauseMs, retentionMs };
  for (const [name, ms] of Object.entries(durations)) {
    if (!(Number.isFinite(ms) && ms >= 0))
      throw new TypeError(`The webhook's ${name} must be milliseconds, 0 or more; received ${ms}.`);
  }
  return { url, signature, encoding, ...durations };
}
