import type { AsyncLocalStorage } from 'node:async_hooks';
import type { AxiosAdapter, AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import { canBeSentTwice, type FixedBody, fixBody, isFormData } from './body.js';
import { knownConsumer, resolveConsumer } from './consumer.js';
import { closedError, isConnectorAuthError } from './errors.js';
import type { EventHub, ReplayEvent, TokenKind } from './events.js';
import type { Dispatch } from './interceptor.js';
import type { ResolvedOptions } from './options.js';
import { peekBody } from './peek.js';
import { createHiding, type HideSecrets, outlivesItsAnswer, redactAnswer } from './redact.js';
import { refusedToken } from './refusal.js';
import { type Answer, sendOnce, settle, takeTokensOut, toSend } from './send.js';
import { noteSendApiError, readErrorBodies, type SendApiError } from './send-api-error.js';
import { createTargetFinder, type Route, type Target } from './target.js';
import { type AddTokens, createTokenHeaders } from './token-headers.js';
import type { CredentialsBook } from './tokens/credentials.js';
import type { Domains } from './tokens/domains.js';
import type { TokenSource } from './tokens/token-source.js';
import { type IsWanted, waitFor } from './wait.js';

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

interface Parts extends DispatchParts {
  readonly addTokens: AddTokens;
  readonly hideSecrets: HideSecrets;
}

/** A request of ours, its place and consumer settled, with the tokens in hand for it. */
interface Errand {
  readonly target: Target;
  readonly route: Route;
  readonly consumerId: string;
  /** A body that is written but once, for both sends. */
  readonly body: FixedBody | undefined;
  readonly tokens: Readonly<Record<TokenKind, string>>;
}

/** What came of one send, and the Send API's errors in it. */
interface Outcome {
  readonly answer: Answer;
  readonly error: SendApiError | undefined;
  readonly refused: TokenKind | undefined;
}

/** One dispatch, from the final config to the raw answer. What is not ours goes straight to its adapter. */
export function createDispatch(dispatchParts: DispatchParts): Dispatch {
  const findTarget = createTargetFinder(dispatchParts.options.trustedOrigins);
  const addTokens = createTokenHeaders(dispatchParts.options);
  const parts = { ...dispatchParts, addTokens, hideSecrets: createHiding(findTarget) };
  return (config, adapter) => {
    const target = config.connectorAuth === false ? undefined : findTarget(config);
    return target ? dispatchOurs(parts, config, adapter, target) : adapter(config);
  };
}

async function dispatchOurs(
  parts: Parts,
  config: InternalAxiosRequestConfig,
  adapter: AxiosAdapter,
  target: Target,
): Promise<AxiosResponse> {
  if (parts.options.redact) parts.hideSecrets(config);
  const errand =
    takeErrand(parts, config, target) ??
    (await waitFor((isWanted) => prepare(parts, config, target, isWanted), config));
  const sent = toSendFor(parts, config, errand);
  const judged = judge(parts, config, sent, errand, await sendOnce(sent, adapter));
  // One promise where there may be one: a further `await` or async function takes some 1 % of a request.
  const first = judged instanceof Promise ? await judged : judged;
  const refusal = first.refused && first.error;
  return refusal ? replay(parts, config, adapter, errand, { first, refusal }) : settleNoting(first, first.error);
}

/** Renews what was refused, and sends the same once more. (Apart, so that its closures cost only who needs them.) */
async function replay(
  parts: Parts,
  config: InternalAxiosRequestConfig,
  adapter: AxiosAdapter,
  errand: Errand,
  { first, refusal }: { first: Outcome; refusal: SendApiError },
): Promise<AxiosResponse> {
  const { target } = errand;
  const report = (outcome: ReplayEvent['outcome']) =>
    parts.events.emit('replay', () => ({
      accountId: target.accountId,
      endpoint: target.name,
      errorCode: refusal.errorCode,
      outcome,
    }));

  if (!canBeSentTwice(config.data)) {
    report('body-not-replayable');
    return settleNoting(first, { ...refusal, reason: 'body-not-replayable' });
  }

  let renewed: Errand;
  try {
    renewed = { ...errand, tokens: await waitFor((isWanted) => obtainTokens(parts, errand, isWanted), config) };
  } catch (error) {
    if (isConnectorAuthError(error)) {
      report('no-token');
      noteSendApiError(error, { ...refusal, reason: 'no-token' });
    }
    throw error;
  }

  const sent = toSendFor(parts, config, renewed);
  const second = await judge(parts, config, sent, renewed, await sendOnce(sent, adapter));
  const failed = second.answer.rejected || second.error;
  report(second.refused ? 'refused' : failed ? 'failed' : 'succeeded');
  return settleNoting(second, failed ? { ...(second.error ?? refusal), replayed: true } : undefined);
}

/** An errand all of whose parts are in hand; `undefined` where something must be waited for, or is missing. */
function takeErrand(parts: Parts, config: InternalAxiosRequestConfig, target: Target): Errand | undefined {
  const { options, credentials, domains, appJwts, consumerJws } = parts;
  const { accountId, isTrusted } = target;
  if (parts.isClosed() || !credentials.known(accountId) || isFormData(config.data)) return undefined;
  const consumerId = knownConsumer(config, options.consumerId, parts.context);
  const messagingOrigin = isTrusted ? undefined : domains.known(accountId, 'asyncMessagingEnt');
  if (consumerId === undefined || (!isTrusted && messagingOrigin === undefined)) return undefined;
  const route = target.routeBy(messagingOrigin);
  const jws = consumerJws.take({ accountId, consumerId });
  const jwt = jws && appJwts.take({ accountId });
  if (!jwt) return undefined;
  return { target, route, consumerId, body: undefined, tokens: { appJwt: jwt.value, consumerJws: jws.value } };
}

/** Everything that must be settled before the first byte is sent. */
async function prepare(
  parts: Parts,
  config: InternalAxiosRequestConfig,
  target: Target,
  isWanted: IsWanted,
): Promise<Errand> {
  const { options, credentials, domains } = parts;
  const { accountId, isTrusted } = target;
  if (parts.isClosed()) throw closedError(accountId);
  await credentials.find(accountId);
  const consumerId = await resolveConsumer(config, accountId, options.consumerId, parts.context);
  const messagingOrigin = isTrusted ? undefined : await domains.origin(accountId, 'asyncMessagingEnt');
  const route = target.routeBy(messagingOrigin);
  const body = isFormData(config.data) ? await fixBody(config.data) : undefined;
  const tokens = await obtainTokens(parts, { target, consumerId }, isWanted);
  return { target, route, consumerId, body, tokens };
}

async function obtainTokens(
  { appJwts, consumerJws }: Parts,
  { target: { accountId }, consumerId }: Pick<Errand, 'target' | 'consumerId'>,
  isWanted: IsWanted,
): Promise<Errand['tokens']> {
  // In this order: the call for a ConsumerJWS may find that the AppJWT must be renewed.
  const jws = await consumerJws.get({ accountId, consumerId }, isWanted);
  const jwt = await appJwts.get({ accountId }, isWanted);
  return { appJwt: jwt.value, consumerJws: jws.value };
}

/** What the adapter is given for an errand. */
function toSendFor(parts: Parts, config: InternalAxiosRequestConfig, errand: Errand): InternalAxiosRequestConfig {
  const { route, body, tokens } = errand;
  const headers = parts.addTokens(config.headers, tokens, body?.contentType);
  return toSend(config, { headers, address: route.address, body });
}

/** Reads an answer, and drops the token that it refuses. A promise only where its body must be waited for. */
function judge(
  parts: Parts,
  config: InternalAxiosRequestConfig,
  sent: InternalAxiosRequestConfig,
  errand: Errand,
  answer: Answer,
): Outcome | Promise<Outcome> {
  takeTokensOut(answer, sent, config);
  if (parts.options.redact) {
    redactAnswer(answer, errand.route);
    if (outlivesItsAnswer(answer)) parts.hideSecrets(sent);
  }
  if (!answer.response) return { answer, error: undefined, refused: undefined };
  const body = peekBody(answer.response, config.timeout, parts.options.tokenTimeoutMs);
  return body instanceof Promise
    ? body.then((peeked) => judgeBody(parts, errand, answer, peeked))
    : judgeBody(parts, errand, answer, body);
}

function judgeBody(parts: Parts, { target, consumerId, tokens }: Errand, answer: Answer, body: unknown): Outcome {
  const errors = readErrorBodies(body);
  const [error] = errors;
  if (!error || !answer.response) return { answer, error: undefined, refused: undefined };
  const refused = refusedToken(errors);
  const { accountId } = target;
  if (refused === 'appJwt') parts.appJwts.refuse({ accountId }, tokens.appJwt);
  if (refused === 'consumerJws') parts.consumerJws.refuse({ accountId, consumerId }, tokens.consumerJws);
  return { answer, refused, error: { ...error, status: answer.response.status, replayed: false } };
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
