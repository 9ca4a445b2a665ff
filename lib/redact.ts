import { inspect } from 'node:util';
import type { InternalAxiosRequestConfig } from 'axios';
import { type Answer, holdersIn } from './send.js';
import type { Target } from './target.js';
import { hashOf } from './tokens/identity.js';

/** What stands in the place of Node's request object, which holds the headers that were sent. */
export interface RequestSummary {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  /** Only where there was an answer. */
  readonly res?: { readonly responseUrl: string };
}

/**
 * Makes a config print without what leads to secrets: agents, transports and streams are named but not shown, since their
 * open connections hold the headers of other requests, and the consumer's id is hashed. The config itself stays as it is, for
 * it may be sent again.
 */
export function hideInConfig(config: InternalAxiosRequestConfig, { accountId }: Pick<Target, 'accountId'>): void {
  printAs(config, () => {
    const shown = showPlain(config, new Set()) as Record<string, unknown>;
    if (typeof config.onBehalfOf === 'string') shown.onBehalfOf = hashOf({ accountId, consumerId: config.onBehalfOf });
    return shown;
  });
  // Axios's own option `redact` has AxiosError.toJSON read the config past the above, and the agents' connections with it.
  for (const agent of [config.httpAgent, config.httpsAgent] as unknown[]) {
    if (isRecord(agent) && agent.toJSON === undefined) define(agent, 'toJSON', () => `[${nameOfClass(agent)}]`);
  }
}

/** Takes out of an answer, in whichever branch it came, all that leads to the tokens that were sent. */
export function redactAnswer(answer: Answer, url: URL): void {
  const holders = answer.rejected ? holdersIn(answer.error) : [answer.response as unknown as Record<string, unknown>];
  for (const holder of holders) {
    replaceRequest(holder, url);
    const { data } = holder;
    // A stream of Node's http knows the request that it answers, and the connection, which by now may serve another request.
    if (isStream(data)) printAs(data, () => `[${nameOfClass(data)}]`);
  }
}

function replaceRequest(holder: Record<string, unknown>, url: URL): void {
  const { request } = holder;
  if (!isRecord(request)) return;
  // An error of older Axios has no status of its own.
  const wasAnswered = holder.status !== undefined || isRecord(holder.response);
  const summary = summarize(request, url, wasAnswered);
  Reflect.set(holder, 'request', summary);
  // An error that a stream meets later on holds the request itself.
  printAs(request, () => summary);
}

function summarize(request: Record<string, unknown>, url: URL, wasAnswered: boolean): RequestSummary {
  // The request's own address has the `params`. Behind a proxy it may be a whole URL; of http's it is a path.
  const address = [request.path, request.url].find((value) => typeof value === 'string');
  const sent = typeof address === 'string' && URL.canParse(address, url.origin) ? new URL(address, url.origin) : url;
  const path = sent.pathname + sent.search;
  return {
    method: 'POST',
    host: url.host,
    path,
    ...(wasAnswered && { res: { responseUrl: url.origin + path } }),
  };
}

/** Prints `object` as what `show` gives: with `util.inspect` and `console`, with JSON, and with the loggers built on them. */
function printAs(object: object, show: () => unknown): void {
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
  if (around.size > 0 && typeof value.toJSON === 'function') return value.toJSON();
  if (prototype !== Object.prototype && prototype !== null) return `[${nameOfClass(value)}]`;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, showPlain(item, within)]));
}

const nameOfClass = (value: object): string => value.constructor?.name || 'object';

const isStream = (value: unknown): value is object => isRecord(value) && typeof value.pipe === 'function';

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
