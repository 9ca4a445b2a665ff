import type { AxiosAdapter, InternalAxiosRequestConfig } from 'axios';
import { define } from '../own.js';
import { createTransport, type Transport } from './transport.js';

type Fields = Readonly<Record<string | symbol, unknown>>;

/** One request, as its config was when its dispatch began (design A2). */
export interface OutgoingRequest {
  /** The caller's own config. It comes back with the answer. It is not read again for what is sent. */
  readonly original: InternalAxiosRequestConfig;
  /** What the config said. Nobody outside the package has this object. */
  readonly config: Readonly<InternalAxiosRequestConfig>;
  /** The properties of `config` that most configs do not have. */
  readonly extras: readonly (string | symbol)[];
  readonly adapter: AxiosAdapter;
}

/** How the adapter is told of the place. */
export interface Address {
  /** `undefined` leaves the caller's `url`. */
  readonly url: string | undefined;
  readonly baseURL: string;
}

/**
 * A config whose properties are all its own. Its prototype inherits nothing, so that a changed `Object.prototype` decides
 * nothing (design A10). V8 keeps Axios's configs as dictionaries. An instance of a class is read and copied faster.
 */
class OutgoingConfig {
  [extra: string | symbol]: unknown;

  /** Takes each property that Axios gives to every config. */
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

/** Options that say where or how a request is sent, and are objects that others may still change. */
const COPIED: ReadonlySet<string | symbol> = new Set(['params', 'paramsSerializer', 'http2Options']);

/** Reads a config, once. */
export function readRequest(original: InternalAxiosRequestConfig, adapter: AxiosAdapter): OutgoingRequest {
  const source = ownPropertiesOf(original);
  const config = new OutgoingConfig(source, copyHeaders(source.headers as object));
  config.fetchOptions = copyPlain(config.fetchOptions);
  config.proxy = copyPlain(config.proxy);
  const extras: (string | symbol)[] = [];
  for (const name of Object.keys(source)) if (!KNOWN.has(name)) extras.push(name);
  for (const symbol of Object.getOwnPropertySymbols(source)) if (isEnumerable(source, symbol)) extras.push(symbol);
  for (const name of extras) {
    const value = readSafely(source, name);
    config[name] = COPIED.has(name) ? copyPlain(value) : value;
  }
  return { original, config: config as unknown as InternalAxiosRequestConfig, extras, adapter };
}

/** The config for one send. It follows no redirect: a redirect could carry the tokens to another host (design A9). */
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
  sent.transport = createTransport(config.transport as Transport | undefined);
  for (const name of request.extras) sent[name] = config[name];
  return sent as unknown as InternalAxiosRequestConfig;
}

/**
 * An object with the config's own properties. Axios makes configs without a prototype: such a config is that object itself. An
 * interceptor may have replaced it with an instance of a class or with `Object.create(config)`: what these inherit counts, but
 * not what they inherit from `Object.prototype`.
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

/** One of a config's own properties, as `ownPropertiesOf` has it. */
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

/** A getter that throws fails no request: Axios would not have called it. */
function readSafely(object: object, name: string | symbol): unknown {
  try {
    return (object as Fields)[name];
  } catch {
    return undefined;
  }
}

/** Also of another realm, such as a sandbox that Jest makes. */
const isObjectPrototype = (value: object): boolean =>
  Object.getPrototypeOf(value) === null && Object.hasOwn(value, 'isPrototypeOf');

/** The same kind of object, whichever copy of Axios made it. */
function copyHeaders(headers: object): object {
  return Object.assign(Object.create(Object.getPrototypeOf(headers)), headers);
}

/** A copy of plain objects, arrays, URLs and their parameters, all the way down. Anything else stays the same object. */
function copyPlain(value: unknown, copies = new Map<object, unknown>()): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (copies.has(value)) return copies.get(value);
  if (value instanceof URLSearchParams) return new URLSearchParams(value);
  if (value instanceof URL) return new URL(value);
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
