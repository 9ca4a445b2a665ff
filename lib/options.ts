import type { CreateAxiosDefaults, InternalAxiosRequestConfig } from 'axios';
import type { IAxiosRetryConfig } from 'axios-retry';
import { type Clock, systemClock } from './clock.js';
import type { Logger } from './log.js';
import { parseOrigin, type TrustedOrigin } from './origin.js';
import type { StoreSecret } from './stores/sealed.js';
import type { TokenStore } from './stores/token-store.js';
import type { CooldownRange } from './tokens/cooldown.js';

/** What LivePerson gave you for one brand when the app was installed. */
export interface Credentials {
  /** The id of the app installation, a UUID. */
  clientId: string;
  /** Its secret; it goes to Sentinel alone. */
  clientSecret: string;
}

/** Looks a brand's credentials up; `undefined` for an account that is not yours. */
export type CredentialsLookup = (accountId: string) => Credentials | undefined | Promise<Credentials | undefined>;

/** The services whose hosts the package itself needs. */
export type OwnService = 'sentinel' | 'idp' | 'asyncMessagingEnt';

/** The options that name the one account of a connector. */
export interface OneBrand {
  /** LivePerson's account (site) id. */
  accountId: string;
  /** The id of the app installation, a UUID. */
  clientId: string;
  /** Its secret; it goes to Sentinel alone. */
  clientSecret: string;
  /** Not with the three. */
  credentials?: undefined;
}

/** The option for a connector of many accounts. */
export interface ManyBrands {
  /** Instead of the three: looked up for the account in a request's URL. */
  credentials: CredentialsLookup;
  /** Not with `credentials`. */
  accountId?: undefined;
  /** Not with `credentials`. */
  clientId?: undefined;
  /** Not with `credentials`. */
  clientSecret?: undefined;
}

