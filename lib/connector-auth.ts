import { AsyncLocalStorage } from 'node:async_hooks';
import type { AxiosInstance } from 'axios';
import { assertConsumerId } from './consumer.js';
import { createDispatch } from './dispatch.js';
import { ConnectorAuthError, type ConnectorAuthErrorCode, closedError, isConnectorAuthError } from './errors.js';
import {
  type ConnectorAuthEventName,
  type ConnectorAuthListener,
  createEventHub,
  type FailureEvent,
  type TokenKind,
} from './events.js';
import { wrapAdapters } from './interceptor.js';
import { logEvents } from './log.js';
import { type ConnectorAuthOptions, resolveOptions } from './options.js';
import { type ConnectorAuthSnapshot, createSnapshot } from './snapshot.js';
import { fetchAppJwt } from './tokens/app-jwt.js';
import { fetchConsumerJws } from './tokens/consumer-jws.js';
import { createCooldown } from './tokens/cooldown.js';
import { createCredentialsBook } from './tokens/credentials.js';
import { createDomains } from './tokens/domains.js';
import { hashOf, type Identity, keyOf, kindOf } from './tokens/identity.js';
import { createSharedTokens } from './tokens/shared-tokens.js';
import { expiresAt, type Token } from './tokens/token.js';
import { createTokenClient } from './tokens/token-client.js';
import { createAppJwtMemory, createConsumerJwsMemory } from './tokens/token-memory.js';
import { createTokenSource, type FetchOrder, type TokenSourceParts } from './tokens/token-source.js';
import { waitFor } from './wait.js';

/** Two tokens on every CONVERSATION and SEND request of the instances it is installed into. */
export interface ConnectorAuth {
  /**
   * Installs into an Axios instance; a second time into the same one changes nothing.
   *
   * @returns the uninstall
   * @throws TypeError when it is no Axios instance
   */
  install(instance: AxiosInstance): () => void;
  /**
   * The account's AppJWT, fetched if need be. `accountId` may be left out where there is but one.
   *
   * @throws ConnectorAuthError `ERR_APP_JWT`, `ERR_DOMAIN_LOOKUP`, `ERR_UNKNOWN_ACCOUNT`, `ERR_CLOSED`; Axios's CanceledError on abort
   */
  getAppJwt(options?: TokenRequest): Promise<string>;
  /**
   * A consumer's ConsumerJWS, fetched if need be.
   *
   * @throws ConnectorAuthError as `getAppJwt`, and `ERR_CONSUMER_JWS`, `ERR_NO_CONSUMER`
   */
  getConsumerJws(consumerId: string, options?: TokenRequest): Promise<string>;
  /**
   * The origin of any of LivePerson's services for an account, such as `https://lo.msg.liveperson.net` for `asyncMessagingEnt`.
   *
   * @throws ConnectorAuthError `ERR_DOMAIN_LOOKUP`, `ERR_UNKNOWN_ACCOUNT`, `ERR_CLOSED`
   */
  getOrigin(service: string, options?: Pick<TokenRequest, 'accountId'>): Promise<string>;
  /**
   * Runs `fn`; requests made in its async context that name no consumer speak for this one.
   *
   * @throws ConnectorAuthError `ERR_NO_CONSUMER` for an empty id
   */
  runOnBehalfOf<T>(consumerId: string, fn: () => T): T;
  /**
   * Drops tokens, and failures that are cooling down: those of a consumer, of an account (its AppJWT and all its
   * ConsumerJWS), or all.
   * Requests that already wait get what is under way; later ones get new tokens.
   *
   * In a shared store it deletes what this process has in memory of these, the account's AppJWT, and a consumer's ConsumerJWS
   * that is named with its account. It does not reach ConsumerJWS in the store that this process never had, nor tokens in the
   * memory of other processes.
   */
  invalidate(target?: { accountId?: string | undefined; consumerId?: string | undefined }): void;
  /** Listens to an event. @returns the end of it */
  on<Name extends ConnectorAuthEventName>(event: Name, listener: ConnectorAuthListener<Name>): () => void;
  /** Ages, counts and states. */
  inspect(): ConnectorAuthSnapshot;
  /** Ends calls under way; later requests of ours fail with `ERR_CLOSED`. Leaves no handle open. */
  close(): void;
}

