import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { defineHidden } from '../own.js';

type OnResponse = (response: IncomingMessage) => void;

/** What Axios's http adapter takes as `transport`. */
export interface Transport {
  request(options: object, onResponse: OnResponse): unknown;
}

const nodeTransport: Transport = {
  request: (options, onResponse) =>
    ((options as { protocol?: string }).protocol === 'https:' ? https : http).request(
      options,
      closingAfter401(onResponse),
    ),
};

/** Node's http and https, or the caller's own transport, which is told to follow no redirect (it may be follow-redirects). */
export function createTransport(given: Transport | undefined): Transport {
  if (!given) return nodeTransport;
  const request: Transport['request'] = (options, onResponse) => {
    const noRedirects = { followRedirects: false, maxRedirects: 0 };
    return given.request(Object.assign(Object.create(null), options, noRedirects), closingAfter401(onResponse));
  };
  const transport: Transport = Object.create(given);
  defineHidden(transport, 'request', request);
  return transport;
}

/**
 * The connection of a refused request is not used again. A server may close it right after the refusal, and a replay that
 * meets it then would be lost (design E13).
 */
function closingAfter401(onResponse: OnResponse): OnResponse {
  return (response) => {
    const { req: request } = response as { req?: ClientRequest };
    if (response.statusCode === 401 && request) request.shouldKeepAlive = false;
    onResponse(response);
  };
}
