import { request as requestPlain } from 'node:http';
import { request as requestSecure } from 'node:https';
// Imported, because tests may replace the global timers with fakes.
import { clearTimeout, setTimeout } from 'node:timers';

export interface PostOutcome {
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;
  /** Why there was no answer, such as `ECONNREFUSED`. */
  readonly failure: string | undefined;
  /** The connection failed, so the next attempt will probably fail too. */
  readonly isUnreachable: boolean;
}

/** Posts an event. Redirects are not followed. Never rejects. */
export function postEvent(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<PostOutcome> {
  return new Promise((resolve) => {
    const request = (url.startsWith('https:') ? requestSecure : requestPlain)(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      // A kept connection may be closed by the connector at the wrong moment, and the event would be lost.
      agent: false,
    });
    const settle = (status: number, failure: string | undefined, isUnreachable = false) =>
      resolve({ status, failure, isUnreachable });
    const end = (failure: string) => {
      settle(0, failure);
      request.destroy();
    };
    const timer = setTimeout(() => end(`no answer within ${timeoutMs} ms`), timeoutMs);
    const onAbort = () => end('ended');
    signal.addEventListener('abort', onAbort);
    request.on('response', (response) => {
      settle(response.statusCode ?? 0, undefined);
      response.resume();
    });
    request.on('error', (error: NodeJS.ErrnoException) => settle(0, error.code ?? error.message, true));
    // Also after the answer's body, which the timer ends if it is endless.
    request.on('close', () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    });
    if (signal.aborted) onAbort();
    else request.end(body);
  });
}
