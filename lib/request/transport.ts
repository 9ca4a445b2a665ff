import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { defineHidden } from '../own.js';

type OnResponse = (response: IncomingMessage) => void;

/** The `transport` option of Axios's http adapter. */
export interface Transport {
  request(options: object, onResponse: OnResponse): unknown;
}

const nodeTransport: Transport = {
  request(options, onResponse) {
    // Older Axios versions give options that inherit, and Node would read an inherited `createConnection`.
    const own = Object.getPrototypeOf(options) === null ? options : Object.assign(Object.create(null), options);
    return (own.protocol === 'https:' ? https : http).request(own, closingAfterError(onResponse));
  },
};

/** Node's http and https, or the caller's transport. Redirects are turned off, because the caller's may be follow-redirects. */
export function createTransport(given: Transport | undefined): Transport {
  if (!given) return nodeTransport;
  const { request: send } = given;
  const request: Transport['request'] = (options, onResponse) => {
    const noRedirects = { followRedirects: false, maxRedirects: 0 };
    return send.call(given, Object.assign(Object.create(null), options, noRedirects), closingAfterError(onResponse));
  };
  const transport: Transport = Object.create(given);
  defineHidden(transport, 'request', request);
  return transport;
}

/**
 * Does not use the connection of an error answer again. A server may close it right after a refusal, and a replay on it would
 * be lost. A 429 keeps its connection: new connections would add to the load.
 */
function closingAfterError(onResponse: OnResponse): OnResponse {
  return (response) => {
    const { req: request } = response as { req?: ClientRequest };
    const { statusCode = 0 } = response;
    if (statusCode >= 400 && statusCode !== 429 && request) request.shouldKeepAlive = false;
    onResponse(response);
  };
}
