import { inspect } from 'node:util';
import type { InternalAxiosRequestConfig } from 'axios';
import { defineHidden, isRecord } from '../own.js';
import { hashOf } from '../tokens/identity.js';
import { type Answer, holdersIn } from './answer.js';
import { isNodeStream } from './body.js';
import type { OutgoingRequest } from './outgoing-config.js';
import type { Route } from './route.js';

/** Replaces Node's request object, which has the headers that were sent. */
export interface RequestSummary {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  /** Set only if there was an answer. */
  readonly res?: { readonly responseUrl: string };
}

/**
 * Makes a config print without secrets. Agents, transports and streams print as the name of their class, because their open
 * connections have the headers of other requests. The consumer's id prints as its hash. The values of the config do not change,
 * because it may be sent again.
 */
export function hideSecrets(config: InternalAxiosRequestConfig, accountId: string): void {
  printAs(config, function (this: InternalAxiosRequestConfig) {
    return showConfig(this, accountId);
  });
}

/**
 * Whether a config must be hidden: its request failed or may still fail, or its options may hold connections. Hiding every
 * config would add 3 % to the time of a request.
 */
export function needsHiding(answer: Answer, { config }: OutgoingRequest): boolean {
  if (answer.isError || isNodeStream(answer.response?.data)) return true;
  return Boolean(config.signal || config.responseType || config.transport || config.fetchOptions);
}

/**
 * Makes a config's agents print as the name of their class, once for all configs. With Axios's own option `redact`,
 * AxiosError.toJSON does not use the printed form that `hideSecrets` sets.
 */
export function nameAgents({ httpAgent, httpsAgent }: InternalAxiosRequestConfig): void {
  if (isRecord(httpAgent) && httpAgent.toJSON === undefined) printByName(httpAgent);
  if (isRecord(httpsAgent) && httpsAgent.toJSON === undefined) printByName(httpsAgent);
}

/** Removes everything from an answer through which the sent tokens can be reached. */
export function redactAnswer(answer: Answer, route: Route): void {
  if (answer.response && !answer.isError) {
    const summary = redactRequest(answer.response as unknown as Record<string, unknown>, route, false);
    if (summary) answer.response.request = summary;
    return;
  }
  for (const holder of holdersIn(answer)) {
    const summary = redactRequest(holder, route, true);
    if (summary) Reflect.set(holder, 'request', summary);
  }
}

/** @returns the summary that replaces the request, if there is a request */
function redactRequest(holder: Record<string, unknown>, route: Route, isFailure: boolean): RequestSummary | undefined {
  const { data, request } = holder;
  const hasStream = isNodeStream(data);
  // A stream of Node's http has its request and its connection. The connection may already serve another request.
  if (hasStream) printByName(data);
  if (!isRecord(request)) return undefined;
  const summary = summarize(request, route, Object.hasOwn(holder, 'status') && holder.status !== undefined);
  // If the stream fails later, its error has the request itself.
  if (isFailure || hasStream) printAs(request, () => summary);
  return summary;
}

function summarize(request: Record<string, unknown>, route: Route, wasAnswered: boolean): RequestSummary {
  const { host, origin, href } = route;
  const path = pathOf(request, route);
  return wasAnswered
    ? { method: 'POST', host, path, res: { responseUrl: path === route.path ? href : origin + path } }
    : { method: 'POST', host, path };
}

/** The path with the `params`, from the request's own address. Behind a proxy, that address is a whole URL. */
function pathOf(request: Record<string, unknown>, { origin, path }: Route): string {
  const address = typeof request.path === 'string' ? request.path : request.url;
  if (typeof address !== 'string' || address === path || !URL.canParse(address, origin)) return path;
  const { pathname, search } = new URL(address, origin);
  return pathname + search;
}

function printByName(object: object): void {
  printAs(object, () => `[${nameOfClass(object)}]`);
}

/** Makes `util.inspect`, `console`, JSON and therefore loggers print the result of `show` instead of `object`. */
function printAs(object: object, show: (this: never) => unknown): void {
  defineHidden(object, inspect.custom, show);
  defineHidden(object, 'toJSON', show);
}

function showConfig(config: InternalAxiosRequestConfig, accountId: string): unknown {
  const shown = showProperties(config, new Map([[config, 'under way']]), 0);
  if (typeof shown.onBehalfOf === 'string') shown.onBehalfOf = hashOf({ accountId, consumerId: shown.onBehalfOf });
  return shown;
}

/**
 * Which objects were shown, and which are being shown. Each is shown once, so that printing takes linear time even when parts
 * of a config share objects.
 */
type Progress = Map<object, 'under way' | 'done'>;

/** Deeper objects show the name of their class, because JSON.stringify would overflow the stack. */
const DEEPEST = 100;

function showProperties(object: object, progress: Progress, depth: number): Record<string, unknown> {
  const shown: Record<string, unknown> = Object.create(null);
  for (const name of Object.keys(object)) shown[name] = showProperty(object, name, progress, depth);
  return shown;
}

/** A getter may throw. */
function showProperty(object: object, name: string, progress: Progress, depth: number): unknown {
  try {
    return showValue((object as Readonly<Record<string, unknown>>)[name], progress, depth);
  } catch {
    return '[not readable]';
  }
}

/** Primitive values and bytes stay as they are. Objects show their `toJSON()`, else their plain parts, else their class. */
function showValue(value: unknown, progress: Progress, depth: number): unknown {
  if (typeof value === 'bigint') return String(value);
  if (!isRecord(value) || ArrayBuffer.isView(value)) return value;
  const before = progress.get(value);
  if (before) return before === 'done' ? '[shown above]' : '[Circular]';
  if (depth === DEEPEST) return `[${nameOfClass(value)}]`;
  progress.set(value, 'under way');
  const shown = showObject(value, progress, depth + 1);
  // A text, such as the name of a class, may be shown again.
  if (isRecord(shown)) progress.set(value, 'done');
  else progress.delete(value);
  return shown;
}

function showObject(value: Record<string, unknown>, progress: Progress, depth: number): unknown {
  if (typeof value.toJSON === 'function') return showValue(value.toJSON(), progress, depth);
  if (Array.isArray(value)) return value.map((item) => showValue(item, progress, depth));
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = prototype === null || prototype === Object.prototype;
  return isPlain ? showProperties(value, progress, depth) : `[${nameOfClass(value)}]`;
}

const nameOfClass = (value: object): string => value.constructor?.name || 'object';
