const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
let serial = 0;

/** The first part of every token of a key. */
export const headerOf = (kid: string): string => encode({ alg: 'RS256', kid });

/** A string with the form and length of a token. Nothing in the bench checks signatures. */
export function makeToken(claims: object, length: number, kid = 'key'): string {
  serial += 1;
  const unsigned = `${headerOf(kid)}.${encode(claims)}.${serial}_`;
  return unsigned.padEnd(length, 'x');
}
