import { randomUUID } from 'node:crypto';
import { Axios, type InternalAxiosRequestConfig } from 'axios';
import { ConnectorAuthError } from '../errors.js';
import type { TrustedOrigin } from '../origin.js';
import { type Endpoint, explainNearMiss, matchEndpoint } from './endpoint.js';
import { type Address, ownProperty } from './outgoing-config.js';

/** A Send API request: one of the two endpoints of an account. */
export interface Target extends Endpoint {
  /** The URL is in one of `trustedOrigins`, whichever host the account's messaging host is. */
  readonly isTrusted: boolean;
  /**
   * Where the request goes.
   *
   * @param messagingOrigin the account's messaging host; `undefined` when the target is trusted
   * @throws ConnectorAuthError `ERR_UNTRUSTED_ORIGIN` when tokens may not go there
   */
  routeTo(messagingOrigin: string | undefined): Route;
}

/** Where a request goes, and how the adapter is told. */
export interface Route extends Address {
  readonly origin: string;
  readonly host: string;
  /** With the query that the URL has, without `params`. */
  readonly path: string;
  /** Origin and path. */
  readonly href: string;
}

/** What a config says about the place. The verdict depends on nothing else. */
interface Written {
  readonly url: string | undefined;
  readonly baseURL: string | undefined;
  readonly allowAbsoluteUrls: boolean | undefined;
}

interface Verdict extends Written {
  readonly target: Target | undefined;
}

export interface TargetParts {
  readonly trustedOrigins: readonly TrustedOrigin[];
  /** A path that nearly is one of the Send API's, told once for each path. */
  readonly onNearMiss: ((path: string, reason: string) => void) | undefined;
}

/** A connector uses two URLs for each account. */
const VERDICTS_KEPT = 1_000;

/** Replaces the host of a URL that has none. `.invalid` is never a real host (RFC 2606), and nobody can guess this one. */
const NOWHERE = `http://${randomUUID()}.invalid`;

// An instance without defaults: Axios's own rules for baseURL, url and allowAbsoluteUrls, without anybody's settings.
const resolver = new Axios({});

/**
 * Whether a config may be a Send API request, or nearly be one. For other requests, this is all that is read. Neither Axios nor
 * the normalisation of URLs makes the word `conversation` of a text without it, unless the text has tabs or line ends.
 */
export function mayBeTarget(config: InternalAxiosRequestConfig): boolean {
  if (ownProperty(config, 'method') === 'get') return false;
  return mayNameEndpoint(ownProperty(config, 'url')) || mayNameEndpoint(ownProperty(config, 'baseURL'));
}

export function mayNameEndpoint(text: unknown): boolean {
  if (typeof text !== 'string') return text !== undefined && text !== null;
  return text.includes('conversation') || /conversation|[\t\n\r]/i.test(text);
}

/** Finds the target of a request; `undefined` for a request that is not for the Send API. */
export function createTargetFinder({
  trustedOrigins,
  onNearMiss,
}: TargetParts): (config: Readonly<InternalAxiosRequestConfig>) => Target | undefined {
  const verdicts = new Map<string, Verdict>();

  return ({ method, url, baseURL, allowAbsoluteUrls }) => {
    const known = url === undefined ? undefined : verdicts.get(url);
    if (known && known.baseURL === baseURL && known.allowAbsoluteUrls === allowAbsoluteUrls)
      return onlyPost(known.target, method);
    const written = { url, baseURL, allowAbsoluteUrls };
    const target = judge(written, trustedOrigins);
    if (onNearMiss) reportNearMiss(method, written, target, onNearMiss);
    // An object that is no text may give another text the next time.
    if (typeof url === 'string' && typeof (baseURL ?? '') === 'string') {
      if (verdicts.size >= VERDICTS_KEPT) verdicts.clear();
      verdicts.set(url, { ...written, target });
    }
    return onlyPost(target, method);
  };
}

const onlyPost = (target: Target | undefined, method: unknown): Target | undefined =>
  method === 'post' || String(method).toLowerCase() === 'post' ? target : undefined;

/** The verdict on a place, however it is written. */
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
  /** The URL names no host: it is for the account's messaging host. */
  readonly isRelative: boolean;
  /** The place is one of `trustedOrigins`. */
  readonly isTrusted: boolean;
}

function createTarget({ name, accountId }: Endpoint, written: Written, place: Place): Target {
  let known: { route: Route; messagingOrigin: string | undefined } | undefined;
  return {
    name,
    accountId,
    isTrusted: place.isTrusted,
    routeTo(messagingOrigin) {
      if (!known || known.messagingOrigin !== messagingOrigin) {
        known = { route: createRoute(accountId, place, written, messagingOrigin), messagingOrigin };
      }
      return known.route;
    },
  };
}

