import { createServer, type RequestListener } from 'node:http';
import { createServer as createHttp2Server, type Http2Session } from 'node:http2';
import type { AddressInfo, Server, Socket } from 'node:net';

/** A server that ends no connection by itself. On a busy machine it would end one that the client is about to use again. */
export const UNHURRIED = { keepAliveTimeout: 0, headersTimeout: 0, requestTimeout: 0 };

const open: { close(): Promise<void> }[] = [];

/** A plain HTTP server on a free port of loopback. */
export async function startServer(listener: RequestListener): Promise<{ origin: string; host: string }> {
  const server = createServer(UNHURRIED, listener);
  return listen(server, () => server.closeAllConnections());
}

/** The same over HTTP/2, in clear. */
export async function startHttp2Server(listener: RequestListener): Promise<{ origin: string; host: string }> {
  const server = createHttp2Server((request, response) => void listener(request as never, response as never));
  const sessions = new Set<Http2Session>();
  const sockets = new Set<Socket>();
  server.on('session', (session) => sessions.add(session));
  server.on('connection', (socket: Socket) => sockets.add(socket));
  return listen(server, () => {
    for (const session of sessions) session.destroy();
    // From Node 24 on, a session waits for a client that leaves a stream unread.
    setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, 200).unref();
  });
}

async function listen(server: Server, endConnections: () => void): Promise<{ origin: string; host: string }> {
  open.push({
    close: () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      endConnections();
      return closed;
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { origin: `http://${host}`, host };
}

/** Ends every server that a test has left open, and the connections to it. */
export async function closeServers(): Promise<void> {
  await Promise.all(open.splice(0).map((server) => server.close()));
}
