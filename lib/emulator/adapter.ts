import { Readable } from 'node:stream';
import type { AxiosAdapter, AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import type { Answer, Handler } from './handler.js';
import { encodeBody, type Incoming } from './reply.js';

// Axios is loaded with the first request: the emulator also runs where it is not installed.
const loadAxios = () => import('axios');
type Axios = Awaited<ReturnType<typeof loadAxios>>;

/** Answers an Axios instance in this process, without a socket. A request may name any host: each is the emulator. */
export function createAdapter(handle: Handler['handle']): AxiosAdapter {
  return async (config) => {
    const axios = await loadAxios();
    if (config.signal?.aborted) throw new axios.CanceledError(undefined, config);
    const end = endOf(config, axios);
    try {
      return await Promise.race([answer(config, axios, handle), end.promise]);
    } finally {
      end.forget();
    }
  };
}

async function answer(
  config: InternalAxiosRequestConfig,
  axios: Axios,
  handle: Handler['handle'],
): Promise<AxiosResponse> {
  const { AxiosError } = axios;
  const { reply, part, finish } = await handle(await readRequest(config, axios));
  finish();
  if (part === 'none') throw new AxiosError('socket hang up', 'ECONNRESET', config, {});
  const response = describeResponse(config, reply, axios);
  if (part === 'half') {
    const headOnly = { ...response, data: undefined };
    throw new AxiosError('stream has been aborted', AxiosError.ERR_BAD_RESPONSE, config, {}, headOnly);
  }
  const { maxContentLength = -1, validateStatus } = config;
  if (maxContentLength > -1 && encodeBody(reply.body).bytes.length > maxContentLength) {
    const message = `maxContentLength size of ${maxContentLength} exceeded`;
    throw new AxiosError(message, AxiosError.ERR_BAD_RESPONSE, config, {});
  }
  if (!validateStatus || validateStatus(response.status)) return response;
  const code = response.status < 500 ? AxiosError.ERR_BAD_REQUEST : AxiosError.ERR_BAD_RESPONSE;
  throw new AxiosError(`Request failed with status code ${response.status}`, code, config, {}, response);
}

async function readRequest(config: InternalAxiosRequestConfig, axios: Axios): Promise<Incoming> {
  const text = axios.default.getUri(config);
  const base = 'http://emulator';
  if (!URL.canParse(text, base)) {
    throw new axios.AxiosError('Invalid URL', axios.AxiosError.ERR_INVALID_URL, config);
  }
  const url = new URL(text, base);
  const bytes = await readBytes(config.data);
  const headers: Record<string, string> = { host: url.host };
  for (const [name, value] of Object.entries(axios.AxiosHeaders.from(config.headers).toJSON())) {
    if (value !== undefined && value !== null) headers[name.toLowerCase()] = String(value);
  }
  return {
    method: (config.method ?? 'get').toUpperCase(),
    url,
    headers,
    body: bytes.toString(),
    bytes,
    isSecure: url.protocol === 'https:',
    isInProcess: true,
  };
}

/** A body after Axios's own transforms: text, bytes, or a stream of them. */
async function readBytes(data: unknown): Promise<Buffer> {
  if (data === undefined || data === null) return Buffer.alloc(0);
  if (typeof data === 'string' || data instanceof URLSearchParams) return Buffer.from(String(data));
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (Object.prototype.toString.call(data) === '[object ArrayBuffer]') return Buffer.from(data as ArrayBuffer);
  if (typeof (data as Blob).arrayBuffer === 'function') return Buffer.from(await (data as Blob).arrayBuffer());
  if (typeof (data as AsyncIterable<unknown>)[Symbol.asyncIterator] === 'function') {
    const chunks: Buffer[] = [];
    for await (const chunk of data as AsyncIterable<string | Uint8Array>) chunks.push(Buffer.from(chunk as string));
    return Buffer.concat(chunks);
  }
  throw new TypeError('The emulator’s adapter takes text, bytes or a Node stream as the body.');
}

function describeResponse(
  config: InternalAxiosRequestConfig,
  { status, body, headers }: Answer['reply'],
  { AxiosHeaders }: Axios,
): AxiosResponse {
  const { bytes, type } = encodeBody(body);
  return {
    status,
    statusText: '',
    headers: AxiosHeaders.from({ 'content-type': type, 'content-length': String(bytes.length), ...headers }),
    config,
    request: {},
    data: dataFor(config.responseType, bytes),
  };
}

function dataFor(responseType: InternalAxiosRequestConfig['responseType'], bytes: Buffer): unknown {
  if (responseType === 'arraybuffer') return bytes;
  if (responseType === 'stream') return Readable.from([bytes]);
  return bytes.toString();
}

/** Rejects when the request is aborted or its `timeout` has passed. */
function endOf(config: InternalAxiosRequestConfig, { AxiosError, CanceledError }: Axios) {
  const { signal, cancelToken, timeout = 0 } = config;
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<never>((_, fail) => {
    reject = fail;
  });
  const onAbort = () => reject(new CanceledError(undefined, config));
  const timer =
    timeout > 0
      ? setTimeout(() => {
          const message = config.timeoutErrorMessage ?? `timeout of ${timeout}ms exceeded`;
          reject(new AxiosError(message, AxiosError.ECONNABORTED, config, {}));
        }, timeout)
      : undefined;
  signal?.addEventListener?.('abort', onAbort);
  void cancelToken?.promise.then((reason) => reject(reason));
  return {
    promise,
    forget() {
      clearTimeout(timer);
      signal?.removeEventListener?.('abort', onAbort);
    },
  };
}
