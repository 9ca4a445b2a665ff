import { AxiosError } from 'axios';
import { defineHidden, ownValue } from './own.js';

/** The codes of a ConnectorAuthError. docs/errors.md says what to do about each. */
export type ConnectorAuthErrorCode =
  | 'ERR_NO_CONSUMER'
  | 'ERR_UNTRUSTED_ORIGIN'
  | 'ERR_UNKNOWN_ACCOUNT'
  | 'ERR_CREDENTIALS'
  | 'ERR_DOMAIN_LOOKUP'
  | 'ERR_APP_JWT'
  | 'ERR_CONSUMER_JWS'
  | 'ERR_CLOSED';

/** The properties of a ConnectorAuthError besides its code and message. */
export interface ConnectorAuthErrorDetails {
  /** The account of the request, if it is known. */
  accountId?: string | undefined;
  /** HTTP status of the token call, if there was an answer. */
  status?: number | undefined;
  /**
   * Whether the same call may succeed later without any change.
   * @default false
   */
  transient?: boolean | undefined;
  /** Epoch milliseconds of the next attempt. */
  retryAt?: number | undefined;
  /** LivePerson's own code of the fault, if the answer had one. */
  internalErrorCode?: string | undefined;
  /** The error of your own code, such as the options `consumerId` and `credentials`. */
  cause?: unknown;
}

// A process may load the ESM and the CommonJS build. A brand recognises the errors of both; instanceof does not.
const BRAND = Symbol.for('axios-liveperson-auth.ConnectorAuthError');

/**
 * A Send API request could not get its tokens, so it was not sent. If `getSendApiError(error)` returns a refusal, the request
 * was sent and refused, and there was no new token for the replay.
 *
 * `config` is the config of the request, without tokens. It prints without secrets. If the error is transient, axios-retry may
 * send the request again. Otherwise axios-retry never does, whatever its `retryCondition` is. The errors of `getAppJwt()`,
 * `getConsumerJws()` and `getOrigin()` have no `config`.
 */
export class ConnectorAuthError extends AxiosError {
  /** The error code. docs/errors.md says what to do about each. */
  declare readonly code: ConnectorAuthErrorCode;
  /** The account of the request, if it is known. */
  readonly accountId: string | undefined;
  /** Whether the same call may succeed later without any change on your side. */
  readonly transient: boolean;
  /**
   * Epoch milliseconds of the next attempt. Until then the failure is answered from memory, as the option `failureCooldownMs`
   * says. `undefined` if no time is known.
   */
  readonly retryAt: number | undefined;
  /** LivePerson's own code of the fault, such as `9007`, if Sentinel, IDP or the Domain API sent one. */
  readonly internalErrorCode: string | undefined;

  constructor(code: ConnectorAuthErrorCode, message: string, details: ConnectorAuthErrorDetails = {}) {
    super(message, code);
    const own = <Name extends keyof ConnectorAuthErrorDetails>(name: Name) =>
      ownValue(details, name) as ConnectorAuthErrorDetails[Name];
    this.name = 'ConnectorAuthError';
    this.accountId = own('accountId');
    const status = own('status');
    if (status !== undefined) this.status = status;
    this.transient = own('transient') ?? false;
    this.retryAt = own('retryAt');
    this.internalErrorCode = own('internalErrorCode');
    // Not enumerable, like the cause of `new Error(message, { cause })`.
    const cause = own('cause');
    if (cause !== undefined) defineHidden(this, 'cause', cause);
    defineHidden(this, BRAND, true);
  }
}

/** Whether an error is a ConnectorAuthError of any build of this package. */
export function isConnectorAuthError(error: unknown): error is ConnectorAuthError {
  return typeof error === 'object' && error !== null && (error as Record<symbol, unknown>)[BRAND] === true;
}

/** Copies an error for another caller of the same shared call. Each caller's copy has its own stack, config and notes. */
export function copyError(error: ConnectorAuthError): ConnectorAuthError {
  return new ConnectorAuthError(error.code, error.message, error);
}

export function closedError(accountId?: string): ConnectorAuthError {
  return new ConnectorAuthError(
    'ERR_CLOSED',
    'This ConnectorAuth is closed. Create a new one with createConnectorAuth() to send further requests.',
    { accountId },
  );
}
