import type { AxiosAdapter, InternalAxiosRequestConfig } from 'axios';
import { define } from '../own.js';
import { createTransport, type Transport } from './transport.js';

type Fields = Readonly<Record<string | symbol, unknown>>;

/** A request, with its config as it was when dispatch began. */
export interface OutgoingRequest {
  /** The caller's own config. The caller gets it back with the answer. No send reads it again. */
  readonly original: InternalAxiosRequestConfig;
  /** A copy of the config. Code outside the package cannot change it. */
  readonly config: Readonly<InternalAxiosRequestConfig>;
  /** The names of the properties in `config` that `OutgoingConfig` does not list. */
  readonly extras: readonly (string | symbol)[];
  readonly adapter: AxiosAdapter;
}

/** The URL that the adapter gets. */
export interface Address {
  /** `undefined` leaves the caller's `url`. */
  readonly url: string | undefined;
  readonly baseURL: string;
}

/**
 * A config that inherits nothing from `Object.prototype`, so a polluted `Object.prototype` has no effect. It is a
 * class because V8 reads and copies its instances faster than Axios's configs, which are dictionaries.
 */
class OutgoingConfig {
  [extra: string | symbol]: unknown;

  /** Copies the properties that most configs have. */
  constructor(from: Fields, headers: unknown) {
    this.url = from.url;
    this.baseURL = from.baseURL;
    this.method = from.method;
    this.headers = headers;
    this.data = from.data;
    this.onBehalfOf = from.onBehalfOf;
    this.timeout = from.timeout;
    this.maxRedirects = from.maxRedirects;
    this.fetchOptions = from.fetchOptions;
    this.transport = from.transport;
    this.proxy = from.proxy;
    // Basic credentials would replace the AppJWT: they are never sent.
    this.auth = undefined;
    this.adapter = from.adapter;
    this.allowAbsoluteUrls = from.allowAbsoluteUrls;
    this.transformRequest = from.transformRequest;
    this.transformResponse = from.transformResponse;
    this.transitional = from.transitional;
    this.xsrfCookieName = from.xsrfCookieName;
    this.xsrfHeaderName = from.xsrfHeaderName;
    this.maxContentLength = from.maxContentLength;
    this.maxBodyLength = from.maxBodyLength;
    this.env = from.env;
    this.validateStatus = from.validateStatus;
  }

  /** Axios gives its configs this method. Some adapters call it. */
  hasOwnProperty(name: PropertyKey): boolean {
    return Object.hasOwn(this, name);
  }
}
Object.setPrototypeOf(OutgoingConfig.prototype, null);

const KNOWN: ReadonlySet<string> = new Set(Object.keys(new OutgoingConfig({}, undefined)));

/** Options whose value is copied, because other code may change it before the request is sent. */
const COPIED: ReadonlySet<string | symbol> = new Set(['params', 'paramsSerializer', 'http2Options']);

/** Reads each property of a config once. */
export function readRequest(original: InternalAxiosRequestConfig, adapter: AxiosAdapter): OutgoingRequest {
  const source = ownPropertiesOf(original);
  const config = new OutgoingConfig(source, copyHeaders(source.headers as object));
  config.fetchOptions = copyPlain(config.fetchOptions);
  config.proxy = copyOwn(config.proxy);
  if (config.transport) config.transport = createTransport(config.transport as Transport);
  const extras: (string | symbol)[] = [];
  for (const name of Object.keys(source)) if (!KNOWN.has(name)) extras.push(name);
  for (const symbol of Object.getOwnPropertySymbols(source)) if (isEnumerable(source, symbol)) extras.push(symbol);
  for (const name of extras) {
    const value = readSafely(source, name);
    config[name] = COPIED.has(name) ? copyPlain(value) : value;
  }
  // A serializer of the caller's may need the class of the params.
  if (config.params && !config.paramsSerializer) config.params = copyOwn(config.params);
  return { original, config: config as unknown as InternalAxiosRequestConfig, extras, adapter };
}

