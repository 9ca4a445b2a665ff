import type { AsyncLocalStorage } from 'node:async_hooks';
import type { AxiosAdapter, AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import { canBeSentTwice, type FixedBody, fixBody, isFormData } from './body.js';
import { knownConsumer, resolveConsumer } from './consumer.js';
import { closedError, isConnectorAuthError } from './errors.js';
import type { EventHub, ReplayEvent, TokenKind } from './events.js';
import type { Dispatch } from './interceptor.js';
import type { ResolvedOptions } from './options.js';
import { peekBody } from './peek.js';
import { createHiding, type HideSecrets, nameAgents, needsHiding, redactAnswer } from './redact.js';
import { refusedToken } from './refusal.js';
import { type Answer, rejected, resolved, settle, takeTokensOut, toSend } from './send.js';
import { noteSendApiError, readErrorBodies, type SendApiError } from './send-api-error.js';
import { createTargetFinder, type Route, type Target } from './target.js';
import { type AddTokens, createTokenHeaders } from './token-headers.js';
import type { CredentialsBook } from './tokens/credentials.js';
import type { Domains } from './tokens/domains.js';
import { keyOf } from './tokens/identity.js';
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

/** What the Send API says against a request in its answer. */
interface Fault {
  readonly error: SendApiError;
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
  if (parts.options.redact) nameAgents(config);
  const errand = takeErrand(parts, config, target) ?? (await waitForErrand(parts, config, target));
  const sent = toSendFor(parts, config, errand);
  let answer: Answer;
  // Here, and not in a function of its own: a further promise takes 1 % of a request.
  try {
    answer = resolved(await adapter(sent));
  } catch (error) {
    answer = rejected(error);
  }
  const judged = judge(parts, config, sent, errand, answer);
  const fault = judged instanceof Promise ? await judged : judged;
  if (fault?.refused) return replay(parts, config, adapter, errand, { answer, refusal: fault.error });
  return settleNoting(answer, fault?.error);
}

/** Renews what was refused, and sends the same once more. */
async function replay(
  parts: Parts,
  config: InternalAxiosRequestConfig,
  adapter: AxiosAdapter,
  errand: Errand,
  first: { answer: Answer; refusal: SendApiError },
): Promise<AxiosResponse> {
  const { target } = errand;
  const { refusal } = first;
  const report = (outcome: ReplayEvent['outcome']) =>
    parts.events.emit('replay', () => ({
      accountId: target.accountId,
      endpoint: target.name,
      errorCode: refusal.errorCode,
      outcome,
    }));

  if (!canBeSentTwice(config.data)) {
    report('body-not-replayable');
    return settleNoting(first.answer, { ...refusal, reason: 'body-not-replayable' });
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
  let answer: Answer;
  try {
    answer = resolved(await adapter(sent));
  } catch (error) {
    answer = rejected(error);
  }
  const fault = await judge(parts, config, sent, renewed, answer);
  const failed = answer.rejected || fault;
  report(fault?.refused ? 'refused' : failed ? 'failed' : 'succeeded');
  return settleNoting(answer, failed ? { ...(fault?.error ?? refusal), replayed: true } : undefined);
}

/** An errand all of whose parts are in hand; `undefined` where something must be waited for, or is missing. */
function takeErrand(parts: Parts, config: InternalAxiosRequestConfig, target: Target): Errand | undefined {
  const { options, credentials, domains, appJwts, consumerJws } = parts;
  const { accountId, isTrusted } = target;
  if (parts.isClosed() || !credentials.known(accountId) || isFormData(config.data)) return undefined;
  const consumerId = knownConsumer(config, options.consumerId, parts.context);
  const now = options.clock.now();
  const messagingOrigin = isTrusted ? undefined : domains.known(accountId, 'asyncMessagingEnt', now);
  if (consumerId === undefined || (!isTrusted && messagingOrigin === undefined)) return undefined;
  const route = target.knownRoute(messagingOrigin);
  const jws = route && consumerJws.take(keyOf({ accountId, consumerId }), now);
  const jwt = jws && appJwts.take(target.appJwtKey, now);
  if (!jwt) return undefined;
  return { target, route, consumerId, body: undefined, tokens: { appJwt: jwt.value, consumerJws: jws.value } };
}

function waitForErrand(parts: Parts, config: InternalAxiosRequestConfig, target: Target): Promise<Errand> {
  // The wait may end with an error of Axios's, which has the config.
  if (parts.options.redact) parts.hideSecrets(config);
  return waitFor((isWanted) => prepare(parts, config, target, isWanted), config);
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
  return toSend(config, headers, route.address, body);
}

/** Reads an answer, and drops the token that it refuses. A promise only where its body must be waited for. */
function judge(
  parts: Parts,
  config: InternalAxiosRequestConfig,
  sent: InternalAxiosRequestConfig,
  errand: Errand,
  answer: Answer,
): Fault | undefined | Promise<Fault | undefined> {
  takeTokensOut(answer, sent, config);
  if (parts.options.redact) {
    redactAnswer(answer, errand.route);
    if (needsHiding(answer, sent)) {
      parts.hideSecrets(config);
      parts.hideSecrets(sent);
    }
  }
  const { response } = answer;
  if (!response) return undefined;
  const body = peekBody(response, config.timeout, parts.options.tokenTimeoutMs);
  return body instanceof Promise
    ? findLaterFault(parts, errand, response, body)
    : findFault(parts, errand, response, body);
}

async function findLaterFault(parts: Parts, errand: Errand, response: AxiosResponse, body: Promise<unknown>) {
  return findFault(parts, errand, response, await body);
}

function findFault(
  parts: Parts,
  { target, consumerId, tokens }: Errand,
  { status }: AxiosResponse,
  body: unknown,
): Fault | undefined {
  const errors = readErrorBodies(body);
  const [error] = errors;
  if (!error) return undefined;
  const refused = refusedToken(errors);
  const { accountId } = target;
  if (refused === 'appJwt') parts.appJwts.refuse({ accountId }, tokens.appJwt);
  if (refused === 'consumerJws') parts.consumerJws.refuse({ accountId, consumerId }, tokens.consumerJws);
  return { refused, error: { ...error, status, replayed: false } };
}

/** Hands the answer on, with what `getSendApiError` shall say of it. */
function settleNoting(answer: Answer, error: SendApiError | undefined): AxiosResponse {
  if (error) {
    const rejection = answer.rejected ? answer.error : undefined;
    for (const target of [answer.response, rejection]) {
      if (typeof target === 'object' && target !== null) noteSendApiError(target, error);
    }
  }
  return settle(answer);
}
