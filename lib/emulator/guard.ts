import { hostNameOf, isLoopbackName } from './host-names.js';
import type { ResolvedOptions } from './options.js';
import type { Incoming, Reply } from './reply.js';

/** JSON, or what curl says of `-d` by itself. Neither can be sent by a page of another site without a check. */
const CONTENT_TYPES = ['application/json', 'application/x-www-form-urlencoded'];

/**
 * Refuses requests that a web page of somebody else may have made. Such a page could read tokens and secrets, under its own
 * host name even without a cross-origin request.
 *
 * @returns the refusal; `undefined` for a request that may pass
 */
export function refuseForeign(
  { headers, isInProcess }: Incoming,
  { host, allowedHosts }: Pick<ResolvedOptions, 'host' | 'allowedHosts'>,
): Reply | undefined {
  if (isInProcess) return undefined;
  const asked = String(headers.host ?? '');
  const name = hostNameOf(asked);
  if (name === undefined || !(isLoopbackName(name) || name === host.toLowerCase() || allowedHosts.includes(name))) {
    return refusal(
      403,
      `The host name ${JSON.stringify(asked)} is not allowed here. Use localhost, or allow it with --allow-host or allowedHosts.`,
    );
  }
  const { origin } = headers;
  if (origin !== undefined && origin !== `http://${asked}` && origin !== `https://${asked}`) {
    return refusal(403, `Pages of ${JSON.stringify(origin)} may not call the emulator's control API.`);
  }
  if (headers['sec-fetch-site'] === 'cross-site') {
    return refusal(403, "Pages of other sites may not call the emulator's control API.");
  }
  const type = String(headers['content-type'] ?? CONTENT_TYPES[0])
    .split(';')[0]
    ?.trim()
    .toLowerCase();
  if (!CONTENT_TYPES.includes(type ?? '')) {
    return refusal(415, `The content type ${JSON.stringify(type)} is not allowed here. Use application/json.`);
  }
  return undefined;
}

const refusal = (status: number, error: string): Reply => ({ status, body: { error } });
