import { randomUUID } from 'node:crypto';
import { Axios, type InternalAxiosRequestConfig } from 'axios';
import type { TrustedOrigin } from '../origin.js';
import { type Endpoint, explainNearMiss, matchEndpoint } from './endpoint.js';
import { ownProperty } from './outgoing-config.js';
import { createRoute, type Place, type Route, type Written } from './route.js';

/** A Send API request: one of the two endpoints of an account. */
export interface Target extends Endpoint {
  /** The URL is in one of `trustedOrigins`, so the messaging host is not needed. */
  readonly isTrusted: boolean;
  /**
   * Where the request goes.
   *
   * @param messagingOrigin the account's messaging host; `undefined` when the target is trusted
   * @throws ConnectorAuthError `ERR_UNTRUSTED_ORIGIN` when tokens may not go there
   */
  routeTo(messagingOrigin: string | undefined): Route;
}

interface Verdict extends Written {
  readonly target: Target | undefined;
}

export interface TargetParts {
  readonly trustedOrigins: readonly TrustedOrigin[];
  /** Called for a request that is almost a Send API request. It may be called several times for one path. */
  readonly onNearMiss: ((path: string, reason: string) => void) | undefined;
}

/** Enough for 500 accounts, because a connector uses two URLs for each. */
const VERDICTS_KEPT = 1_000;

/** Stands in for the host of a URL without one. `.invalid` is never a real host (RFC 2606), and this one cannot be guessed. */
const NOWHERE = `http://${randomUUID()}.invalid`;

// Has Axios's rules for baseURL, url and allowAbsoluteUrls, but no defaults that a user can set.
const resolver = new Axios({});

/**
 * Whether a config may be a Send API request, or almost one. For other requests, nothing else of the config is read. Axios and
 * URL normalisation cannot produce the word `conversation` from a text without it, unless the text has tabs or line ends.
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

  /** The target of a URL, for any method. */
  function targetOf(written: Written): Target | undefined {
    const { url, baseURL, allowAbsoluteUrls } = written;
    const known = url === undefined ? undefined : verdicts.get(url);
    if (known && known.baseURL === baseURL && known.allowAbsoluteUrls === allowAbsoluteUrls) return known.target;
    const target = judge(written, trustedOrigins);
    const reason = target ? undefined : explainNearMiss(pathOf(written));
    if (reason !== undefined) onNearMiss?.(pathOf(written), reason);
    // An object may give another text the next time, so its verdict is not kept.
    if (typeof url !== 'string' || typeof (baseURL ?? '') !== 'string') return target;
    if (verdicts.size >= VERDICTS_KEPT) verdicts.clear();
    verdicts.set(url, { ...written, target });
    return target;
  }

  return ({ method, url, baseURL, allowAbsoluteUrls }) => {
    const written = { url, baseURL, allowAbsoluteUrls };
    const target = targetOf(written);
    if (!target || method === 'post' || String(method).toLowerCase() === 'post') return target;
    onNearMiss?.(pathOf(written), 'its method is not POST.');
    return undefined;
  };
}

/** The target of a URL, without the cache. */
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

/** The URL as the adapter will resolve it; `undefined` for one that no adapter can send. */
function resolveUrl({ baseURL, url, allowAbsoluteUrls }: Written): URL | undefined {
  const parts = { ...(url !== undefined && { url }), ...(allowAbsoluteUrls !== undefined && { allowAbsoluteUrls }) };
  try {
    const full = resolver.getUri({ ...parts, ...(baseURL !== undefined && { baseURL }) });
    if (URL.canParse(full)) return new URL(full);
    const completed = new URL(full, NOWHERE);
    // A path is judged as it is sent: appended to an origin. A text with a host of its own is not a path.
    return baseURL || completed.origin !== NOWHERE
      ? completed
      : new URL(resolver.getUri({ ...parts, baseURL: NOWHERE }));
  } catch {
    // Axios refuses malformed schemes such as `https:\\host`. A custom adapter may send them.
    return url !== undefined && URL.canParse(url) ? new URL(url) : undefined;
  }
}

/** Longer paths are not compared with the Send API's. */
const LONGEST_PATH = 1_000;

/** Scheme, user and host, or user and host alone. In `//api/account`, `api` is a slip rather than a host. */
const AUTHORITY = /^([a-z][a-z\d+.-]*:\/\/[^/?#]*|\/\/[^/?#]*[@:.][^/?#]*)/i;

/** The path as the caller wrote it. Characters that could forge a log line are replaced. */
function pathOf({ url: given = '', baseURL: base = '' }: Written): string {
  const [url, baseURL] = [String(given), String(base)];
  const separator = baseURL === '' || baseURL.endsWith('/') || url.startsWith('/') ? '' : '/';
  const full = AUTHORITY.test(url) ? url : baseURL + separator + url;
  if (full.length > LONGEST_PATH) return '';
  return full
    .replace(AUTHORITY, '')
    .replace(/[?#].*$/s, '')
    .replace(/[^\x21-\x7e]/g, '�');
}
