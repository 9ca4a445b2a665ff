import { answerInspections, publishStoreError } from '../diagnostics.js';
import { type ConnectorAuthErrorCode, isConnectorAuthError } from '../errors.js';
import type { EventHub, FailureEvent, TokenKind } from '../events.js';
import { ownOf } from '../own.js';
import type { ResolvedOptions } from '../resolve-options.js';
import type { Waits } from '../wait.js';
import { fetchAppJwt } from './app-jwt.js';
import { fetchConsumerJws } from './consumer-jws.js';
import { type Cooldown, createCooldown, withServiceCooldown } from './cooldown.js';
import { type CredentialsBook, createCredentialsBook } from './credentials.js';
import { createDomains, type Domains } from './domains.js';
import { appJwtOf, consumerJwsOf, hashOf, type Identity, keyOf, kindOf, subjectOf } from './identity.js';
import { createSharedCache } from './shared-cache.js';
import { type ConnectorAuthSnapshot, createSnapshot } from './snapshot.js';
import { expiresAt, type Token } from './token.js';
import { createAppJwtCache, createConsumerJwsCache, type TokenCache } from './token-cache.js';
import { createTokenClient } from './token-client.js';
import { createTokenSource, type FetchOrder, type TokenSource } from './token-source.js';

/** What `invalidate` drops: a consumer's token, all of an account, or everything. */
export interface InvalidateTarget {
  /** The account. Its tokens, hosts and credentials are dropped. With one account it may be left out. */
  accountId?: string | undefined;
  /** The consumer, by the id that the connector's channel uses. Only its ConsumerJWS is dropped. */
  consumerId?: string | undefined;
}

/** The only access to tokens, hosts and credentials from outside of `tokens/`. */
export interface TokenProvider {
  readonly appJwts: TokenSource;
  readonly consumerJws: TokenSource;
  readonly domains: Domains;
  readonly credentials: CredentialsBook;
  invalidate(target?: InvalidateTarget): void;
  inspect(): ConnectorAuthSnapshot;
  /** Ends the calls under way. Resolves when they have ended and the store has the last tokens. */
  close(): Promise<void>;
}

export interface TokenProviderParts {
  readonly options: ResolvedOptions;
  readonly events: EventHub;
  readonly waits: Waits;
}

