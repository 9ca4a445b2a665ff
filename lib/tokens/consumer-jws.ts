import { type ConnectorAuthError, isConnectorAuthError } from '../errors.js';
import type { ResolvedOptions } from '../resolve-options.js';
import { inBackground } from '../wait.js';
import type { Domains } from './domains.js';
import { appJwtOf } from './identity.js';
import { consumerJwsLifetimeMs, findWrongClaim, issuedToken, readClaims, type Token, wantedClaims } from './token.js';
import type { TokenCall, TokenClient } from './token-client.js';
import type { FetchOrder, TokenSource } from './token-source.js';

export interface ConsumerJwsParts {
  readonly options: ResolvedOptions;
  readonly client: TokenClient;
  readonly domains: Domains;
  readonly appJwts: TokenSource;
}

/**
 * Asks IDP for a consumer's ConsumerJWS. If IDP refuses the AppJWT, the AppJWT is renewed and IDP is asked once more.
 *
 * @throws ConnectorAuthError `ERR_CONSUMER_JWS`, or the error of the AppJWT or of the lookup of IDP's host
 */
export async function fetchConsumerJws(parts: ConsumerJwsParts, order: FetchOrder): Promise<Token> {
  const { appJwts, options } = parts;
  const appJwtIdentity = appJwtOf(order.identity.accountId);
  const getAppJwt = () => appJwts.get(appJwtIdentity, order.isBackground() ? inBackground : order.isWanted);
  let appJwt = await getAppJwt();
  let sentAt = options.clock.now();
  // The call may wait long for its turn. The AppJWT may be refused or expire meanwhile.
  const authorization = {
    peek() {
      sentAt = options.clock.now();
      const current = appJwts.peek(appJwtIdentity, sentAt);
      appJwt = current ?? appJwt;
      return current?.value;
    },
    async fetch() {
      appJwt = await getAppJwt();
      return appJwt.value;
    },
  };
  for (let asked = 1; ; asked += 1) {
    try {
      return await askIdp(parts, order, authorization);
    } catch (error) {
      if (!isConnectorAuthError(error) || !refusesAppJwt(error)) throw error;
      const refused = appJwt;
      appJwts.refuse(appJwtIdentity, refused.value, sentAt);
      // An AppJWT of the store may be as old as the refused one, if the clocks of the processes differ.
      if (asked > (refused.isShared ? 2 : 1)) throw error;
      appJwt = await getAppJwt();
      if (appJwt.value === refused.value) throw error;
    }
  }
}

const refusesAppJwt = (error: ConnectorAuthError): boolean => error.code === 'ERR_CONSUMER_JWS' && error.status === 401;

async function askIdp(
  { options, client, domains }: ConsumerJwsParts,
  { identity, isWanted, isBackground, onTurn, onAttempt }: FetchOrder,
  authorization: NonNullable<TokenCall['authorization']>,
): Promise<Token> {
  const { accountId, consumerId } = identity;
  const request = {
    stage: 'idp',
    identity,
    isWanted,
    isBackground,
    onTurn,
    onAttempt,
    method: 'post',
    url: `${await domains.origin(accountId, 'idp', isBackground)}/api/account/${encodeURIComponent(accountId)}/consumer?v=1.0`,
    headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
    authorization,
    data: JSON.stringify({ ext_consumer_id: consumerId }),
  } as const;
  return client.call(request, (answer, unusable) => {
    const value = answer.token;
    const claims = readClaims(value);
    if (typeof value !== 'string' || !claims) throw unusable('no token that is a JWS');
    const wrong = findWrongClaim(claims, wantedClaims(identity));
    if (wrong) throw unusable(`a ConsumerJWS for another account or consumer (claim ${wrong})`);
    const receivedAt = options.clock.now();
    return issuedToken(value, receivedAt, consumerJwsLifetimeMs(claims, receivedAt));
  });
}
