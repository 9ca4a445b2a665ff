import type { AxiosError } from 'axios';
import axiosRetry, { type IAxiosRetryConfig } from 'axios-retry';

const PAUSES_MS = [5_000, 10_000, 15_000];
const RATE_LIMIT_PAUSE_MS = 5_000;
/** A service that asks for a longer pause is not waited for: its answer is the error. */
const LONGEST_PAUSE_MS = 60_000;

/**
 * LivePerson's published retry policy, for your own instance: `axiosRetry(http, livePersonRetry)`.
 *
 * Three retries after 5, 10 and 15 seconds for a 5xx or a network fault; for a 429 at least 5 seconds, or `Retry-After`
 * where the server sends it (over 60 seconds it is not waited for). No other 4xx is retried, and no timeout.
 * CONVERSATION and SEND have no idempotency key: a request whose answer was lost may have been carried out already.
 *
 * Source: LivePerson's "Retry Policy Recommendations".
 */
export const livePersonRetry: IAxiosRetryConfig = {
  retries: PAUSES_MS.length,
  retryCondition: (error) => isRetryable(error) || axiosRetry.isNetworkError(error),
  retryDelay: pauseBefore,
  // The timeout is that of one attempt: without this the pauses alone would use it up.
  shouldResetTimeout: true,
};

/** The same policy for the package's own calls, which are safe to repeat: timeouts and cut-off answers are retried too. */
export function tokenCallRetry(overrides: IAxiosRetryConfig | false | undefined): IAxiosRetryConfig {
  if (overrides === false) return { retries: 0 };
  const given = Object.entries(overrides ?? {}).filter(([, value]) => value !== undefined);
  return { ...livePersonRetry, retryCondition: isTransient, ...Object.fromEntries(given) };
}

/** Whether a failed token call may succeed when it is simply sent again, now or later. */
export function isTransientFault(error: AxiosError): boolean {
  const status = error.response?.status;
  if (status === undefined) return !/maxContentLength/.test(error.message);
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

/** What `Retry-After` asks for, in milliseconds; 0 without one. It is seconds or an HTTP date (RFC 9110, 10.2.3). */
export function askedPauseMs(error: AxiosError): number {
  const header: unknown = error.response?.headers?.['retry-after'];
  if (typeof header !== 'string' && typeof header !== 'number') return 0;
  const text = String(header).trim();
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}
