/** A place that may receive tokens: its origin, and the path that stands before `/api` there ('' for none). */
export interface TrustedOrigin {
  readonly origin: string;
  readonly pathPrefix: string;
}

/** Reads an origin that the user wrote, with an optional path; `undefined` when it is not one. */
export function parseOrigin(value: string): TrustedOrigin | undefined {
  if (!/^https?:\/\/[^/\\]/i.test(value) || !URL.canParse(value)) return undefined;
  const url = new URL(value);
  if (url.username || url.password || /[?#@]/.test(value)) return undefined;
  return { origin: url.origin, pathPrefix: url.pathname.replace(/\/+$/, '') };
}

export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/**
 * The origin of a bare host (with an optional port) that the Domain API returned; `undefined` when it is anything else,
 * such as a URL. Always https, but where both the Domain API and the host itself are plain http on loopback.
 */
export function originOfBareHost(host: unknown, domainApi: string): string | undefined {
  if (typeof host !== 'string' || !/^(\[::1\]|[a-z\d]([a-z\d.-]*[a-z\d])?)(:\d{1,5})?$/i.test(host)) return undefined;
  if (!URL.canParse(`https://${host}`)) return undefined;
  const lookup = new URL(domainApi);
  const plain =
    lookup.protocol === 'http:' && isLoopback(lookup.hostname) && isLoopback(new URL(`http://${host}`).hostname);
  return new URL(`${plain ? 'http' : 'https'}://${host}`).origin;
}
