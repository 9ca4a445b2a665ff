import axios, { AxiosError, type CancelTokenSource, type InternalAxiosRequestConfig } from 'axios';
import { closedError, copyError, isConnectorAuthError } from './errors.js';
import { defineHidden } from './own.js';

/** Whether a caller still waits. A call is not started if no caller waits for it. */
export type IsWanted = () => boolean;

/** For work that no caller waits for. */
export const inBackground: IsWanted = () => true;

/** Can end one caller's wait, by calling `end` with an error. @returns a function that removes the ender */
export type Ender = (end: (error: unknown) => void) => () => void;

/** The waits of one ConnectorAuth. */
export interface Waits {
  /**
   * Waits for shared work until the work is done, an ender ends this caller's wait, or `close()` ends all of them. The shared
   * work goes on for others. A ConnectorAuthError is copied, so that each caller has its own.
   */
  waitFor<T>(begin: (isWanted: IsWanted) => Promise<T>, enders: readonly Ender[], accountId?: string): Promise<T>;
  readonly isClosed: boolean;
  close(): void;
}

export function createWaits(): Waits {
  const open = new Set<() => void>();
  let isClosed = false;

  return {
    async waitFor(begin, enders, accountId) {
      if (isClosed) throw closedError(accountId);
      let isWanted = true;
      const stops: (() => void)[] = [];
      try {
        return await new Promise((resolve, reject) => {
          const end = (error: unknown) => {
            isWanted = false;
            reject(error);
          };
          const onClose = () => end(closedError(accountId));
          open.add(onClose);
          stops.push(() => open.delete(onClose));
          for (const ender of enders) stops.push(ender(end));
          if (isWanted) begin(() => isWanted).then(resolve, reject);
        });
      } catch (error) {
        throw isConnectorAuthError(error) ? copyError(error) : error;
      } finally {
        isWanted = false;
        for (const stop of stops) stop();
      }
    },
    get isClosed() {
      return isClosed;
    },
    close() {
      isClosed = true;
      for (const end of [...open]) end();
    },
  };
}

/** The properties of a config that can end a wait. */
export type WaitLimits = Readonly<
  Partial<
    Pick<InternalAxiosRequestConfig, 'signal' | 'cancelToken' | 'timeout' | 'timeoutErrorMessage' | 'transitional'>
  >
>;

/**
 * The enders for a caller's signal, cancel token and timeout. They give Axios's own errors.
 *
 * @param config the `config` of these errors
 */
export function endersOf(limits: WaitLimits, config?: InternalAxiosRequestConfig): Ender[] {
  const { signal, cancelToken, timeout } = limits;
  const enders: Ender[] = [];
  if (signal) enders.push(endOnAbort(signal as AbortSignal, config));
  if (cancelToken) enders.push(endOnCancel(cancelToken as ListenableCancelToken));
  if (timeout) enders.push(endAfter(timeoutMs(timeout), () => timeoutError(limits, config)));
  return enders;
}

const nothing = () => {};

function endOnAbort(signal: AbortSignal, config: InternalAxiosRequestConfig | undefined): Ender {
  return (end) => {
    const cancel = () => end(new axios.CanceledError(undefined, config));
    if (signal.aborted) {
      cancel();
      return nothing;
    }
    signal.addEventListener('abort', cancel);
    return () => signal.removeEventListener('abort', cancel);
  };
}

/** A CancelToken, with the members that Axios's types lack. */
export interface ListenableCancelToken {
  readonly reason?: unknown;
  subscribe(listener: () => void): void;
  unsubscribe(listener: () => void): void;
}

/** Like `CancelToken.source()`, but a polluted `Object.prototype.reason` does not cancel its token. */
export function createCancelSource(): CancelTokenSource {
  const source = axios.CancelToken.source();
  defineHidden(source.token, 'reason', undefined);
  return source;
}

function endOnCancel(token: ListenableCancelToken): Ender {
  return (end) => {
    const cancel = () => end(token.reason);
    token.subscribe(cancel);
    return () => token.unsubscribe(cancel);
  };
}

/** Ends a wait after `ms` milliseconds. 0 never ends it. */
export function endAfter(ms: number, makeError: () => unknown): Ender {
  return (end) => {
    if (ms === 0) return nothing;
    const timer = setTimeout(() => end(makeError()), ms);
    return () => clearTimeout(timer);
  };
}

/** The longest time that Node's timers can hold. A timer for more would fire at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A config's `timeout` in milliseconds, read as Axios's http adapter reads it. 0 means no timeout. */
export function timeoutMs(timeout: unknown): number {
  const ms = Number.parseInt(String(timeout), 10);
  return ms > 0 ? Math.min(ms, LONGEST_TIMER_MS) : 0;
}

/** The error that Axios gives when `timeout` is over. */
export function timeoutError(
  { timeout, timeoutErrorMessage, transitional }: WaitLimits,
  config?: InternalAxiosRequestConfig,
  request?: unknown,
): AxiosError {
  const message = timeoutErrorMessage || `timeout of ${timeout}ms exceeded`;
  const code = transitional?.clarifyTimeoutError ? AxiosError.ETIMEDOUT : AxiosError.ECONNABORTED;
  return new AxiosError(message, code, config, request);
}
