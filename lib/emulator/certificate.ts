import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import forge from 'node-forge/lib/forge.js';
import pki from 'node-forge/lib/pki.js';

/** A private key and its certificate, as PEM texts. */
export interface KeyAndCertificate {
  /** The private key, as PEM. */
  key: string;
  /** The certificate, as PEM. */
  cert: string;
}

const DAY_MS = 86_400_000;

/** The subject of every certificate that is made here. */
const SUBJECT = [{ name: 'commonName', value: 'axios-liveperson-auth emulator' }];

/** LivePerson's hosts have a region before the service: `va.sentinel.liveperson.net`. A wildcard stands for one label only. */
const LIVEPERSON_WILDCARD = '*.liveperson.net';
const REGIONAL_WILDCARDS = ['sentinel', 'idp', 'msg', 'swift', 'agentvep', 'ac', 'acr', 'faasgw', 'faasui'].map(
  (service) => `*.${service}.liveperson.net`,
);

/**
 * Makes a self-signed certificate (X.509 v3, RSA) for the given host names and IP addresses. It is valid from a day
 * ago, so that clocks need not agree, to a year from now. A client trusts it as an authority: `NODE_EXTRA_CA_CERTS`,
 * `curl --cacert`. The name `*.liveperson.net` also covers LivePerson's regional hosts, such as `va.sentinel.liveperson.net`.
 *
 * @throws TypeError for a name that is none
 *
 * @example
 * const tls = createSelfSignedCertificate(['localhost', '127.0.0.1']);
 * const cloud = await startEmulator({ accounts, tls });
 */
export function createSelfSignedCertificate(
  given: readonly string[] = ['localhost', '127.0.0.1', '::1'],
): KeyAndCertificate {
  const names = [
    ...new Set(given.flatMap((name) => (name === LIVEPERSON_WILDCARD ? [name, ...REGIONAL_WILDCARDS] : [name]))),
  ];
  const strange = names.find((name) => !/^[\w*-]+(\.[\w-]+)*$/.test(name) && !/^[\da-f:.]+$/i.test(name));
  if (names.length === 0 || strange !== undefined) {
    throw new TypeError(
      `A certificate is for host names or IP addresses; received ${JSON.stringify(strange ?? names)}.`,
    );
  }
  const pem = { format: 'pem' } as const;
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', ...pem },
    privateKeyEncoding: { type: 'pkcs8', ...pem },
  });
  const { md } = forge;
  const certificate = pki.createCertificate();
  certificate.publicKey = pki.publicKeyFromPem(publicKey);
  // A positive serial number: its first bit is not set.
  certificate.serialNumber = `40${randomBytes(15).toString('hex')}`;
  certificate.validity = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + 365 * DAY_MS) };
  certificate.setSubject(SUBJECT);
  certificate.setIssuer(SUBJECT);
  certificate.setExtensions([
    { name: 'basicConstraints', critical: true, cA: true },
    { name: 'keyUsage', critical: true, digitalSignature: true, keyCertSign: true },
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectKeyIdentifier' },
    { name: 'subjectAltName', altNames: names.map(describeName) },
  ]);
  certificate.sign(pki.privateKeyFromPem(privateKey), md.sha256.create());
  return { key: privateKey, cert: unixLines(pki.certificateToPem(certificate)) };
}

/** Kinds of names in a certificate (RFC 5280, 4.2.1.6). */
const [DNS_NAME, IP_ADDRESS] = [2, 7];

const describeName = (name: string): object =>
  isIP(name) === 0 ? { type: DNS_NAME, value: name } : { type: IP_ADDRESS, ip: plainAddress(name) };

/** The URL parser writes a trailing IPv4 part of an IPv6 address in hex, which forge needs. */
const plainAddress = (address: string): string =>
  isIP(address) === 4 ? address : new URL(`http://[${address}]`).hostname.slice(1, -1);

const unixLines = (text: string): string => text.replace(/\r\n/g, '\n');
