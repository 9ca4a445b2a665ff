import type { AsyncLocalStorage } from 'node:async_hooks';
import { closedError } from '../errors.js';
import type { TokenKind } from '../events.js';
import type { ResolvedOptions } from '../resolve-options.js';
import { appJwtOf, consumerJwsOf } from '../tokens/identity.js';
import type { TokenProvider } from '../tokens/token-provider.js';
import type { IsWanted, Waits } from '../wait.js';
import { encodeForm, type FixedBody, isFormData, isStream } from './body.js';
import { knownConsumer, resolveConsumer } from './consumer.js';
import type { OutgoingRequest } from './outgoing-config.js';
import type { RequestTrace } from './request-trace.js';
import { assertNoSocket, type Route } from './route.js';
import type { Target } from './target.js';

export interface PrepareParts {
  readonly options: ResolvedOptions;
  readonly context: AsyncLocalStorage<string>;
  readonly tokens: TokenProvider;
  readonly waits: Waits;
  /** Only if somebody listens to `axios-liveperson-auth:request`. */
  readonly trace?: RequestTrace;
}

export type Tokens = Readonly<Record<TokenKind, string>>;

/** A Send API request with everything that one send needs. */
export interface PreparedRequest extends Tokens, FixedBody {
  readonly request: OutgoingRequest;
  readonly target: Target;
  readonly route: Route;
  readonly consumerId: string;
}

/** Prepares a request without waiting. `undefined` if something is missing or must be fetched. */
export function prepareNow(
  { options, context, tokens, waits }: PrepareParts,
  request: OutgoingRequest,
  target: Target,
): PreparedRequest | undefined {
  const { data, socketPath } = request.config;
  if (waits.isClosed || socketPath || isFormData(data) || isStream(data)) return undefined;
  const consumerId = knownConsumer(request, options.consumerId, context);
  if (consumerId === undefined || !tokens.credentials.peek(target.accountId)) return undefined;
  const now = options.clock.now();
  const messagingOrigin = target.isTrusted
    ? undefined
    : tokens.domains.peek(target.accountId, 'asyncMessagingEnt', now);
  if (messagingOrigin === undefined && !target.isTrusted) return undefined;
  const jws = tokens.consumerJws.peek(consumerJwsOf(target.accountId, consumerId), now);
  const jwt = jws && tokens.appJwts.peek(appJwtOf(target.accountId), now);
  if (!jwt) return undefined;
  const route = target.routeTo(messagingOrigin);
  return {
    request,
    target,
    route,
    consumerId,
    data,
    contentType: undefined,
    appJwt: jwt.value,
    consumerJws: jws.value,
  };
}

/**
 * Prepares a request, and fetches hosts and tokens as needed.
 *
 * @throws ConnectorAuthError before anything is sent
 */
export async function prepare(
  parts: PrepareParts,
  request: OutgoingRequest,
  target: Target,
  isWanted: IsWanted,
): Promise<PreparedRequest> {
  const { options, context, tokens, waits, trace } = parts;
  const { accountId } = target;
  const { config } = request;
  if (waits.isClosed) throw closedError(accountId);
  assertNoSocket(config, accountId);
  const body = isFormData(config.data) ? await encodeForm(config.data) : { data: config.data, contentType: undefined };
  await tokens.credentials.find(accountId);
  const consumerId = await resolveConsumer(request, accountId, options.consumerId, context);
  trace?.named(consumerId);
  const route = target.routeTo(
    target.isTrusted ? undefined : await tokens.domains.origin(accountId, 'asyncMessagingEnt'),
  );
  return {
    request,
    target,
    route,
    consumerId,
    ...body,
    ...(await obtainTokens(parts, accountId, consumerId, isWanted)),
  };
}

/** Both tokens, fetched or renewed as needed. */
export async function obtainTokens(
  { options, tokens: { appJwts, consumerJws } }: Pick<PrepareParts, 'options' | 'tokens'>,
  accountId: string,
  consumerId: string,
  isWanted: IsWanted,
): Promise<Tokens> {
  const [appJwtIdentity, consumerJwsIdentity] = [appJwtOf(accountId), consumerJwsOf(accountId, consumerId)];
  const peekAppJwt = () => appJwts.peek(appJwtIdentity, options.clock.now());
  // The ConsumerJWS comes first, because its call may find that the AppJWT must be renewed.
  let jws = await consumerJws.get(consumerJwsIdentity, isWanted);
  let jwt = peekAppJwt();
  if (!jwt) {
    jwt = await appJwts.get(appJwtIdentity, isWanted);
    // The ConsumerJWS may be refused while the AppJWT is fetched.
    jws = await consumerJws.get(consumerJwsIdentity, isWanted);
    jwt = peekAppJwt() ?? jwt;
  }
  return { appJwt: jwt.value, consumerJws: jws.value };
}
