import { AsyncLocalStorage } from 'node:async_hooks';
import { assertInvalidateTarget, nameOf } from './arguments.js';
import { assertAxios } from './assert-axios.js';
import { toWholeClock } from './clock.js';
import { type ConnectorAuthEventName, type ConnectorAuthListener, createEventHub } from './events.js';
import { createLog } from './log.js';
import type { ConnectorAuthOptions } from './options.js';
import { createPending } from './pending.js';
import { warnOfPlainHttp } from './plain-http.js';
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
   * @param instance `axios` or an instance of `axios.create()`, of any copy of Axios
   * @returns a function that uninstalls
   * @throws TypeError if `instance` is not an Axios instance
   */
  install(instance: InterceptableInstance): () => void;
  /**
   * Returns an account's AppJWT, and fetches it if needed. Concurrent calls share one fetch.
   *
   * @throws ConnectorAuthError `ERR_APP_JWT`, `ERR_DOMAIN_LOOKUP`, `ERR_UNKNOWN_ACCOUNT`, `ERR_CLOSED`; Axios's CanceledError on abort
   */
  getAppJwt(options?: GetTokenOptions): Promise<string>;
  /**
   * Returns a consumer's ConsumerJWS, and fetches it if needed. Concurrent calls share one fetch.
   *
   * @throws ConnectorAuthError as `getAppJwt`, and `ERR_CONSUMER_JWS`, `ERR_NO_CONSUMER`
   */
  getConsumerJws(consumerId: string, options?: GetTokenOptions): Promise<string>;
  /**
   * Returns the origin of a LivePerson service for an account, for example `https://lo.msg.liveperson.net` for
   * `asyncMessagingEnt`.
   *
   * @throws ConnectorAuthError `ERR_DOMAIN_LOOKUP`, `ERR_UNKNOWN_ACCOUNT`, `ERR_CLOSED`
   */
  getOrigin(service: string, options?: Pick<GetTokenOptions, 'accountId'>): Promise<string>;
  /**
   * Runs `fn` and returns its result. Requests made in its async context are sent for this consumer, unless `onBehalfOf` or the
   * option `consumerId` names one. In a queue or a batch loader, call it inside the job: see docs/async-context.md.
   *
   * @throws ConnectorAuthError `ERR_NO_CONSUMER` if the id is not a string, or is empty
   * @throws TypeError if `fn` is not a function
   */
  runOnBehalfOf<T>(consumerId: string, fn: () => T): T;
  /**
   * Drops tokens and remembered failures: those of a consumer, of an account (its AppJWT and all its ConsumerJWS), or all.
   * Requests that already wait get the token of the call under way. Later requests get new tokens.
   *
   * In a shared store, it deletes the dropped tokens that this process has in memory, and the AppJWT of the account or the
   * ConsumerJWS of the consumer that you name. With many accounts, name the account too. Other tokens in the store and the
   * tokens in other processes stay.
   *
   * @throws TypeError if the target is not an object of these two strings
   */
  invalidate(target?: InvalidateTarget): void;
  /**
   * Listens to an event. Errors of the listener are ignored.
   *
   * @returns a function that unsubscribes
   * @throws TypeError for an unknown event, or if `listener` is not a function
   */
  on<Name extends ConnectorAuthEventName>(event: Name, listener: ConnectorAuthListener<Name>): () => void;
  /** Returns ages, counts and states. The result contains no token, secret or consumer id. */
  inspect(): ConnectorAuthSnapshot;
  /**
   * Ends every token call, and every wait for tokens with `ERR_CLOSED`. Later Send API requests fail with `ERR_CLOSED` too.
   *
   * @returns a promise that resolves when all sends have ended and the store has the last tokens
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
 * @throws Error if Axios is mocked, or if it is its browser build, as in jsdom
 */
export function createConnectorAuth(userOptions: ConnectorAuthOptions): ConnectorAuth {
  const resolved = resolveOptions(userOptions);
  assertAxios(resolved.axiosConfig.adapter !== undefined);
  const options = { ...resolved, clock: toWholeClock(resolved.clock) };
  warnOfPlainHttp(options);
  const events = createEventHub();
  const log = options.logger && createLog(events, options.logger);
  const context = new AsyncLocalStorage<string>();
  const waits = createWaits();
  const sends = createPending();
  const tokens = createTokenProvider({ options, events, waits });
  const dispatcher = createDispatcher({ options, events, context, waits, sends, tokens, log });
  let closing: Promise<void> | undefined;

  return {
    install: (instance) => installInto(instance, dispatcher),
    ...createTokenGetters({ options, waits, tokens }),
    runOnBehalfOf(consumerId, fn) {
      if (typeof fn !== 'function')
        throw new TypeError(`runOnBehalfOf() takes a consumer id and a function to run; received ${nameOf(fn)}.`);
      return context.run(assertConsumerId(consumerId), fn);
    },
    invalidate(target) {
      assertInvalidateTarget(target);
      tokens.invalidate(target);
    },
    on: events.on,
    inspect: tokens.inspect,
    close() {
      waits.close();
      closing ??= tokens.close().then(() => sends.none());
      return closing;
    },
  };
}
