import axios, { type AxiosAdapter, type AxiosResponse, type InternalAxiosRequestConfig } from 'axios';
import { createCancelSource, type ListenableCancelToken, timeoutError, timeoutMs } from './wait.js';

/** Sends once. The send ends when `timeout` is over, whatever the server or the adapter does. */
export function callAdapter(adapter: AxiosAdapter, sent: InternalAxiosRequestConfig): Promise<AxiosResponse> {
  const ms = sent.timeout ? timeoutMs(sent.timeout) : 0;
  return ms === 0 ? start(adapter, sent) : callWithin(ms, adapter, sent);
}

/** Calls the adapter. An adapter that is not an async function may throw instead of rejecting. */
function start(adapter: AxiosAdapter, sent: InternalAxiosRequestConfig): Promise<AxiosResponse> {
  try {
    return Promise.resolve(adapter(sent));
  } catch (error) {
    return Promise.reject(error);
  }
}

/** An adapter has this long to end a canceled send. Its error has the `request`, so it is preferred. */
const CANCEL_MS = 20;

/**
 * Axios's timers start again with each byte that arrives, and end when the server switches protocols. So another timer limits
 * the whole send. It starts after Axios's timers, so Axios's own error comes first where they work.
 */
async function callWithin(ms: number, adapter: AxiosAdapter, sent: InternalAxiosRequestConfig): Promise<AxiosResponse> {
  const { cancel, release } = makeCancelable(sent);
  const call = start(adapter, sent);
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      isOver = true;
      timer = setTimeout(() => reject(timeoutError(sent, sent)), CANCEL_MS);
      cancel();
    }, ms);
  });
  try {
    return await Promise.race([call, end]);
  } catch (error) {
    if (!isOver || !axios.isCancel(error)) throw error;
    throw timeoutError(sent, sent, (error as { request?: unknown }).request);
  } finally {
    clearTimeout(timer);
    release();
  }
}

interface Cancelable {
  cancel(): void;
  /** Lets go of the caller's own cancel token. */
  release(): void;
}

/** Adds a `signal`, or, if the caller has one, a `cancelToken`. */
function makeCancelable(sent: InternalAxiosRequestConfig): Cancelable {
  if (!sent.signal) {
    const controller = new AbortController();
    sent.signal = controller.signal;
    return { cancel: () => controller.abort(), release: () => {} };
  }
  const source = createCancelSource();
  const callers = sent.cancelToken as ListenableCancelToken | undefined;
  const follow = () => source.cancel((callers?.reason as { message?: string } | undefined)?.message);
  callers?.subscribe(follow);
  sent.cancelToken = source.token;
  return { cancel: () => source.cancel(), release: () => callers?.unsubscribe(follow) };
}
