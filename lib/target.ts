import { randomUUID } from 'node:crypto';
import { Axios, type InternalAxiosRequestConfig } from 'axios';
import { type Endpoint, matchEndpoint } from './endpoint.js';
import { ConnectorAuthError } from './errors.js';
import type { TrustedOrigin } from './origin.js';
import type { Host } from './tokens/domains.js';

/** A request of ours: which endpoint of which account. */
export interface Target extends Endpoint {
  /** The place is one of `trustedOrigins`, whatever the account's messaging host is. */
  readonly isTrusted: boolean;
  /**
   * The way there, given the account's messaging host, which a trusted place need not know.
   *
   * @throws ConnectorAuthError `ERR_UNTRUSTED_ORIGIN` where tokens may not go
   */
  routeBy(messagingHost: Host | undefined): Route;
  /** The way that was found before, as long as its host need not be looked up again. */
  knownRoute(now: number): Route | undefined;
}

/** Where a request goes, and how it is addressed. */
export interface Route {
  readonly origin: string;
  readonly host: string;
  /** With the query that the URL has, but without `params`. */
  readonly path: string;
  /** The origin, and the path. */
  readonly href: string;
  readonly address: Address;
}

/** What the adapter is told; without a `url`, the one that was written stays. */
export interface Address {
  readonly url?: string;
  readonly baseURL: string;
}

/** What a config says of the place; the verdict on it depends on nothing else. */
interface Written {
  readonly url: string | undefined;
  readonly baseURL: string | undefined;
  readonly allowAbsoluteUrls: boolean | undefined;
}

interface Verdict extends Written {
  readonly target: Target | undefined;
}

/** A connector uses two URLs an account, unless it puts something new into each: then it pays half a request to judge it. */
const VERDICTS_KEPT = 1_000;

/**
 * Stands in for the host of a URL that has none. `.invalid` is never a real one (RFC 2606), and no URL can name this one on
 * purpose.
 */
const NOWHERE = `http://${randomUUID()}.invalid`;

// An instance without defaults: Axios's own rules for baseURL, url and allowAbsoluteUrls, and nobody's settings.
const resolver = new Axios({});

/** Finds the target of a request whose config is final; `undefined` for a request that is not ours. */
export function createTargetFinder(
  trustedOrigins: readonly TrustedOrigin[],
): (config: InternalAxiosRequestConfig) => Target | undefined {
  const verdicts = new Map<string, Verdict>();

  return (config) => {
    const { method, url, baseURL, allowAbsoluteUrls } = config;
    if (method?.toLowerCase() !== 'post') return undefined;
    const known = url === undefined ? undefined : verdicts.get(url);
    if (known && known.baseURL === baseURL && known.allowAbsoluteUrls === allowAbsoluteUrls) return known.target;
    if (!mayNameEndpoint(url) && !mayNameEndpoint(baseURL)) return undefined;
    const written = { url, baseURL, allowAbsoluteUrls };
    const target = judge(written, trustedOrigins);
    // What is no text may be another thing by the next time.
    if (typeof url !== 'string' || typeof (baseURL ?? '') !== 'string') return target;
    if (verdicts.size >= VERDICTS_KEPT) verdicts.clear();
    verdicts.set(url, { ...written, target });
    return target;
  };
}

/**
 * Whether a `url` or `baseURL` may name one of our endpoints. Neither Axios, which puts a slash between the two, nor the
 * normalisation of URLs, which only takes out tabs and line ends, makes this word of what does not contain it.
 */
export function mayNameEndpoint(text: unknown): boolean {
  if (typeof text !== 'string') return text !== undefined && text !== null;
  return text.includes('conversation') || /[\t\n\r]/.test(text);
}