export function createTokenProvider({ options, events, waits }: TokenProviderParts): TokenProvider {
  const { clock, forcedRefreshIntervalMs, failureCooldownMs, store } = options;
  const client = createTokenClient(options, events);
  const credentials = createCredentialsBook(options, waits, (accountId, error) =>
    reportFailure('credentials', 'ERR_CREDENTIALS')(appJwtOf(accountId), error),
  );
  const domains = createDomains(options, client, reportFailure('domain', 'ERR_DOMAIN_LOOKUP'));
  const shared =
    store &&
    createSharedCache({
      store,
      options,
      credentials,
      onFault(identity, { operation, reason, code }) {
        const build = () => ({ operation, reason, code, kind: kindOf(identity), ...subjectOf(identity) });
        events.emit('store-error', build);
        publishStoreError(build);
      },
    });

  const appJwtCache = createAppJwtCache();
  // With one account, the consumer's id is the key. Building a key from both ids would slow down each request.
  const cacheKeyOf = options.accountId === undefined ? keyOf : ({ consumerId = '' }: Identity) => consumerId;
  const consumerJwsCache = createConsumerJwsCache(options.maxConsumers, cacheKeyOf, (identity) =>
    events.emit('evict', () => ({ kind: 'consumerJws', accountId: identity.accountId, consumer: hashOf(identity) })),
  );
  const appJwtCooldown = cooldownOf('ERR_APP_JWT', keyOf);
  const appJwts = createSource('appJwt', appJwtCache, appJwtCooldown, (order) =>
    fetchAppJwt({ options, client, domains, credentials }, order),
  );
  const consumerJwsCooldown = withServiceCooldown(
    cooldownOf('ERR_CONSUMER_JWS', keyOf),
    cooldownOf('ERR_CONSUMER_JWS', (accountId) => accountId),
    (accountId) => client.isDown(accountId, 'idp'),
  );
  const consumerJws = createSource('consumerJws', consumerJwsCache, consumerJwsCooldown, (order) =>
    fetchConsumerJws({ options, client, domains, appJwts }, order),
  );

  function cooldownOf<Subject>(code: ConnectorAuthErrorCode, key: (subject: Subject) => string): Cooldown<Subject> {
    return createCooldown({ clock, range: failureCooldownMs, code, keyOf: key });
  }

  /** @param ask asks the service */
  function createSource(
    kind: TokenKind,
    cache: TokenCache,
    cooldown: Cooldown<Identity>,
    ask: (order: FetchOrder) => Promise<Token>,
  ): TokenSource {
    const code = kind === 'appJwt' ? 'ERR_APP_JWT' : 'ERR_CONSUMER_JWS';
    const fetchToken = (order: FetchOrder) => ask(order).catch((error: unknown) => reconsiderHosts(order, error));
    return createTokenSource({
      cache,
      clock,
      windows: options,
      forcedRefreshIntervalMs,
      cooldown,
      fetchToken: (order) => (shared ? shared.fetch(order, fetchToken) : fetchToken(order)),
      onFetched: (identity, token, cause, durationMs) =>
        events.emit('token', () => ({
          kind,
          ...subjectOf(identity),
          cause,
          source: token.isShared ? 'store' : 'service',
          durationMs,
          expiresAt: wholeMs(expiresAt(token)),
        })),
      onFailed: reportFailure(kind === 'appJwt' ? 'sentinel' : 'idp', code),
    });
  }

  /** The service may have moved to another host. */
  function reconsiderHosts({ identity }: FetchOrder, error: unknown): never {
    if (isConnectorAuthError(error) && error.transient && error.status === undefined)
      domains.reconsider(identity.accountId);
    throw error;
  }

  function reportFailure(stage: FailureEvent['stage'], ownCode: ConnectorAuthErrorCode) {
    return (identity: Identity, error: unknown): void => {
      // The stage where it happened has reported any other failure.
      if (!isConnectorAuthError(error) || error.code !== ownCode) return;
      const { code, status, transient, retryAt, internalErrorCode, message } = error;
      const fault = { code, status, transient, retryAt, internalErrorCode, message };
      events.emit('failure', () => ({ stage, ...subjectOf(identity), ...fault }));
    };
  }

  /** The tokens that the store may have and that can be deleted there: those in memory, and the named one. */
  function* storedIdentities({ accountId = options.accountId, consumerId }: InvalidateTarget): Iterable<Identity> {
    for (const { identity } of [...appJwtCache.all(), ...consumerJwsCache.all()]) yield identity;
    if (accountId !== undefined)
      yield consumerId === undefined ? appJwtOf(accountId) : consumerJwsOf(accountId, consumerId);
  }

  const provider: TokenProvider = {
    appJwts,
    consumerJws,
    domains,
    credentials,
    invalidate(given) {
      const target = ownOf(given);
      const { accountId, consumerId } = target;
      const matches = (identity: Identity) =>
        (accountId === undefined || identity.accountId === accountId) &&
        (consumerId === undefined || identity.consumerId === consumerId);
      if (shared) {
        const named = [...storedIdentities(target)]
          .filter(matches)
          .map((identity) => [keyOf(identity), identity] as const);
        for (const identity of new Map(named).values()) shared.forget(identity);
      }
      consumerJws.invalidate(matches);
      if (consumerId !== undefined) return;
      appJwts.invalidate(matches);
      for (const part of [domains, credentials]) part.invalidate((account) => matches(appJwtOf(account)));
    },
    inspect: () =>
      createSnapshot({
        closed: waits.isClosed,
        options,
        appJwts: appJwtCache.all(),
        consumerCount: consumerJwsCache.size(),
        hostAges: domains.ages(),
        client,
        cooldowns: [
          ...credentials.cooldowns(),
          ...domains.cooldowns(),
          ...appJwtCooldown.current(),
          ...consumerJwsCooldown.current(),
        ],
        storeRestsUntil: shared?.restsUntil(),
      }),
    async close() {
      endInspections();
      await Promise.all([client.close(), shared?.close()]);
    },
  };
  const endInspections = answerInspections(provider);
  return provider;
}

const wholeMs = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : Math.round(ms));
