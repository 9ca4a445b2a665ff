import type { Readable } from 'node:stream';
import axios, { AxiosError, type InternalAxiosRequestConfig } from 'axios';
import { defineHidden } from '../own.js';
import type { Ender } from '../wait.js';

/**
 * Whether a request body, as the adapter receives it, can be sent again. Streams (Node's, the web's, and those of the package
 * `form-data`) and iterators are used up by the first send.
 */
export function canBeSentAgain(body: unknown): boolean {
  if (typeof body !== 'object' || body === null) return true;
  const { next, [Symbol.asyncIterator]: iterate } = body as { next?: unknown; [Symbol.asyncIterator]?: unknown };
  return !isNodeStream(body) && !isWebStream(body) && typeof next !== 'function' && iterate === undefined;
}

/** The body of every send. */
export interface FixedBody {
  readonly data: unknown;
  /** Set only for an encoded form, because it contains the boundary. */
  readonly contentType: string | undefined;
}

/** Whether a body is a native `FormData`. Each encoding of it has another boundary, so it is encoded only once. */
export function isFormData(body: unknown): body is FormData {
  return typeof body === 'object' && body instanceof FormData;
}

/** Encodes a native `FormData` once, for all sends. */
export async function encodeForm(body: FormData): Promise<FixedBody> {
  const encoded = new Response(body);
  const contentType = encoded.headers.get('content-type') ?? 'multipart/form-data';
  return { data: Buffer.from(await encoded.arrayBuffer()), contentType };
}

/** Whether a body is a stream, which may fail before it is sent. */
export const isStream = (body: unknown): boolean => isNodeStream(body) || isWebStream(body);

/**
 * Ends a wait when the body fails before the adapter reads it. The error is the one that Axios gives for a body that fails
 * during the send.
 */
export function endOnBodyFailure(body: unknown, config: InternalAxiosRequestConfig): Ender[] {
  if (isNodeStream(body)) return [(end) => watchNodeStream(body, config, end)];
  if (isWebStream(body) && !body.locked) return [(end) => watchWebStream(body, config, end)];
  return [];
}

function watchNodeStream(
  stream: Readable,
  config: InternalAxiosRequestConfig,
  end: (error: unknown) => void,
): () => void {
  const onError = (error: Error) => end(AxiosError.from(error, undefined, config));
  const onGone = () => end(new axios.CanceledError('Request stream has been aborted', config));
  if (stream.errored) onError(stream.errored);
  else if (stream.destroyed && !stream.readableEnded) onGone();
  // If other code reads the stream to its end meanwhile, nothing is left to send.
  stream.on('end', onGone);
  stream.on('close', onGone);
  // This listener stays, because an error before the adapter listens must not end the process.
  stream.on('error', onError);
  return () => {
    stream.off('end', onGone);
    stream.off('close', onGone);
  };
}

function watchWebStream(
  stream: ReadableStream,
  config: InternalAxiosRequestConfig,
  end: (error: unknown) => void,
): () => void {
  const reader = stream.getReader();
  let isOver = false;
  reader.closed.catch((cause: unknown) => {
    if (isOver) return;
    const error = new AxiosError('Network Error', AxiosError.ERR_NETWORK, config);
    defineHidden(error, 'cause', cause);
    end(error);
  });
  return () => {
    isOver = true;
    reader.releaseLock();
  };
}

export const isNodeStream = (body: unknown): body is Readable =>
  typeof body === 'object' && body !== null && typeof (body as Partial<Readable>).pipe === 'function';

export const isWebStream = (body: unknown): body is ReadableStream =>
  typeof body === 'object' && body !== null && typeof (body as Partial<ReadableStream>).getReader === 'function';
