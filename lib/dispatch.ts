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
import { type Answer, createToSend, Rejection, responseOf, settle, type ToSend, takeTokensOut } from './send.js';
import { noteSendApiError, readErrorBodies, type SendApiError } from './send-api-error.js';
import { createTargetFinder, type Route, type Target } from './target.js';
import { type AddTokens, createTokenHeaders } from './token-headers.js';
import type { CredentialsBook } from './tokens/credentials.js';
import type { Domains } from './tokens/domains.js';
import type { Identity } from './tokens/identity.js';
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
  readonly toSend: ToSend;
  readonly hideSecrets: HideSecrets;
}

type Tokens = Readonly<Record<TokenKind, string>>;

/** A request of ours, its place and consumer settled, with the tokens in hand for it. */
interface Errand extends Tokens {
  readonly config: InternalAxiosRequestConfig;
  readonly adapter: AxiosAdapter;
  readonly target: Target;
  readonly route: Route;
  readonly consumerId: string;
  /** A body that is written but once, for both sends. */
  readonly body: FixedBody | undefined;
  /** What the Send API said to the first send, if this is the replay. */
  readonly refusal: SendApiError | undefined;
}

/** What the Send API says against a request in its answer. */
interface Fault {
  readonly error: SendApiError;
  readonly refused: TokenKind | undefined;
}

/** One dispatch, from the final config to the raw answer. What is not ours goes straight to its adapter. */
export function createDispatch(dispatchParts: DispatchParts): Dispatch {
  const findTarget = createTargetFinder(dispatchParts.options.trustedOrigins);
  const parts = {
    ...dispatchParts,
    addTokens: createTokenHeaders(dispatchParts.options),
    toSend: createToSend(),
    hideSecrets: createHiding(findTarget),
  };
  return (config, adapter) => {
    const target = config.connectorAuth === false ? undefined : findTarget(config);
    return target ? dispatchOurs(parts, config, adapter, target) : adapter(config);
  };
}

function dispatchOurs(
  parts: Parts,
  config: InternalAxiosRequestConfig,
  adapter: AxiosAdapter,
  target: Target,
): Promise<AxiosResponse> {
  if (parts.options.redact) nameAgents(config);
  const errand = takeErrand(parts, config, adapter, target);
  return errand ? send(parts, errand) : waitAndSend(parts, config, adapter, target);
}

/** An errand all of whose parts are in hand; `undefined` where something must be waited for, or is missing. */
function takeErrand(
  parts: Parts,
  config: InternalAxiosRequestConfig,
  adapter: AxiosAdapter,
  target: Target,
): Errand | undefined {
  const { options, appJwts, consumerJws } = parts;
  if (parts.isClosed() || isFormData(config.data)) return undefined;
  const consumerId = knownConsumer(config, options.consumerId, parts.context);
  if (consumerId === undefined) return undefined;
  const now = options.clock.now();
  // A known route tells that the account's credentials are in hand too.
  const route = target.knownRoute(now);
  if (!route) return undefined;
  const jws = consumerJws.take({ accountId: target.accountId, consumerId }, now);
  const jwt = jws && appJwts.take(target, now);
  if (!jwt) return undefined;
  const { value: appJwt } = jwt;
  return {
    config,
    adapter,
    target,
    route,
    consumerId,
    body: undefined,
    appJwt,
    consumerJws: jws.value,
    refusal: undefined,
  };
}

async function waitAndSend(
  parts: Parts,
  config: InternalAxiosRequestConfig,
  adapter: AxiosAdapter,
  target: Target,
): Promise<AxiosResponse> {
  // The wait may end with an error of Axios's, which has the config.
  if (parts.options.redact) parts.hideSecrets(config);
  return send(parts, await waitFor((isWanted) => prepare(parts, config, adapter, target, isWanted), config));
}

/** Everything that must be settled before the first byte is sent. */
async function prepare(
  parts: Parts,
  config: InternalAxiosRequestConfig,
  adapter: AxiosAdapter,
  target: Target,
  isWanted: IsWanted,
): Promise<Errand> {
  const { options, credentials, domains } = parts;
  const { accountId, isTrusted } = target;
  if (parts.isClosed()) throw closedError(accountId);
  await credentials.find(accountId);
  const consumerId = await resolveConsumer(config, accountId, options.consumerId, parts.context);
  const route = target.routeBy(isTrusted ? undefined : await domains.host(accountId, 'asyncMessagingEnt'));
  const body = isFormData(config.data) ? await fixBody(config.data) : undefined;
  const { appJwt, consumerJws } = await obtainTokens(parts, { accountId, consumerId }, isWanted);
  return { config, adapter, target, route, consumerId, body, appJwt, consumerJws, refusal: undefined };
}

async function obtainTokens({ appJwts, consumerJws }: Parts, consumer: Identity, isWanted: IsWanted): Promise<Tokens> {
  // In this order: the call for a ConsumerJWS may find that the AppJWT must be renewed.
  const jws = await consumerJws.get(consumer, isWanted);
  const jwt = await appJwts.get({ accountId: consumer.accountId }, isWanted);
  return { appJwt: jwt.value, consumerJws: jws.value };
}

