import { createHash, generateKeyPair, type KeyObject, randomUUID, sign as signBytes } from 'node:crypto';
import { promisify } from 'node:util';

export type AppJwtVersion = '1.0' | '2.0';

interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicJwk: object;
}

// RSA keys are slow to make: one pair for each version of the token, when it is first needed.
const keys = new Map<AppJwtVersion, Promise<SigningKey>>();

function signingKey(version: AppJwtVersion): Promise<SigningKey> {
  const made = keys.get(version) ?? makeKey(version === '1.0' ? 'appjwt-13-05-17' : randomUUID());
  keys.set(version, made);
  return made;
}

async function makeKey(kid: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2_048 });
  return { kid, privateKey, publicJwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' } };
}

/** A JWS in its compact form (RFC 7515), by RS256. */
function signJwt(claims: object, { kid, privateKey }: SigningKey): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const signed = `${encode({ kid, typ: 'JWT', alg: 'RS256' })}.${encode(claims)}`;
  return `${signed}.${signBytes('sha256', Buffer.from(signed), privateKey).toString('base64url')}`;
}

export interface IssuedAppJwt {
  readonly accountId: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  revoked: boolean;
}

export interface IssuedConsumerJws {
  readonly accountId: string;
  readonly consumerId: string;
  revoked: boolean;
}

/** Issues tokens, and knows those it has issued: a token that is not in the book, to the letter, is invalid. */
export interface TokenBook {
  issueAppJwt(accountId: string, clientId: string, version: AppJwtVersion, ttlSeconds: number): Promise<string>;
  issueConsumerJws(accountId: string, consumerId: string): Promise<string>;
  findAppJwt(accountId: string, value: string | undefined): IssuedAppJwt | undefined;
  findConsumerJws(accountId: string, value: string | undefined): IssuedConsumerJws | undefined;
  revokeAppJwts(accountId?: string): void;
  revokeConsumerJws(consumerId?: string): void;
  jwks(): Promise<{ keys: object[] }>;
}

export function createTokenBook(): TokenBook {
  const appJwts = new Map<string, IssuedAppJwt>();
  const consumerJws = new Map<string, IssuedConsumerJws>();

  async function sign(claims: Record<string, unknown>, version: AppJwtVersion): Promise<string> {
    // The jti tells apart two tokens of the same second.
    return signJwt({ ...claims, jti: randomUUID() }, await signingKey(version));
  }

  return {
    async issueAppJwt(accountId, clientId, version, ttlSeconds) {
      const iat = Math.floor(Date.now() / 1_000);
      const claims = {
        aud: accountId,
        azp: clientId,
        scope: 'msg.consumer',
        iss: 'Sentinel',
        iat,
        exp: iat + ttlSeconds,
      };
      const value = await sign(version === '2.0' ? { ...claims, permissions: [] } : claims, version);
      appJwts.set(value, { accountId, expiresAt: (iat + ttlSeconds) * 1_000, revoked: false });
      return value;
    },
    async issueConsumerJws(accountId, consumerId) {
      const claims = {
        account_id: accountId,
        ext_consumer_id: consumerId,
        lp_consumer_id: lpConsumerId(accountId, consumerId),
      };
      const value = await sign(claims, '1.0');
      consumerJws.set(value, { accountId, consumerId, revoked: false });
      return value;
    },
    findAppJwt(accountId, value) {
      const issued = appJwts.get(value ?? '');
      return issued?.accountId === accountId && !issued.revoked && Date.now() < issued.expiresAt ? issued : undefined;
    },
    findConsumerJws(accountId, value) {
      const issued = consumerJws.get(value ?? '');
      return issued?.accountId === accountId && !issued.revoked ? issued : undefined;
    },
    revokeAppJwts(accountId) {
      for (const issued of appJwts.values()) {
        if (accountId === undefined || issued.accountId === accountId) issued.revoked = true;
      }
    },
    revokeConsumerJws(consumerId) {
      for (const issued of consumerJws.values()) {
        if (consumerId === undefined || issued.consumerId === consumerId) issued.revoked = true;
      }
    },
    jwks: async () => ({
      keys: (await Promise.all([signingKey('1.0'), signingKey('2.0')])).map(({ publicJwk }) => publicJwk),
    }),
  };
}

/** LivePerson's own id of a consumer: 64 hex digits, the same each time. How the real one is made is not known. */
export function lpConsumerId(accountId: string, consumerId: string): string {
  return createHash('sha256').update(`${accountId}/${consumerId}`).digest('hex');
}
