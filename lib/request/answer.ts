import type { AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import type { TokenKind } from '../events.js';
import {
  noteSendApiError,
  readErrorBodies,
  type SendApiError,
  type SendApiErrorBody,
  SendApiErrorCode,
} from '../send-api-error.js';
import type { OutgoingRequest } from './outgoing-config.js';

/** What an adapter gave for one send. */
export class Answer {
  /** What the Send API says against the request. */
  fault: SendApiError | undefined;
  /** The token that the Send API refused. */
  refused: TokenKind | undefined;

  private constructor(
    readonly isError: boolean,
    /** The response, or what the adapter rejected with. */
    private readonly value: unknown,
    readonly response: AxiosResponse | undefined,
  ) {
    this.fault = undefined;
    this.refused = undefined;
  }

  static resolved(response: AxiosResponse): Answer {
    return new Answer(false, response, response);
  }

  static rejected(error: unknown): Answer {
    const response = isRecord(error) && isRecord(error.response) ? error.response : undefined;
    return new Answer(true, error, response as AxiosResponse | undefined);
  }

  /** Everything that may hold a config and a request: the response, or an error, its causes and their responses. */
  holders(): Iterable<Record<string, unknown>> {
    const holders = new Set<Record<string, unknown>>();
    for (let value = this.value; isRecord(value) && !holders.has(value); value = value.cause) {
      holders.add(value);
      if (isRecord(value.response)) holders.add(value.response);
    }
    return holders;
  }

  /** Reads what the Send API says in the body. */
  judge(body: unknown): void {
    const errors = readErrorBodies(body);
    const [first] = errors;
    if (!first || !this.response) return;
    this.fault = { ...first, status: this.response.status, replayed: false };
    this.refused = refusedToken(errors);
  }

  /** Gives the caller the adapter's answer. @param error what `getSendApiError` then tells */
  settle(error: SendApiError | undefined): AxiosResponse {
    if (error) {
      for (const target of new Set([this.response, this.value])) if (isRecord(target)) noteSendApiError(target, error);
    }
    if (this.isError) throw this.value;
    return this.value as AxiosResponse;
  }
}

/** The token that an answer refuses: the one of its first error, when every error in it is a refusal. */
export function refusedToken(errors: readonly SendApiErrorBody[]): TokenKind | undefined {
  const kinds = errors.map(({ errorCode }) => kindRefusedBy(errorCode));
  return kinds.includes(undefined) ? undefined : kinds[0];
}

function kindRefusedBy(errorCode: number): TokenKind | undefined {
  if (errorCode === SendApiErrorCode.InvalidAppJwt) return 'appJwt';
  if (errorCode === SendApiErrorCode.InvalidConsumerJws) return 'consumerJws';
  return undefined;
}

/** Replaces the config that was sent, which holds tokens, by the caller's own, wherever the answer has it. */
export function removeTokens(answer: Answer, sent: InternalAxiosRequestConfig, request: OutgoingRequest): void {
  // Something may still hold the sent config, such as the error of a stream that breaks off later.
  sent.headers = request.config.headers;
  if (answer.response && !answer.isError) {
    answer.response.config = request.original;
    return;
  }
  for (const holder of answer.holders()) if (isRecord(holder.config)) Reflect.set(holder, 'config', request.original);
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
