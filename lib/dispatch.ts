import type { AsyncLocalStorage } from 'node:async_hooks';
import type { AxiosAdapter, AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import { canBeSentTwice, fixBody } from './body.js';
import { resolveConsumer } from './consumer.js';
import { closedError, isConnectorAuthError } from './errors.js';
import type { EventHub, ReplayEvent, TokenKind } from './events.js';
import type { Dispatch } from './interceptor.js';
import type { ResolvedOptions } from './options.js';
import { peekBody } from './peek.js';
import { hideInConfig, redactAnswer } from './redact.js';
import { refusedToken } from './refusal.js';
import { type Answer, type Changes, sendOnce, settle } from './send.js';
import { noteSendApiError, readErrorBodies, type SendApiError } from './send-api-error.js';
import { addressOf, assertTrusted, destinationOf, findTarget, type Target } from './target.js';
import type { CredentialsBook } from './tokens/credentials.js';
import type { Domains } from './tokens/domains.js';
import type { TokenSource } from './tokens/token-source.js';
import { type IsWanted, timeoutMs, waitFor } from './wait.js';

export interface DispatchParts {
  readonly options: ResolvedOptions;
  readonly context: AsyncLocalStorage<string>;
  readonly credentials: CredentialsBook;
  readonly domains: Domains;
  readonly appJwts: TokenSource;
  readonly consumerJws: TokenSource;
  readonly events: EventHub;
  isClosed(): boolean;
}

/** A request of ours, its place and consumer settled, with the tokens in hand for it. */
interface Errand {
  readonly target: Target;
  /** Where it goes. */
  readonly url: URL;
  readonly consumerId: string;
  /** What both sends change alike: the address as it was judged, and a body that is written but once. */
  readonly changes: Changes;
  readonly tokens: Readonly<Record<TokenKind, string>>;
}

/** What came of one send, and the Send API's errors in it. */
interface Outcome {
  readonly answer: Answer;
  readonly error: SendApiError | undefined;
  readonly refused: TokenKind | undefined;
}

/** One dispatch, from the final config to the raw answer. What is not ours goes straight to its adapter. */
export function createDispatch(parts: DispatchParts): Dispatch {
  return (config, adapter) => {
    if (config.connectorAuth === false) return adapter(config);
    const target = findTarget(config, parts.options.trustedOrigins);
    return target ? dispatchOurs(parts, config, adapter, target) : adapter(config);
  };
}

async function dispatchOurs(
  parts: DispatchParts,
  config: InternalAxiosRequestConfig,
  adapter: AxiosAdapter,
  target: Target,
): Promise<AxiosResponse> {
  if (parts.options.redact) hideInConfig(config, target);
  const errand = await waitFor((isWanted) => prepare(parts, config, target, isWanted), config);
  const first = await send(parts, config, adapter, errand);
  if (!first.refused || !first.error) return settleNoting(first, first.error);

  const report = (outcome: ReplayEvent['outcome']) =>
    parts.events.emit('replay', () => ({
      accountId: target.accountId,
      endpoint: target.name,
      errorCode: first.error?.errorCode ?? 0,
      outcome,
    }));

  if (!canBeSentTwice(config.data)) {
    report('body-not-replayable');
    return settleNoting(first, { ...first.error, reason: 'body-not-replayable' });
  }

  let renewed: Errand;
  try {
    renewed = { ...errand, tokens: await waitFor((isWanted) => obtainTokens(parts, errand, isWanted), config) };
  } catch (error) {
    if (isConnectorAuthError(error)) {
      report('no-token');
      noteSendApiError(error, { ...first.error, reason: 'no-token' });
    }
    throw error;
  }

  const second = await send(parts, config, adapter, renewed);
  const failed = second.answer.rejected || second.error;
  report(second.refused ? 'refused' : failed ? 'failed' : 'succeeded');
  return settleNoting(second, failed ? { ...(second.error ?? first.error), replayed: true } : undefined);
}

/** Everything that must be settled before the first byte is sent. */
async function prepare(
  parts: DispatchParts,
  config: InternalAxiosRequestConfig,
  target: Target,
  isWanted: IsWanted,
): Promise<Errand> {
  const { options, credentials, domains } = parts;
  const { accountId } = target;
  if (parts.isClosed()) throw closedError(accountId);
  await credentials.find(accountId);
  const consumerId = await resolveConsumer(config, accountId, options.consumerId, parts.context);
  let messagingOrigin: string | undefined;
  if (!target.isTrusted) {
    messagingOrigin = await domains.origin(accountId, 'asyncMessagingEnt');
    assertTrusted(target, messagingOrigin);
  }
  const url = destinationOf(target, messagingOrigin);
  const body = await fixBody(config.data);
  const changes: Changes = {
    ...addressOf(url, target, config),
    ...(body && { data: body.data }),
    headers: body ? { 'Content-Type': body.contentType } : {},
  };
  const tokens = await obtainTokens(parts, { target, consumerId }, isWanted);
  return { target, url, consumerId, changes, tokens };
}

async function obtainTokens(
  { appJwts, consumerJws }: DispatchParts,
  { target: { accountId }, consumerId }: Pick<Errand, 'target' | 'consumerId'>,
  isWanted: IsWanted,
): Promise<Errand['tokens']> {
  // In this order: the call for a ConsumerJWS may find that the AppJWT must be renewed.
  const jws = await consumerJws.get({ accountId, consumerId }, isWanted);
  const jwt = await appJwts.get({ accountId }, isWanted);
  return { appJwt: jwt.value, consumerJws: jws.value };
}

/** Sends once, and drops the token that the answer refuses. */
async function send(
  parts: DispatchParts,
  config: InternalAxiosRequestConfig,
  adapter: AxiosAdapter,
  { target, url, consumerId, changes, tokens }: Errand,
): Promise<Outcome> {
  const { authorizationPrefix, onBehalfHeaders, redact } = parts.options;
  const headers: Record<string, string> = {
    ...changes.headers,
    Authorization: authorizationPrefix + tokens.appJwt,
  };
  for (const name of onBehalfHeaders) headers[name] = tokens.consumerJws;

  const hide = (sent: InternalAxiosRequestConfig) => redact && hideInConfig(sent, target);
  const answer = await sendOnce(config, adapter, { ...changes, headers }, hide);
  if (redact) redactAnswer(answer, url);
  if (!answer.response) return { answer, error: undefined, refused: undefined };

  const errors = readErrorBodies(await peekBody(answer.response, timeoutMs(config.timeout)));
  const refused = refusedToken(errors);
  const { accountId } = target;
  if (refused === 'appJwt') parts.appJwts.refuse({ accountId }, tokens.appJwt);
  if (refused === 'consumerJws') parts.consumerJws.refuse({ accountId, consumerId }, tokens.consumerJws);
  const [error] = errors;
  return { answer, refused, error: error && { ...error, status: answer.response.status, replayed: false } };
}

/** Hands the answer on, with what `getSendApiError` shall say of it. */
function settleNoting({ answer }: Outcome, error: SendApiError | undefined): AxiosResponse {
  if (error) {
    const rejection = answer.rejected ? answer.error : undefined;
    for (const target of [answer.response, rejection]) {
      if (typeof target === 'object' && target !== null) noteSendApiError(target, error);
    }
  }
  return settle(answer);
}
