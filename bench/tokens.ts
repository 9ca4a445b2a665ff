const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
let serial = 0;

/** A token by shape, of exactly so many characters; nobody here checks a signature. */
export function makeToken(claims: object, length: number): string {
  serial += 1;
  const unsigned = `${encode({ alg: 'RS256', kid: 'key' })}.${encode(claims)}.${serial}_`;
  return unsigned.padEnd(length, 'x');
}