/** The options that have a default, of one brand or many. */
export interface CommonOptions {
  /**
   * Derives the consumer of a request whose call site names none. Runs when the config is final: `config.data` is what
   * will be sent. `undefined` falls through to `runOnBehalfOf`.
   */
  consumerId?: ((config: InternalAxiosRequestConfig) => string | undefined | Promise<string | undefined>) | undefined;
  /**
   * Names of the headers that carry the ConsumerJWS.
   * @default ['X-On-Behalf', 'X-LP-On-Behalf']
   */
  onBehalfHeaders?: readonly string[] | undefined;
  /**
   * What stands before the AppJWT in `Authorization`.
   * @default ''
   */
  authorizationPrefix?: string | undefined;
  /**
   * Origin of the Domain API.
   * @default 'https://api.liveperson.net'
   */
  domainApi?: string | undefined;
  /**
   * How long a resolved host is kept, in milliseconds. When the lookup after that fails, the old host goes on serving.
   * @default 600_000
   */
  domainTtlMs?: number | undefined;
  /**
   * Fixed origins, such as `https://lo.idp.liveperson.net`, of services that need no lookup.
   * @default {}
   */
  domains?: { readonly [Service in OwnService]?: string | undefined } | undefined;
  /**
   * Further origins that may receive the tokens, such as an egress gateway's; a path is the prefix before `/api`.
   * @default []
   */
  trustedOrigins?: readonly string[] | undefined;
  /**
   * Version of Sentinel's token endpoint.
   * @default '1.0'
   */
  appJwtVersion?: '1.0' | '2.0' | undefined;
  /**
   * A token with less than this left, in milliseconds, is renewed in the background while requests go on with it; 0 is
   * never. Of a lifetime that is shorter than this and `expiryMarginMs` together, the two take up half.
   * @default 300_000
   */
  refreshAheadMs?: number | undefined;
  /**
   * A token with less than this left, in milliseconds, is dead: requests wait for the next one.
   * @default 30_000
   */
  expiryMarginMs?: number | undefined;
  /**
   * A refused token is renewed at most once in this time, in milliseconds; within it the replay uses the token in hand. A
   * server that refuses every token is so spared all but one call.
   * @default 5_000
   */
  forcedRefreshIntervalMs?: number | undefined;
  /**
   * One attempt at Sentinel, IDP or the Domain API, from its beginning to the last byte, and one call of `credentials`; in
   * milliseconds. A JSON answer of a request without a `timeout`, read as a stream, is looked into for no longer either.
   * @default 10_000
   */
  tokenTimeoutMs?: number | undefined;
  /**
   * How failed calls at Sentinel, IDP and the Domain API are retried; the keys you give override the default's one by one,
   * `false` is no retry at all.
   * @default LivePerson's policy: a 429 after 5 s or `Retry-After`, a 5xx or network fault after 5, 10 and 15 s
   */
  retry?: IAxiosRetryConfig | false | undefined;
  /**
   * After a call for a token has failed for good, or its retries are spent, the same error is given from memory for `min`
   * milliseconds, and for twice as long each time it fails again, up to `max`. `invalidate()` ends it.
   * @default { min: 5_000, max: 120_000 }
   */
  failureCooldownMs?: Partial<CooldownRange> | undefined;
  /**
   * How many calls at Sentinel and IDP may be open together for one account; others wait their turn, first come first
   * served. Each account has so many of its own, so that one brand's outage holds up no other.
   * @default 16
   */
  maxConcurrentTokenRequests?: number | undefined;
  /**
   * How many ConsumerJWS are kept in memory; the least recently used goes first.
   * @default 10_000
   */
  maxConsumers?: number | undefined;
  /**
   * Where this process shares its tokens with others: `createRedisTokenStore` of `axios-liveperson-auth/redis`, a `Keyv`
   * instance, or one of your own. No request fails for a store that does.
   * @default none
   */
  store?: TokenStore | undefined;
  /**
   * Seals tokens before they leave the process (JWE, `dir` and `A256GCM`): 32 bytes, or a passphrase of at least 16 characters
   * that they are derived from (scrypt). Of a list the first seals and all open, so that a secret can be rotated.
   * @default none: tokens lie in the store in clear
   */
  storeSecret?: StoreSecret | readonly StoreSecret[] | undefined;
  /**
   * How long the store may take, in milliseconds; after that it counts as a miss, and is left alone for two seconds.
   * @default 250
   */
  storeTimeoutMs?: number | undefined;
  /**
   * Agent, proxy, TLS and extra headers of the package's own token client.
   * @default {}
   */
  axiosConfig?: CreateAxiosDefaults | undefined;
  /**
   * Whether errors and responses of requests of ours print without secrets: their `request` is a plain summary, and their
   * config shows neither agents nor, in an error, the consumer's id. `false` is for debugging on your own machine.
   * @default true
   */
  redact?: boolean | undefined;
  /**
   * Told in lines when something begins to fail and when it is well again, and for debugging of every new token. No line
   * holds a token, a secret or a consumer's id.
   * @default none
   */
  logger?: Logger | undefined;
  /**
   * Where the time comes from.
   * @default the system's clock
   */
  clock?: Clock | undefined;
}

/** What `createConnectorAuth` takes: one brand or many, and what both have in common. */
export type ConnectorAuthOptions = CommonOptions & (OneBrand | ManyBrands);

/** The options, complete and checked. */
export interface ResolvedOptions {
  /** The only account, where there is but one. */
  readonly accountId: string | undefined;
  readonly credentials: CredentialsLookup;
  readonly consumerId: CommonOptions['consumerId'];
  readonly onBehalfHeaders: readonly string[];
  readonly authorizationPrefix: string;
  readonly domainApi: string;
  readonly domainTtlMs: number;
  readonly domains: ReadonlyMap<string, string>;
  readonly trustedOrigins: readonly TrustedOrigin[];
  readonly appJwtVersion: '1.0' | '2.0';
  readonly refreshAheadMs: number;
  readonly expiryMarginMs: number;
  readonly forcedRefreshIntervalMs: number;
  readonly tokenTimeoutMs: number;
  readonly retry: IAxiosRetryConfig | false | undefined;
  readonly failureCooldownMs: CooldownRange;
  readonly maxConcurrentTokenRequests: number;
  readonly maxConsumers: number;
  readonly store: TokenStore | undefined;
  readonly storeSecret: readonly StoreSecret[] | undefined;
  readonly storeTimeoutMs: number;
  readonly axiosConfig: CreateAxiosDefaults;
  readonly redact: boolean;
  readonly logger: Logger | undefined;
  readonly clock: Clock;
}