/** The config for one send. It follows no redirect: a redirect could carry the tokens to another host. */
export function configForAdapter(
  request: OutgoingRequest,
  { url, baseURL }: Address,
  headers: InternalAxiosRequestConfig['headers'],
  data: unknown,
): InternalAxiosRequestConfig {
  const config = request.config as unknown as Fields;
  const sent = new OutgoingConfig(config, headers);
  if (url !== undefined) sent.url = url;
  sent.baseURL = baseURL;
  sent.data = data;
  sent.maxRedirects = 0;
  // The fetch adapter of Axios 1.18 does not respect maxRedirects.
  sent.fetchOptions = config.fetchOptions ? { ...config.fetchOptions, redirect: 'manual' } : { redirect: 'manual' };
  sent.proxy = copyPlain(config.proxy);
  sent.transport ||= createTransport(undefined);
  for (const name of request.extras) sent[name] = COPIED.has(name) ? copyPlain(config[name]) : config[name];
  return sent as unknown as InternalAxiosRequestConfig;
}

/**
 * The config's properties, without those of `Object.prototype`. Axios's configs have no prototype and are returned as they are.
 * An interceptor may have returned a class instance or `Object.create(config)` instead, so other inherited properties count.
 */
function ownPropertiesOf(config: object): Fields {
  if (Object.getPrototypeOf(config) === null) return config as Fields;
  const flat: Record<string | symbol, unknown> = Object.create(null);
  for (const holder of holdersOf(config)) {
    for (const name of Reflect.ownKeys(holder)) {
      const isHidden = holder === config && !isEnumerable(holder, name);
      if (!isHidden && name !== 'constructor' && !Object.hasOwn(flat, name)) flat[name] = readSafely(config, name);
    }
  }
  return flat;
}

/** One property of a config, by the rules of `ownPropertiesOf`. */
export function ownProperty(config: object, name: string): unknown {
  if (Object.getPrototypeOf(config) === null || Object.hasOwn(config, name)) return (config as Fields)[name];
  for (const holder of holdersOf(config)) if (Object.hasOwn(holder, name)) return (config as Fields)[name];
  return undefined;
}

/** The config and its prototypes, without `Object.prototype`. */
function* holdersOf(config: object): Iterable<object> {
  for (let holder: object | null = config; holder && !isObjectPrototype(holder); ) {
    yield holder;
    holder = Object.getPrototypeOf(holder);
  }
}

const isEnumerable = (object: object, name: string | symbol): boolean =>
  Object.prototype.propertyIsEnumerable.call(object, name);

/** A getter that throws must not fail the request, because Axios would not have called it. */
function readSafely(object: object, name: string | symbol): unknown {
  try {
    return (object as Fields)[name];
  } catch {
    return undefined;
  }
}

/** Also true for the `Object.prototype` of another realm, such as Jest's sandbox. */
const isObjectPrototype = (value: object): boolean =>
  Object.getPrototypeOf(value) === null && Object.hasOwn(value, 'isPrototypeOf');

/** The copy keeps the prototype, because another copy of Axios may have made the headers. */
function copyHeaders(headers: object): object {
  return Object.assign(Object.create(Object.getPrototypeOf(headers)), headers);
}

/** A copy of an instance of a class too, as Axios reads it: Axios reads its own properties only. */
const copyOwn = (value: unknown): unknown =>
  typeof value !== 'object' || value === null || value instanceof URL || value instanceof URLSearchParams
    ? copyPlain(value)
    : copyPlain({ ...value });

/** A deep copy of plain objects, arrays, URLs and URL parameters. Other objects are not copied. */
function copyPlain(value: unknown, copies = new Map<object, unknown>()): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (copies.has(value)) return copies.get(value);
  if (value instanceof URLSearchParams) return new URLSearchParams(value);
  if (value instanceof URL) return new URL(value);
  if (value instanceof Date) return new Date(value);
  const prototype: object | null = Object.getPrototypeOf(value);
  const isPlain = Array.isArray(value) || prototype === null || isObjectPrototype(prototype);
  if (!isPlain) return value;
  const copy: object = Array.isArray(value) ? [] : Object.create(prototype);
  copies.set(value, copy);
  for (const [name, item] of Object.entries(value)) {
    define(copy, name, { value: copyPlain(item, copies), enumerable: true, configurable: true, writable: true });
  }
  return copy;
}
