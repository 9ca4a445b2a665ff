import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { AxiosResponse } from 'axios';
import { LONGEST_ERROR_BYTES } from '../send-api-error.js';
import { timeoutMs } from '../wait.js';
import { isNodeStream, isStream } from './body.js';

/**
 * The part of an answer's body that can contain a Send API error. For a blob or a JSON stream, this is its content, if it has
 * at most 64 KiB. The caller still gets the whole stream.
 *
 * @param timeout time limit for a stream, in milliseconds, like a config's `timeout`
 * @returns a promise only for a blob or a stream
 */
export function readBody(response: AxiosResponse, timeout: number): unknown {
  const data: unknown = response.data;
  if (typeof data !== 'object' || data === null) return data;
  if (data instanceof Blob) return readBlob(data);
  if (!isStream(data)) return data;
  return isJson(response) ? readStream(response, isNodeStream(data), timeoutMs(timeout)) : undefined;
}

async function readBlob(blob: Blob): Promise<string | undefined> {
  return blob.size <= LONGEST_ERROR_BYTES ? blob.text() : undefined;
}

function isJson(response: AxiosResponse): boolean {
  const headers = response.headers as { get?(name: string): unknown; 'content-type'?: unknown };
  const type = typeof headers.get === 'function' ? headers.get('content-type') : headers['content-type'];
  return typeof type === 'string' && /^application\/([\w.-]+\+)?json\b/i.test(type.trim());
}

async function readStream(response: AxiosResponse, isNode: boolean, patienceMs: number): Promise<unknown> {
  const source: ReadableStream = isNode ? Readable.toWeb(response.data) : response.data;
  const [ours, callers] = source.tee();
  const text = await readAll(ours, patienceMs);
  response.data = isNode ? toNodeStream(callers) : callers;
  return text;
}

/** All bytes of a stream. `undefined` if there are too many, or they arrive too late or not completely. */
async function readAll(stream: ReadableStream, patienceMs: number): Promise<Uint8Array | undefined> {
  const reader = stream.getReader();
  const giveUp = () => void reader.cancel().catch(() => {});
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    giveUp();
  }, patienceMs);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (isLate) return undefined;
      if (done) return Buffer.concat(chunks);
      const chunk = Buffer.from(value);
      chunks.push(chunk);
      size += chunk.byteLength;
      if (size > LONGEST_ERROR_BYTES) return undefined;
    }
  } catch {
    // The caller's half of the stream has the same error.
    return undefined;
  } finally {
    clearTimeout(timer);
    giveUp();
  }
}

function toNodeStream(stream: ReadableStream): Readable {
  const readable = Readable.fromWeb(stream);
  // Like Axios's own streams, it must not end the process if it fails before the caller reads it.
  readable.on('error', () => {});
  return readable;
}