const SERVICES: readonly string[] = ['sentinel', 'idp', 'asyncMessagingEnt'] satisfies OwnService[];

const NAMES: ReadonlySet<string> = new Set<keyof ConnectorAuthOptions>([
  'accountId',
  'clientId',
  'clientSecret',
  'credentials',
  'consumerId',
  'onBehalfHeaders',
  'authorizationPrefix',
  'domainApi',
  'domainTtlMs',
  'domains',
  'trustedOrigins',
  'appJwtVersion',
  'refreshAheadMs',
  'expiryMarginMs',
  'forcedRefreshIntervalMs',
  'tokenTimeoutMs',
  'retry',
  'failureCooldownMs',
  'maxConcurrentTokenRequests',
  'maxConsumers',
  'store',
  'storeSecret',
  'storeTimeoutMs',
  'axiosConfig',
  'redact',
  'logger',
  'clock',
]);

/** @throws TypeError naming the option and what was received, but never a secret's value. */
export function resolveOptions(options: ConnectorAuthOptions): ResolvedOptions {
  if (!isObject(options)) throw bad('options', 'an object', options);
  for (const name of Object.keys(options)) {
    if (!NAMES.has(name))
      throw new TypeError(`createConnectorAuth: there is no option ${name}; see the README's options table.`);
  }
  return Object.freeze({
    ...resolveBrands(options),
    consumerId: check<CommonOptions['consumerId']>(
      'consumerId',
      options.consumerId,
      undefined,
      'a function',
      isFunction,
    ),
    onBehalfHeaders: check(
      'onBehalfHeaders',
      options.onBehalfHeaders,
      ['X-On-Behalf', 'X-LP-On-Behalf'],
      'a list of at least one header name, none of them Authorization',
      (names) => Array.isArray(names) && names.length > 0 && names.every(isHeaderName),
    ),
    authorizationPrefix: check('authorizationPrefix', options.authorizationPrefix, '', 'printable text', isPrintable),
    domainApi: resolveOrigin('domainApi', options.domainApi ?? 'https://api.liveperson.net'),
    domainTtlMs: duration('domainTtlMs', options.domainTtlMs, 600_000),
    domains: resolveDomains(options.domains),
    trustedOrigins: resolveTrustedOrigins(options.trustedOrigins),
    appJwtVersion: check<'1.0' | '2.0'>('appJwtVersion', options.appJwtVersion, '1.0', "'1.0' or '2.0'", (version) =>
      ['1.0', '2.0'].includes(version),
    ),
    refreshAheadMs: duration('refreshAheadMs', options.refreshAheadMs, 300_000),
    expiryMarginMs: duration('expiryMarginMs', options.expiryMarginMs, 30_000),
    forcedRefreshIntervalMs: duration('forcedRefreshIntervalMs', options.forcedRefreshIntervalMs, 5_000),
    tokenTimeoutMs: check(
      'tokenTimeoutMs',
      options.tokenTimeoutMs,
      10_000,
      'milliseconds, more than 0',
      isPositiveInteger,
    ),
    retry: check<CommonOptions['retry']>(
      'retry',
      options.retry,
      undefined,
      'an axios-retry configuration or false',
      (retry) => retry === false || isObject(retry),
    ),
    failureCooldownMs: resolveCooldown(options.failureCooldownMs),
    maxConcurrentTokenRequests: check(
      'maxConcurrentTokenRequests',
      options.maxConcurrentTokenRequests,
      16,
      'a whole number from 1',
      isPositiveInteger,
    ),
    maxConsumers: check('maxConsumers', options.maxConsumers, 10_000, 'a whole number from 1', isPositiveInteger),
    store: resolveStore(options.store),
    storeSecret: resolveStoreSecret(options.storeSecret),
    storeTimeoutMs: check(
      'storeTimeoutMs',
      options.storeTimeoutMs,
      250,
      'milliseconds, more than 0',
      (ms) => Number.isFinite(ms) && ms > 0,
    ),
    axiosConfig: check('axiosConfig', options.axiosConfig, {}, 'an Axios configuration', isObject),
    redact: check<boolean>('redact', options.redact, true, 'true or false', (redact) => typeof redact === 'boolean'),
    logger: check<Logger | undefined>(
      'logger',
      options.logger,
      undefined,
      'an object with debug(), info(), warn() and error()',
      isLogger,
    ),
    clock: check('clock', options.clock, systemClock, 'an object with now()', (clock) => isFunction(clock?.now)),
  });
}

