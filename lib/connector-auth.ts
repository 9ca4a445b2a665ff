import { AsyncLocalStorage } from 'node:async_hooks';
import { ConnectorAuthError } from './errors.js';
import { type ConnectorAuthEventName, type ConnectorAuthListener, createEventHub } from './events.js';
import { logEvents, logNearMisses } from './log.js';
import type { ConnectorAuthOptions } from './options.js';
import { ownOf } from './own.js';
import { createPending } from './pending.js';
import { assertConsumerId } from './request/consumer.js';
import { createDispatcher } from './request/dispatch.js';
import { type InterceptableInstance, installInto } from './request/interceptor.js';
import { type ResolvedOptions, resolveOptions } from './resolve-options.js';
import { appJwtOf, consumerJwsOf } from './tokens/identity.js';
import type { ConnectorAuthSnapshot } from './tokens/snapshot.js';
import type { Token } from './tokens/token.js';
import { createTokenProvider, type InvalidateTarget, type TokenProvider } from './tokens/token-provider.js';
import { createWaits, endersOf, type IsWanted } from './wait.js';

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

/** Options of `getAppJwt` and `getConsumerJws`. */
export interface GetTokenOptions {
  /** The account. It may be left out when there is only one. */
  accountId?: string | undefined;
  /** Ends this caller's wait with Axios's CanceledError. */
  signal?: AbortSignal | undefined;
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

  const getToken = (
    { accountId, signal }: Partial<GetTokenOptions>,
    get: (accountId: string, isWanted: IsWanted) => Promise<Token>,
  ) =>
    waits.waitFor(
      async (isWanted) => (await get(await findAccount(options, tokens, accountId), isWanted)).value,
      endersOf({ ...(signal && { signal }) }),
      accountId ?? options.accountId,
    );

  return {
    install: (instance) => installInto(assertInstance(instance), dispatcher),
    getAppJwt: (given) =>
      getToken(ownOf(given), (accountId, isWanted) => tokens.appJwts.get(appJwtOf(accountId), isWanted)),
    getConsumerJws: (consumerId, given) =>
      getToken(ownOf(given), (accountId, isWanted) =>
        tokens.consumerJws.get(consumerJwsOf(accountId, assertConsumerId(consumerId, accountId)), isWanted),
      ),
    getOrigin: (service, given) => {
      const { accountId } = ownOf(given);
      const begin = async () => tokens.domains.origin(await findAccount(options, tokens, accountId), service);
      return waits.waitFor(begin, [], accountId ?? options.accountId);
    },
    runOnBehalfOf: (consumerId, fn) => context.run(assertConsumerId(consumerId), assertFunction(fn)),
    invalidate: (target) => tokens.invalidate(assertTarget(target)),
    on: events.on,
    inspect: tokens.inspect,
    close() {
      waits.close();
      closing ??= tokens.close().then(() => sends.none());
      return closing;
    },
  };
}

/** @throws ConnectorAuthError `ERR_UNKNOWN_ACCOUNT` */
async function findAccount(
  options: ResolvedOptions,
  { credentials }: TokenProvider,
  accountId = options.accountId,
): Promise<string> {
  if (accountId === undefined) {
    const message = 'With the option credentials there may be many accounts. Name one with { accountId }.';
    throw new ConnectorAuthError('ERR_UNKNOWN_ACCOUNT', message);
  }
  await credentials.find(accountId);
  return accountId;
}

function assertInstance(instance: InterceptableInstance): InterceptableInstance {
  if (typeof instance?.interceptors?.request?.use === 'function') return instance;
  throw new TypeError('install() takes an Axios instance: axios itself, or what axios.create() returned.');
}

function assertFunction<T>(fn: () => T): () => T {
  if (typeof fn === 'function') return fn;
  throw new TypeError(
    'runOnBehalfOf() takes a consumer id and a function: runOnBehalfOf(consumerId, () => http.post(…)).',
  );
}

function assertTarget(target: InvalidateTarget | undefined): InvalidateTarget {
  if (target === undefined || (typeof target === 'object' && target !== null)) return ownOf(target);
  throw new TypeError('invalidate() takes { accountId?, consumerId? }, or nothing to drop all tokens.');
}
