import { setMaxListeners } from 'node:events';
import axios, {
  type AxiosAdapter,
  type AxiosError,
  type AxiosRequestConfig,
  type InternalAxiosRequestConfig,
} from 'axios';
import axiosRetry, { type IAxiosRetryConfig } from 'axios-retry';
import { ConnectorAuthError, closedError } from '../errors.js';
import type { EventHub } from '../events.js';
import { ownOf } from '../own.js';
import { createPending } from '../pending.js';
import type { ResolvedOptions } from '../resolve-options.js';
import {
  askedPauseMs,
  isSetUpFault,
  isTransientFault,
  LONGEST_PAUSE_MS,
  livePersonRetry,
  tokenCallRetry,
  withJitter,
} from '../retry-policy.js';
import type { IsWanted } from '../wait.js';
import { type Identity, subjectOf } from './identity.js';
import { createPrivateInstance, createSend } from './private-axios.js';
import { describeFault, internalErrorCode, pausedError, unusableAnswer, whatFailed } from './service-fault.js';
import { type AttemptResult, createTurns, type OpenCalls } from './turns.js';

export interface TokenCall extends Pick<AxiosRequestConfig, 'method' | 'headers' | 'data'> {
  readonly stage: 'domain' | 'sentinel' | 'idp';
  readonly identity: Identity;
  readonly url: string;
  /** The header `Authorization`. If it cannot be read when the turn of an attempt has come, it is fetched before the next turn. */
  readonly authorization?: { peek(): string | undefined; fetch(): Promise<string> };
  /** Checked when the call's turn has come. */
  readonly isWanted: IsWanted;
  /** Whether no caller waits for the call. Then a failed attempt is not retried. */
  readonly isBackground: () => boolean;
  /** Called when the turn of an attempt has come. If it rejects with a CanceledError (Axios's), the call ends with it. */
  readonly onTurn?: (() => Promise<void>) | undefined;
  /** Called before each attempt. */
  readonly onAttempt?: ((url: string) => void) | undefined;
}

export type Answer = Readonly<Record<string, unknown>>;

/** Reads a 2xx answer. @param unusable creates the error for an answer that cannot be used */
export type ReadAnswer<T> = (answer: Answer, unusable: (what: string) => ConnectorAuthError) => T;

/** Calls Sentinel, IDP and the Domain API. It shares nothing with the user's instance. */
export interface TokenClient {
  /**
   * Makes a call, and reads the JSON object of its answer.
   *
   * @throws ConnectorAuthError with the code of the call's stage, or `ERR_CLOSED` after `close()`
   * @throws CanceledError (Axios's) if no caller waits any more when the call's turn comes
   */
  call<T>(request: TokenCall, read: ReadAnswer<T>): Promise<T>;
  /** Whether a service fails for each call of an account. */
  isDown(accountId: string, stage: TokenCall['stage']): boolean;
  /** The accounts that have had calls. */
  accounts(): Iterable<string>;
  openCalls(accountId: string, stage: TokenCall['stage']): OpenCalls;
  /** Ends the calls under way. Resolves when they have ended. */
  close(): Promise<void>;
}

const PASSED: AttemptResult = { outcome: 'passed', pauseMs: 0 };

/** An AppJWT may be refused again while its call waits for the next turn, but not for ever. */
const MOST_FETCHES = 3;

/** How far a call has come. */
interface Progress {
  readonly callId: number;
  /** The number of attempts so far. */
  attempts: number;
}

