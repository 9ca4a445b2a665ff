import type { CreateAxiosDefaults } from 'axios';
import { isPromise } from './arguments.js';
import { systemClock } from './clock.js';
import type {
  CommonOptions,
  ConnectorAuthOptions,
  Credentials,
  CredentialsLookup,
  OneBrand,
  OwnService,
} from './options.js';
import { parseOrigin, type TrustedOrigin } from './origin.js';
import { ownOf, ownValue } from './own.js';
import type { StoreSecret } from './stores/sealed.js';
import type { TokenStore } from './stores/token-store.js';
import type { CooldownRange } from './tokens/cooldown.js';
import { LONGEST_TIMER_MS } from './wait.js';

const DURATION = `milliseconds, from 0 to ${LONGEST_TIMER_MS}`;
const TIMEOUT = `milliseconds, more than 0 and at most ${LONGEST_TIMER_MS}`;
const COUNT = 'a whole number from 1';
const TEXT = 'a string that is not empty';
const ACCOUNT_ID = 'your LivePerson account id as a string (or give credentials instead)';
const HEADER_NAMES = 'a list of at least one header name, none of them Authorization';
const ORIGIN = "an origin such as 'https://lo.idp.liveperson.net', without path, user info, query or fragment";
const PREFIXED_ORIGIN =
  "an origin such as 'https://gateway.example', with an optional path, without user info, query or fragment";
const STORE_SECRET = '32 bytes (a Uint8Array) or a passphrase of at least 16 characters';
const STORE_SECRETS = `${STORE_SECRET}, or a list of these`;

/** Every option: its default, its check, what an error message says is expected, and how a valid value is converted. */
const OPTIONS = {
  accountId: row<string | undefined>(undefined, isAccountId, ACCOUNT_ID),
  clientId: row<string | undefined>(undefined, isText, TEXT),
  clientSecret: row<string | undefined>(undefined, isText, TEXT),
  credentials: row<CredentialsLookup | undefined>(undefined, isFunction, 'a function of the account id'),
  consumerId: row<Given<'consumerId'> | undefined>(undefined, isFunction, 'a function'),
  onBehalfHeaders: row<readonly string[]>(['X-On-Behalf', 'X-LP-On-Behalf'], isHeaderNames, HEADER_NAMES, copyList),
  authorizationPrefix: row('', isPrintable, 'printable text'),
  domainApi: row('https://api.liveperson.net', isOrigin, ORIGIN, toOrigin),
  domainTtlMs: row(600_000, isDuration, DURATION),
  domains: row({}, isObject, 'an object of origins', toDomains),
  trustedOrigins: row([], Array.isArray, 'a list of origins', toTrustedOrigins),
  appJwtVersion: row<Given<'appJwtVersion'>>('1.0', isAppJwtVersion, "'1.0' or '2.0'"),
  refreshAheadMs: row(300_000, isDuration, DURATION),
  expiryMarginMs: row(30_000, isDuration, DURATION),
  forcedRefreshIntervalMs: row(5_000, isDuration, DURATION),
  tokenTimeoutMs: row(10_000, isWholeTimeout, `whole ${TIMEOUT}`),
  retry: row<Given<'retry'> | undefined>(undefined, isRetry, 'an axios-retry configuration or false', copyOwn),
  failureCooldownMs: row({}, isObject, 'an object with min and max', toCooldownRange),
  maxConcurrentTokenRequests: row(16, isCount, COUNT),
  maxConsumers: row(10_000, isCount, COUNT),
  store: row<TokenStore | undefined>(undefined, isObject, 'an object with get(), set() and delete()', checkStore),
  storeSecret: row(undefined, isSecretChoice, STORE_SECRETS, toSecretList),
  storeTimeoutMs: row(250, isTimeout, TIMEOUT),
  axiosConfig: row<AxiosConfig>({}, isObject, 'an Axios configuration', copyOwn),
  redact: row<boolean>(true, isBoolean, 'true or false'),
  logger: row<Given<'logger'> | undefined>(undefined, isLogger, 'an object with debug(), info(), warn() and error()'),
  clock: row(systemClock, isClock, 'an object with now()'),
} satisfies Record<keyof OneBrand | keyof CommonOptions, object>;

