import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ResolvedOptions } from './options.js';
import type { Reply } from './reply.js';

export interface HttpServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens, and hands each request on together with its whole body. */
export async function listen(
  { host, port, tls }: Pick<ResolvedOptions, 'host' | 'port' | 'tls'>,
  handle: (request: IncomingMessage, body: string, response: ServerResponse) => Promise<void>,
): Promise<HttpServer> {
  const listener: RequestListener = (request, response) => {
    readBody(request)
      .then((body) => handle(request, body, response))
      .catch(() => response.destroy());
  };
  const server = tls ? createHttpsServer(tls, listener) : createHttpServer(listener);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  let closed: Promise<void> | undefined;
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      closed ??= new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return closed;
    },
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Text goes out as it stands, anything else as JSON. */
export function write(response: ServerResponse, reply: Reply): void {
  response.end(writeHead(response, reply));
}

/** Promises the whole, and breaks off half-way. */
export function writeHalf(response: ServerResponse, reply: Reply): void {
  const text = writeHead(response, reply);
  response.write(text.slice(0, text.length / 2), () => response.destroy());
}

function writeHead(response: ServerResponse, { status, body, headers }: Reply): string {
  const isText = typeof body === 'string';
  const text = isText ? body : JSON.stringify(body);
  const type = isText && text.trimStart().startsWith('<') ? 'text/html' : 'application/json';
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text), ...headers });
  return text;
}
