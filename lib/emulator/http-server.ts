import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createNetServer, type Server, type Socket } from 'node:net';
import type { ResolvedOptions } from './options.js';
import type { Reply } from './reply.js';

export interface HttpServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Listens, and hands each request on together with its whole body. With `tls` the one port speaks https and plain http
 * alike, since LivePerson's Domain API is called in both ways.
 */
export async function listen(
  { host, port, tls }: Pick<ResolvedOptions, 'host' | 'port' | 'tls'>,
  handle: (request: IncomingMessage, body: string, response: ServerResponse) => Promise<void>,
): Promise<HttpServer> {
  const listener: RequestListener = (request, response) => {
    readBody(request)
      .then((body) => handle(request, body, response))
      .catch(() => response.destroy());
  };
  const plain = createHttpServer(listener);
  const server = tls ? splitByFirstByte(createHttpsServer(tls, listener), plain) : plain;
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
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
        for (const socket of sockets) socket.destroy();
      });
      return closed;
    },
  };
}

/** The first byte of every TLS connection: the type of its first record. */
const TLS_HANDSHAKE = 22;

function splitByFirstByte(secure: Server, plain: Server): Server {
  return createNetServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('readable', () => {
      const first: Buffer | null = socket.read(1);
      if (!first) return;
      socket.unshift(first);
      (first[0] === TLS_HANDSHAKE ? secure : plain).emit('connection', socket);
    });
  });
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