export function createTokenClient(options: ResolvedOptions, events: EventHub): TokenClient {
  const { clock, failureCooldownMs, maxConcurrentTokenRequests } = options;
  const closing = new AbortController();
  const pending = createPending();
  allowListeners(closing.signal);
  const client = createPrivateInstance(options);
  const policy = tokenCallRetry(options.retry);
  axiosRetry(client, policy);
  const send = createSend(options);
  const turns = createTurns<TokenCall['stage']>({
    max: maxConcurrentTokenRequests,
    longestWaitMs: LONGEST_PAUSE_MS,
    clock,
  });
  // With 0, failures are not remembered, but a service still gets its pause.
  const longestPauseMs = failureCooldownMs.max || LONGEST_PAUSE_MS;
  // A pause of the user's own is kept as it is.
  const jitter = policy.retryDelay === livePersonRetry.retryDelay ? withJitter : (ms: number) => ms;
  let calls = 0;

  /** The result of a failed attempt; `undefined` if it says nothing about the service. */
  function resultOf(error: unknown): AttemptResult | undefined {
    if (!axios.isAxiosError(error) || axios.isCancel(error)) return undefined;
    if (!isTransientFault(error)) return PASSED;
    return { outcome: error.response?.status === 429 ? 'limited' : 'failed', pauseMs: pauseAfter(error) };
  }

  /** The pause that a service wants, in milliseconds. */
  function pauseAfter(error: AxiosError): number {
    try {
      return Math.min(askedPauseMs(error) || policy.retryDelay(1, error), longestPauseMs);
    } catch {
      // The user's `retryDelay` has thrown. The turn must end all the same.
      return 0;
    }
  }

  /** Waits for the turn of an attempt, and sets its header `Authorization`. @returns a function that ends the turn */
  async function takeTurn(request: TokenCall, callId: number, { headers }: InternalAxiosRequestConfig) {
    const { identity, stage: service, isWanted, authorization, onTurn } = request;
    const { accountId } = identity;
    let fetched: string | undefined;
    for (let fetches = 0; ; ) {
      const endTurn = await turns.take({ accountId, service, callId, isWanted });
      try {
        await onTurn?.();
      } catch (error) {
        endTurn(undefined);
        throw error;
      }
      // An AppJWT that never can be used is sent in the end, so that the call fails.
      const value = authorization?.peek() ?? (fetches < MOST_FETCHES ? undefined : fetched);
      const isPaused = turns.pauseMs(accountId, service) > 0;
      if (!isPaused && (value !== undefined || !authorization)) {
        if (value !== undefined) headers.set('Authorization', value);
        return endTurn;
      }
      // The service asked for a pause meanwhile, or the AppJWT was refused.
      endTurn(undefined);
      if (value !== undefined) continue;
      fetched = await authorization?.fetch();
      fetches += 1;
    }
  }

  /** Each attempt takes a turn, so a call that waits for its retry does not block the others. */
  const sendInTurn =
    (request: TokenCall, progress: Progress): AxiosAdapter =>
    async (config) => {
      const { identity, stage: service, isBackground } = request;
      const { accountId } = identity;
      for (;;) {
        if (isBackground() && turns.pauseMs(accountId, service) > 0) throw pausedError(service, accountId);
        const endTurn = await takeTurn(request, progress.callId, config);
        progress.attempts += 1;
        request.onAttempt?.(request.url);
        try {
          const response = await send(config);
          endTurn(PASSED);
          return response;
        } catch (error) {
          const goesOn = endTurn(resultOf(error)) && policy.retries !== 0 && !isBackground();
          if (!goesOn || !axios.isAxiosError(error)) throw error;
          reportRetry(request, progress, error, 0);
        }
      }
    };

  function reportRetry(request: TokenCall, { attempts }: Progress, error: AxiosError, delayMs: number): void {
    const { stage, identity } = request;
    const pauseMs = Math.max(delayMs, turns.pauseMs(identity.accountId, stage));
    events.emit('retry', () => ({
      stage,
      ...subjectOf(identity),
      attempt: attempts,
      status: error.response?.status,
      code: error.response ? undefined : error.code,
      internalErrorCode: internalErrorCode(error),
      retryAt: Math.round(clock.now() + pauseMs),
      message: whatFailed(error, request),
    }));
  }

  /** The policy for one call. It reports each failed attempt that another one follows. */
  function retryOf(request: TokenCall, progress: Progress): IAxiosRetryConfig {
    let delayMs = 0;
    return {
      retryCondition: (error) => !request.isBackground() && !isSetUpFault(error) && policy.retryCondition(error),
      retryDelay(retryNumber, error) {
        // After a 429, the call waits for its next turn.
        delayMs = error.response?.status === 429 ? 0 : jitter(policy.retryDelay(retryNumber, error));
        return delayMs;
      },
      async onRetry(retryNumber, error, config) {
        reportRetry(request, progress, error, delayMs);
        await policy.onRetry?.(retryNumber, error, config);
      },
    };
  }

  async function call<T>(request: TokenCall, read: ReadAnswer<T>): Promise<T> {
    const { stage, identity, authorization, isWanted, isBackground, onTurn, onAttempt, ...config } = request;
    const { accountId } = identity;
    calls += 1;
    const progress = { callId: calls, attempts: 0 };
    try {
      const response = await client.request<unknown>({
        ...config,
        adapter: sendInTurn(request, progress),
        signal: closing.signal,
        'axios-retry': retryOf(request, progress),
      });
      const unusable = (what: string) => unusableAnswer(request, what, response.status);
      return read(parseObject(response.data, unusable), unusable);
    } catch (error) {
      if (closing.signal.aborted) throw closedError(accountId);
      if (axios.isCancel(error) || error instanceof ConnectorAuthError) throw error;
      const failure = describeFault(error, request, retryAtOf(error));
      // The calls that wait for a turn would fail like this one.
      if (failure.transient && turns.isDown(accountId, stage)) turns.failWaiting(accountId, stage, failure);
      throw failure;
    }
  }

  /** When a service wants the next call. A 429 always pauses. */
  function retryAtOf(error: unknown): number | undefined {
    if (!axios.isAxiosError(error)) return undefined;
    const pauseMs = error.response?.status === 429 ? pauseAfter(error) : Math.min(askedPauseMs(error), longestPauseMs);
    return pauseMs > 0 ? Math.round(clock.now() + pauseMs) : undefined;
  }

  return {
    call: (request, read) => pending.track(call(request, read)),
    isDown: turns.isDown,
    accounts: turns.accounts,
    openCalls: turns.openCalls,
    close() {
      closing.abort();
      turns.close(closedError());
      return pending.none();
    },
  };
}

/** Every call listens to the signal. Signals of other environments, such as jsdom's, have no limit, and Node refuses them here. */
function allowListeners(signal: AbortSignal): void {
  try {
    setMaxListeners(0, signal);
  } catch {}
}

/** @param data text, or what an adapter of the user's has parsed */
function parseObject(data: unknown, unusable: (what: string) => ConnectorAuthError): Answer {
  try {
    const parsed: unknown = typeof data === 'string' ? JSON.parse(data) : data;
    if (typeof parsed === 'object' && parsed !== null) return ownOf(parsed) as Answer;
  } catch {}
  throw unusable(data === '' ? 'an empty body' : 'a body that is not a JSON object');
}
