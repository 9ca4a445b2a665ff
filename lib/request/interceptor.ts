import axios, { type AxiosAdapter, type InternalAxiosRequestConfig } from 'axios';
import { isConnectorAuthError } from '../errors.js';
import { defineHidden } from '../own.js';
import { type OutgoingRequest, readRequest } from './outgoing-config.js';
import { mayBeTarget } from './target.js';

type SendResult = ReturnType<AxiosAdapter>;

/** Handles the requests of an instance for one ConnectorAuth. */
export interface Dispatcher {
  /** Sends a request, with tokens if it is for the Send API. */
  dispatch(request: OutgoingRequest): SendResult;
  /**
   * `owner`: this auth has the credentials of the request's account in memory. `unknown`: it must look them up.
   * `closed owner`, `closed`: the same for a closed auth. `undefined`: the request is not for the Send API.
   */
  claim(request: OutgoingRequest): 'owner' | 'unknown' | 'closed owner' | 'closed' | undefined;
  /** Whether this auth has credentials for the request's account. `undefined` if the lookup failed. */
  lookUp(request: OutgoingRequest): Promise<boolean | undefined>;
}

type Interceptor = (config: InternalAxiosRequestConfig) => InternalAxiosRequestConfig;

/** The part of an Axios instance that the package uses. Instances of every copy of Axios have it. */
export interface InterceptableInstance {
  /** Its interceptors. */
  readonly interceptors: {
    /** The interceptors of its requests. */
    readonly request: InterceptorRegistry;
  };
}

/** Where interceptors are registered. */
export interface InterceptorRegistry {
  /** Registers an interceptor. @returns its id */
  use(...args: never[]): number;
  /** Removes an interceptor. */
  eject(id: number): void;
}

/** The same registry, with the members that Axios does not declare. */
interface RequestInterceptors {
  readonly handlers?: ({ readonly fulfilled?: unknown } | null)[] | null;
  use(onFulfilled: Interceptor, onRejected: undefined, options: { synchronous: true }): number;
  eject(id: number): void;
  [INSTALLATION]?: Installation;
}

/** The installation in one instance. Several ConnectorAuths share its interceptor. */
interface Installation {
  /** Never changed in place, so a request keeps the entries that it started with. */
  entries: readonly { readonly dispatcher: Dispatcher; readonly uninstall: () => void }[];
  readonly intercept: Interceptor;
  id: number;
}

// A global symbol, because a process may load the ESM and the CommonJS build of the package.
const INSTALLATION: unique symbol = Symbol.for('axios-liveperson-auth.installation.1');

/**
 * Puts a dispatcher between an instance and its adapters. A request interceptor wraps the adapter of each request, so that the
 * dispatcher sees the config after every other interceptor and transform, and the raw answer before any of them.
 *
 * @returns a function that uninstalls. Requests under way are not affected
 * @throws TypeError if `instance` is not an Axios instance
 */
export function installInto(instance: InterceptableInstance, dispatcher: Dispatcher): () => void {
  if (typeof instance?.interceptors?.request?.use !== 'function')
    throw new TypeError('install() takes an Axios instance: axios itself, or what axios.create() returned.');
  const manager = instance.interceptors.request as unknown as RequestInterceptors;
  const installation = installationOn(manager);
  if (!hasInterceptor(manager, installation)) {
    // interceptors.request.clear() may have removed the interceptor. Old entries are then no longer installed.
    installation.entries = [];
    installation.id = manager.use(installation.intercept, undefined, { synchronous: true });
  }
  const installed = installation.entries.find((entry) => entry.dispatcher === dispatcher);
  if (installed) return installed.uninstall;
  const entry = { dispatcher, uninstall };
  installation.entries = [...installation.entries, entry];
  return uninstall;

  function uninstall(): void {
    // An old uninstall function must not end a later installation.
    if (!installation.entries.includes(entry)) return;
    installation.entries = installation.entries.filter((other) => other !== entry);
    if (installation.entries.length === 0) removeInterceptor(manager, installation);
  }
}

function installationOn(manager: RequestInterceptors): Installation {
  const known = Object.hasOwn(manager, INSTALLATION) ? manager[INSTALLATION] : undefined;
  if (known) return known;
  const installation: Installation = { entries: [], intercept: (config) => wrapAdapter(config, installation), id: -1 };
  defineHidden(manager, INSTALLATION, installation);
  return installation;
}

const hasInterceptor = (manager: RequestInterceptors, { intercept }: Installation): boolean =>
  (manager.handlers ?? []).some((handler) => handler?.fulfilled === intercept);

/** Removes the interceptor alone. After clear(), or if somebody moved the handlers, another interceptor may have its id. */
function removeInterceptor(manager: RequestInterceptors, { intercept, id }: Installation): void {
  const handlers = manager.handlers ?? [];
  const at = handlers.findIndex((handler) => handler?.fulfilled === intercept);
  if (at === id) manager.eject(id);
  else if (at >= 0) handlers[at] = null;
}

function wrapAdapter(given: InternalAxiosRequestConfig, { entries }: Installation): InternalAxiosRequestConfig {
  const { adapter } = given;
  // An interceptor may have frozen the config.
  const config = Object.isExtensible(given) ? given : Object.assign(Object.create(Object.getPrototypeOf(given)), given);
  config.adapter = (final: InternalAxiosRequestConfig) => {
    // axios-retry sends the same config again. The caller's adapter is put back, so it is not wrapped twice.
    if (adapter === undefined) delete final.adapter;
    else final.adapter = adapter;
    return route(entries, final, resolveAdapter(adapter, final));
  };
  return config;
}

/** The adapter function. A config may also name it (`'http'`, `'fetch'`) or have a list. */
const resolveAdapter = (
  adapter: InternalAxiosRequestConfig['adapter'],
  config: InternalAxiosRequestConfig,
): AxiosAdapter =>
  typeof adapter === 'function' ? adapter : axios.getAdapter(adapter || axios.defaults.adapter, config);

function route(
  entries: Installation['entries'],
  config: InternalAxiosRequestConfig,
  adapter: AxiosAdapter,
): SendResult {
  if (!mayBeTarget(config)) return adapter(config);
  const request = readRequest(config, adapter);
  const [first] = entries;
  if (!first || request.config.connectorAuth === false) return adapter(config);
  return entries.length === 1 ? first.dispatcher.dispatch(request) : dispatchToOwner(entries, request);
}

/** Exactly one dispatcher gets a request: the one that has credentials for its account. */
async function dispatchToOwner(entries: Installation['entries'], request: OutgoingRequest): SendResult {
  const dispatchers = entries.map(({ dispatcher }) => dispatcher);
  const claiming = (claim: ReturnType<Dispatcher['claim']>) =>
    dispatchers.filter((one) => one.claim(request) === claim);
  const [owner] = claiming('owner');
  if (owner) return owner.dispatch(request);
  const open = claiming('unknown');
  let failed: Dispatcher | undefined;
  for (const dispatcher of open) {
    const isOwner = await dispatcher.lookUp(request).catch(unlessClosed);
    if (isOwner) return dispatcher.dispatch(request);
    if (isOwner === undefined) failed ??= dispatcher;
  }
  // No auth serves the account. The error of this one says why.
  const fallback = claiming('closed owner')[0] ?? failed ?? open[0] ?? claiming('closed')[0];
  return fallback ? fallback.dispatch(request) : request.adapter(request.original);
}

/** An auth that is closed during its lookup does not serve the request. Another one may. */
function unlessClosed(error: unknown): false {
  if (isConnectorAuthError(error) && error.code === 'ERR_CLOSED') return false;
  throw error;
}
