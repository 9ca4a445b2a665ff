import { Readable } from 'node:stream';
import type { AxiosResponse } from 'axios';
import { LONGEST_ERROR_BYTES } from './send-api-error.js';
import { timeoutMs } from './wait.js';

/** One chunk after another; a source that failed throws. */
interface ChunkSource {
  next(): Promise<IteratorResult<Uint8Array, unknown>>;
  /** Gives the source up. */
  stop(reason?: Error): void;
}

/**
 * The body of an answer in a form that can be looked into: as it is, or, of a blob or a JSON stream, the text (of the
 * latter at most 64 KiB, and only when that is all of it). A stream that was looked into is put back whole.
 *
 * @param config its timeout bounds how long a stream may keep us waiting; it is then handed on unjudged
 * @param patienceMs the bound where the config has none
 * @returns a promise only where there is something to wait for
 */
export function peekBody(response: AxiosResponse, config: { readonly timeout?: unknown }, patienceMs: number): unknown {
  const data: unknown = response.data;
  if (typeof data !== 'object' || data === null) return data;
  if (data instanceof Blob) return peekBlob(data);
  const isNodeStream = typeof (data as Readable).pipe === 'function';
  const isWebStream = typeof (data as ReadableStream).getReader === 'function';
  if (!isNodeStream && !isWebStream) return data;
  return isJson(response) ? peekStream(response, isNodeStream, timeoutMs(config.timeout) || patienceMs) : undefined;
}

async function peekBlob(blob: Blob): Promise<string | undefined> {
  return blob.size <= LONGEST_ERROR_BYTES ? blob.text() : undefined;
}

async function peekStream(response: AxiosResponse, isNodeStream: boolean, patienceMs: number): Promise<unknown> {
  const { data } = response;
  const source = isNodeStream ? readNodeStream(data) : readWebStream(data);
  const peeked = await readHead(source, patienceMs);
  response.data = (isNodeStream ? toNodeStream : toWebStream)(peeked.replay(), source);
  return peeked.isWhole ? Buffer.concat(peeked.head) : undefined;
}

function isJson(response: AxiosResponse): boolean {
  const headers = response.headers as { get?(name: string): unknown; 'content-type'?: unknown };
  const type = typeof headers.get === 'function' ? headers.get('content-type') : headers['content-type'];
  return typeof type === 'string' && /^application\/([\w.-]+\+)?json\b/i.test(type.trim());
}

async function readHead(source: ChunkSource, patienceMs: number) {
  const head: Uint8Array[] = [];
  let size = 0;
  let pending: ReturnType<ChunkSource['next']> | undefined;
  let isWhole = false;
  const deadline = startDeadline(patienceMs);
  try {
    while (size <= LONGEST_ERROR_BYTES) {
      pending = source.next();
      const result = await Promise.race([pending, deadline.passed]);
      if (!result) break;
      pending = undefined;
      if (result.done) {
        isWhole = true;
        break;
      }
      head.push(result.value);
      size += result.value.byteLength;
    }
  } catch {
    // The caller meets the same failure at the same place: `pending` is the rejected promise.
  } finally {
    deadline.clear();
  }

  async function* replay(): AsyncGenerator<Uint8Array> {
    yield* head;
    while (!isWhole) {
      const result = await (pending ?? source.next());
      pending = undefined;
      if (result.done) return;
      yield result.value;
    }
  }
  return { head, isWhole, replay };
}

function startDeadline(ms: number): { passed: Promise<undefined>; clear(): void } {
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  return { passed, clear: () => clearTimeout(timer) };
}

function readNodeStream(stream: Readable): ChunkSource {
  // Without a listener, an error between two reads would be thrown at the process.
  stream.on('error', () => {});
  const chunks = stream.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array | string>;
  return {
    next: async () => {
      const { done, value } = await chunks.next();
      return done ? { done, value } : { done: false, value: typeof value === 'string' ? Buffer.from(value) : value };
    },
    stop: () => stream.destroy(),
  };
}

function readWebStream(stream: ReadableStream<Uint8Array>): ChunkSource {
  const reader = stream.getReader();
  return {
    next: () => reader.read() as Promise<IteratorResult<Uint8Array, unknown>>,
    stop: (reason) => void reader.cancel(reason).catch(() => {}),
  };
}

function toNodeStream(chunks: AsyncGenerator<Uint8Array>, source: ChunkSource): Readable {
  const stream = Readable.from(chunks, { objectMode: false });
  // Given up before it is read, it never starts `chunks`: only here can the source be told.
  stream.once('close', () => source.stop());
  return stream;
}

function toWebStream(chunks: AsyncGenerator<Uint8Array>, source: ChunkSource): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => source.stop(reason),
  });
}
