import type { AxiosAdapter, AxiosResponse, InternalAxiosRequestConfig } from 'axios';

export interface Tokens {
  readonly appJwt: string;
  readonly consumerJws: string;
}

/** What the adapter gave for one send, in whichever branch: `rejected` tells how to hand it on. */
export type Answer =
  | { readonly rejected: false; readonly response: AxiosResponse }
  | { readonly rejected: true; readonly error: unknown; readonly response: AxiosResponse | undefined };

/** What is sent otherwise than the config has it. */
export interface Changes {
  /** Replace those of the same name, in any spelling. */
  readonly headers: Readonly<Record<string, string>>;
  readonly url?: string;
  readonly baseURL?: string;
  readonly data?: unknown;
}

/**
 * Sends a config once, changed. The config itself never holds a token, and whatever the adapter gives back holds that config.
 *
 * @param hide what to do to a config before anybody may print it
 */
export async function sendOnce(
  config: InternalAxiosRequestConfig,
  adapter: AxiosAdapter,
  { headers, ...others }: Changes,
  hide: (config: InternalAxiosRequestConfig) => void,
): Promise<Answer> {
  const sent: InternalAxiosRequestConfig = {
    ...config,
    ...others,
    headers: replaceHeaders(config.headers, headers),
    // A redirect would carry the tokens along: not every Axios can strip them, and fetch strips Authorization alone.
    maxRedirects: 0,
    fetchOptions: { ...config.fetchOptions, redirect: 'manual' },
  };
  if (config.transport) sent.transport = withoutRedirects(config.transport);
  // Basic credentials would take the place of the AppJWT.
  delete sent.auth;
  hide(sent);

  try {
    const response = await adapter(sent);
    return { rejected: false, response: Object.assign(response, { config }) };
  } catch (error) {
    // The config that comes back may be a copy of what was sent, and that of a cause.
    for (const holder of holdersIn(error)) {
      if (isRecord(holder.config)) Reflect.set(holder, 'config', config);
    }
    const response = isRecord(error) && isRecord(error.response) ? error.response : undefined;
    return { rejected: true, error, response: response as AxiosResponse | undefined };
  } finally {
    // What is still in somebody's hands, such as the error of a stream that breaks off later, has no token either.
    sent.headers = config.headers;
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

/** A copy of the same kind (whichever Axios made it) with `replacements` for all that has one of their names, in any spelling. */
function replaceHeaders(
  headers: InternalAxiosRequestConfig['headers'],
  replacements: Readonly<Record<string, string>>,
): InternalAxiosRequestConfig['headers'] {
  const replaced = new Set(Object.keys(replacements).map((name) => name.toLowerCase()));
  const copy = Object.create(Object.getPrototypeOf(headers)) as InternalAxiosRequestConfig['headers'];
  for (const name of Object.keys(headers)) {
    if (!replaced.has(name.toLowerCase())) copy[name] = headers[name];
  }
  return Object.assign(copy, replacements);
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
