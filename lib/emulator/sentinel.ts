import type { ResolvedOptions } from './options.js';
import { type Incoming, notFound, type Reply } from './reply.js';
import type { TokenBook } from './tokens.js';

const TOKEN_PATH = /^\/sentinel\/api(\/v2)?\/account\/([^/]+)\/app\/token$/;

/** OAuth 2.0 client credentials. The parameters may stand in the query, in the form body, or in both: clients do each. */
export async function answerSentinel(incoming: Incoming, options: ResolvedOptions, tokens: TokenBook): Promise<Reply> {
  const { method, url, body } = incoming;
  if (method === 'GET' && url.pathname === '/sentinel/well-known/jwks')
    return { status: 200, body: await tokens.jwks() };
  const [, v2, accountId] = TOKEN_PATH.exec(url.pathname) ?? [];
  if (method !== 'POST' || accountId === undefined) return notFound;

  const form = new URLSearchParams(body);
  const parameter = (name: string) => form.get(name) ?? url.searchParams.get(name);
  const grantType = parameter('grant_type');
  if (grantType === null) return { status: 400, body: { error: 'invalid_request' } };
  if (grantType !== 'client_credentials') return { status: 400, body: { error: 'unsupported_grant_type' } };
  const account = options.accounts.find((known) => known.accountId === accountId);
  if (!account || parameter('client_id') !== account.clientId || parameter('client_secret') !== account.clientSecret) {
    return { status: 401, body: { error: 'invalid_client' } };
  }

  const version = v2 || url.searchParams.get('v') === '2.0' ? '2.0' : '1.0';
  const token = await tokens.issueAppJwt(accountId, account.clientId, version, options.appJwtTtlSeconds);
  return {
    status: 200,
    headers: { 'content-type': 'application/json;charset=utf-8' },
    body: {
      access_token: token,
      token_type: 'Bearer',
      ...((version === '2.0' || options.v1ExpiresIn) && { expires_in: String(options.appJwtTtlSeconds) }),
    },
  };
}
