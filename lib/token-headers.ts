import type { InternalAxiosRequestConfig } from 'axios';
import type { TokenKind } from './events.js';
import type { ResolvedOptions } from './options.js';

type Headers = InternalAxiosRequestConfig['headers'];

/** A copy of a config's headers, of the same kind (whichever Axios made it), with the tokens in it. */
export type AddTokens = (
  headers: Headers,
  tokens: Readonly<Record<TokenKind, string>>,
  contentType: string | undefined,
) => Headers;

/** The tokens, and a Content-Type if there is one, take the place of all that has one of their names, in any spelling. */
export function createTokenHeaders({
  authorizationPrefix,
  onBehalfHeaders,
}: Pick<ResolvedOptions, 'authorizationPrefix' | 'onBehalfHeaders'>): AddTokens {
  const replaced = new Set(['authorization', ...onBehalfHeaders.map((name) => name.toLowerCase())]);
  const lengths = new Set(Array.from(replaced, (name) => name.length));
  // Its length tells of most names that they are none of these, for a tenth of what spelling them low takes.
  const isReplaced = (name: string) => lengths.has(name.length) && replaced.has(name.toLowerCase());

  return (headers, tokens, contentType) => {
    const copy = Object.create(Object.getPrototypeOf(headers)) as Headers;
    // Unlike Object.keys, this makes no array.
    for (const name in headers) {
      if (!Object.hasOwn(headers, name) || isReplaced(name)) continue;
      if (contentType !== undefined && name.toLowerCase() === 'content-type') continue;
      copy[name] = headers[name];
    }
    if (contentType !== undefined) copy['Content-Type'] = contentType;
    copy.Authorization = authorizationPrefix + tokens.appJwt;
    for (const name of onBehalfHeaders) copy[name] = tokens.consumerJws;
    return copy;
  };
}
