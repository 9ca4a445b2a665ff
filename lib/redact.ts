import { inspect } from 'node:util';
import type { InternalAxiosRequestConfig } from 'axios';
import { type Answer, holdersIn, Rejection } from './send.js';
import type { Route, Target } from './target.js';
import { hashOf } from './tokens/identity.js';

/** What stands in the place of Node's request object, which holds the headers that were sent. */
export interface RequestSummary {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  /** Only where there was an answer. */
  readonly res?: { readonly responseUrl: string };
}

/** Makes a config of ours print without what leads to secrets. */
export type HideSecrets = (config: InternalAxiosRequestConfig) => void;

/**
 * Agents, transports and streams are named but not shown, since their open connections hold the headers of other requests, and
 * the consumer's id is hashed. The config itself stays as it is, for it may be sent again. (It takes 3 % of a request, a
 * prototype instead of two properties 5 % more, since Axios looks through prototypes: so only what `needsHiding` gets it.)
 */
export function createHiding(targetOf: (config: InternalAxiosRequestConfig) => Target | undefined): HideSecrets {
  const show = function (this: InternalAxiosRequestConfig): unknown {
    return showConfig(this, targetOf(this)?.accountId);
  };
  return (config) => printAs(config, show);
}

/**
 * Whether a config must be hidden: its request failed, or may still do so, in a stream or in what Axios does with the answer;
 * or there is something in it that may hold connections. (What is sent is read faster, but has `fetchOptions` in any case.)
 */
export function needsHiding(
  answer: Answer,
  { fetchOptions }: InternalAxiosRequestConfig,
  { signal, responseType, transport }: InternalAxiosRequestConfig,
): boolean {
  if (answer instanceof Rejection || isStream(answer.data)) return true;
  return Boolean(signal || responseType || transport || fetchOptions);
}

/**
 * Has a config's agents print by their names alone, once for all configs. (Axios's own option `redact` has AxiosError.toJSON
 * read past what hides the config, and the agents' connections with it.)
 */
export function nameAgents({ httpAgent, httpsAgent }: InternalAxiosRequestConfig): void {
  if (isRecord(httpAgent) && httpAgent.toJSON === undefined) printByName(httpAgent);
  if (isRecord(httpsAgent) && httpsAgent.toJSON === undefined) printByName(httpsAgent);
}

function showConfig(config: InternalAxiosRequestConfig, accountId: string | undefined): unknown {
  const around = new Set<unknown>([config]);
  const shown = Object.fromEntries(Object.entries(config).map(([name, item]) => [name, showPlain(item, around)]));
  if (typeof config.onBehalfOf === 'string') {
    shown.onBehalfOf = accountId === undefined ? '[hidden]' : hashOf({ accountId, consumerId: config.onBehalfOf });
  }
  return shown;
}

/** Takes out of an answer, in whichever branch it came, all that leads to the tokens that were sent. */
export function redactAnswer(answer: Answer, route: Route): void {
  if (!(answer instanceof Rejection)) {
    const summary = redactRequest(answer as unknown as Record<string, unknown>, route, false);
    if (summary) answer.request = summary;
    return;
  }
  for (const holder of holdersIn(answer.error)) {
    const summary = redactRequest(holder, route, true);
    if (summary) Reflect.set(holder, 'request', summary);
  }
}

/** @returns what shall stand in the request's place, if there is one */
function redactRequest(
  holder: Record<string, unknown>,
  route: Route,
  isOfFailure: boolean,
): RequestSummary | undefined {
  const { data, request } = holder;
  const hasStream = isStream(data);
  // A stream of Node's http knows the request that it answers, and the connection, which by now may serve another request.
  if (hasStream) printByName(data);
  if (!isRecord(request)) return undefined;
  // An error of older Axios has no status of its own.
  const wasAnswered = holder.status !== undefined || isRecord(holder.response);
  const summary = summarize(request, route, wasAnswered);
  // An error that a stream meets later on holds the request itself.
  if (isOfFailure || hasStream) printAsSummary(request, summary);
  return summary;
}

function printAsSummary(request: object, summary: RequestSummary): void {
  printAs(request, () => summary);
}

function summarize(request: Record<string, unknown>, route: Route, wasAnswered: boolean): RequestSummary {
  const { host, origin, href } = route;
  const path = pathOf(request, route);
  return wasAnswered
    ? { method: 'POST', host, path, res: { responseUrl: path === route.path ? href : origin + path } }
    : { method: 'POST', host, path };
}

/** The request's own address has the `params`. Behind a proxy it may be a whole URL; of http's it is a path. */
function pathOf(request: Record<string, unknown>, { origin, path }: Route): string {
  const address = typeof request.path === 'string' ? request.path : request.url;
  if (typeof address !== 'string' || address === path || !URL.canParse(address, origin)) return path;
  const { pathname, search } = new URL(address, origin);
  return pathname + search;
}

function printByName(object: object): void {
  printAs(object, () => `[${nameOfClass(object)}]`);
}

/** Prints `object` as what `show` gives: with `util.inspect` and `console`, with JSON, and with the loggers built on them. */
function printAs(object: object, show: (this: never) => unknown): void {
  define(object, inspect.custom, show);
  define(object, 'toJSON', show);
}

/** Where neither a loop over the object nor a copy of it finds it; a frozen object is left alone. */
function define(object: object, name: string | symbol, value: unknown): void {
  Reflect.defineProperty(object, name, { value, enumerable: false, configurable: true, writable: true });
}

/** Plain values as they are, whatever says itself how it reads as that, and any other object by the name of its class. */
function showPlain(value: unknown, around: ReadonlySet<unknown>): unknown {
  if (!isRecord(value) || ArrayBuffer.isView(value)) return value;
  if (around.has(value)) return '[Circular]';
  const within = new Set([...around, value]);
  if (Array.isArray(value)) return value.map((item) => showPlain(item, within));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (typeof value.toJSON === 'function') return value.toJSON();
  if (prototype !== Object.prototype && prototype !== null) return `[${nameOfClass(value)}]`;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, showPlain(item, within)]));
}

const nameOfClass = (value: object): string => value.constructor?.name || 'object';

const isStream = (value: unknown): value is object => isRecord(value) && typeof value.pipe === 'function';

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
