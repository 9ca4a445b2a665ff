import { createHash, generateKeyPair, type KeyObject, randomUUID, sign as signBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { keepNewest } from './bounded-log.js';
import type { ChangeFeed } from './changes.js';
import type { EmulatorClock } from './clock.js';

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
  const { privateKey, publicKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  return { kid, privateKey, publicJwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' } };
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

type TokenEntry<Issued> = readonly [value: string, issued: Issued];

/** Issues tokens, and knows those it has issued: a token that is not in the book, to the letter, is invalid. */
export interface TokenBook {
  issueAppJwt(accountId: string, clientId: string, version: AppJwtVersion, ttlSeconds: number): Promise<string>;
  issueConsumerJws(accountId: string, consumerId: string): Promise<string>;
  findAppJwt(accountId: string, value: string | undefined): IssuedAppJwt | undefined;
  findConsumerJws(accountId: string, value: string | undefined): IssuedConsumerJws | undefined;
  revokeAppJwts(accountId?: string): void;
  revokeConsumerJws(consumerId?: string): void;
  /** The newest tokens of each kind, oldest first. */
  newest(count: number): {
    readonly appJwts: TokenEntry<IssuedAppJwt>[];
    readonly consumerJws: TokenEntry<IssuedConsumerJws>[];
  };
  /** Forgets every token. */
  clear(): void;
  jwks(): Promise<{ keys: object[] }>;
}

/** An older token than this many is refused, as a revoked one is. */
const MAX_TOKENS = 50_000;

export function createTokenBook(clock: EmulatorClock, changes: ChangeFeed): TokenBook {
  const appJwts = new Map<string, IssuedAppJwt>();
  const consumerJws = new Map<string, IssuedConsumerJws>();

  /** By Node's own crypto: it needs no global of a browser or of Node, so it also works in jsdom. */
  async function sign(claims: Record<string, unknown>, version: AppJwtVersion): Promise<string> {
    const { kid, privateKey } = await signingKey(version);
    // The jti tells apart two tokens of the same second.
    const parts = [
      { kid, typ: 'JWT', alg: 'RS256' },
      { ...claims, jti: randomUUID() },
    ];
    const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    return `${text}.${signBytes('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
  }

  function keep<T>(book: Map<string, T>, value: string, issued: T): string {
    book.set(value, issued);
    keepNewest(book, MAX_TOKENS);
    changes.emit('token');
    return value;
  }

  function revoke<T extends { revoked: boolean }>(book: Map<string, T>, isMeant: (issued: T) => boolean): void {
    for (const issued of book.values()) if (isMeant(issued)) issued.revoked = true;
    changes.emit('token');
  }

  return {
    async issueAppJwt(accountId, clientId, version, ttlSeconds) {
      const iat = Math.floor(clock.now() / 1_000);
      const claims = {
        aud: accountId,
        azp: clientId,
        scope: 'msg.consumer',
        iss: 'Sentinel',
        iat,
        exp: iat + ttlSeconds,
      };
      const value = await sign(version === '2.0' ? { ...claims, permissions: [] } : claims, version);
      return keep(appJwts, value, { accountId, expiresAt: (iat + ttlSeconds) * 1_000, revoked: false });
    },
    async issueConsumerJws(accountId, consumerId) {
      const claims = {
        account_id: accountId,
        ext_consumer_id: consumerId,
        lp_consumer_id: lpConsumerId(accountId, consumerId),
      };
      return keep(consumerJws, await sign(claims, '1.0'), { accountId, consumerId, revoked: false });
    },
    findAppJwt(accountId, value) {
      const issued = appJwts.get(value ?? '');
      return issued?.accountId === accountId && !issued.revoked && clock.now() < issued.expiresAt ? issued : undefined;
    },
    findConsumerJws(accountId, value) {
      const issued = consumerJws.get(value ?? '');
      return issued?.accountId === accountId && !issued.revoked ? issued : undefined;
    },
    revokeAppJwts: (accountId) =>
      revoke(appJwts, (issued) => accountId === undefined || issued.accountId === accountId),
    revokeConsumerJws: (consumerId) =>
      revoke(consumerJws, (issued) => consumerId === undefined || issued.consumerId === consumerId),
    newest: (count) => ({ appJwts: [...appJwts].slice(-count), consumerJws: [...consumerJws].slice(-count) }),
    clear() {
      appJwts.clear();
      consumerJws.clear();
      changes.emit('token');
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
