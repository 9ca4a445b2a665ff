import type { AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import type { FixedBody } from './body.js';
import type { Address } from './target.js';

/** What the adapter gave for one send, in whichever branch: `rejected` tells how to hand it on. */
export type Answer =
  | { readonly rejected: false; readonly response: AxiosResponse }
  | { readonly rejected: true; readonly error: unknown; readonly response: AxiosResponse | undefined };

/** What the adapter is given for a config, which itself never holds a token. */
export function toSend(
  config: InternalAxiosRequestConfig,
  headers: InternalAxiosRequestConfig['headers'],
  address: Address,
  body: FixedBody | undefined,
): InternalAxiosRequestConfig {
  const sent = copyOf(config);
  sent.headers = headers;
  sent.baseURL = address.baseURL;
  if (address.url !== undefined) sent.url = address.url;
  if (body) sent.data = body.data;
  // A redirect would carry the tokens along: not every Axios can strip them, and fetch strips Authorization alone.
  sent.maxRedirects = 0;
  sent.fetchOptions = { ...sent.fetchOptions, redirect: 'manual' };
  if (sent.transport) sent.transport = withoutRedirects(sent.transport);
  return sent;
}

/**
 * All but Basic credentials, which would take the place of the AppJWT. V8 keeps Axios's configs as dictionaries: a loop copies
 * them four times as fast as a spread does (0.7 against 2.7 µs), and what is born with its usual keys takes half the memory of
 * what grows by them.
 */
function copyOf(config: InternalAxiosRequestConfig): InternalAxiosRequestConfig {
  const copy: Record<string | symbol, unknown> = usualPartOf(config);
  const source = config as unknown as typeof copy;
  for (const key of Object.keys(source)) if (!COPIED_OR_LEFT.has(key)) copy[key] = source[key];
  for (const key of Object.getOwnPropertySymbols(source)) {
    if (Object.prototype.propertyIsEnumerable.call(source, key)) copy[key] = source[key];
  }
  return copy as unknown as InternalAxiosRequestConfig;
}

/** What every config has once Axios made it, and what ours is given. */
function usualPartOf(config: Partial<InternalAxiosRequestConfig>) {
  return {
    url: config.url,
    method: config.method,
    baseURL: config.baseURL,
    headers: config.headers,
    data: config.data,
    timeout: config.timeout,
    adapter: config.adapter,
    transformRequest: config.transformRequest,
    transformResponse: config.transformResponse,
    transitional: config.transitional,
    xsrfCookieName: config.xsrfCookieName,
    xsrfHeaderName: config.xsrfHeaderName,
    maxContentLength: config.maxContentLength,
    maxBodyLength: config.maxBodyLength,
    env: config.env,
    validateStatus: config.validateStatus,
    maxRedirects: config.maxRedirects,
    fetchOptions: config.fetchOptions,
  };
}

const COPIED_OR_LEFT = new Set([...Object.keys(usualPartOf({})), 'auth']);

export const resolved = (response: AxiosResponse): Answer => ({ rejected: false, response });

export function rejected(error: unknown): Answer {
  const response = isRecord(error) && isRecord(error.response) ? error.response : undefined;
  return { rejected: true, error, response: response as AxiosResponse | undefined };
}

/** What was sent had a token; whatever came back holds the config itself. */
export function takeTokensOut(
  answer: Answer,
  sent: InternalAxiosRequestConfig,
  config: InternalAxiosRequestConfig,
): void {
  // What is still in somebody's hands, such as the error of a stream that breaks off later, has no token either.
  sent.headers = config.headers;
  if (!answer.rejected) {
    answer.response.config = config;
    return;
  }
  // The config that comes back may be a copy of what was sent, and that of a cause.
  for (const holder of holdersIn(answer.error)) {
    if (isRecord(holder.config)) Reflect.set(holder, 'config', config);
  }
}

/** Gives the caller what the adapter gave. */
export function settle(answer: Answer): AxiosResponse {
  if (answer.rejected) throw answer.error;
  return answer.response;
}

interface Transport {
  request(options: object, onResponse: unknown): unknown;
}

/** A transport of the user's own is not told of `maxRedirects`; it may be follow-redirects, or wrap it. */
function withoutRedirects(transport: Transport): Transport {
  const request: Transport['request'] = (options, onResponse) =>
    transport.request({ ...options, followRedirects: false, maxRedirects: 0 }, onResponse);
  return Object.create(transport, { request: { value: request } });
}

/** An error, the ones that caused it, and their responses: all that may hold a config and a request. */
export function holdersIn(error: unknown): Set<Record<string, unknown>> {
  const holders = new Set<Record<string, unknown>>();
  for (let cause = error; isRecord(cause) && !holders.has(cause); cause = cause.cause) {
    holders.add(cause);
    if (isRecord(cause.response)) holders.add(cause.response);
  }
  return holders;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
