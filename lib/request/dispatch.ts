import type { AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import { callAdapter } from '../call-adapter.js';
import { requestTracer } from '../diagnostics.js';
import { isConnectorAuthError } from '../errors.js';
import type { EventHub, TokenKind } from '../events.js';
import type { RequestLog } from '../log.js';
import type { Pending } from '../pending.js';
import { noteSendApiError, type SendApiError } from '../send-api-error.js';
import { endersOf, type IsWanted } from '../wait.js';
import { type Answer, rejectedWith, removeTokens, resolvedWith, settle } from './answer.js';
import { canBeSentAgain, endOnBodyFailure } from './body.js';
import { configOfError } from './error-config.js';
import type { Dispatcher } from './interceptor.js';
import { configForAdapter, type OutgoingRequest } from './outgoing-config.js';
import { obtainTokens, type PreparedRequest, type PrepareParts, prepare, prepareNow, type Tokens } from './prepare.js';
import { readBody } from './read-body.js';
import { hideSecrets, nameAgents, needsHiding, redactAnswer } from './redact.js';
import { outcomeOf, reportReplay } from './replay-event.js';
import { traceRequest } from './request-trace.js';
import { createTargetFinder, type Target } from './target.js';
import { type AddTokens, createTokenHeaders } from './token-headers.js';
import { judgeAnswer } from './verdict.js';

export interface DispatchParts extends PrepareParts {
  readonly events: EventHub;
  /** Counts the sends under way. `close()` waits for them. */
  readonly sends: Pending;
  readonly log: RequestLog | undefined;
}

interface Parts extends DispatchParts {
  readonly addTokens: AddTokens;
}

/** Takes each request from its config to the answer that the caller gets. */
export function createDispatcher(dispatchParts: DispatchParts): Dispatcher {
  const { options, tokens, waits, log } = dispatchParts;
  const findTarget = createTargetFinder({ trustedOrigins: options.trustedOrigins, onNearMiss: log?.nearMiss });
  const parts: Parts = { ...dispatchParts, addTokens: createTokenHeaders(options) };

  return {
    dispatch(request) {
      const target = findTarget(request.config);
      if (!target) return request.adapter(request.original);
      if (options.redact) nameAgents(request.config);
      if (!requestTracer.isOn()) return start(parts, request, target);
      return traceRequest(parts, request, target, (traced, tracedTarget) => start(traced, request, tracedTarget));
    },
    claim(request) {
      const target = findTarget(request.config);
      if (!target) return undefined;
      const isOwner = tokens.credentials.peek(target.accountId) !== undefined;
      if (waits.isClosed) return isOwner ? 'closed owner' : 'closed';
      return isOwner ? 'owner' : 'unknown';
    },
    async lookUp(request) {
      const target = findTarget(request.config);
      if (!target) return undefined;
      if (options.redact) hideSecrets(request.original, target.accountId);
      return waitForRequest(parts, request, target, () => tokens.credentials.has(target.accountId));
    },
  };
}

/** Sends at once if everything that the request needs is in memory. */
function start(parts: Parts, request: OutgoingRequest, target: Target): Promise<AxiosResponse> {
  const prepared = prepareNow(parts, request, target);
  return prepared ? send(parts, prepared, replayOrSettle) : waitAndSend(parts, request, target);
}

async function waitAndSend(parts: Parts, request: OutgoingRequest, target: Target): Promise<AxiosResponse> {
  // The wait may end with an Axios error, which has this config.
  if (parts.options.redact) hideSecrets(request.original, target.accountId);
  const prepared = await waitForRequest(parts, request, target, (isWanted) =>
    prepare(parts, request, target, isWanted),
  );
  return send(parts, prepared, replayOrSettle);
}

/** Waits for one request. Its signal, its timeout or its body can end the wait. */
async function waitForRequest<T>(
  { waits }: Parts,
  { config, original }: OutgoingRequest,
  { accountId }: Target,
  begin: (isWanted: IsWanted) => Promise<T>,
): Promise<T> {
  const enders = [...endersOf(config, original), ...endOnBodyFailure(config.data, original)];
  try {
    return await waits.waitFor(begin, enders, accountId);
  } catch (error) {
    if (isConnectorAuthError(error)) error.config = configOfError(original, error.transient);
    throw error;
  }
}

/** Handles an answer. */
type OnAnswer<T> = (parts: Parts, prepared: PreparedRequest, answer: Answer) => T | Promise<T>;

/** Sends once. It uses `then`, because an async function would take 200 more bytes for each request. */
function send<T>(parts: Parts, prepared: PreparedRequest, onAnswer: OnAnswer<T>): Promise<T> {
  const { request, route, data, contentType } = prepared;
  const headers = parts.addTokens(request.config.headers, prepared, contentType);
  const sent = configForAdapter(request, route, headers, data);
  const sentAt = parts.options.clock.now();
  parts.sends.begin();
  return callAdapter(request.adapter, sent).then(
    (response) => receive(parts, prepared, { sent, sentAt }, resolvedWith(response), onAnswer),
    (error: unknown) => receive(parts, prepared, { sent, sentAt }, rejectedWith(error), onAnswer),
  );
}

/** Removes the tokens from an answer and reads its body. @returns a promise only if the body is a blob or a stream */
function receive<T>(
  parts: Parts,
  prepared: PreparedRequest,
  { sent, sentAt }: { sent: InternalAxiosRequestConfig; sentAt: number },
  answer: Answer,
  onAnswer: OnAnswer<T>,
): T | Promise<T> {
  const { request, target, route } = prepared;
  parts.sends.end();
  removeTokens(answer, sent, request);
  if (parts.options.redact) {
    redactAnswer(answer, route);
    if (needsHiding(answer, request))
      for (const config of [request.original, sent]) hideSecrets(config, target.accountId);
  }
  const body = answer.response && readBody(answer.response, request.config.timeout || parts.options.tokenTimeoutMs);
  if (!(body instanceof Promise)) return onAnswer(parts, prepared, judgeAnswer(parts, prepared, sentAt, answer, body));
  return parts.sends
    .track(body)
    .then((read) => onAnswer(parts, prepared, judgeAnswer(parts, prepared, sentAt, answer, read)));
}

const keep: OnAnswer<Answer> = (_parts, _prepared, answer) => answer;

const replayOrSettle: OnAnswer<AxiosResponse> = (parts, prepared, answer) =>
  answer.refused ? replay(parts, prepared, answer) : settle(answer, answer.fault);

/** Replays a request at most once for each refused token, so it is sent at most three times. */
async function replay(parts: Parts, first: PreparedRequest, firstAnswer: Answer): Promise<AxiosResponse> {
  const replaced = new Map<TokenKind, number>();
  let prepared = first;
  let answer = firstAnswer;
  let refusal = answer.fault;
  while (answer.fault && answer.refused && !replaced.has(answer.refused)) {
    refusal = { ...answer.fault, replayed: replaced.size > 0 };
    if (!canBeSentAgain(prepared.data)) {
      reportReplay(parts, prepared.target, refusal, 'body-not-replayable');
      return settle(answer, { ...refusal, reason: 'body-not-replayable' });
    }
    replaced.set(answer.refused, answer.fault.errorCode);
    prepared = { ...prepared, ...(await renewTokens(parts, prepared, refusal)) };
    answer = await send(parts, prepared, keep);
    reportReplay(parts, prepared.target, refusal, outcomeOf(answer));
  }
  if (answer.fault && answer.refused)
    parts.log?.refusedForGood(first.target.accountId, [...replaced.values(), answer.fault.errorCode]);
  const isFailure = answer.isError || answer.fault;
  return settle(answer, refusal && isFailure ? { ...refusal, ...answer.fault, replayed: true } : undefined);
}

/** The tokens for a replay. If they cannot be had, the error keeps the refusal for `getSendApiError`. */
async function renewTokens(
  parts: Parts,
  { request, target, consumerId }: PreparedRequest,
  refusal: SendApiError,
): Promise<Tokens> {
  try {
    return await waitForRequest(parts, request, target, (isWanted) =>
      obtainTokens(parts, target.accountId, consumerId, isWanted),
    );
  } catch (error) {
    if (isConnectorAuthError(error)) {
      reportReplay(parts, target, refusal, 'no-token');
      noteSendApiError(error, { ...refusal, reason: 'no-token' });
    }
    throw error;
  }
}
