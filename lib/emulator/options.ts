import type { EmulatorAccount } from './account.js';
import type { KeyAndCertificate } from './certificate.js';
import type { Party } from './conversations.js';
import type { Delivery } from './delivery.js';
import { assertFields, type Fields, isWholeNumber } from './fields.js';
import { isHostName } from './host-names.js';
import type { LoggedRequest } from './request-log.js';
import type { ConsumerSeed, ConversationSeed } from './state.js';
import { STRICT_FIELDS, type StrictRules } from './strictness.js';
import { type ResolvedWebhook, resolveWebhook, type WebhookOptions } from './webhook-options.js';

/** What a service answers where LivePerson documents nothing. */
export interface ErrorReply {
  /** HTTP status. */
  status?: number;
  /** Text as it stands, anything else as JSON. */
  body?: unknown;
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
  /**
   * Whether the agent marks each message of the consumer as received and read, by itself.
   * @default false
   */
  receipts?: boolean;
  /**
   * The question of the survey that starts when the consumer closes the main dialog with a `DialogChange`.
   * @default no survey
   */
  survey?: string;
  /**
   * What happens when a consumer with an open conversation asks for another: `'refuse'` answers that item with `BAD_REQUEST`,
   * `'open'` opens it.
   * @default 'refuse'
   */
  secondConversation?: 'refuse' | 'open';
  /**
   * Whether requests that the documents forbid are refused with 400. A rule that is off accepts them, and warns in the request
   * log.
   * @default true: every rule
   */
  strict?: boolean | StrictRules;
  /**
   * Whether Sentinel's answer of version 1 has `expires_in` too.
   * @default false
   */
  v1ExpiresIn?: boolean;
  /**
   * Host names without a port that the control API answers to, beside those of loopback and `host`.
   * @default []
   */
  allowedHosts?: string[];
  /**
   * Conversations that are there from the start, such as those of `snapshot()`.
   * @default []
   */
  conversations?: ConversationSeed[];
  /**
   * Consumers that are known from the start, such as those of `snapshot()`.
   * @default []
   */
  consumers?: ConsumerSeed[];
  /** Called with every request once it was answered. */
  onRequest?: (request: LoggedRequest) => void;
  /** Called with every event each time that it was posted to the webhook. */
  onDelivery?: (delivery: Delivery) => void;
  /**
   * Called with a sentence when the emulator can be reached from other machines, or when one of these functions throws.
   * @default process.emitWarning
   */
  onWarning?: (sentence: string) => void;
}

export type ResolvedOptions = Required<
  Omit<EmulatorOptions, 'tls' | 'unknownAccount' | 'idpError' | 'webhook' | 'autoReply' | 'survey' | 'strict'>
> & {
  tls: EmulatorOptions['tls'] | undefined;
  webhook: ResolvedWebhook | undefined;
  autoReply: AutoReply | undefined;
  survey: string | undefined;
  strict: Required<StrictRules>;
  unknownAccount: Required<ErrorReply>;
  idpError: Required<ErrorReply>;
};

const OPTION_FIELDS = {
  accounts: 'anything',
  port: 'number',
  host: 'text',
  tls: 'object',
  controlApi: 'flag',
  tolerateBearer: 'flag',
  missingAppJwtCode: 'number',
  missingParameterStatus: 'number',
  unknownAccount: 'object',
  idpError: 'object',
  appJwtTtlSeconds: 'number',
  onBehalfHeader: 'text',
  webhook: 'anything',
  autoReply: 'anything',
  receipts: 'flag',
  survey: 'text',
  secondConversation: 'text',
  strict: 'anything',
  v1ExpiresIn: 'flag',
  allowedHosts: 'texts',
  conversations: 'objects',
  consumers: 'objects',
  onRequest: 'function',
  onDelivery: 'function',
  onWarning: 'function',
} as const satisfies Record<keyof EmulatorOptions, Fields[string]>;