function resolveBrands(options: ConnectorAuthOptions): Pick<ResolvedOptions, 'accountId' | 'credentials'> {
  const { accountId, clientId, clientSecret, credentials } = options;
  if (credentials !== undefined) {
    if (!isFunction(credentials)) throw bad('credentials', 'a function of the account id', credentials);
    const clash = Object.entries({ accountId, clientId, clientSecret }).find(([, value]) => value !== undefined);
    if (clash) throw new TypeError(`createConnectorAuth: give either credentials or ${clash[0]}, not both.`);
    return { accountId: undefined, credentials };
  }
  if (!isAccountId(accountId)) {
    throw bad('accountId', 'your LivePerson account id as a string (or give credentials instead)', accountId);
  }
  if (!isText(clientId)) throw bad('clientId', 'a string that is not empty', clientId);
  if (!isText(clientSecret)) throw badSecret('clientSecret', clientSecret);
  return { accountId, credentials: (asked) => (asked === accountId ? { clientId, clientSecret } : undefined) };
}

function resolveDomains(domains: CommonOptions['domains']): ResolvedOptions['domains'] {
  check('domains', domains, {}, 'an object of origins', isObject);
  const given = Object.entries(domains ?? {}).filter(([, origin]) => origin !== undefined);
  for (const [service] of given) {
    if (!SERVICES.includes(service))
      throw new TypeError(`createConnectorAuth: domains.${service} is not one of ${SERVICES.join(', ')}.`);
  }
  return new Map(given.map(([service, origin]) => [service, resolveOrigin(`domains.${service}`, origin)]));
}

function resolveTrustedOrigins(origins: CommonOptions['trustedOrigins']): readonly TrustedOrigin[] {
  const list = check('trustedOrigins', origins, [], 'a list of origins', Array.isArray);
  return list.map((origin, index) => {
    const parsed = typeof origin === 'string' ? parseOrigin(origin) : undefined;
    if (!parsed)
      throw bad(
        `trustedOrigins[${index}]`,
        "an origin such as 'https://gateway.example', with an optional path",
        origin,
      );
    return parsed;
  });
}

function resolveOrigin(name: string, value: unknown): string {
  const parsed = typeof value === 'string' ? parseOrigin(value) : undefined;
  if (!parsed || parsed.pathPrefix)
    throw bad(name, "an origin such as 'https://lo.idp.liveperson.net', with no path", value);
  return parsed.origin;
}

function resolveCooldown(range: CommonOptions['failureCooldownMs']): CooldownRange {
  check('failureCooldownMs', range, {}, 'an object with min and max', isObject);
  const min = duration('failureCooldownMs.min', range?.min, 5_000);
  const max = duration('failureCooldownMs.max', range?.max, Math.max(min, 120_000));
  if (max < min) throw bad('failureCooldownMs.max', `at least min (${min})`, max);
  return { min, max };
}

