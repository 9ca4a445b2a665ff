import { inspect } from 'node:util';
import type { InternalAxiosRequestConfig } from 'axios';
import { defineHidden } from '../own.js';
import { hashOf } from '../tokens/identity.js';
import { type Answer, holdersIn } from './answer.js';
import type { OutgoingRequest } from './outgoing-config.js';
import type { Route } from './route.js';

/** Replaces Node's request object, which has the headers that were sent. */
export interface RequestSummary {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  /** Only when there was an answer. */
  readonly res?: { readonly responseUrl: string };
}

/**
 * Makes a config print without anything that leads to secrets. Agents, transports and streams print as the name of their
 * class, because their open connections have the headers of other requests. The consumer's id prints as its hash. The config
 * itself stays as it is, since it may be sent again.
 */
export function hideSecrets(config: InternalAxiosRequestConfig, accountId: string): void {
  printAs(config, function (this: InternalAxiosRequestConfig) {
    return showConfig(this, accountId);
  });
}

/**
 * Whether a config must be hidden: its request failed or may still fail, or something in it may hold connections. To hide every
 * config would cost 3 % of a request.
 */
export function needsHiding(answer: Answer, { config }: OutgoingRequest): boolean {
  if (answer.isError || isStream(answer.response?.data)) return true;
  return Boolean(config.signal || config.responseType || config.transport || config.fetchOptions);
}

/**
 * Makes a config's agents print as the name of their class, once for all configs. Axios's own option `redact` would have
 * AxiosError.toJSON read past what hides the config.
 */
export function nameAgents({ httpAgent, httpsAgent }: InternalAxiosRequestConfig): void {
  if (isRecord(httpAgent) && httpAgent.toJSON === undefined) printByName(httpAgent);
  if (isRecord(httpsAgent) && httpsAgent.toJSON === undefined) printByName(httpsAgent);
}

/** Removes everything from an answer that leads to the tokens that were sent. */
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
  const hasStream = isStream(data);
  // A stream of Node's http knows its request and its connection, which may serve another request by now.
  if (hasStream) printByName(data);
  if (!isRecord(request)) return undefined;
  const summary = summarize(request, route, Object.hasOwn(holder, 'status') && holder.status !== undefined);
  // An error that a stream meets later has the request itself.
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

/** The request's own address has the `params`. It is a path, or a whole URL behind a proxy. */
function pathOf(request: Record<string, unknown>, { origin, path }: Route): string {
  const address = typeof request.path === 'string' ? request.path : request.url;
  if (typeof address !== 'string' || address === path || !URL.canParse(address, origin)) return path;
  const { pathname, search } = new URL(address, origin);
  return pathname + search;
}

function printByName(object: object): void {
  printAs(object, () => `[${nameOfClass(object)}]`);
}

/** Makes `object` print as what `show` returns, with `util.inspect`, `console` and JSON, and so with loggers. */
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

/** Deeper objects show the name of their class: JSON.stringify would overflow the stack. */
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

/** Plain values stay as they are. An object with a `toJSON` shows that. Any other object shows the name of its class. */
function showValue(value: unknown, progress: Progress, depth: number): unknown {
  if (typeof value === 'bigint') return String(value);
  if (!isRecord(value) || ArrayBuffer.isView(value)) return value;
  const before = progress.get(value);
  if (before) return before === 'done' ? '[shown above]' : '[Circular]';
  if (depth === DEEPEST) return `[${nameOfClass(value)}]`;
  progress.set(value, 'under way');
  const shown = showObject(value, progress, depth + 1);
  // A short name may be shown again.
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

const isStream = (value: unknown): value is object => isRecord(value) && typeof value.pipe === 'function';

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
