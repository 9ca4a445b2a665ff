import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PATIENCE_MS } from './effort.js';
import { UNHURRIED } from './server.js';

/** The tests' own LivePerson: a few dumb routes that share nothing with lib/, so that a wrong constant cannot pass on both sides. */
export type Service = 'domain' | 'sentinel' | 'idp' | 'conversation' | 'send' | 'other';

export interface Seen {
  service: Service;
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
  /** The body as it came. */
  bytes: Buffer;
}

/** A request as whoever stands in for the network has it. */
export type Arrival = Pick<Seen, 'method' | 'url' | 'headers'> & { body: string | Buffer };

export interface Reply {
  status?: number;
  body?: unknown;
  headers?: Record<string, string>;
  /** Waits for it before answering. */
  after?: Promise<unknown>;
  /** Destroys the connection: at once, or after half of the body. */
  break?: 'at-once' | 'half-way';
}

/** A reply to use instead of the route's own; `undefined` for the own one. */
export type Script = (seen: Seen, count: number) => Reply | undefined;

export interface Cloud {
  origin: string;
  host: string;
  seen: Seen[];
  count(service: Service): number;
  script: Partial<Record<Service, Script>>;
  /** AppJWTs and ConsumerJWS that SEND and CONVERSATION refuse. */
  refuse(...tokens: unknown[]): void;
  issued: { appJwt: string[]; consumerJws: Map<string, string[]> };
  /** Records a request and decides on its answer: what mock transports forward to. */
  handle(arrival: Arrival): Promise<Reply>;
  /** The same for a request to a further server of a test's own. */
  serve(request: IncomingMessage, response: ServerResponse): Promise<void>;
  close(): Promise<void>;
}

export const ACCOUNT = '70012345';
export const SEND = `/api/account/${ACCOUNT}/messaging/consumer/conversation/send?v=3`;
export const CONVERSATION = `/api/account/${ACCOUNT}/messaging/consumer/conversation?v=3`;

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
let serial = 0;

/** A token by shape; nobody here checks a signature. */
export const makeToken = (claims: object): string => {
  serial += 1;
  return `${encode({ alg: 'RS256' })}.${encode(claims)}.signature${serial}`;
};

export const envelope = (errorCode: number | string, status = 401): object => ({
  kind: 'resp',
  code: status,
  body: { title: `Title of ${errorCode}`, details: `Details of ${errorCode}`, errorCode },
  type: '.ReqBody$ErrorResp',
});

const open: Cloud[] = [];

/** Closes every cloud that a test has left open. */
export async function closeClouds(): Promise<void> {
  await Promise.all(open.splice(0).map((cloud) => cloud.close()));
}

export async function startCloud(): Promise<Cloud> {
  const refused = new Set<unknown>();
  const seen: Seen[] = [];
  const counts = new Map<Service, number>();
  const issued: Cloud['issued'] = { appJwt: [], consumerJws: new Map() };

  async function handle({ body, ...arrival }: Arrival): Promise<Reply> {
    const bytes = Buffer.from(body);
    const entry: Seen = { service: serviceOf(arrival.url), ...arrival, body: bytes.toString(), bytes };
    seen.push(entry);
    counts.set(entry.service, cloud.count(entry.service) + 1);
    const reply = cloud.script[entry.service]?.(entry, cloud.count(entry.service)) ?? route(entry);
    await reply.after;
    return reply;
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    const body = await readBody(request).catch(() => undefined);
    // A request that broke off has not arrived.
    if (body) answer(response, await handle({ method, url, headers, body }));
  }

  const server = createServer(UNHURRIED, serve);

  function route({ service, headers, body, url }: Seen): Reply {
    if (service === 'domain') {
      const services = ['sentinel', 'idp', 'asyncMessagingEnt', 'swift'];
      const account = /account\/([^/]+)/.exec(url)?.[1];
      return { body: { baseURIs: services.map((name) => ({ service: name, account, baseURI: cloud.host })) } };
    }
    if (service === 'sentinel') {
      const iat = Math.floor(Date.now() / 1000);
      const token = makeToken({ aud: /account\/([^/]+)/.exec(url)?.[1], iss: 'Sentinel', iat, exp: iat + 3600 });
      issued.appJwt.push(token);
      return { body: { access_token: token, token_type: 'Bearer' } };
    }
    if (service === 'idp') {
      const consumer = String(JSON.parse(body).ext_consumer_id);
      const token = makeToken({ account_id: /account\/([^/]+)/.exec(url)?.[1], ext_consumer_id: consumer });
      issued.consumerJws.set(consumer, [...(issued.consumerJws.get(consumer) ?? []), token]);
      return { status: 201, body: { token } };
    }
    if (service === 'other') return { body: { fine: true } };
    if (refused.has(headers.authorization)) return { status: 401, body: envelope(40102) };
    if (refused.has(headers['x-lp-on-behalf'])) return { status: 401, body: envelope(40103) };
    return { body: { reqId: '1', code: 'OK', body: { sequence: 0 } } };
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const cloud: Cloud = {
    origin: `http://${host}`,
    host,
    seen,
    count: (service) => counts.get(service) ?? 0,
    script: {},
    refuse: (...tokens) => {
      for (const token of tokens) refused.add(token);
    },
    issued,
    handle,
    serve,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  open.push(cloud);
  return cloud;
}

function serviceOf(url: string): Service {
  if (/^\/api\/account\/[^/]+\/service\//.test(url)) return 'domain';
  if (/^\/sentinel\//.test(url)) return 'sentinel';
  if (/^\/api\/account\/[^/]+\/consumer\?/.test(url)) return 'idp';
  const match = /\/messaging\/consumer\/conversation(\/send)?(\?|$)/.exec(url);
  if (!match) return 'other';
  return match[1] ? 'send' : 'conversation';
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function answer(response: ServerResponse, { status = 200, body, headers, break: breaks }: Reply): void {
  if (breaks === 'at-once') {
    response.socket?.destroy();
    return;
  }
  const bytes = toBytes(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length, ...headers });
  if (breaks === 'half-way') {
    response.write(bytes.subarray(0, bytes.length / 2), () => response.socket?.destroy());
    return;
  }
  response.end(bytes);
}

/** A reply's body as it goes over the wire. */
export function toBytes(body: unknown): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body ?? ''));
}

/** A promise that the test settles. */
export function defer<T = void>(): { promise: Promise<T>; resolve(value: T): void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** Waits until something is so; fails after PATIENCE_MS. */
export async function until(isSo: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`waited in vain until ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
