import type { AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import type { TokenKind } from '../events.js';
import { isRecord, ownValue } from '../own.js';
import {
  noteSendApiError,
  readErrorBodies,
  type SendApiError,
  type SendApiErrorBody,
  SendApiErrorCode,
} from '../send-api-error.js';
import type { OutgoingRequest } from './outgoing-config.js';

/** The adapter's result of one send. */
export interface Answer {
  /** Whether the adapter rejected. */
  readonly isError: boolean;
  /** The response, or the adapter's error. */
  readonly value: unknown;
  readonly response: AxiosResponse | undefined;
  /** The Send API's error. Set when the body has been read. */
  fault: SendApiError | undefined;
  /** The token that the Send API refused. */
  refused: TokenKind | undefined;
}

export const resolvedWith = (response: AxiosResponse): Answer => ({
  isError: false,
  value: response,
  response,
  fault: undefined,
  refused: undefined,
});

export function rejectedWith(error: unknown): Answer {
  const response = isRecord(error) ? ownRecord(error, 'response') : undefined;
  return {
    isError: true,
    value: error,
    response: response as AxiosResponse | undefined,
    fault: undefined,
    refused: undefined,
  };
}

/** Faults of a connection that was not made, or that broke before an answer. `ERR_NETWORK` is the fetch adapter's. */
const CONNECT_FAULTS: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ERR_NETWORK',
]);

/** Whether the host could not be reached. */
export const isUnreachable = ({ isError, value, response }: Answer): boolean =>
  isError && !response && isRecord(value) && CONNECT_FAULTS.has(ownValue(value, 'code'));

/** Sets `fault` and `refused` from the body. */
export function judge(answer: Answer, body: unknown): void {
  const errors = readErrorBodies(body);
  const [first] = errors;
  if (!first || !answer.response) return;
  answer.fault = { ...first, status: answer.response.status, replayed: false };
  answer.refused = refusedToken(errors);
}

/** Returns or throws the adapter's answer. @param error the result of `getSendApiError` for it */
export function settle({ isError, value, response }: Answer, error: SendApiError | undefined): AxiosResponse {
  if (error) for (const target of new Set([response, value])) if (isRecord(target)) noteSendApiError(target, error);
  if (isError) throw value;
  return value as AxiosResponse;
}

/** Every object that may hold a config and a request: the response, or the error, its causes and their responses. */
export function holdersIn(answer: Answer): Iterable<Record<string, unknown>> {
  const holders = new Set<Record<string, unknown>>();
  for (let value = answer.value; isRecord(value) && !holders.has(value); value = ownRecord(value, 'cause')) {
    holders.add(value);
    const response = ownRecord(value, 'response');
    if (response) holders.add(response);
  }
  return holders;
}

/** The refused token: that of the first error, if every error in the answer is a refusal. */
export function refusedToken(errors: readonly SendApiErrorBody[]): TokenKind | undefined {
  const kinds = errors.map(({ errorCode }) => kindRefusedBy(errorCode));
  return kinds.includes(undefined) ? undefined : kinds[0];
}

function kindRefusedBy(errorCode: number): TokenKind | undefined {
  if (errorCode === SendApiErrorCode.InvalidAppJwt) return 'appJwt';
  if (errorCode === SendApiErrorCode.InvalidConsumerJws) return 'consumerJws';
  return undefined;
}

/** Replaces the sent config, which has the tokens, with the caller's own, everywhere in the answer. */
export function removeTokens(answer: Answer, sent: InternalAxiosRequestConfig, request: OutgoingRequest): void {
  // Other objects may still hold the sent config, such as the error of a stream that breaks off later.
  sent.headers = request.config.headers;
  if (answer.response && !answer.isError) {
    answer.response.config = request.original;
    return;
  }
  for (const holder of holdersIn(answer)) if (isRecord(holder.config)) Reflect.set(holder, 'config', request.original);
}

function ownRecord(holder: object, name: string): Record<string, unknown> | undefined {
  const value = ownValue(holder, name);
  return isRecord(value) ? value : undefined;
}