/** The verdict on a place, however it is written; what is costly in finding a target. */
export function judge(written: Written, trustedOrigins: readonly TrustedOrigin[]): Target | undefined {
  const url = resolveUrl(written);
  if (!url) return undefined;
  for (const { origin, pathPrefix } of trustedOrigins) {
    if (url.origin !== origin || !url.pathname.startsWith(`${pathPrefix}/`)) continue;
    const endpoint = matchEndpoint(url.pathname.slice(pathPrefix.length));
    if (endpoint) return createTarget(endpoint, written, { url, isRelative: false, isTrusted: true });
  }
  const endpoint = matchEndpoint(url.pathname);
  const isRelative = !written.baseURL && url.origin === NOWHERE;
  return endpoint && createTarget(endpoint, written, { url, isRelative, isTrusted: false });
}

/** The place that a URL names. */
interface Place {
  readonly url: URL;
  /** The URL names no place: the account's messaging host is meant. */
  readonly isRelative: boolean;
  /** The place is one of `trustedOrigins`. */
  readonly isTrusted: boolean;
}

function createTarget({ name, accountId }: Endpoint, written: Written, place: Place): Target {
  let known: { route: Route; messagingOrigin: string | undefined; until: number } | undefined;
  return {
    name,
    accountId,
    isTrusted: place.isTrusted,
    knownRoute: (now) => (known && now < known.until ? known.route : undefined),
    routeBy(messagingHost) {
      const messagingOrigin = messagingHost?.origin;
      const before = known?.messagingOrigin === messagingOrigin ? known?.route : undefined;
      const route = before ?? createRoute(accountId, place, written, messagingOrigin);
      known = { route, messagingOrigin, until: messagingHost?.until ?? Number.POSITIVE_INFINITY };
      return route;
    },
  };
}

function createRoute(accountId: string, place: Place, written: Written, messagingOrigin: string | undefined): Route {
  assertTrusted(place, accountId, messagingOrigin);
  const { origin, host, pathname, search, href } = destinationOf(place, messagingOrigin);
  const path = pathname + search;
  return { origin, host, path, href: origin + path, address: addressOf({ href, origin }, place, written) };
}

/** The URL as the adapter will resolve it; `undefined` for one that no adapter can send. */
function resolveUrl({ baseURL, url, allowAbsoluteUrls }: Written): URL | undefined {
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
function assertTrusted(
  { url, isRelative, isTrusted }: Place,
  accountId: string,
  messagingOrigin: string | undefined,
): void {
  const hasUserInfo = url.username !== '' || url.password !== '';
  if (!hasUserInfo && (isRelative || isTrusted || url.origin === messagingOrigin)) return;
  const place = hasUserInfo ? `${url.origin}, named with a user or password,` : url.origin;
  throw new ConnectorAuthError(
    'ERR_UNTRUSTED_ORIGIN',
    `Account ${accountId}'s tokens may not go to ${place} but only to ${messagingOrigin ?? url.origin}. ` +
      'Correct the URL, or list the origin in the option trustedOrigins if it is yours.',
    { accountId },
  );
}

/** Where a request goes: the place its URL names, or the messaging host for one that names none. */
function destinationOf({ url, isRelative }: Place, messagingOrigin: string | undefined): URL {
  return isRelative ? new URL(messagingOrigin + url.href.slice(url.origin.length)) : url;
}

/**
 * How to address what is sent, so that every adapter of every Axios reads the place that was judged: older ones resolve
 * `http:host` and the like against a host of their own. What all of them read alike stays as it was written, for the sake of
 * mock adapters that match on it.
 */
function addressOf(
  { href, origin }: Pick<URL, 'href' | 'origin'>,
  { isRelative }: Place,
  { url: written = '', baseURL }: Written,
): Address {
  const base = isRelative ? origin : baseURL;
  if (written === href) return { baseURL: '' };
  const isRooted = /^\/[^/\\]/.test(written);
  if (isRooted && base?.replace(/\/$/, '') + written === href) return { baseURL: base ?? '' };
  return { url: href, baseURL: '' };
}
