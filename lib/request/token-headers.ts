import type { InternalAxiosRequestConfig } from 'axios';
import type { TokenKind } from '../events.js';
import type { ResolvedOptions } from '../resolve-options.js';

type Headers = InternalAxiosRequestConfig['headers'];

/** Copies a request's headers, and adds the tokens. @param contentType set if the package encoded the body */
export type AddTokens = (
  headers: Headers,
  tokens: Readonly<Record<TokenKind, string>>,
  contentType: string | undefined,
) => Headers;

/**
 * The tokens replace every header with one of their names, in upper or lower case. The caller's `Host` is left out, because
 * the URL decides the host.
 */
export function createTokenHeaders({
  authorizationPrefix,
  onBehalfHeaders,
}: Pick<ResolvedOptions, 'authorizationPrefix' | 'onBehalfHeaders'>): AddTokens {
  const dropped = new Set(['authorization', 'host', ...onBehalfHeaders.map((name) => name.toLowerCase())]);

  return (headers, tokens, contentType) => {
    // The copy keeps the prototype, because another copy of Axios may have made the headers.
    const copy = Object.create(Object.getPrototypeOf(headers)) as Headers;
    for (const name of Object.keys(headers)) {
      const lowerCase = name.toLowerCase();
      if (dropped.has(lowerCase) || (contentType !== undefined && lowerCase === 'content-type')) continue;
      copy[name] = headers[name];
    }
    if (contentType !== undefined) copy['Content-Type'] = contentType;
    copy.Authorization = authorizationPrefix + tokens.appJwt;
    for (const name of onBehalfHeaders) copy[name] = tokens.consumerJws;
    return copy;
  };
}
