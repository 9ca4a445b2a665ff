import type { ConversationBook } from './conversations.js';
import type { ResolvedOptions } from './options.js';
import { type Incoming, isRecord, notFound, parseJson, type Reply } from './reply.js';
import type { TokenBook } from './tokens.js';

/** LivePerson's limit is not documented. */
const MAX_ID_LENGTH = 4_096;

const PATH = /^\/api\/account\/([^/]+)\/consumer$/;

/** Gives a ConsumerJWS for an external consumer id, to the bearer of a raw AppJWT. */
export async function answerIdp(
  { method, url, headers, body }: Incoming,
  options: ResolvedOptions,
  tokens: TokenBook,
  conversations: ConversationBook,
): Promise<Reply> {
  const [, accountId] = PATH.exec(url.pathname) ?? [];
  if (method !== 'POST' || accountId === undefined) return notFound;
  if (!tokens.findAppJwt(accountId, headers.authorization as string | undefined)) return options.idpError;
  const parsed = parseJson(body);
  if (!isRecord(parsed)) return { status: 400, body: { error: 'the body is not a JSON object' } };
  const consumerId = parsed.ext_consumer_id;
  if (typeof consumerId !== 'string' || consumerId === '')
    return { status: 400, body: { error: 'ext_consumer_id is missing' } };
  if (consumerId.length > MAX_ID_LENGTH)
    return { status: 400, body: { error: `ext_consumer_id has more than ${MAX_ID_LENGTH} characters` } };
  conversations.meet({ accountId, consumerId });
  return { status: 201, body: { token: await tokens.issueConsumerJws(accountId, consumerId) } };
}
