import { scrypt } from 'node:crypto';
import { promisify } from 'node:util';

/** 32 bytes, or a passphrase that they are derived from. */
export type StoreSecret = string | Uint8Array;

/** Seals what leaves the process: JWE in compact form, `dir` and `A256GCM`. */
export interface Seal {
  seal(text: string): Promise<string>;
  /** `undefined` for what none of the secrets has sealed, or what was changed since. */
  open(sealed: string): Promise<string | undefined>;
}

const HEADER = { alg: 'dir', enc: 'A256GCM' };
const KEY_BYTES = 32;

// The same in every process of a fleet, which shares nothing but the passphrase; what makes guesses dear is scrypt itself.
const SALT = 'axios-liveperson-auth/store-secret/1';
const SCRYPT = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };

// jose is loaded when it is needed: at import it needs a TextEncoder, which jsdom does not have.

/** @param secrets the first seals, all of them open: so a new one is put first while entries of the old one are still about */
export function createSeal(secrets: readonly StoreSecret[]): Seal {
  let derived: Promise<Uint8Array[]> | undefined;
  // Once, when it is first needed: deriving a key takes a tenth of a second, on another thread.
  const keys = () => (derived ??= Promise.all(secrets.map(keyOf)));

  return {
    async seal(text) {
      const { CompactEncrypt } = await import('jose/jwe/compact/encrypt');
      const [key = new Uint8Array()] = await keys();
      return new CompactEncrypt(new TextEncoder().encode(text)).setProtectedHeader(HEADER).encrypt(key);
    },
    async open(sealed) {
      const { compactDecrypt } = await import('jose/jwe/compact/decrypt');
      for (const key of await keys()) {
        try {
          const { plaintext } = await compactDecrypt(sealed, key, {
            keyManagementAlgorithms: [HEADER.alg],
            contentEncryptionAlgorithms: [HEADER.enc],
          });
          return new TextDecoder().decode(plaintext);
        } catch {}
      }
      return undefined;
    },
  };
}

const derive = promisify<string, string, number, typeof SCRYPT, Buffer>(scrypt);

async function keyOf(secret: StoreSecret): Promise<Uint8Array> {
  return typeof secret === 'string' ? derive(secret.normalize(), SALT, KEY_BYTES, SCRYPT) : secret;
}
