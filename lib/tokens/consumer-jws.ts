import { type ConnectorAuthError, isConnectorAuthError } from '../errors.js';
import type { ResolvedOptions } from '../resolve-options.js';
import type { IsWanted } from '../wait.js';
import type { Domains } from './domains.js';
import { appJwtOf, type Identity } from './identity.js';
import { consumerJwsLifetimeMs, findWrongClaim, issuedToken, readClaims, type Token, wantedClaims } from './token.js';
import { type TokenClient, unusableAnswer } from './token-client.js';
import type { TokenSource } from './token-source.js';

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
export async function fetchConsumerJws(
  parts: ConsumerJwsParts,
  identity: Identity,
  isWanted: IsWanted,
): Promise<Token> {
  const { appJwts } = parts;
  const { accountId } = identity;
  const appJwt = await appJwts.get(appJwtOf(accountId), isWanted);
  try {
    return await askIdp(parts, identity, appJwt.value, isWanted);
  } catch (error) {
    if (!isConnectorAuthError(error) || !refusesAppJwt(error)) throw error;
    appJwts.refuse(appJwtOf(accountId), appJwt.value);
    const renewed = await appJwts.get(appJwtOf(accountId), isWanted);
    if (renewed.value === appJwt.value) throw error;
    return askIdp(parts, identity, renewed.value, isWanted);
  }
}

const refusesAppJwt = (error: ConnectorAuthError): boolean => error.code === 'ERR_CONSUMER_JWS' && error.status === 401;

async function askIdp(
  { options, client, domains }: ConsumerJwsParts,
  identity: Identity,
  appJwt: string,
  isWanted: IsWanted,
): Promise<Token> {
  const { accountId, consumerId } = identity;
  const call = { stage: 'idp', accountId } as const;
  const request = {
    ...call,
    isWanted,
    retry: true,
    method: 'post',
    url: `${await domains.origin(accountId, 'idp')}/api/account/${encodeURIComponent(accountId)}/consumer?v=1.0`,
    headers: { 'Content-Type': 'application/json', Accept: 'application/json', Authorization: appJwt },
    data: JSON.stringify({ ext_consumer_id: consumerId }),
  };
  return client.call(request, (answer, status) => {
    const value = answer.token;
    const claims = readClaims(value);
    if (typeof value !== 'string' || !claims) throw unusableAnswer(call, 'no token that is a JWS', status);
    const wrong = findWrongClaim(claims, wantedClaims(identity));
    if (wrong) throw unusableAnswer(call, `a ConsumerJWS for another account or consumer (claim ${wrong})`, status);
    const receivedAt = options.clock.now();
    return issuedToken(value, receivedAt, consumerJwsLifetimeMs(claims, receivedAt));
  });
}
