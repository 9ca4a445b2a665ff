import { setMaxListeners } from 'node:events';
import axios, { Axios, type AxiosAdapter, AxiosError, type AxiosInstance, type AxiosRequestConfig } from 'axios';
import axiosRetry from 'axios-retry';
import pLimit, { type LimitFunction } from 'p-limit';
import { callAdapter } from '../call-adapter.js';
import { ConnectorAuthError, type ConnectorAuthErrorCode, closedError } from '../errors.js';
import type { FailureEvent } from '../events.js';
import { ownOf } from '../own.js';
import { createPending } from '../pending.js';
import type { ResolvedOptions } from '../resolve-options.js';
import { askedPauseMs, isTransientFault, tokenCallRetry } from '../retry-policy.js';
import type { IsWanted } from '../wait.js';

/** A longer answer is refused. Real answers are far shorter. */
const LONGEST_ANSWER_BYTES = 64 * 1024;

export interface TokenCall extends Pick<AxiosRequestConfig, 'method' | 'url' | 'headers' | 'data'> {
  readonly stage: FailureEvent['stage'];
  readonly accountId: string;
  /** Whether a failed attempt is retried. */
  readonly retry: boolean;
  /** Checked when the call's turn has come. */
  readonly isWanted: IsWanted;
}

export type Answer = Readonly<Record<string, unknown>>;

/** Calls Sentinel, IDP and the Domain API. It shares nothing with the user's instance. */
export interface TokenClient {
  /**
   * Makes a call. @param read reads the JSON object of a 2xx answer, and may throw `unusableAnswer`
   *
   * @throws ConnectorAuthError with the code of the call's stage, or `ERR_CLOSED` after `close()`
   * @throws CanceledError (Axios's) if no caller waits any more when the call's turn comes
   */
  call<T>(request: TokenCall, read: (answer: Answer, status: number) => T): Promise<T>;
  /** Ends the calls under way. Resolves when they have ended. */
  close(): Promise<void>;
}

const STAGES = {
  domain: { code: 'ERR_DOMAIN_LOOKUP', name: 'The Domain API' },
  sentinel: { code: 'ERR_APP_JWT', name: 'Sentinel' },
  idp: { code: 'ERR_CONSUMER_JWS', name: 'IDP' },
} as const satisfies Record<TokenCall['stage'], { code: ConnectorAuthErrorCode; name: string }>;

export function createTokenClient(options: ResolvedOptions): TokenClient {
  const closing = new AbortController();
  const pending = createPending();
  setMaxListeners(0, closing.signal);
  const client = createPrivateInstance(options);
  axiosRetry(client, tokenCallRetry(options.retry));
  const send = createSend(options);
  // Each account has its own turns, so calls that hang for one brand do not block the others.
  const turns = new Map<string, LimitFunction>();
  const turnsOf = (accountId: string): LimitFunction => {
    const known = turns.get(accountId) ?? pLimit(options.maxConcurrentTokenRequests);
    turns.set(accountId, known);
    return known;
  };
  // Each attempt takes a turn, so a call that waits for its retry does not block the others.
  const sendInTurn =
    (accountId: string, isWanted: IsWanted): AxiosAdapter =>
    (config) =>
      turnsOf(accountId)(() => {
        if (!isWanted()) throw new axios.CanceledError('nobody waits for it any more');
        return send(config);
      });

  async function call<T>(request: TokenCall, read: (answer: Answer, status: number) => T): Promise<T> {
    const { stage, accountId, retry, isWanted, ...config } = request;
    try {
      const response = await client.request<string>({
        ...config,
        adapter: stage === 'domain' ? send : sendInTurn(accountId, isWanted),
        signal: closing.signal,
        ...(!retry && { 'axios-retry': { retries: 0 } }),
      });
      return read(parseObject(response.data, request, response.status), response.status);
    } catch (error) {
      if (closing.signal.aborted) throw closedError(accountId);
      if (axios.isCancel(error) || error instanceof ConnectorAuthError) throw error;
      throw describeFailure(error, request, options.clock.now());
    }
  }

  return {
    call: (request, read) => pending.track(call(request, read)),
    close() {
      closing.abort();
      return pending.none();
    },
  };
}

