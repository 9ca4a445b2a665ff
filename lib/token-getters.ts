import { ConnectorAuthError } from './errors.js';
import { ownOf } from './own.js';
import { assertConsumerId } from './request/consumer.js';
import type { ResolvedOptions } from './resolve-options.js';
import { appJwtOf, consumerJwsOf } from './tokens/identity.js';
import type { TokenProvider } from './tokens/token-provider.js';
import { endersOf, type IsWanted, type Waits } from './wait.js';

/** Options of `getAppJwt` and `getConsumerJws`. */
export interface GetTokenOptions {
  /**
   * The account. It is required with the option `credentials`.
   *
   * @default the option `accountId`
   */
  accountId?: string | undefined;
  /** Ends this caller's wait with Axios's CanceledError. */
  signal?: AbortSignal | undefined;
}

export interface TokenGetterParts {
  readonly options: ResolvedOptions;
  readonly waits: Waits;
  readonly tokens: TokenProvider;
}

/** Creates the methods that return tokens and hosts for the user's own calls. */
export function createTokenGetters({ options, waits, tokens }: TokenGetterParts) {
  /** Waits for a token or a host of an account. */
  function getFor<T>(
    given: GetTokenOptions | undefined,
    get: (accountId: string, isWanted: IsWanted) => Promise<T>,
  ): Promise<T> {
    const { accountId = options.accountId, signal } = ownOf(given);
    const begin = async (isWanted: IsWanted) => {
      if (accountId === undefined) throw accountMissing();
      await tokens.credentials.find(accountId);
      return get(accountId, isWanted);
    };
    return waits.waitFor(begin, endersOf({ ...(signal && { signal }) }), accountId);
  }

  return {
    getAppJwt: (given?: GetTokenOptions): Promise<string> =>
      getFor(given, async (accountId, isWanted) => (await tokens.appJwts.get(appJwtOf(accountId), isWanted)).value),
    getConsumerJws: (consumerId: string, given?: GetTokenOptions): Promise<string> =>
      getFor(given, async (accountId, isWanted) => {
        const identity = consumerJwsOf(accountId, assertConsumerId(consumerId, accountId));
        return (await tokens.consumerJws.get(identity, isWanted)).value;
      }),
    getOrigin: (service: string, given?: Pick<GetTokenOptions, 'accountId'>): Promise<string> =>
      getFor(given, (accountId) => tokens.domains.origin(accountId, service)),
  };
}

const accountMissing = (): ConnectorAuthError =>
  new ConnectorAuthError(
    'ERR_UNKNOWN_ACCOUNT',
    'With the option credentials there may be many accounts. Name one with { accountId }.',
  );
