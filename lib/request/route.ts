import type { InternalAxiosRequestConfig } from 'axios';
import { ConnectorAuthError } from '../errors.js';
import type { Address } from './outgoing-config.js';

/** Where a request goes, and the URL that the adapter gets for it. */
export interface Route extends Address {
  readonly origin: string;
  readonly host: string;
  /** With the query of the URL, without `params`. */
  readonly path: string;
  /** Origin and path. */
  readonly href: string;
}

/** The properties of a config that decide where the request goes. */
export interface Written {
  readonly url: string | undefined;
  readonly baseURL: string | undefined;
  readonly allowAbsoluteUrls: boolean | undefined;
}

/** The place that a URL names. */
export interface Place {
  readonly url: URL;
  /** The URL has no host, so the request goes to the account's messaging host. */
  readonly isRelative: boolean;
  /** The place is one of `trustedOrigins`. */
  readonly isTrusted: boolean;
}

/** @throws ConnectorAuthError `ERR_UNTRUSTED_ORIGIN` if tokens may not go there */
export function createRoute(
  accountId: string,
  place: Place,
  written: Written,
  messagingOrigin: string | undefined,
): Route {
  assertTrusted(place, accountId, messagingOrigin);
  const { origin, host, pathname, search, href } = destinationOf(place, messagingOrigin);
  const path = pathname + search;
  return { origin, host, path, href: origin + path, ...addressOf(href, origin, place, written) };
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
  if (!socketPath) return;
  throw untrusted(accountId, 'a local socket. Remove socketPath from the config, or send with connectorAuth: false.');
}

const untrusted = (accountId: string, where: string): ConnectorAuthError =>
  new ConnectorAuthError('ERR_UNTRUSTED_ORIGIN', `Account ${accountId}'s tokens may not go to ${where}`, { accountId });

/** The URL, or the same path on the messaging host if the URL has no host. */
function destinationOf({ url, isRelative }: Place, messagingOrigin: string | undefined): URL {
  return isRelative ? new URL(messagingOrigin + url.href.slice(url.origin.length)) : url;
}

/**
 * The URL that the adapter gets. A URL that every adapter reads in the same way stays as the caller wrote it, because mock
 * adapters match on it. Any other URL is replaced by its normalised form.
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
