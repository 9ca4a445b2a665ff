import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectSecure, type DetailedPeerCertificate } from 'node:tls';

/** How far a plain connection to a host gets. */
export interface Reach {
  /** Node's or OpenSSL's code of what stopped it: `ENOTFOUND`, `ECONNREFUSED`, `SELF_SIGNED_CERT_IN_CHAIN`, … */
  readonly fault: string | undefined;
  /** Who signed the certificate, at the top of its chain. */
  readonly issuer?: string;
}

/** Connects, shakes hands and hangs up. An untrusted certificate is looked at, and nothing is sent over it. */
export function reach(origin: string, timeoutMs: number): Promise<Reach> {
  const { protocol, hostname, port } = new URL(origin);
  const host = hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve) => {
    const end = (socket: Socket, found: Reach) => {
      resolve(found);
      socket.destroy();
    };
    if (protocol === 'http:') {
      const socket = connectPlain({ host, port: Number(port || 80), timeout: timeoutMs });
      settle(socket, 'connect', () => end(socket, { fault: undefined }));
      return;
    }
    const servername = isIP(host) ? {} : { servername: host };
    const socket = connectSecure({
      host,
      port: Number(port || 443),
      timeout: timeoutMs,
      rejectUnauthorized: false,
      ...servername,
    });
    settle(socket, 'secureConnect', () => {
      const fault = socket.authorized ? undefined : String(socket.authorizationError);
      end(socket, { fault, issuer: issuerOf(socket.getPeerCertificate(true)) });
    });

    function settle(connecting: Socket, done: string, onDone: () => void): void {
      connecting.once(done, onDone);
      connecting.once('timeout', () => end(connecting, { fault: 'ETIMEDOUT' }));
      connecting.on('error', ({ code }: NodeJS.ErrnoException) => end(connecting, { fault: code ?? 'EUNKNOWN' }));
    }
  });
}

function issuerOf(certificate: DetailedPeerCertificate): string {
  let top = certificate;
  while (top.issuerCertificate && top.issuerCertificate !== top) top = top.issuerCertificate;
  const { O: organisation, CN: name } = top.issuer ?? {};
  return [organisation, name].flat().filter(Boolean).join(', ') || 'nobody it names';
}