/** Whose token, and how long it is waited for. */
export interface TokenRequest {
  /** Which account; may be left out where there is but one. */
  accountId?: string | undefined;
  /** Ends the wait of this caller, with Axios's CanceledError. */
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
 * @throws TypeError for a bad option, naming it
 */
export function createConnectorAuth(userOptions: ConnectorAuthOptions): ConnectorAuth {
  const options = resolveOptions(userOptions);
  const { clock, forcedRefreshIntervalMs, failureCooldownMs, maxConsumers } = options;
  const events = createEventHub();
  const context = new AsyncLocalStorage<string>();
  let closed = false;

  const onFailed =
    (stage: FailureEvent['stage'], ownCode: ConnectorAuthErrorCode) =>
    (identity: Identity, error: unknown): void => {
      // A failure further down the line is told of by whom it befell.
      if (!isConnectorAuthError(error) || error.code !== ownCode) return;
      const { code, status, transient, retryAt, message } = error;
      events.emit('failure', () => ({ stage, ...subjectOf(identity), code, status, transient, retryAt, message }));
    };

  const client = createTokenClient(options);
  const credentials = createCredentialsBook(options);
  const domains = createDomains(options, client, onFailed('domain', 'ERR_DOMAIN_LOOKUP'));

  if (options.logger) logEvents(events, options.logger);

  const onFetched =
    (kind: TokenKind): TokenSourceParts['onFetched'] =>
    (identity, token, cause, durationMs) =>
      events.emit('token', () => ({
        kind,
        ...subjectOf(identity),
        cause,
        source: token.isShared ? 'store' : 'service',
        durationMs,
        expiresAt: expiresAt(token),
      }));

  const { store } = options;
  const shared =
    store &&
    createSharedTokens({
      store,
      options,
      credentials,
      onFault: (identity, { operation, reason, code }) =>
        events.emit('store-error', () => ({ operation, reason, code, kind: kindOf(identity), ...subjectOf(identity) })),
    });
  const fetchThrough =
    (ask: (order: FetchOrder) => Promise<Token>): TokenSourceParts['fetchToken'] =>
    (order) =>
      shared ? shared.fetch(order, () => ask(order)) : ask(order);

  const appJwtMemory = createAppJwtMemory();
  const appJwts = createTokenSource({
    memory: appJwtMemory,
    clock,
    windows: options,
    forcedRefreshIntervalMs,
    cooldown: createCooldown({ clock, range: failureCooldownMs, code: 'ERR_APP_JWT' }),
    fetchToken: fetchThrough(({ identity, isWanted }) =>
      fetchAppJwt({ options, client, domains, credentials }, identity.accountId, isWanted),
    ),
    onFetched: onFetched('appJwt'),
    onFailed: onFailed('sentinel', 'ERR_APP_JWT'),
  });

  // Where there is but one account, its consumers' ids will do: a key made of both takes 1 % of a request.
  const consumerKeyOf = options.accountId === undefined ? keyOf : ({ consumerId = '' }: Identity) => consumerId;
  const consumerJwsMemory = createConsumerJwsMemory(maxConsumers, consumerKeyOf, (identity) =>
    events.emit('evict', () => ({ kind: 'consumerJws', accountId: identity.accountId, consumer: hashOf(identity) })),
  );
  const consumerJws = createTokenSource({
    memory: consumerJwsMemory,
    clock,
    windows: options,
    forcedRefreshIntervalMs,
    cooldown: createCooldown({ clock, range: failureCooldownMs, code: 'ERR_CONSUMER_JWS' }),
    fetchToken: fetchThrough(({ identity: { accountId, consumerId }, isWanted }) =>
      fetchConsumerJws(
        { options, client, domains, appJwts },
        accountId,
        assertConsumerId(consumerId, accountId),
        isWanted,
      ),
    ),
    onFetched: onFetched('consumerJws'),
    onFailed: onFailed('idp', 'ERR_CONSUMER_JWS'),
  });

  const dispatch = createDispatch({
    options,
    context,
    credentials,
    domains,
    appJwts,
    consumerJws,
    events,
    isClosed: () => closed,
  });
  const uninstalls = new WeakMap<AxiosInstance, () => void>();

  async function accountOf(accountId = options.accountId): Promise<string> {
    if (closed) throw closedError(accountId);
    if (accountId === undefined) {
      throw new ConnectorAuthError(
        'ERR_UNKNOWN_ACCOUNT',
        'With the option credentials there are many accounts: say which one with { accountId }.',
      );
    }
    await credentials.find(accountId);
    return accountId;
  }

  return {
    install(instance) {
      if (typeof instance?.interceptors?.request?.use !== 'function') {
        throw new TypeError('install() takes an Axios instance: what axios.create() returns, or axios itself.');
      }
      const installed = uninstalls.get(instance);
      if (installed) return installed;
      const unwrap = wrapAdapters(instance, dispatch);
      const uninstall = () => {
        unwrap();
        uninstalls.delete(instance);
      };
      uninstalls.set(instance, uninstall);
      return uninstall;
    },
    getAppJwt: ({ accountId, signal } = {}) =>
      waitFor(
        async (isWanted) => (await appJwts.get({ accountId: await accountOf(accountId) }, isWanted)).value,
        signal ? { signal } : {},
      ),
    getConsumerJws: (consumerId, { accountId, signal } = {}) =>
      waitFor(
        async (isWanted) => {
          const account = await accountOf(accountId);
          const identity = { accountId: account, consumerId: assertConsumerId(consumerId, account) };
          return (await consumerJws.get(identity, isWanted)).value;
        },
        signal ? { signal } : {},
      ),
    getOrigin: async (service, { accountId } = {}) => domains.origin(await accountOf(accountId), service),
    runOnBehalfOf: (consumerId, fn) => context.run(assertConsumerId(consumerId), fn),
    invalidate({ accountId, consumerId } = {}) {
      const isMeant = (identity: Identity) =>
        (accountId === undefined || identity.accountId === accountId) &&
        (consumerId === undefined || identity.consumerId === consumerId);
      if (shared) {
        const named = accountId ?? options.accountId;
        const known = [...appJwtMemory.all(), ...consumerJwsMemory.all()].map(({ identity }) => identity);
        if (named !== undefined)
          known.push(consumerId === undefined ? { accountId: named } : { accountId: named, consumerId });
        const meant = new Map(known.filter(isMeant).map((identity) => [keyOf(identity), identity]));
        for (const identity of meant.values()) shared.forget(identity);
      }
      if (consumerId === undefined) appJwts.invalidate(isMeant);
      consumerJws.invalidate(isMeant);
    },
    on: events.on,
    inspect: () =>
      createSnapshot({
        closed,
        options,
        appJwts: appJwtMemory.all(),
        consumerCount: consumerJwsMemory.size(),
        hostAges: domains.ages(),
      }),
    close() {
      closed = true;
      shared?.close();
      client.close();
    },
  };
}

/** Whom an event is about. */
function subjectOf(identity: Identity): { accountId: string; consumer?: string } {
  const { accountId, consumerId } = identity;
  return consumerId === undefined ? { accountId } : { accountId, consumer: hashOf(identity) };
}