/** An interface, because older Axios versions have fewer type parameters than the types of an alias would name. */
interface AxiosConfig extends CreateAxiosDefaults {}

type Given<Name extends keyof CommonOptions> = NonNullable<CommonOptions[Name]>;
type OutOf<R> = R extends Row<infer Out> ? Out : never;
type Resolved = { readonly [Name in keyof typeof OPTIONS]: OutOf<(typeof OPTIONS)[Name]> };

/** The options, complete and checked. */
export interface ResolvedOptions extends Omit<Resolved, keyof Credentials | 'credentials'> {
  /** With one brand, it returns the credentials of `accountId`. */
  readonly credentials: CredentialsLookup;
}

/**
 * Only own properties of the options count, so a polluted `Object.prototype` changes nothing.
 *
 * @throws TypeError naming the option and what was received, without the text of a secret
 */
export function resolveOptions(options: ConnectorAuthOptions): ResolvedOptions {
  if (!isObject(options)) throw bad('options', 'an object', describe(options));
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(OPTIONS, name))
      throw new TypeError(
        `createConnectorAuth: there is no option ${printable(name)}; see the README's options table.`,
      );
  }
  const rows: [string, Row<unknown>][] = Object.entries(OPTIONS);
  const resolved = Object.fromEntries(rows.map(([name, row]) => [name, resolve(name, row, ownValue(options, name))]));
  checkStoreSecret(resolved as Resolved, ownValue(options, 'storeSecret'));
  const { clientId, clientSecret, ...others } = resolved as Resolved;
  return Object.freeze({ ...others, credentials: toLookup(resolved as Resolved) });
}

/** Applies the rule for several options: either `credentials`, or all options of one brand. */
function toLookup({ credentials, ...brand }: Resolved): CredentialsLookup {
  if (credentials) {
    const clash = (['accountId', 'clientId', 'clientSecret'] as const).find((name) => brand[name] !== undefined);
    if (clash) throw new TypeError(`createConnectorAuth: give either credentials or ${clash}, not both.`);
    return credentials;
  }
  const required = (name: keyof OneBrand & keyof typeof brand) => accept(name, OPTIONS[name], brand[name]) as string;
  const [accountId, clientId, clientSecret] = [required('accountId'), required('clientId'), required('clientSecret')];
  return (asked) => (asked === accountId ? { clientId, clientSecret } : undefined);
}

/** Applies the rule for two options: `store` needs `storeSecret`, and `storeSecret` needs `store`. */
function checkStoreSecret({ store }: Resolved, storeSecret: unknown): void {
  if (store && storeSecret === undefined) {
    const expected = `given with store: ${STORE_SECRETS}, or false to store tokens in clear`;
    throw bad('storeSecret', expected, 'undefined', true);
  }
  if (!store && storeSecret !== undefined)
    throw new TypeError(
      'createConnectorAuth: storeSecret has no effect without store. Give store too, or leave it out.',
    );
}

interface Row<Out> {
  /** A value of the same type as the option. */
  readonly fallback: unknown;
  readonly check: (value: unknown) => boolean;
  readonly expected: string;
  /** Also converts the default. */
  readonly convert: (value: never) => Out;
}

/** Each key is an own property of the row: a key left out would be looked up in `Object.prototype`. */
function row<In, Out = In>(
  fallback: In,
  check: (value: unknown) => boolean,
  expected: string,
  convert: (value: In) => Out = (value) => value as unknown as Out,
): Row<Out> {
  return { fallback, check, expected, convert };
}

function resolve<Out>(name: string, row: Row<Out>, value: unknown): Out {
  return value === undefined ? row.convert(row.fallback as never) : accept(name, row, value);
}