/** @throws TypeError naming the option that is missing or wrong; a secret is never shown */
export function resolveOptions(options: EmulatorOptions): ResolvedOptions {
  assertAccounts(options?.accounts);
  assertFields('startEmulator', options, OPTION_FIELDS, 'option');
  const ttl = options.appJwtTtlSeconds ?? 3_600;
  if (!(ttl > 0)) throw new TypeError(`startEmulator: appJwtTtlSeconds must be more than 0; received ${ttl}.`);
  if (!isWholeNumber(options.port ?? 0, 0, 65_535)) throw bad('port', 'a whole number from 0 to 65535');
  assertOneOf('missingAppJwtCode', options.missingAppJwtCode, [40105, 40104]);
  assertOneOf('missingParameterStatus', options.missingParameterStatus, [400, 401]);
  assertOneOf('secondConversation', options.secondConversation, ['refuse', 'open']);
  const { autoReply, allowedHosts = [], onWarning = (sentence: string) => process.emitWarning(sentence) } = options;
  if (autoReply !== undefined && autoReply !== 'echo' && typeof autoReply !== 'function') {
    throw bad('autoReply', "'echo' or a function");
  }
  if (!allowedHosts.every(isHostName)) throw bad('allowedHosts', 'host names or IP addresses, without scheme or port');
  return {
    accounts: options.accounts.map((account) => ({ ...account })),
    port: options.port ?? 0,
    host: options.host ?? '127.0.0.1',
    tls: options.tls,
    controlApi: options.controlApi ?? false,
    tolerateBearer: options.tolerateBearer ?? false,
    missingAppJwtCode: options.missingAppJwtCode ?? 40105,
    missingParameterStatus: options.missingParameterStatus ?? 400,
    unknownAccount: readErrorReply('unknownAccount', options.unknownAccount, 'unknown account'),
    idpError: readErrorReply('idpError', options.idpError, 'invalid AppJWT'),
    appJwtTtlSeconds: ttl,
    onBehalfHeader: options.onBehalfHeader ?? 'X-LP-On-Behalf',
    webhook: options.webhook === undefined ? undefined : resolveWebhook(options.webhook),
    autoReply: autoReply === 'echo' ? (text) => text : autoReply,
    receipts: options.receipts ?? false,
    survey: options.survey,
    secondConversation: options.secondConversation ?? 'refuse',
    strict: readStrict(options.strict ?? true),
    v1ExpiresIn: options.v1ExpiresIn ?? false,
    allowedHosts: allowedHosts.map((host) => host.toLowerCase()),
    conversations: options.conversations ?? [],
    consumers: options.consumers ?? [],
    onRequest: contained('onRequest', options.onRequest, onWarning),
    onDelivery: contained('onDelivery', options.onDelivery, onWarning),
    onWarning,
  };
}

function assertAccounts(accounts: unknown): asserts accounts is EmulatorAccount[] {
  if (!Array.isArray(accounts) || accounts.length === 0) {
    throw new TypeError(
      'startEmulator: accounts must be a list of at least one { accountId, clientId, clientSecret }.',
    );
  }
  accounts.forEach((account, index) => {
    for (const name of ['accountId', 'clientId', 'clientSecret'] as const) {
      if (typeof account?.[name] !== 'string' || account[name] === '') {
        throw new TypeError(`startEmulator: accounts[${index}].${name} must be a string that is not empty.`);
      }
    }
  });
}

function readStrict(strict: boolean | StrictRules): Required<StrictRules> {
  if (typeof strict !== 'boolean') assertFields('startEmulator: strict', strict, STRICT_FIELDS);
  const ruleOf = (name: keyof StrictRules) => (typeof strict === 'boolean' ? strict : (strict[name] ?? true));
  const names = Object.keys(STRICT_FIELDS) as (keyof StrictRules)[];
  return Object.fromEntries(names.map((name) => [name, ruleOf(name)])) as Required<StrictRules>;
}

function readErrorReply(name: string, given: ErrorReply | undefined, error: string): Required<ErrorReply> {
  assertFields(`startEmulator: ${name}`, given ?? {}, { status: 'number', body: 'anything' });
  const { status = 401, body = { error } } = given ?? {};
  if (!isWholeNumber(status, 200, 599)) throw bad(`${name}.status`, 'an HTTP status from 200 to 599');
  return { status, body };
}

function assertOneOf(name: string, value: unknown, allowed: readonly unknown[]): void {
  if (value !== undefined && !allowed.includes(value)) throw bad(name, allowed.join(' or '));
}

/** An observer cannot change what happens. */
function contained<T>(
  name: string,
  observe: ((seen: T) => void) | undefined,
  onWarning: (sentence: string) => void,
): (seen: T) => void {
  if (!observe) return () => {};
  return (seen) => {
    try {
      observe(seen);
    } catch (error) {
      onWarning(`The option ${name} threw: ${error}`);
    }
  };
}

const bad = (name: string, expected: string): TypeError => new TypeError(`startEmulator: ${name} must be ${expected}.`);
