import { AsyncLocalStorage } from 'node:async_hooks';
import { type ConnectorAuthEventName, type ConnectorAuthListener, createEventHub } from './events.js';
import { logEvents, logNearMisses } from './log.js';
import type { ConnectorAuthOptions } from './options.js';
import { createPending } from './pending.js';
import { assertConsumerId } from './request/consumer.js';
import { createDispatcher } from './request/dispatch.js';
import { type InterceptableInstance, installInto } from './request/interceptor.js';
import { resolveOptions } from './resolve-options.js';
import { createTokenGetters, type GetTokenOptions } from './token-getters.js';
import type { ConnectorAuthSnapshot } from './tokens/snapshot.js';
import { createTokenProvider, type InvalidateTarget } from './tokens/token-provider.js';
import { createWaits } from './wait.js';

/** Authenticates the CONVERSATION and SEND requests of the Axios instances that it is installed into. */
export interface ConnectorAuth {
  /**
   * Installs into an Axios instance. A second install into the same instance changes nothing.
   *
   * @param instance `axios` or what `axios.create()` returned, also of another copy of Axios
   * @returns a function that uninstalls
   * @throws TypeError if it is no Axios instance
   */
  install(instance: InterceptableInstance): () => void;
  /**
   * An account's AppJWT, fetched if needed.
   *
   * @throws ConnectorAuthError `ERR_APP_JWT`, `ERR_DOMAIN_LOOKUP`, `ERR_UNKNOWN_ACCOUNT`, `ERR_CLOSED`; Axios's CanceledError on abort
   */
  getAppJwt(options?: GetTokenOptions): Promise<string>;
  /**
   * A consumer's ConsumerJWS, fetched if needed.
   *
   * @throws ConnectorAuthError as `getAppJwt`, and `ERR_CONSUMER_JWS`, `ERR_NO_CONSUMER`
   */
  getConsumerJws(consumerId: string, options?: GetTokenOptions): Promise<string>;
  /**
   * The origin of one of LivePerson's services for an account, for example `https://lo.msg.liveperson.net` for
   * `asyncMessagingEnt`.
   *
   * @throws ConnectorAuthError `ERR_DOMAIN_LOOKUP`, `ERR_UNKNOWN_ACCOUNT`, `ERR_CLOSED`
   */
  getOrigin(service: string, options?: Pick<GetTokenOptions, 'accountId'>): Promise<string>;
  /**
   * Runs `fn`. Requests that are made in its async context, and name no consumer, are sent for this consumer. In a queue or a
   * batch loader, call it inside the job: docs/async-context.md says which context counts.
   *
   * @throws ConnectorAuthError `ERR_NO_CONSUMER` for an empty id
   * @throws TypeError if `fn` is no function
   */
  runOnBehalfOf<T>(consumerId: string, fn: () => T): T;
  /**
   * Drops tokens and remembered failures: those of a consumer, of an account (its AppJWT and all its ConsumerJWS), or all.
   * Requests that already wait get the token that is under way. Later requests get new tokens.
   *
   * In a shared store it deletes the tokens that this process has in memory, the account's AppJWT, and the ConsumerJWS of a
   * consumer that is named with its account. It does not reach other tokens in the store or in other processes.
   *
   * @throws TypeError if the target is no object
   */
  invalidate(target?: InvalidateTarget): void;
  /** Listens to an event. @returns a function that unsubscribes */
  on<Name extends ConnectorAuthEventName>(event: Name, listener: ConnectorAuthListener<Name>): () => void;
  /** Ages, counts and states. It has no token, secret or consumer id. */
  inspect(): ConnectorAuthSnapshot;
  /**
   * Ends every wait for tokens with `ERR_CLOSED`, as well as token calls. Later Send API requests fail with `ERR_CLOSED`.
   *
   * @returns a promise that resolves when nothing is under way any more: sends have ended, the store has the last tokens
   */
  close(): Promise<void>;
}

/**
 * Creates the authentication of a connector. Nothing is fetched until a request needs it.
 *
 * @example
 * const auth = createConnectorAuth({ accountId, clientId, clientSecret });
 * auth.install(http);
 * await http.post(`/api/account/${accountId}/messaging/consumer/conversation/send?v=3`, message, { onBehalfOf: 'sms-4915550001' });
 *
 * @throws TypeError for a bad option; the message names the option
 */
export function createConnectorAuth(userOptions: ConnectorAuthOptions): ConnectorAuth {
  const options = resolveOptions(userOptions);
  const events = createEventHub();
  if (options.logger) logEvents(events, options.logger);
  const onNearMiss = options.logger && logNearMisses(options.logger);
  const context = new AsyncLocalStorage<string>();
  const waits = createWaits();
  const sends = createPending();
  const tokens = createTokenProvider({ options, events, waits });
  const dispatcher = createDispatcher({ options, events, context, waits, sends, tokens, onNearMiss });
  let closing: Promise<void> | undefined;

  return {
    install: (instance) => installInto(instance, dispatcher),
    ...createTokenGetters({ options, waits, tokens }),
    runOnBehalfOf(consumerId, fn) {
      if (typeof fn !== 'function') throw new TypeError('runOnBehalfOf() takes a consumer id and a function to run.');
      return context.run(assertConsumerId(consumerId), fn);
    },
    invalidate: tokens.invalidate,
    on: events.on,
    inspect: tokens.inspect,
    close() {
      waits.close();
      closing ??= tokens.close().then(() => sends.none());
      return closing;
    },
  };
}
