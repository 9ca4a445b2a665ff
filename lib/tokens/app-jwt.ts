import { isConnectorAuthError } from '../errors.js';
import type { Credentials } from '../options.js';
import type { ResolvedOptions } from '../resolve-options.js';
import type { IsWanted } from '../wait.js';
import type { CredentialsBook } from './credentials.js';
import type { Domains } from './domains.js';
import { appJwtOf } from './identity.js';
import { appJwtLifetimeMs, findWrongClaim, issuedToken, readClaims, type Token, wantedClaims } from './token.js';
import { type TokenClient, unusableAnswer } from './token-client.js';

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
 * @throws ConnectorAuthError `ERR_APP_JWT`, `ERR_DOMAIN_LOOKUP` or `ERR_UNKNOWN_ACCOUNT`
 */
export async function fetchAppJwt(parts: AppJwtParts, accountId: string, isWanted: IsWanted): Promise<Token> {
  const { domains, credentials } = parts;
  const used = await credentials.find(accountId);
  const origin = await domains.origin(accountId, 'sentinel');
  try {
    return await askSentinel(parts, accountId, origin, used, isWanted);
  } catch (error) {
    if (!isConnectorAuthError(error) || (error.status !== 400 && error.status !== 401)) throw error;
    const renewed = await credentials.renew(accountId);
    if (renewed.clientId === used.clientId && renewed.clientSecret === used.clientSecret) throw error;
    return askSentinel(parts, accountId, origin, renewed, isWanted);
  }
}

async function askSentinel(
  { options, client }: AppJwtParts,
  accountId: string,
  origin: string,
  { clientId, clientSecret }: Credentials,
  isWanted: IsWanted,
): Promise<Token> {
  const secrets = { client_id: clientId, client_secret: clientSecret };
  const grant = { grant_type: 'client_credentials' };
  const account = `account/${encodeURIComponent(accountId)}/app/token`;
  const [path, form] =
    options.appJwtVersion === '1.0'
      ? [`/sentinel/api/${account}?v=1.0&${new URLSearchParams(grant)}`, secrets]
      : [`/sentinel/api/v2/${account}`, { ...grant, ...secrets }];

  const call = { stage: 'sentinel', accountId } as const;
  const request = {
    ...call,
    isWanted,
    retry: true,
    method: 'post',
    url: origin + path,
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'application/json' },
    data: new URLSearchParams(form).toString(),
  };
  return client.call(request, (answer, status) => {
    const value = answer.access_token;
    const claims = readClaims(value);
    if (typeof value !== 'string' || !claims) throw unusableAnswer(call, 'no access_token that is a JWT', status);
    const wrong = findWrongClaim(claims, wantedClaims(appJwtOf(accountId)));
    if (wrong) throw unusableAnswer(call, `an AppJWT for another account (claim ${wrong})`, status);
    return issuedToken(value, options.clock.now(), appJwtLifetimeMs(claims, answer.expires_in));
  });
}
