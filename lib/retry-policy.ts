import type { AxiosError } from 'axios';
import axiosRetry, { type IAxiosRetryConfig } from 'axios-retry';

const PAUSES_MS = [5_000, 10_000, 15_000];
/** LivePerson's pause after a 429 without `Retry-After`, in milliseconds. */
const RATE_LIMIT_PAUSE_MS = 5_000;
/** No caller waits for a longer pause. It fails at once. In milliseconds. */
export const LONGEST_PAUSE_MS = 60_000;

/**
 * LivePerson's published retry policy, for your own instance: `axiosRetry(http, livePersonRetry)`.
 *
 * Three retries after 5, 10 and 15 seconds for a 5xx or a network fault. A 429 waits for its `Retry-After`, or 5 seconds
 * without one. A `Retry-After` of more than 60 seconds is not waited for. No other 4xx is retried, and no timeout.
 * CONVERSATION and SEND have no idempotency key, so a request whose answer was lost may have been carried out already.
 *
 * Source: LivePerson's "Retry Policy Recommendations".
 */
export const livePersonRetry: IAxiosRetryConfig = {
  retries: PAUSES_MS.length,
  retryCondition: (error) => isRetryable(error) || axiosRetry.isNetworkError(error),
  retryDelay: pauseBefore,
  // The timeout is for one attempt. Otherwise the pauses would use it up.
  shouldResetTimeout: true,
};

/** The policy of the package's own calls. They are safe to repeat, so timeouts and broken answers are retried too. */
export type TokenCallRetry = Required<Pick<IAxiosRetryConfig, 'retryCondition' | 'retryDelay'>> & IAxiosRetryConfig;

export function tokenCallRetry(overrides: IAxiosRetryConfig | false | undefined): TokenCallRetry {
  const given = Object.entries(overrides || {}).filter(([, value]) => value !== undefined);
  const policy = { ...livePersonRetry, retryCondition: isTransient, retryDelay: pauseBefore };
  return { ...policy, ...(overrides === false && { retries: 0 }), ...Object.fromEntries(given) };
}

const JITTER = 0.1;

/** Makes a pause longer by a random part, up to a tenth, so that processes do not call at the same moment. */
export const withJitter = (ms: number): number => ms * (1 + JITTER * Math.random());

/** Faults of the set-up: a certificate, the wrong protocol, an invalid URL or option. */
const SET_UP_FAULT =
  /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_(CA|PURPOSE)|ERR_TLS_CERT_|ERR_SSL_|EPROTO$|HPE_INVALID_(CONSTANT|VERSION)|ERR_INVALID_|ERR_UNESCAPED_|ERR_SOCKET_BAD_PORT|ERR_BAD_OPTION|ERR_BAD_REQUEST|ERR_NOT_SUPPORT)/;

/** The code of a fault. The fetch adapter has it in the error's cause. */
export const faultCode = ({ code, cause }: AxiosError): string | undefined =>
  (code === 'ERR_NETWORK' && (Object(cause) as { code?: string }).code) || code;

/** Whether a failed call fails again until somebody changes the set-up. */
export const isSetUpFault = (error: AxiosError): boolean =>
  error.response === undefined && SET_UP_FAULT.test(faultCode(error) ?? '');

/** Whether a failed token call may succeed if it is sent again, now or later. */
export function isTransientFault(error: AxiosError): boolean {
  const status = error.response?.status;
  if (status === undefined) return !/maxContentLength/.test(error.message) && !isSetUpFault(error);
  return status === 429 || status >= 500 || (status < 300 && error.code === 'ERR_BAD_RESPONSE');
}

function isTransient(error: AxiosError): boolean {
  return error.code !== 'ERR_CANCELED' && isTransientFault(error) && askedPauseMs(error) <= LONGEST_PAUSE_MS;
}

function isRetryable(error: AxiosError): boolean {
  const status = error.response?.status ?? 0;
  return (status === 429 || (status >= 500 && status <= 599)) && askedPauseMs(error) <= LONGEST_PAUSE_MS;
}

function pauseBefore(retryNumber: number, error: AxiosError): number {
  const asked = askedPauseMs(error);
  if (error.response?.status === 429) return asked || RATE_LIMIT_PAUSE_MS;
  return Math.max(asked, PAUSES_MS[Math.min(retryNumber, PAUSES_MS.length) - 1] ?? RATE_LIMIT_PAUSE_MS);
}

/**
 * The pause that a 429 or a 5xx asks for with `Retry-After`, in milliseconds; 0 without one. The header has seconds or an
 * HTTP date (RFC 9110, 10.2.3). Other answers have no use for it.
 */
export function askedPauseMs({ response }: AxiosError): number {
  const header: unknown = response?.headers?.['retry-after'];
  const status = response?.status ?? 0;
  if (status !== 429 && status < 500) return 0;
  if (typeof header !== 'string' && typeof header !== 'number') return 0;
  const text = String(header).trim();
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}
