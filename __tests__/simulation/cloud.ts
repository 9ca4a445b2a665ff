import type { Scheduler } from './scheduler.js';

/** A token that the simulated cloud has issued. */
export interface IssuedToken {
  /** Counts all tokens of a run, so a larger number is a newer token. */
  readonly number: number;
  readonly kind: 'appJwt' | 'consumerJws';
  readonly accountId: string;
  readonly consumerId: string | undefined;
  readonly value: string;
  readonly issuedAt: number;
  /** Epoch milliseconds; infinite for a token that does not expire. */
  readonly expiresAt: number;
  isRevoked: boolean;
}

/** An answer of a service. */
export interface Answer {
  readonly status: number;
  readonly data: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** The token in the answer. */
  readonly token?: IssuedToken;
  /** The Send API's error code. */
  readonly errorCode?: number;
}

/** Sentinel, IDP and the Send API of several accounts. It shares no code with the package. */
export interface Cloud {
  readonly messagingHost: (accountId: string) => string;
  hosts(accountId: string): Answer;
  appJwt(accountId: string, clientSecret: string | null): Answer;
  consumerJws(accountId: string, consumerId: string, appJwt: string): Answer;
  send(accountId: string, appJwt: string, consumerJws: string, message: number): Answer;
  tokenOf(value: string): IssuedToken | undefined;
  revoke(kind: IssuedToken['kind'], accountId: string): void;
  secretOf(accountId: string): string;
  rotateSecret(accountId: string): void;
  move(accountId: string): void;
  /** How often each message was accepted. */
  readonly delivered: ReadonlyMap<number, number>;
}

export interface CloudOptions {
  readonly appJwtLifetimeS: number;
  /** `undefined`: a ConsumerJWS has no `exp`. */
  readonly consumerJwsLifetimeS: number | undefined;
}

export function createCloud(scheduler: Scheduler, options: CloudOptions): Cloud {
  const tokens = new Map<string, IssuedToken>();
  const delivered = new Map<number, number>();
  const moves = new Map<string, number>();
  const rotations = new Map<string, number>();
  const secretOf = (accountId: string) => `secret-${rotations.get(accountId) ?? 0}`;
  const messagingHost = (accountId: string) => `msg${moves.get(accountId) ?? 0}.${accountId}.example`;

  function issue(accountId: string, consumerId: string | undefined, lifetimeS: number | undefined): IssuedToken {
    const iat = Math.floor(scheduler.now / 1_000);
    const exp = lifetimeS === undefined ? undefined : iat + lifetimeS;
    const owner =
      consumerId === undefined ? { aud: accountId } : { account_id: accountId, ext_consumer_id: consumerId };
    const number = tokens.size + 1;
    const token: IssuedToken = {
      number,
      kind: consumerId === undefined ? 'appJwt' : 'consumerJws',
      accountId,
      consumerId,
      value: [{ alg: 'RS256' }, { ...owner, iat, exp, jti: number }, number].map(encode).join('.'),
      issuedAt: scheduler.now,
      expiresAt: exp === undefined ? Number.POSITIVE_INFINITY : exp * 1_000,
      isRevoked: false,
    };
    tokens.set(token.value, token);
    return token;
  }

  function isValid(value: string, accountId: string, kind: IssuedToken['kind']): boolean {
    const token = tokens.get(value);
    return token?.kind === kind && token.accountId === accountId && !token.isRevoked && scheduler.now < token.expiresAt;
  }

  return {
    messagingHost,
    hosts(accountId) {
      const baseURIs = [
        { service: 'sentinel', baseURI: 'sentinel.example' },
        { service: 'idp', baseURI: 'idp.example' },
        { service: 'asyncMessagingEnt', baseURI: messagingHost(accountId) },
      ];
      return { status: 200, data: { baseURIs } };
    },
    appJwt(accountId, clientSecret) {
      if (clientSecret !== secretOf(accountId)) return { status: 401, data: { error: 'invalid_client' } };
      const token = issue(accountId, undefined, options.appJwtLifetimeS);
      return { status: 200, data: { access_token: token.value, token_type: 'Bearer' }, token };
    },
    consumerJws(accountId, consumerId, appJwt) {
      if (!isValid(appJwt, accountId, 'appJwt')) return { status: 401, data: { message: 'the AppJWT is not valid' } };
      const token = issue(accountId, consumerId, options.consumerJwsLifetimeS);
      return { status: 201, data: { token: token.value }, token };
    },
    send(accountId, appJwt, consumerJws, message) {
      if (!isValid(appJwt, accountId, 'appJwt')) return refusal(40102);
      if (!isValid(consumerJws, accountId, 'consumerJws')) return refusal(40103);
      delivered.set(message, (delivered.get(message) ?? 0) + 1);
      return { status: 200, data: { code: 'OK', body: { sequence: 0 } } };
    },
    tokenOf: (value) => tokens.get(value),
    revoke(kind, accountId) {
      for (const token of tokens.values())
        if (token.kind === kind && token.accountId === accountId) token.isRevoked = true;
    },
    secretOf,
    rotateSecret: (accountId) => void rotations.set(accountId, (rotations.get(accountId) ?? 0) + 1),
    move: (accountId) => void moves.set(accountId, (moves.get(accountId) ?? 0) + 1),
    delivered,
  };
}

const encode = (part: unknown): string => Buffer.from(JSON.stringify(part)).toString('base64url');

function refusal(errorCode: 40102 | 40103): Answer {
  const title = errorCode === 40102 ? 'Invalid AppJWT' : 'Invalid ConsumerJWS';
  const data = { kind: 'resp', code: 401, body: { title, details: title, errorCode }, type: '.ReqBody$ErrorResp' };
  return { status: 401, data, errorCode };
}
