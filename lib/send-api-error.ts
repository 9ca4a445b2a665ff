import { defineHidden, isRecord, ownOf } from './own.js';

/** The Send API's documented error codes. Others exist: the list is open. Source: LivePerson, "Authorization and Authentication". */
export const SendApiErrorCode = {
  /** 40001: a mandatory parameter, or a mandatory claim of the AppJWT, is missing. */
  MissingParameter: 40001,
  /** 40102: the AppJWT has expired or is invalid. */
  InvalidAppJwt: 40102,
  /** 40103: the ConsumerJWS is invalid. */
  InvalidConsumerJws: 40103,
  /** 40104: the request had no ConsumerJWS. */
  MissingConsumerJws: 40104,
  /** 40105: the request had no AppJWT. */
  MissingAppJwt: 40105,
} as const;

/** An error answer of the Send API, and what the package did about it. */
export interface SendApiError {
  /** Branch on this code: LivePerson keeps it stable. `title` and `details` may change. */
  readonly errorCode: number;
  /** LivePerson's words, or an empty string. */
  readonly title: string;
  /** LivePerson's words, or an empty string. */
  readonly details: string;
  /** HTTP status of the answer that had the error. */
  readonly status: number;
  /** Whether the request was replayed. It is replayed at most once for each refused token, so it is sent at most three times. */
  readonly replayed: boolean;
  /** Why this refusal caused no replay. An earlier refusal of the same request may have caused one. */
  readonly reason?: ReplaySkipReason;
}

/** The body can be sent only once (a stream), or there was no new token. */
export type ReplaySkipReason = 'body-not-replayable' | 'no-token';

export interface SendApiErrorBody {
  readonly errorCode: number;
  readonly title: string;
  readonly details: string;
}

/** A longer answer is not read: the documented envelope has about 200 bytes. */
export const LONGEST_ERROR_BYTES = 64 * 1024;

const NONE: readonly SendApiErrorBody[] = [];

/**
 * The errors in an answer's body. The body may be an object, text or bytes. An array has one error for each item. The result is
 * empty if any item is not the documented envelope.
 */
export function readErrorBodies(data: unknown): readonly SendApiErrorBody[] {
  const parsed = typeof data === 'object' && !isBytes(data) ? data : parseJson(data);
  if (!isRecord(parsed)) return NONE;
  const items: readonly unknown[] = Array.isArray(parsed) ? parsed : [parsed];
  const errors = items.map(readEnvelope);
  return errors.every((error) => error !== undefined) ? errors : NONE;
}

function readEnvelope(item: unknown): SendApiErrorBody | undefined {
  if (!isRecord(item)) return undefined;
  const { kind, body } = ownOf(item);
  if (!isRecord(body) || (kind !== undefined && kind !== 'resp')) return undefined;
  const { errorCode, title, details } = ownOf(body);
  const code = typeof errorCode === 'string' && /^\d{5}$/.test(errorCode) ? Number(errorCode) : errorCode;
  if (typeof code !== 'number' || !Number.isInteger(code)) return undefined;
  return { errorCode: code, title: textOf(title), details: textOf(details) };
}

function parseJson(data: unknown): unknown {
  const text = typeof data === 'string' ? data : decode(data);
  if (text.length > LONGEST_ERROR_BYTES || !text.includes('errorCode')) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const decode = (data: unknown): string =>
  isBytes(data) && data.byteLength <= LONGEST_ERROR_BYTES ? new TextDecoder().decode(data) : '';

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

const isBytes = (data: unknown): data is ArrayBuffer | NodeJS.ArrayBufferView =>
  ArrayBuffer.isView(data) || Object.prototype.toString.call(data) === '[object ArrayBuffer]';

// getSendApiError cannot read a stream or a blob, because it is synchronous. So the dispatch notes the error that it has read.
const NOTE = Symbol.for('axios-liveperson-auth.SendApiError');

export function noteSendApiError(target: object, error: SendApiError): void {
  defineHidden(target, NOTE, error);
}

/**
 * The Send API's error in a failed request, for every form of the body (object, text, bytes, blob, stream). `undefined` if
 * there is none. Pass the error or, if your `validateStatus` accepts error answers, the response.
 *
 * `replayed` is true if the request was replayed. If the replay failed without an error of the Send API, or there was no new
 * token, the last refusal is returned.
 */
export function getSendApiError(error: unknown): SendApiError | undefined {
  if (!isRecord(error)) return undefined;
  const response = Object.hasOwn(error, 'response') && isRecord(error.response) ? error.response : error;
  const noted = (error as Record<symbol, unknown>)[NOTE] ?? (response as Record<symbol, unknown>)[NOTE];
  if (noted) return noted as SendApiError;
  const { data, status } = ownOf(response);
  const [first] = readErrorBodies(data);
  return first && typeof status === 'number' ? { ...first, status, replayed: false } : undefined;
}
