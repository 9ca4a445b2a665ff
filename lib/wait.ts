import axios, { AxiosError, type GenericAbortSignal, type InternalAxiosRequestConfig } from 'axios';
import { copyError, isConnectorAuthError } from './errors.js';

/** What may end one caller's wait. The shared work that it waits for goes on. */
export type WaitLimits = Partial<
  Pick<InternalAxiosRequestConfig, 'signal' | 'cancelToken' | 'timeout' | 'timeoutErrorMessage' | 'transitional'>
>;

/** Whether somebody still waits: what nobody waits for need not be begun. */
export type IsWanted = () => boolean;

/**
 * Waits for what others may wait for too, until this caller's own signal, cancel token or timeout ends the wait with
 * Axios's own error. A ConnectorAuthError is this caller's own, too.
 */
export function waitFor<T>(begin: (isWanted: IsWanted) => Promise<T>, limits: WaitLimits): Promise<T> {
  let isWanted = true;
  const work = begin(() => isWanted).catch((error: unknown): never => {
    throw isConnectorAuthError(error) ? copyError(error) : error;
  });
  const { signal, cancelToken } = limits;
  const timeout = timeoutMs(limits.timeout);
  if (!signal && !cancelToken && !timeout) return work;

  const release: (() => void)[] = [];
  const ended = new Promise<never>((_, reject) => {
    const config = limits as InternalAxiosRequestConfig;
    const cancel = () => reject(new axios.CanceledError(undefined, config));
    if (signal) onAbort(signal, cancel, release);
    if (cancelToken) onCancel(cancelToken, () => reject(cancelToken.reason), release);
    if (timeout) {
      const timer = setTimeout(() => reject(timeoutError(config)), timeout);
      release.push(() => clearTimeout(timer));
    }
  });
  return Promise.race([ended, work]).finally(() => {
    isWanted = false;
    for (const undo of release) undo();
  });
}

/** The longest that a timer of Node's can run: one set for longer would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A config's `timeout` as milliseconds, read as Axios's http adapter reads it; 0 is without end. */
export function timeoutMs(timeout: unknown): number {
  const ms = Number.parseInt(String(timeout), 10);
  return ms > 0 ? Math.min(ms, LONGEST_TIMER_MS) : 0;
}

function onAbort(signal: GenericAbortSignal, listener: () => void, release: (() => void)[]): void {
  // Axios's type leaves its methods out for environments that lack them; Axios itself relies on them.
  const full = signal as AbortSignal;
  if (full.aborted) {
    listener();
    return;
  }
  full.addEventListener('abort', listener);
  release.push(() => full.removeEventListener('abort', listener));
}

/** The half of Axios's CancelToken that its types do not have. */
interface ListenableCancelToken {
  subscribe(listener: () => void): void;
  unsubscribe(listener: () => void): void;
}

function onCancel(
  cancelToken: NonNullable<WaitLimits['cancelToken']>,
  listener: () => void,
  release: (() => void)[],
): void {
  const token = cancelToken as typeof cancelToken & ListenableCancelToken;
  token.subscribe(listener);
  release.push(() => token.unsubscribe(listener));
}

function timeoutError(config: InternalAxiosRequestConfig): AxiosError {
  const message = config.timeoutErrorMessage || `timeout of ${config.timeout}ms exceeded`;
  const code = config.transitional?.clarifyTimeoutError ? AxiosError.ETIMEDOUT : AxiosError.ECONNABORTED;
  return new AxiosError(message, code, config);
}