/** Like `resolve`, for a value that has no default. */
function accept<Out>(name: string, { fallback, check, expected, convert }: Row<Out>, value: unknown): Out {
  if (check(value)) return convert(value as never);
  const isPlainNumber = typeof value === 'number' && typeof fallback === 'number';
  throw bad(name, expected, isPlainNumber ? String(value) : describe(value), value === undefined);
}

function bad(name: string, expected: string, received: string, isMissing = false): TypeError {
  const hint = isMissing ? ' Is an environment variable missing?' : received === A_PROMISE ? ' Await it first.' : '';
  return new TypeError(`createConnectorAuth: ${name} must be ${expected}; received ${received}.${hint}`);
}

const A_PROMISE = 'a promise';

/** Describes a value for a message. Text and numbers may be a secret in the wrong place, so they are not shown. */
function describe(value: unknown): string {
  if (value === undefined || value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return describeText(value);
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`;
  if (isPromise(value)) return A_PROMISE;
  if (Array.isArray(value)) return value.length > 0 ? 'an array' : 'an empty array';
  return `a value of type ${typeof value}`;
}

/** Shows the origin of a plain URL. Anything but letters, digits and `.~_-/` may be, or hide, a secret part of a URL. */
function describeText(text: string): string {
  const [, origin, path] = /^(https?:\/\/[a-z\d.-]+(?::\d{1,5})?)(\/[\w.~/-]*)?$/i.exec(text) ?? [];
  if (origin) return `'${origin}'${path ? ' with a path' : ''}`;
  return text === '' ? 'an empty string' : `a string of length ${text.length}`;
}

/** The name of a key, if it looks like an option name. */
function printable(name: string): string {
  return /^\w{1,40}$/.test(name) ? name : `(${describeText(name)})`;
}

/** A property of the object or of its class, but not of `Object.prototype`. */
function memberOf(object: unknown, name: string): unknown {
  if (object === undefined || object === null) return undefined;
  const value = (object as Record<string, unknown>)[name];
  return Object.hasOwn(object, name) || value !== Reflect.get(Object.prototype, name) ? value : undefined;
}

function hasMethods(object: unknown, ...names: string[]): boolean {
  return names.every((name) => isFunction(memberOf(object, name)));
}

// Conversions.

function copyList<T>(list: readonly T[]): readonly T[] {
  return Array.from(list);
}

/** Code that reads the copy cannot see an inherited property. */
function copyOwn<T>(value: T): T {
  return typeof value === 'object' && value !== null ? (ownOf(value) as T) : value;
}

function toOrigin(text: string): string {
  return new URL(text).origin;
}

const SERVICES: readonly string[] = ['sentinel', 'idp', 'asyncMessagingEnt'] satisfies OwnService[];

function toDomains(domains: Given<'domains'>): ReadonlyMap<string, string> {
  const given = Object.entries(domains).filter(([, origin]) => origin !== undefined);
  for (const [service] of given) {
    if (!SERVICES.includes(service))
      throw new TypeError(`createConnectorAuth: domains.${printable(service)} is not one of ${SERVICES.join(', ')}.`);
  }
  return new Map(given.map(([service, origin]) => [service, accept(`domains.${service}`, OPTIONS.domainApi, origin)]));
}

function toTrustedOrigins(origins: Given<'trustedOrigins'>): readonly TrustedOrigin[] {
  const item = row('', isPrefixedOrigin, PREFIXED_ORIGIN, (text) => parseOrigin(text) as TrustedOrigin);
  return Array.from(origins, (origin, index) => accept(`trustedOrigins[${index}]`, item, origin));
}

function toCooldownRange(range: Given<'failureCooldownMs'>): CooldownRange {
  const min = resolve('failureCooldownMs.min', row(5_000, isDuration, DURATION), ownValue(range, 'min'));
  const longest = row(Math.max(min, 120_000), isDuration, DURATION);
  const max = resolve('failureCooldownMs.max', longest, ownValue(range, 'max'));
  if (max < min) throw bad('failureCooldownMs.max', `at least min (${min})`, String(max));
  return { min, max };
}

function checkStore(store: TokenStore | undefined): TokenStore | undefined {
  if (!store) return store;
  const advice = adviceForStore(store);
  if (advice) throw new TypeError(`createConnectorAuth: store is ${advice}`);
  for (const name of ['get', 'set', 'delete', 'lock', 'getTtl']) {
    const method = memberOf(store, name);
    const isLeftOut = (name === 'lock' || name === 'getTtl') && method === undefined;
    if (!isFunction(method) && !isLeftOut) throw bad(`store.${name}`, 'a function', describe(method));
  }
  return store;
}

/** What to do about an object that is often mistaken for a store. */
function adviceForStore(store: TokenStore): string | undefined {
  if (hasMethods(store, 'delete')) return undefined;
  if (hasMethods(store, 'eval', 'del'))
    return "a Redis client. Pass createRedisTokenStore(client) of 'axios-liveperson-auth/redis'.";
  if (hasMethods(store, 'wrap', 'del')) return 'a cache of cache-manager. Pass the Keyv that the cache is made of.';
  return undefined;
}

function toSecretList(secrets: CommonOptions['storeSecret']): readonly StoreSecret[] | false | undefined {
  if (secrets === undefined || secrets === false) return secrets;
  const item = row<StoreSecret>('', isStoreSecret, STORE_SECRET, copySecret);
  if (!isList(secrets)) return [copySecret(secrets)];
  return Array.from(secrets, (secret, index) => accept(`storeSecret[${index}]`, item, secret));
}

function copySecret(secret: StoreSecret): StoreSecret {
  return typeof secret === 'string' ? secret : Uint8Array.from(secret);
}

// Checks.

/** Account ids are digits or a prefix and digits. They are part of paths and keys, so other characters are refused. */
export function isAccountId(value: unknown): value is string {
  return typeof value === 'string' && /^[a-z\d][\w.~-]*$/i.test(value);
}

export function isCredentials(value: unknown): value is Credentials {
  return isObject(value) && isText(memberOf(value, 'clientId')) && isText(memberOf(value, 'clientSecret'));
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isPromise(value);
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean';
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function isPrintable(value: unknown): boolean {
  return typeof value === 'string' && /^[\x20-\x7e]*$/.test(value);
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) > 0;
}

function isDuration(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= LONGEST_TIMER_MS;
}

function isTimeout(value: unknown): boolean {
  return isDuration(value) && value !== 0;
}

function isWholeTimeout(value: unknown): boolean {
  return isTimeout(value) && Number.isInteger(value);
}

function isHeaderNames(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && Array.from(value).every(isHeaderName);
}

function isHeaderName(value: unknown): boolean {
  return typeof value === 'string' && /^[!#$%&'*+.^`|~\w-]+$/.test(value) && value.toLowerCase() !== 'authorization';
}

