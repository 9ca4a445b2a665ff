import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';

/** A private key and its certificate, as PEM texts. */
export interface KeyAndCertificate {
  /** The private key, as PEM. */
  key: string;
  /** The certificate, as PEM. */
  cert: string;
}

const DAY_MS = 86_400_000;

/** The common name of every certificate that is made here. */
const CERTIFICATE_NAME = 'axios-liveperson-auth emulator';

/** LivePerson's hosts have a region before the service: `va.sentinel.liveperson.net`. A wildcard stands for one label only. */
const LIVEPERSON_WILDCARD = '*.liveperson.net';
const REGIONAL_WILDCARDS = ['sentinel', 'idp', 'msg', 'swift', 'agentvep', 'ac', 'acr', 'faasgw', 'faasui'].map(
  (service) => `*.${service}.liveperson.net`,
);

/**
 * Makes a self-signed certificate (X.509 v3, ECDSA P-256) for the given host names and IP addresses. It is valid from a day
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
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const issuer = sequence(set(sequence(oid(COMMON_NAME), der(0x0c, Buffer.from(CERTIFICATE_NAME)))));
  const algorithm = sequence(oid(ECDSA_WITH_SHA256));
  const tbs = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    // A positive serial number: its first bit is not set.
    der(0x02, Buffer.concat([Buffer.from([0x40]), randomBytes(15)])),
    algorithm,
    issuer,
    sequence(time(Date.now() - DAY_MS), time(Date.now() + 365 * DAY_MS)),
    issuer,
    spki,
    der(
      0xa3,
      sequence(
        extension(BASIC_CONSTRAINTS, true, sequence(TRUE)),
        // digitalSignature and keyCertSign
        extension(KEY_USAGE, true, der(0x03, Buffer.from([2, 0b1000_0100]))),
        extension(EXTENDED_KEY_USAGE, false, sequence(oid(SERVER_AUTH))),
        extension(SUBJECT_KEY_ID, false, der(0x04, createHash('sha1').update(spki).digest())),
        extension(SUBJECT_ALT_NAME, false, sequence(...names.map(generalName))),
      ),
    ),
  );
  const certificate = sequence(tbs, algorithm, der(0x03, Buffer.from([0]), sign('sha256', tbs, privateKey)));
  const lines = certificate.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  };
}

// Object identifiers (RFC 5280, RFC 5758), as their DER contents.
const COMMON_NAME = '550403';
const ECDSA_WITH_SHA256 = '2a8648ce3d040302';
const BASIC_CONSTRAINTS = '551d13';
const KEY_USAGE = '551d0f';
const EXTENDED_KEY_USAGE = '551d25';
const SERVER_AUTH = '2b06010505070301';
const SUBJECT_KEY_ID = '551d0e';
const SUBJECT_ALT_NAME = '551d11';

/** One element of ASN.1 in its distinguished encoding: tag, length, contents. */
function der(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const sequence = (...items: Buffer[]): Buffer => der(0x30, ...items);
const set = (...items: Buffer[]): Buffer => der(0x31, ...items);
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const TRUE = der(0x01, Buffer.from([0xff]));

/** UTCTime, which serves until 2049. */
const time = (ms: number): Buffer =>
  der(
    0x17,
    Buffer.from(
      `${new Date(ms)
        .toISOString()
        .replace(/[-:T]|\.\d+/g, '')
        .slice(2)}`,
    ),
  );

const extension = (id: string, isCritical: boolean, value: Buffer): Buffer =>
  sequence(oid(id), ...(isCritical ? [TRUE] : []), der(0x04, value));

function generalName(name: string): Buffer {
  const version = isIP(name);
  return version === 0
    ? der(0x82, Buffer.from(name))
    : der(0x87, version === 4 ? bytesOfIPv4(name) : bytesOfIPv6(name));
}

const bytesOfIPv4 = (address: string): Buffer => Buffer.from(address.split('.').map(Number));

function bytesOfIPv6(address: string): Buffer {
  // The URL parser writes a trailing IPv4 part in hex, and :: for the longest run of zeros.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groupsOf = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [first, last] = [groupsOf(head), groupsOf(tail ?? '')];
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => '0');
  return Buffer.from([...first, ...zeros, ...last].map((group) => group.padStart(4, '0')).join(''), 'hex');
}
