import { AxiosError } from 'axios';

/** What went wrong, for programs. The README's errors table says what each one asks of you. */
export type ConnectorAuthErrorCode =
  | 'ERR_NO_CONSUMER'
  | 'ERR_UNTRUSTED_ORIGIN'
  | 'ERR_UNKNOWN_ACCOUNT'
  | 'ERR_DOMAIN_LOOKUP'
  | 'ERR_APP_JWT'
  | 'ERR_CONSUMER_JWS'
  | 'ERR_CLOSED';

/** What a ConnectorAuthError tells besides its code and message. */
export interface ConnectorAuthErrorDetails {
  /** The account of the request, where it is known. */
  accountId?: string | undefined;
  /** HTTP status of the token call, where it was answered. */
  status?: number | undefined;
  /** Whether the same call may succeed later without any change. False by default. */
  transient?: boolean | undefined;
  /** Epoch milliseconds of the next try. */
  retryAt?: number | undefined;
  /** The error of the user's own code behind this one. */
  cause?: unknown;
}

// One process may hold the ESM and the CommonJS build: a brand recognises the errors of both, instanceof does not.
const BRAND = Symbol.for('axios-liveperson-auth.ConnectorAuthError');

/**
 * A request of ours that could not be given its tokens. Nothing of it was sent, unless `getSendApiError(error)` gives
 * a refusal: then it was sent once and refused, and no new token could be had.
 *
 * It carries no `config` and no `request`: these hold secrets, and axios-retry would take the error for a network fault.
 */
export class ConnectorAuthError extends AxiosError {
  /** What went wrong; docs/errors.md has what to do about each. */
  declare readonly code: ConnectorAuthErrorCode;
  /** The account of the request, where it is known. */
  readonly accountId: string | undefined;
  /** True when the same call may succeed later without any change on your side. */
  readonly transient: boolean;
  /** Epoch milliseconds of the next try: until then the same error is answered from memory. Set on failed token calls. */
  readonly retryAt: number | undefined;

  constructor(code: ConnectorAuthErrorCode, message: string, details: ConnectorAuthErrorDetails = {}) {
    super(message, code);
    this.name = 'ConnectorAuthError';
    this.accountId = details.accountId;
    if (details.status !== undefined) this.status = details.status;
    this.transient = details.transient ?? false;
    this.retryAt = details.retryAt;
    // As `new Error(message, { cause })` has it: not enumerable.
    if (details.cause !== undefined) {
      Object.defineProperty(this, 'cause', { value: details.cause, writable: true, configurable: true });
    }
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** Tells this package's errors from all others, whichever build of the package or of Axios made them. */
export function isConnectorAuthError(error: unknown): error is ConnectorAuthError {
  return typeof error === 'object' && error !== null && (error as Record<symbol, unknown>)[BRAND] === true;
}

/**
 * The same error once more, for another of those who waited for the same work: each caller's error collects a stack and
 * notes of its own.
 */
export function copyError(error: ConnectorAuthError): ConnectorAuthError {
  return new ConnectorAuthError(error.code, error.message, error);
}

export function closedError(accountId?: string): ConnectorAuthError {
  return new ConnectorAuthError(
    'ERR_CLOSED',
    'This ConnectorAuth was closed: create a new one with createConnectorAuth() to send further requests.',
    { accountId },
  );
}