/** One send. (With `then`: an async function takes 200 bytes more of memory for each request.) */
function send(parts: Parts, errand: Errand): Promise<AxiosResponse> {
  const { config, adapter, route, body } = errand;
  const headers = parts.addTokens(config.headers, errand, body?.contentType);
  const sent = parts.toSend(config, headers, route.address, body);
  return callAdapter(adapter, sent).then(
    (response) => receive(parts, errand, sent, response),
    (error: unknown) => receive(parts, errand, sent, new Rejection(error)),
  );
}

/** An adapter that is no async function may throw. */
function callAdapter(adapter: AxiosAdapter, sent: InternalAxiosRequestConfig): ReturnType<AxiosAdapter> {
  try {
    return adapter(sent);
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Takes what must not leave us out of an answer, and reads it. A promise only where its body must be waited for. */
function receive(
  parts: Parts,
  errand: Errand,
  sent: InternalAxiosRequestConfig,
  answer: Answer,
): AxiosResponse | Promise<AxiosResponse> {
  const { config, route } = errand;
  takeTokensOut(answer, sent, config);
  if (parts.options.redact) {
    redactAnswer(answer, route);
    if (needsHiding(answer, config, sent)) {
      parts.hideSecrets(config);
      parts.hideSecrets(sent);
    }
  }
  const response = responseOf(answer);
  const body = response && peekBody(response, config, parts.options.tokenTimeoutMs);
  return body instanceof Promise ? waitAndJudge(parts, errand, answer, body) : judge(parts, errand, answer, body);
}

async function waitAndJudge(
  parts: Parts,
  errand: Errand,
  answer: Answer,
  body: Promise<unknown>,
): Promise<AxiosResponse> {
  return judge(parts, errand, answer, await body);
}

/** Hands an answer on, or has its request replayed. */
function judge(parts: Parts, errand: Errand, answer: Answer, body: unknown): AxiosResponse | Promise<AxiosResponse> {
  const response = responseOf(answer);
  const fault = response && findFault(parts, errand, response, body);
  if (errand.refusal) return settleReplay(parts, errand, errand.refusal, answer, fault);
  if (fault?.refused) return replay(parts, errand, answer, fault.error);
  return settleNoting(answer, fault?.error);
}

/** What the Send API says against a request, whose token is dropped if it is that which is refused. */
function findFault(
  parts: Parts,
  { target: { accountId }, consumerId, appJwt, consumerJws }: Errand,
  { status }: AxiosResponse,
  body: unknown,
): Fault | undefined {
  const errors = readErrorBodies(body);
  const [error] = errors;
  if (!error) return undefined;
  const refused = refusedToken(errors);
  if (refused === 'appJwt') parts.appJwts.refuse({ accountId }, appJwt);
  if (refused === 'consumerJws') parts.consumerJws.refuse({ accountId, consumerId }, consumerJws);
  return { refused, error: { ...error, status, replayed: false } };
}

/** Renews what was refused, and sends the same once more. */
async function replay(parts: Parts, errand: Errand, first: Answer, refusal: SendApiError): Promise<AxiosResponse> {
  if (!canBeSentTwice(errand.config.data)) {
    reportReplay(parts, errand, refusal, 'body-not-replayable');
    return settleNoting(first, { ...refusal, reason: 'body-not-replayable' });
  }
  const { target, consumerId } = errand;
  const consumer = { accountId: target.accountId, consumerId };
  let tokens: Tokens;
  try {
    tokens = await waitFor((isWanted) => obtainTokens(parts, consumer, isWanted), errand.config);
  } catch (error) {
    if (isConnectorAuthError(error)) {
      reportReplay(parts, errand, refusal, 'no-token');
      noteSendApiError(error, { ...refusal, reason: 'no-token' });
    }
    throw error;
  }
  return send(parts, { ...errand, ...tokens, refusal });
}

function settleReplay(
  parts: Parts,
  errand: Errand,
  refusal: SendApiError,
  answer: Answer,
  fault: Fault | undefined,
): AxiosResponse {
  const failed = answer instanceof Rejection || fault;
  reportReplay(parts, errand, refusal, fault?.refused ? 'refused' : failed ? 'failed' : 'succeeded');
  return settleNoting(answer, failed ? { ...(fault?.error ?? refusal), replayed: true } : undefined);
}

function reportReplay(
  { events }: Parts,
  { target: { accountId, name } }: Errand,
  { errorCode }: SendApiError,
  outcome: ReplayEvent['outcome'],
): void {
  events.emit('replay', () => ({ accountId, endpoint: name, errorCode, outcome }));
}

/** Hands the answer on, with what `getSendApiError` shall say of it. */
function settleNoting(answer: Answer, error: SendApiError | undefined): AxiosResponse {
  if (error) {
    for (const target of [responseOf(answer), answer instanceof Rejection ? answer.error : undefined]) {
      if (typeof target === 'object' && target !== null) noteSendApiError(target, error);
    }
  }
  return settle(answer);
}