function resolveStore(store: CommonOptions['store']): TokenStore | undefined {
  check('store', store, undefined, 'an object with get(), set() and delete()', isObject);
  for (const name of ['get', 'set', 'delete', 'lock', 'getTtl'] as const) {
    const method: unknown = store?.[name];
    const isOptional = name === 'lock' || name === 'getTtl';
    if (store && !isFunction(method) && !(isOptional && method === undefined))
      throw bad(`store.${name}`, 'a function', method);
  }
  return store;
}

const SECRET_BYTES = 32;
const SHORTEST_PASSPHRASE = 16;

function resolveStoreSecret(secret: CommonOptions['storeSecret']): readonly StoreSecret[] | undefined {
  if (secret === undefined) return undefined;
  const isList = Array.isArray(secret);
  const list: readonly unknown[] = isList ? secret : [secret];
  if (list.length === 0) throw new TypeError('createConnectorAuth: storeSecret must hold at least one secret.');
  return list.map((each, index) => {
    const name = isList ? `storeSecret[${index}]` : 'storeSecret';
    const wanted = `${SECRET_BYTES} bytes (a Uint8Array) or a passphrase of at least ${SHORTEST_PASSPHRASE} characters`;
    if (typeof each === 'string' && each.length >= SHORTEST_PASSPHRASE) return each;
    if (each instanceof Uint8Array && each.byteLength === SECRET_BYTES) return Uint8Array.from(each);
    const shown =
      typeof each === 'string'
        ? `one of ${each.length}`
        : each instanceof Uint8Array
          ? `${each.byteLength} bytes`
          : describe(each);
    throw new TypeError(`createConnectorAuth: ${name} must be ${wanted}; received ${shown}.`);
  });
}

function duration(name: string, value: number | undefined, fallback: number): number {
  return check(name, value, fallback, 'milliseconds, 0 or more', (ms) => Number.isFinite(ms) && ms >= 0);
}

/** The value when it passes, the fallback when it is `undefined`. */
function check<T>(
  name: string,
  value: T | undefined,
  fallback: T,
  expected: string,
  passes: (value: NonNullable<T>) => boolean,
): T {
  if (value === undefined) return fallback;
  if (value === null || !passes(value as NonNullable<T>)) throw bad(name, expected, value);
  return value;
}

function bad(name: string, expected: string, received: unknown): TypeError {
  const shown =
    typeof received === 'string' ? JSON.stringify(received.replace(/\/\/[^/@]*@/, '//…@')) : describe(received);
  return new TypeError(`createConnectorAuth: ${name} must be ${expected}; received ${shown}.`);
}

function badSecret(name: string, received: unknown): TypeError {
  const shown = received === '' ? 'an empty string' : describe(received);
  return new TypeError(`createConnectorAuth: ${name} must be a string that is not empty; received ${shown}.`);
}

function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'boolean' || typeof value === 'number')
    return String(value);
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`;
}

/** Account ids are digits or a prefix and digits: they stand in paths and in keys, so nothing else may be in them. */
export const isAccountId = (value: unknown): value is string =>
  typeof value === 'string' && /^[a-z\d][\w.~-]*$/i.test(value);

export const isCredentials = (value: unknown): value is Credentials =>
  isObject(value) &&
  isText((value as Partial<Credentials>).clientId) &&
  isText((value as Partial<Credentials>).clientSecret);

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isFunction = (value: unknown): boolean => typeof value === 'function';
const isLogger = (logger: Logger): boolean =>
  [logger?.debug, logger?.info, logger?.warn, logger?.error].every(isFunction);
const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isPrintable = (value: string): boolean => typeof value === 'string' && /^[\x20-\x7e]*$/.test(value);
const isPositiveInteger = (value: number): boolean => Number.isInteger(value) && value > 0;
const isHeaderName = (name: unknown): boolean =>
  typeof name === 'string' && /^[!#$%&'*+.^`|~\w-]+$/.test(name) && name.toLowerCase() !== 'authorization';
