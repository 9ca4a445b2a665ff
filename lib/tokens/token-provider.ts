import { type ConnectorAuthErrorCode, isConnectorAuthError } from '../errors.js';
import type { EventHub, FailureEvent, TokenKind } from '../events.js';
import { ownOf } from '../own.js';
import type { ResolvedOptions } from '../resolve-options.js';
import type { Waits } from '../wait.js';
import { fetchAppJwt } from './app-jwt.js';
import { fetchConsumerJws } from './consumer-jws.js';
import { createCooldown } from './cooldown.js';
import { type CredentialsBook, createCredentialsBook } from './credentials.js';
import { createDomains, type Domains } from './domains.js';
import { appJwtOf, consumerJwsOf, hashOf, type Identity, keyOf, kindOf } from './identity.js';
import { createSharedCache } from './shared-cache.js';
import { type ConnectorAuthSnapshot, createSnapshot } from './snapshot.js';
import { expiresAt, type Token } from './token.js';
import { createAppJwtCache, createConsumerJwsCache, type TokenCache } from './token-cache.js';
import { createTokenClient } from './token-client.js';
import { createTokenSource, type FetchOrder, type TokenSource } from './token-source.js';

/** Which tokens `invalidate` drops: a consumer's, an account's, or all. */
export interface InvalidateTarget {
  /** The account. With one account it may be left out. */
  accountId?: string | undefined;
  /** The consumer, by the id that the connector's channel uses. Its ConsumerJWS is dropped, the AppJWT stays. */
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
  const client = createTokenClient(options);
  const credentials = createCredentialsBook(options, waits);
  const domains = createDomains(options, client, reportFailure('domain', 'ERR_DOMAIN_LOOKUP'));
  const shared =
    store &&
    createSharedCache({
      store,
      options,
      credentials,
      onFault: (identity, { operation, reason, code }) =>
        events.emit('store-error', () => ({ operation, reason, code, kind: kindOf(identity), ...subjectOf(identity) })),
    });

  const appJwtCache = createAppJwtCache();
  // With one account, the consumer's id is the key. Building a key from both ids would slow down each request.
  const cacheKeyOf = options.accountId === undefined ? keyOf : ({ consumerId = '' }: Identity) => consumerId;
  const consumerJwsCache = createConsumerJwsCache(options.maxConsumers, cacheKeyOf, (identity) =>
    events.emit('evict', () => ({ kind: 'consumerJws', accountId: identity.accountId, consumer: hashOf(identity) })),
  );
  const appJwts = createSource('appJwt', appJwtCache, ({ identity, isWanted }) =>
    fetchAppJwt({ options, client, domains, credentials }, identity.accountId, isWanted),
  );
  const consumerJws = createSource('consumerJws', consumerJwsCache, ({ identity, isWanted }) =>
    fetchConsumerJws({ options, client, domains, appJwts }, identity, isWanted),
  );

  /** @param fetchToken asks the service */
  function createSource(
    kind: TokenKind,
    cache: TokenCache,
    fetchToken: (order: FetchOrder) => Promise<Token>,
  ): TokenSource {
    const code = kind === 'appJwt' ? 'ERR_APP_JWT' : 'ERR_CONSUMER_JWS';
    return createTokenSource({
      cache,
      clock,
      windows: options,
      forcedRefreshIntervalMs,
      cooldown: createCooldown({ clock, range: failureCooldownMs, code }),
      fetchToken: (order) => (shared ? shared.fetch(order, () => fetchToken(order)) : fetchToken(order)),
      onFetched: (identity, token, cause, durationMs) =>
        events.emit('token', () => ({
          kind,
          ...subjectOf(identity),
          cause,
          source: token.isShared ? 'store' : 'service',
          durationMs,
          expiresAt: expiresAt(token),
        })),
      onFailed: reportFailure(kind === 'appJwt' ? 'sentinel' : 'idp', code),
    });
  }

  function reportFailure(stage: FailureEvent['stage'], ownCode: ConnectorAuthErrorCode) {
    return (identity: Identity, error: unknown): void => {
      // The stage where it happened has reported any other failure.
      if (!isConnectorAuthError(error) || error.code !== ownCode) return;
      const { code, status, transient, retryAt, message } = error;
      events.emit('failure', () => ({ stage, ...subjectOf(identity), code, status, transient, retryAt, message }));
    };
  }

  /** The tokens that the store may have and that can be deleted there: those in memory, and the named one. */
  function* storedIdentities({ accountId = options.accountId, consumerId }: InvalidateTarget): Iterable<Identity> {
    for (const { identity } of [...appJwtCache.all(), ...consumerJwsCache.all()]) yield identity;
    if (accountId !== undefined)
      yield consumerId === undefined ? appJwtOf(accountId) : consumerJwsOf(accountId, consumerId);
  }

  return {
    appJwts,
    consumerJws,
    domains,
    credentials,
    invalidate(given) {
      if (given !== undefined && (typeof given !== 'object' || given === null))
        throw new TypeError('invalidate() takes { accountId?, consumerId? }, or nothing to drop all tokens.');
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
      if (consumerId === undefined) appJwts.invalidate(matches);
      consumerJws.invalidate(matches);
    },
    inspect: () =>
      createSnapshot({
        closed: waits.isClosed,
        options,
        appJwts: appJwtCache.all(),
        consumerCount: consumerJwsCache.size(),
        hostAges: domains.ages(),
      }),
    async close() {
      await Promise.all([client.close(), shared?.close()]);
    },
  };
}

/** The properties by which an event names the owner of a token. */
function subjectOf(identity: Identity): { accountId: string; consumer?: string } {
  const { accountId, consumerId } = identity;
  return consumerId === undefined ? { accountId } : { accountId, consumer: hashOf(identity) };
}
