import axios, { AxiosError, type GenericAbortSignal, type InternalAxiosRequestConfig } from 'axios';
import { copyError, isConnectorAuthError } from './errors.js';

/** What may end one caller's wait. The shared work that it waits for goes on. */
export type WaitLimits = Partial<
  Pick<InternalAxiosRequestConfig, 'signal' | 'cancelToken' | 'timeout' | 'timeoutErrorMessage' | 'transitional'>
>;

/**
 * Waits for what others may wait for too, until this caller's own signal, cancel token or timeout ends the wait with
 * Axios's own error. A ConnectorAuthError is this caller's own, too.
 */
export function waitFor<T>(shared: Promise<T>, limits: WaitLimits): Promise<T> {
  const work = shared.catch((error: unknown): never => {
    throw isConnectorAuthError(error) ? copyError(error) : error;
  });
  const { signal, cancelToken, timeout } = limits;
  if (!signal && !cancelToken && !timeout) return work;

  const release: (() => void)[] = [];
  const ended = new Promise<never>((_, reject) => {
    const config = limits as InternalAxiosRequestConfig;
    const cancel = () => reject(new axios.CanceledError(undefined, config));
    if (signal) onAbort(signal, cancel, release);
    if (cancelToken) onCancel(cancelToken, () => reject(cancelToken.reason), release);
    if (timeout) {
      const timer = setTimeout(() => reject(timeoutError(timeout, config)), timeout);
      release.push(() => clearTimeout(timer));
    }
  });
  return Promise.race([ended, work]).finally(() => {
    for (const undo of release) undo();
  });
}

function onAbort(signal: GenericAbortSignal, listener: () => void, release: (() => void)[]): void {
  if (signal.aborted) listener();
  else signal.addEventListener?.('abort', listener);
  release.push(() => signal.removeEventListener?.('abort', listener));
}

interface CancelTokenWithListeners {
  subscribe?(listener: () => void): void;
  unsubscribe?(listener: () => void): void;
}

function onCancel(
  cancelToken: NonNullable<WaitLimits['cancelToken']>,
  listener: () => void,
  release: (() => void)[],
): void {
  const token = cancelToken as typeof cancelToken & CancelTokenWithListeners;
  token.subscribe?.(listener);
  release.push(() => token.unsubscribe?.(listener));
}

function timeoutError(timeout: number, config: InternalAxiosRequestConfig): AxiosError {
  const message = config.timeoutErrorMessage || `timeout of ${timeout}ms exceeded`;
  const code = config.transitional?.clarifyTimeoutError ? AxiosError.ETIMEDOUT : AxiosError.ECONNABORTED;
  return new AxiosError(message, code, config);
}
