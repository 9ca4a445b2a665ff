import type { AxiosAdapter, AxiosResponse, InternalAxiosRequestConfig } from 'axios';

export interface Tokens {
  readonly appJwt: string;
  readonly consumerJws: string;
}

/** What the adapter gave for one send, in whichever branch: `rejected` tells how to hand it on. */
export type Answer =
  | { readonly rejected: false; readonly response: AxiosResponse }
  | { readonly rejected: true; readonly error: unknown; readonly response: AxiosResponse | undefined };

/** Sends a config once, with these headers and to `baseURL` where one is given. The config itself never holds a token. */
export async function sendOnce(
  config: InternalAxiosRequestConfig,
  adapter: AxiosAdapter,
  headers: Readonly<Record<string, string>>,
  baseURL: string | undefined,
): Promise<Answer> {
  const sent: InternalAxiosRequestConfig = {
    ...config,
    headers: replaceHeaders(config.headers, headers),
    // A redirect would carry the tokens along: not every Axios can strip them, and fetch strips Authorization alone.
    maxRedirects: 0,
    fetchOptions: { ...config.fetchOptions, redirect: 'manual' },
  };
  // Basic credentials would take the place of the AppJWT.
  delete sent.auth;
  if (baseURL !== undefined) sent.baseURL = baseURL;

  try {
    const response = await adapter(sent);
    return { rejected: false, response: Object.assign(response, { config }) };
  } catch (error) {
    const response = asRecord(asRecord(error)?.response);
    for (const holder of [asRecord(error), response]) {
      if (holder?.config === sent) holder.config = config;
    }
    return { rejected: true, error, response: response as AxiosResponse | undefined };
  }
}

/** Gives the caller what the adapter gave. */
export function settle(answer: Answer): AxiosResponse {
  if (answer.rejected) throw answer.error;
  return answer.response;
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

const asRecord = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
