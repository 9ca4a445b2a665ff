import { isConnectorAuthError } from '../errors.js';
import type { Credentials } from '../options.js';
import type { ResolvedOptions } from '../resolve-options.js';
import type { CredentialsBook } from './credentials.js';
import type { Domains } from './domains.js';
import { appJwtLifetimeMs, findWrongClaim, issuedToken, readClaims, type Token, wantedClaims } from './token.js';
import type { TokenClient } from './token-client.js';
import type { FetchOrder } from './token-source.js';

export interface AppJwtParts {
  readonly options: ResolvedOptions;
  readonly client: TokenClient;
  readonly domains: Domains;
  readonly credentials: CredentialsBook;
}

/**
 * Asks Sentinel for an AppJWT (OAuth 2.0 client credentials). If Sentinel refuses the credentials, they are looked up again
 * once, so that a rotated secret needs no restart.
 *
 * @throws ConnectorAuthError `ERR_APP_JWT`, `ERR_DOMAIN_LOOKUP`, `ERR_CREDENTIALS` or `ERR_UNKNOWN_ACCOUNT`
 */
export async function fetchAppJwt(parts: AppJwtParts, order: FetchOrder): Promise<Token> {
  const { accountId } = order.identity;
  const used = await parts.credentials.find(accountId);
  try {
    return await askSentinel(parts, order, used);
  } catch (error) {
    if (!isConnectorAuthError(error) || (error.status !== 400 && error.status !== 401)) throw error;
    const renewed = await parts.credentials.renew(accountId).catch((failure: unknown) => {
      // The refusal is thrown, so that it cools down. The failed lookup has been reported.
      throw isConnectorAuthError(failure) && failure.code === 'ERR_CREDENTIALS' ? error : failure;
    });
    if (renewed.clientId === used.clientId && renewed.clientSecret === used.clientSecret) throw error;
    return askSentinel(parts, order, renewed);
  }
}

async function askSentinel(
  { options, client, domains }: AppJwtParts,
  { identity, isWanted, isBackground, onAttempt }: FetchOrder,
  { clientId, clientSecret }: Credentials,
): Promise<Token> {
  const { accountId } = identity;
  const secrets = { client_id: clientId, client_secret: clientSecret };
  const grant = { grant_type: 'client_credentials' };
  const account = `account/${encodeURIComponent(accountId)}/app/token`;
  const [path, form] =
    options.appJwtVersion === '1.0'
      ? [`/sentinel/api/${account}?v=1.0&${new URLSearchParams(grant)}`, secrets]
      : [`/sentinel/api/v2/${account}`, { ...grant, ...secrets }];

  const request = {
    stage: 'sentinel',
    identity,
    isWanted,
    isBackground,
    onAttempt,
    method: 'post',
    url: (await domains.origin(accountId, 'sentinel', isBackground)) + path,
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'application/json' },
    data: new URLSearchParams(form).toString(),
  } as const;
  return client.call(request, (answer, unusable) => {
    const value = answer.access_token;
    const claims = readClaims(value);
    if (typeof value !== 'string' || !claims) throw unusable('no access_token that is a JWT');
    const wrong = findWrongClaim(claims, wantedClaims(identity));
    if (wrong) throw unusable(`an AppJWT for another account (claim ${wrong})`);
    return issuedToken(value, options.clock.now(), appJwtLifetimeMs(claims, answer.expires_in));
  });
}
