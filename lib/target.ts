import { randomUUID } from 'node:crypto';
import { Axios, type InternalAxiosRequestConfig } from 'axios';
import { type Endpoint, matchEndpoint } from './endpoint.js';
import { ConnectorAuthError } from './errors.js';
import type { TrustedOrigin } from './origin.js';

/** A request of ours: which endpoint of which account, and the place that its URL names. */
export interface Target extends Endpoint {
  readonly url: URL;
  /** The URL names no place: the account's messaging host is meant. */
  readonly isRelative: boolean;
  /** The place is one of `trustedOrigins`. */
  readonly isTrusted: boolean;
}

/**
 * Stands in for the host of a URL that has none. `.invalid` is never a real one (RFC 2606), and no URL can name this one on
 * purpose.
 */
const NOWHERE = `http://${randomUUID()}.invalid`;

// An instance without defaults: Axios's own rules for baseURL, url and allowAbsoluteUrls, and nobody's settings.
const resolver = new Axios({});

/** The target of a request whose config is final; `undefined` for a request that is not ours. */
export function findTarget(
  config: InternalAxiosRequestConfig,
  trustedOrigins: readonly TrustedOrigin[],
): Target | undefined {
  if (config.method?.toLowerCase() !== 'post') return undefined;
  const url = resolveUrl(config);
  if (!url) return undefined;
  for (const { origin, pathPrefix } of trustedOrigins) {
    if (url.origin !== origin || !url.pathname.startsWith(`${pathPrefix}/`)) continue;
    const endpoint = matchEndpoint(url.pathname.slice(pathPrefix.length));
    if (endpoint) return { ...endpoint, url, isRelative: false, isTrusted: true };
  }
  const endpoint = matchEndpoint(url.pathname);
  return endpoint && { ...endpoint, url, isRelative: !config.baseURL && url.origin === NOWHERE, isTrusted: false };
}

/** The URL as the adapter will resolve it; `undefined` for one that no adapter can send. */
function resolveUrl(config: InternalAxiosRequestConfig): URL | undefined {
  const { baseURL, url, allowAbsoluteUrls } = config;
  const parts = { ...(url !== undefined && { url }), ...(allowAbsoluteUrls !== undefined && { allowAbsoluteUrls }) };
  try {
    const full = resolver.getUri({ ...parts, ...(baseURL !== undefined && { baseURL }) });
    if (URL.canParse(full)) return new URL(full);
    const completed = new URL(full, NOWHERE);
    // A path alone is judged as it will be sent: appended to an origin. Anything that names a host of its own is not a path.
    return baseURL || completed.origin !== NOWHERE
      ? completed
      : new URL(resolver.getUri({ ...parts, baseURL: NOWHERE }));
  } catch {
    // Newer Axios refuses malformed schemes (`https:\\host`) that older ones send.
    return url !== undefined && URL.canParse(url) ? new URL(url) : undefined;
  }
}

/**
 * Refuses to hand tokens to any place but the account's messaging host and the trusted origins.
 *
 * @throws ConnectorAuthError `ERR_UNTRUSTED_ORIGIN`
 */
export function assertTrusted(target: Target, messagingOrigin: string): void {
  const { url, accountId } = target;
  const hasUserInfo = url.username !== '' || url.password !== '';
  if (!hasUserInfo && (target.isRelative || target.isTrusted || url.origin === messagingOrigin)) return;
  const place = hasUserInfo ? `${url.origin}, named with a user or password,` : url.origin;
  throw new ConnectorAuthError(
    'ERR_UNTRUSTED_ORIGIN',
    `Account ${accountId}'s tokens may not go to ${place} but only to ${messagingOrigin}. ` +
      'Correct the URL, or list the origin in the option trustedOrigins if it is yours.',
    { accountId },
  );
}

/** Where a request goes: the place its URL names, or the messaging host for one that names none. */
export function destinationOf({ url, isRelative }: Target, messagingOrigin: string | undefined): URL {
  return isRelative ? new URL(messagingOrigin + url.href.slice(url.origin.length)) : url;
}

/**
 * How to address what is sent, so that every adapter of every Axios reads the place that was judged: older ones resolve
 * `http:host` and the like against a host of their own. What all of them read alike stays as it was written, for the sake of
 * mock adapters that match on it.
 */
export function addressOf(
  { href, origin }: URL,
  { isRelative }: Target,
  config: Pick<InternalAxiosRequestConfig, 'url' | 'baseURL'>,
): { url?: string; baseURL: string } {
  const base = isRelative ? origin : config.baseURL;
  const { url: written = '' } = config;
  if (written === href) return { baseURL: '' };
  const isRooted = /^\/[^/\\]/.test(written);
  if (isRooted && base?.replace(/\/$/, '') + written === href) return { baseURL: base ?? '' };
  return { url: href, baseURL: '' };
}
