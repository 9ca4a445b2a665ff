import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';

/** 32 bytes, or a passphrase from which they are derived. */
export type StoreSecret = string | Uint8Array;

/** Encrypts values before they leave the process: JWE in compact form, `dir` and `A256GCM`. */
export interface Seal {
  seal(text: string): Promise<string>;
  /** `undefined` if none of the secrets has sealed it, or if it was changed. */
  open(sealed: string): Promise<string | undefined>;
}

const HEADER = Buffer.from(JSON.stringify({ alg: 'dir', enc: 'A256GCM' })).toString('base64url');
const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;

// The same in every process of a fleet, which shares only the passphrase. scrypt makes guesses expensive.
const SALT = 'axios-liveperson-auth/store-secret/1';
const SCRYPT = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };

/**
 * Node's own cipher, because it works at once: an entry takes microseconds. The Web Crypto API of JWE libraries goes through
 * another thread, which takes half a millisecond.
 *
 * @param secrets the first seals, all of them open, so that a secret can be rotated
 */
export function createSeal(secrets: readonly StoreSecret[]): Seal {
  let derived: Promise<Uint8Array[]> | undefined;
  // Once, when it is first needed: deriving a key takes a tenth of a second, on another thread.
  const keys = () => (derived ??= Promise.all(secrets.map(keyOf)));

  return {
    async seal(text) {
      const [key = new Uint8Array()] = await keys();
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(CIPHER, key, iv).setAAD(Buffer.from(HEADER));
      const sealed = Buffer.concat([cipher.update(text), cipher.final()]);
      return [HEADER, '', ...[iv, sealed, cipher.getAuthTag()].map((part) => part.toString('base64url'))].join('.');
    },
    async open(sealed) {
      for (const key of await keys()) {
        const text = openWith(key, sealed);
        if (text !== undefined) return text;
      }
      return undefined;
    },
  };
}

/** Any valid header is authenticated as it stands. Others, for example with another method, are refused. */
function openWith(key: Uint8Array, sealed: string): string | undefined {
  const [header = '', encryptedKey, ...parts] = sealed.split('.');
  const [iv, text, tag] = parts.map((part) => Buffer.from(part, 'base64url'));
  if (parts.length !== 3 || encryptedKey !== '' || iv?.length !== IV_BYTES || tag?.length !== TAG_BYTES || !text)
    return undefined;
  if (!isOurMethod(header)) return undefined;
  try {
    const decipher = createDecipheriv(CIPHER, key, iv).setAAD(Buffer.from(header)).setAuthTag(tag);
    return Buffer.concat([decipher.update(text), decipher.final()]).toString();
  } catch {
    return undefined;
  }
}

function isOurMethod(header: string): boolean {
  if (header === HEADER) return true;
  try {
    const { alg, enc, ...others } = JSON.parse(Buffer.from(header, 'base64url').toString());
    return alg === 'dir' && enc === 'A256GCM' && Object.keys(others).length === 0;
  } catch {
    return false;
  }
}

const derive = promisify<string, string, number, typeof SCRYPT, Buffer>(scrypt);

async function keyOf(secret: StoreSecret): Promise<Uint8Array> {
  return typeof secret === 'string' ? derive(secret.normalize(), SALT, KEY_BYTES, SCRYPT) : secret;
}