/** Makes one attempt, within `tokenTimeoutMs`. The adapter gets a config that inherits nothing. */
function createSend({ axiosConfig, tokenTimeoutMs }: ResolvedOptions): AxiosAdapter {
  const adapter = axios.getAdapter(axiosConfig.adapter ?? 'http');
  return async (config) => {
    try {
      return await callAdapter(adapter, Object.assign(Object.create(null), config, { timeout: tokenTimeoutMs }));
    } catch (error) {
      // axios-retry sends the config of the error again.
      if (axios.isAxiosError(error)) error.config = config;
      throw error;
    }
  };
}

/**
 * An instance without the interceptors and defaults of the static axios, and without changes that other code made to
 * `axios.create()`. It is a function, because axios-retry calls it to send again.
 */
function createPrivateInstance({ axiosConfig }: ResolvedOptions): AxiosInstance {
  const config = {
    ...axiosConfig,
    headers: { ...axiosConfig.headers },
    maxRedirects: 0,
    maxContentLength: LONGEST_ANSWER_BYTES,
    responseType: 'text',
    validateStatus: (status: number) => status >= 200 && status < 300,
  } as const;
  const instance = new Axios(ownOf(config) as AxiosRequestConfig);
  const { defaults, interceptors } = instance;
  const request = (config: AxiosRequestConfig) => instance.request(config);
  return Object.assign(request, { request, defaults, interceptors }) as unknown as AxiosInstance;
}

function parseObject(text: string, request: TokenCall, status: number): Answer {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null) return ownOf(parsed) as Answer;
  } catch {}
  throw unusableAnswer(request, text === '' ? 'an empty body' : 'a body that is not a JSON object', status);
}

/** The error for a 2xx answer that cannot be used. */
export function unusableAnswer(
  { stage, accountId }: Pick<TokenCall, 'stage' | 'accountId'>,
  what: string,
  status: number,
): ConnectorAuthError {
  const { code, name } = STAGES[stage];
  const message = `${name} answered for account ${accountId} with ${what}. Check that the host is LivePerson's and that no proxy answers in its place.`;
  return new ConnectorAuthError(code, message, { accountId, status });
}

/** The error of a failed call. Axios's own error is not passed on, because its request has the secret. */
function describeFailure(error: unknown, { stage, accountId }: TokenCall, now: number): ConnectorAuthError {
  const { code, name } = STAGES[stage];
  if (!axios.isAxiosError(error)) {
    const what = error instanceof Error ? error.name : typeof error;
    return new ConnectorAuthError(
      code,
      `${name} could not be called for account ${accountId} (${what}). Check axiosConfig and retry.`,
      { accountId },
    );
  }
  const status = error.response?.status;
  const transient = isTransientFault(error);
  const pauseMs = askedPauseMs(error);
  const what = status === undefined || status < 300 ? describeFault(error) : `answered ${status}${oauthError(error)}`;
  return new ConnectorAuthError(
    code,
    `${name} ${what} for account ${accountId}. ${adviceFor(stage, status, transient)}`,
    {
      accountId,
      status,
      transient,
      retryAt: pauseMs > 0 ? now + pauseMs : undefined,
    },
  );
}

function describeFault(error: AxiosError): string {
  if (/maxContentLength/.test(error.message)) return `sent an answer of more than ${LONGEST_ANSWER_BYTES} bytes`;
  if (error.code === AxiosError.ECONNABORTED) return 'did not answer in time';
  return `could not be reached or broke off its answer (${error.code ?? 'no code'})`;
}

const OAUTH_ERRORS = [
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
];

/** The standard error word of an OAuth 2.0 answer (RFC 6749, 5.2). The rest of the body is not shown, because it may echo the secret. */
function oauthError(error: AxiosError): string {
  const word = OAUTH_ERRORS.find((known) => String(error.response?.data).includes(`"${known}"`));
  return word ? ` (${word})` : '';
}

function adviceFor(stage: TokenCall['stage'], status: number | undefined, transient: boolean): string {
  if (transient) return 'This may pass: a later request tries again.';
  if (status === undefined) return 'Check the host and what answers there.';
  if (stage === 'sentinel')
    return 'Check clientId and clientSecret, and that the app is installed on this account with the scope msg.consumer and the grant client_credentials.';
  if (stage === 'idp') return 'Check the consumer id, and that the app has the scope msg.consumer.';
  return 'Check the account id and the option domainApi.';
}
