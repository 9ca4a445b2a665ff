import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

/** A host name or an IP address, without scheme, port or zone. */
export const isHostName = (name: string): boolean =>
  (isIP(name) !== 0 && !name.includes('%')) || /^[a-z\d*_-][\w-]*(\.[\w-]+)*$/i.test(name);

/** The host of a `Host` header or of an origin, in lower case, without port and brackets; `undefined` if it is malformed. */
export function hostNameOf(hostAndPort: string): string | undefined {
  if (/[/?#@\\\s]/.test(hostAndPort) || !URL.canParse(`http://${hostAndPort}`)) return undefined;
  const { hostname } = new URL(`http://${hostAndPort}`);
  return hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}

/** Whether a name always means this machine. */
export const isLoopbackName = (name: string): boolean =>
  name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name);

export const isAnywhere = (host: string): boolean => host === '0.0.0.0' || host === '::';

/** Who can reach an emulator beyond this machine, as a warning; `undefined` if nobody can. */
export function describeExposure(host: string, hasControlApi: boolean): string | undefined {
  if (isLoopbackName(host)) return undefined;
  const addresses = isAnywhere(host) ? ownAddresses() : [host];
  const where = addresses.length > 0 ? ` at ${addresses.join(', ')}` : '';
  const control = hasControlApi ? ' and use its control API, which shows tokens and messages,' : '';
  return (
    `The emulator listens on ${host}: every machine that can reach this one${where} can call it${control} without a password. ` +
    'Use it on networks that you trust, and with made-up secrets only.'
  );
}

const ownAddresses = (): string[] =>
  Object.values(networkInterfaces()).flatMap((list = []) =>
    list.filter(({ internal }) => !internal).map(({ address }) => address),
  );