function createRoute(accountId: string, place: Place, written: Written, messagingOrigin: string | undefined): Route {
  assertTrusted(place, accountId, messagingOrigin);
  const { origin, host, pathname, search, href } = destinationOf(place, messagingOrigin);
  const path = pathname + search;
  return { origin, host, path, href: origin + path, ...addressOf(href, origin, place, written) };
}

/** The URL as the adapter will resolve it; `undefined` for one that no adapter can send. */
function resolveUrl({ baseURL, url, allowAbsoluteUrls }: Written): URL | undefined {
  const parts = { ...(url !== undefined && { url }), ...(allowAbsoluteUrls !== undefined && { allowAbsoluteUrls }) };
  try {
    const full = resolver.getUri({ ...parts, ...(baseURL !== undefined && { baseURL }) });
    if (URL.canParse(full)) return new URL(full);
    const completed = new URL(full, NOWHERE);
    // A path alone is judged as it will be sent: appended to an origin. A text that names a host of its own is not a path.
    return baseURL || completed.origin !== NOWHERE
      ? completed
      : new URL(resolver.getUri({ ...parts, baseURL: NOWHERE }));
  } catch {
    // Axios refuses malformed schemes such as `https:\\host`. An adapter of the caller's own may send them.
    return url !== undefined && URL.canParse(url) ? new URL(url) : undefined;
  }
}

/** @throws ConnectorAuthError `ERR_UNTRUSTED_ORIGIN` for any place but the messaging host and the trusted origins */
function assertTrusted(
  { url, isRelative, isTrusted }: Place,
  accountId: string,
  messagingOrigin: string | undefined,
): void {
  const hasUserInfo = url.username !== '' || url.password !== '';
  if (!hasUserInfo && (isRelative || isTrusted || url.origin === messagingOrigin)) return;
  const place = hasUserInfo ? `${url.origin}, named with a user or password,` : url.origin;
  throw untrusted(
    accountId,
    `${place} but only to ${messagingOrigin ?? url.origin}. Correct the URL, or list the origin in trustedOrigins if it is yours.`,
  );
}

/** @throws ConnectorAuthError `ERR_UNTRUSTED_ORIGIN` for a request that would go to a local socket instead of its URL */
export function assertNoSocket({ socketPath }: Readonly<InternalAxiosRequestConfig>, accountId: string): void {
  if (socketPath === undefined || socketPath === null) return;
  throw untrusted(accountId, 'a local socket. Remove socketPath from the config, or send with connectorAuth: false.');
}

const untrusted = (accountId: string, where: string): ConnectorAuthError =>
  new ConnectorAuthError('ERR_UNTRUSTED_ORIGIN', `Account ${accountId}'s tokens may not go to ${where}`, { accountId });

/** The place that the URL names, or the messaging host for a URL that names none. */
function destinationOf({ url, isRelative }: Place, messagingOrigin: string | undefined): URL {
  return isRelative ? new URL(messagingOrigin + url.href.slice(url.origin.length)) : url;
}

/**
 * How the adapter is told of the place that was judged. A URL that every adapter reads in the same way stays as the caller
 * wrote it, because mock adapters match on it. Any other is replaced by its normalised form.
 */
function addressOf(
  href: string,
  origin: string,
  { isRelative }: Place,
  { url: written = '', baseURL }: Written,
): Address {
  const base = isRelative ? origin : baseURL;
  if (written === href) return { url: undefined, baseURL: '' };
  const isRooted = /^\/[^/\\]/.test(written);
  if (isRooted && base?.replace(/\/$/, '') + written === href) return { url: undefined, baseURL: base ?? '' };
  return { url: href, baseURL: '' };
}

function reportNearMiss(
  method: unknown,
  { url, baseURL }: Written,
  target: Target | undefined,
  report: NonNullable<TargetParts['onNearMiss']>,
): void {
  const path = writtenPath(String(url ?? ''), String(baseURL ?? ''));
  const reason = target ? (onlyPost(target, method) ? undefined : 'its method is not POST.') : explainNearMiss(path);
  if (reason !== undefined) report(path, reason);
}

/** The path as the caller wrote it, without host, query and fragment. */
function writtenPath(url: string, baseURL: string): string {
  const scheme = /^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i;
  const separator = baseURL === '' || baseURL.endsWith('/') || url.startsWith('/') ? '' : '/';
  const full = scheme.test(url) ? url : baseURL + separator + url;
  return full.replace(scheme, '').replace(/[?#].*$/s, '');
}
