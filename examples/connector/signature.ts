import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * Whether a webhook comes from LivePerson: `x-liveperson-signature` is the HMAC of the body, as it came, with the app's secret as
 * key. SHA-1 in base64 by default; SHA-256 and hex for accounts that are set up so.
 */
export function isSigned(body: Buffer, signature: string | undefined, clientSecret: string): boolean {
  const [, algorithm, text] = /^(sha1|sha256)=(.+)$/.exec(signature ?? '') ?? [];
  if (algorithm === undefined || text === undefined) return false;
  const expected = createHmac(algorithm, clientSecret).update(body).digest();
  const given = Buffer.from(text, text.length === expected.length * 2 ? 'hex' : 'base64');
  return given.length === expected.length && timingSafeEqual(given, expected);
}
