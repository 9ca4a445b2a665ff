import { randomUUID } from 'node:crypto';
import { Axios, type InternalAxiosRequestConfig } from 'axios';
import type { TrustedOrigin } from '../origin.js';
import { type Endpoint, explainNearMiss, matchEndpoint } from './endpoint.js';
import { ownProperty } from './outgoing-config.js';
import { createRoute, type Place, type Route, type Written } from './route.js';

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

  /** The target that a URL names, whatever the method is. */
  function targetOf(written: Written): Target | undefined {
    const { url, baseURL, allowAbsoluteUrls } = written;
    const known = url === undefined ? undefined : verdicts.get(url);
    if (known && known.baseURL === baseURL && known.allowAbsoluteUrls === allowAbsoluteUrls) return known.target;
    const target = judge(written, trustedOrigins);
    const reason = target ? undefined : explainNearMiss(pathOf(written));
    if (reason !== undefined) onNearMiss?.(pathOf(written), reason);
    // An object that is no text may give another text the next time.
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
    // A path alone is judged as it will be sent: appended to an origin. A text that names a host of its own is not a path.
    return baseURL || completed.origin !== NOWHERE
      ? completed
      : new URL(resolver.getUri({ ...parts, baseURL: NOWHERE }));
  } catch {
    // Axios refuses malformed schemes such as `https:\\host`. An adapter of the caller's own may send them.
    return url !== undefined && URL.canParse(url) ? new URL(url) : undefined;
  }
}

/** The path as the caller wrote it, without host, query and fragment. */
function pathOf({ url: given = '', baseURL: base = '' }: Written): string {
  const [url, baseURL] = [String(given), String(base)];
  const scheme = /^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i;
  const separator = baseURL === '' || baseURL.endsWith('/') || url.startsWith('/') ? '' : '/';
  const full = scheme.test(url) ? url : baseURL + separator + url;
  return full.replace(scheme, '').replace(/[?#].*$/s, '');
}
