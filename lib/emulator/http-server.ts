import {
  createServer as createHttpServer,
  type Server as HttpServerOfNode,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createNetServer, type Server, type Socket } from 'node:net';
import type { Handler } from './handler.js';
import type { ResolvedOptions } from './options.js';
import { encodeBody, type Incoming, type Reply } from './reply.js';

export interface HttpServer {
  readonly port: number;
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 8 * 2 ** 20;

/**
 * Listens, and hands on each request together with its whole body. With `tls` the one port speaks https and plain http
 * alike, since LivePerson's Domain API is called in both ways.
 */
export async function listen(
  { host, port, tls }: Pick<ResolvedOptions, 'host' | 'port' | 'tls'>,
  handle: Handler['handle'],
): Promise<HttpServer> {
  const listener: RequestListener = (request, response) => {
    // A connection that drops, before or after the answer, concerns nobody else.
    request.on('error', () => {});
    response.on('error', () => {});
    serve(request, response, handle).catch(() => response.destroy());
  };
  const plain = answerMalformed(createHttpServer(listener));
  const server = tls ? splitByFirstByte(answerMalformed(createHttpsServer(tls, listener)), plain) : plain;
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

async function serve(request: IncomingMessage, response: ServerResponse, handle: Handler['handle']): Promise<void> {
  const bytes = await readBody(request);
  const url = readUrl(request);
  if (!url) return write(response, malformed(400, `The URL cannot be read. Send a path such as /api/account/1.`));
  if (!bytes) return write(response, malformed(413, `The body has more than ${MAX_BODY_BYTES} bytes.`));
  const incoming: Incoming = {
    method: request.method ?? '',
    url,
    headers: request.headers,
    body: bytes.toString(),
    bytes,
    isSecure: 'encrypted' in request.socket,
    isInProcess: false,
  };
  const { reply, part, finish } = await handle(incoming);
  if (part === 'whole') write(response, reply);
  else if (part === 'half') writeHalf(response, reply);
  else response.destroy();
  finish();
}

const malformed = (status: number, error: string): Reply => ({ status, body: { error } });

/** A path that begins with two slashes is a path, not a host. A proxy's absolute URL is taken too. */
function readUrl({ url = '/', headers }: IncomingMessage): URL | undefined {
  const host = URL.canParse(`http://${headers.host}`) ? headers.host : 'emulator';
  const text = url.startsWith('/') ? `http://${host}${url}` : url;
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** @returns `undefined` if it is too long. The rest is read and dropped, so that the client can read the answer. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  let chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += (chunk as Buffer).length;
    if (length <= MAX_BODY_BYTES) chunks.push(chunk as Buffer);
    else chunks = [];
  }
  return length <= MAX_BODY_BYTES ? Buffer.concat(chunks) : undefined;
}

/** Bytes that are not HTTP get an answer with a sentence too. */
function answerMalformed<S extends HttpServerOfNode>(server: S): S {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
    const isTooLarge = error.code === 'HPE_HEADER_OVERFLOW';
    const status = isTooLarge ? '431 Request Header Fields Too Large' : '400 Bad Request';
    const body = JSON.stringify({ error: isTooLarge ? 'The headers are too long.' : 'This is not an HTTP request.' });
    const head = `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`;
    socket.end(`${head}\r\nConnection: close\r\n\r\n${body}`);
  });
  return server;
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

function write(response: ServerResponse, reply: Reply): void {
  if (reply.stream) {
    response.writeHead(reply.status, reply.headers);
    reply.stream(response);
  } else response.end(writeHead(response, reply));
}

/** Promises the whole, and breaks off half-way. */
function writeHalf(response: ServerResponse, reply: Reply): void {
  const bytes = writeHead(response, reply);
  response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
}

function writeHead(response: ServerResponse, { status, body, headers }: Reply): Buffer {
  const { bytes, type } = encodeBody(body);
  response.writeHead(status, { 'content-type': type, 'content-length': bytes.length, ...headers });
  return bytes;
}