function isOrigin(value: unknown): boolean {
  return typeof value === 'string' && parseOrigin(value)?.pathPrefix === '';
}

function isPrefixedOrigin(value: unknown): boolean {
  return typeof value === 'string' && parseOrigin(value) !== undefined;
}

function isAppJwtVersion(value: unknown): boolean {
  return value === '1.0' || value === '2.0';
}

function isRetry(value: unknown): boolean {
  if (value === false || !isObject(value)) return value === false;
  const { retries = 0, ...others } = ownOf(value) as Readonly<Record<string, unknown>>;
  const functions = ['retryCondition', 'retryDelay', 'onRetry'].map((name) => others[name]);
  return Number.isInteger(retries) && (retries as number) >= 0 && functions.every(isFunctionOrMissing);
}

const isFunctionOrMissing = (value: unknown): boolean => value === undefined || typeof value === 'function';

function isSecretChoice(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value === false || isStoreSecret(value);
}

function isStoreSecret(value: unknown): boolean {
  return typeof value === 'string' ? value.length >= 16 : value instanceof Uint8Array && value.byteLength === 32;
}

function isLogger(value: unknown): boolean {
  return hasMethods(value, 'debug', 'info', 'warn', 'error');
}

function isClock(value: unknown): boolean {
  return hasMethods(value, 'now');
}
