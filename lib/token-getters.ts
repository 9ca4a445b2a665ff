import { assertGetTokenOptions, assertService } from './arguments.js';
import { ConnectorAuthError, isConnectorAuthError } from './errors.js';
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
  async function getFor<T>(
    method: string,
    given: GetTokenOptions | undefined,
    get: (accountId: string, isWanted: IsWanted) => Promise<T>,
  ): Promise<T> {
    assertGetTokenOptions(method, given);
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
      getFor(
        'getAppJwt()',
        given,
        async (accountId, isWanted) => (await tokens.appJwts.get(appJwtOf(accountId), isWanted)).value,
      ),
    getConsumerJws: (consumerId: string, given?: GetTokenOptions): Promise<string> =>
      getFor('getConsumerJws()', given, async (accountId, isWanted) => {
        const identity = consumerJwsOf(accountId, assertConsumerId(consumerId, accountId));
        return (await tokens.consumerJws.get(identity, isWanted)).value;
      }),
    async getOrigin(service: string, given?: Pick<GetTokenOptions, 'accountId'>): Promise<string> {
      assertService(service);
      return getFor('getOrigin()', given, (accountId) =>
        tokens.domains.origin(accountId, service).catch((error: unknown) => {
          throw isUnknown(error) ? serviceUnknown(service, accountId, error) : error;
        }),
      );
    },
  };
}

const accountMissing = (): ConnectorAuthError =>
  new ConnectorAuthError(
    'ERR_UNKNOWN_ACCOUNT',
    'With the option credentials there may be many accounts. Name one with { accountId }.',
  );

/** The Domain API answered, but has no host for the service. */
const isUnknown = (error: unknown): error is ConnectorAuthError =>
  isConnectorAuthError(error) && error.code === 'ERR_DOMAIN_LOOKUP' && error.status === 404;

const serviceUnknown = (service: string, accountId: string, error: ConnectorAuthError): ConnectorAuthError =>
  new ConnectorAuthError(
    error.code,
    `The Domain API has no host for the service ${JSON.stringify(service.slice(0, 40))} of account ${accountId} (404). Check its ` +
      'name, such as sentinel, idp, asyncMessagingEnt or messagingRestApiDomain, and the account id.',
    error,
  );
