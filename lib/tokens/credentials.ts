import { AxiosError, isAxiosError } from 'axios';
import { ConnectorAuthError, closedError, isConnectorAuthError } from '../errors.js';
import type { Credentials } from '../options.js';
import { isAccountId, isCredentials, type ResolvedOptions } from '../resolve-options.js';
import { singleFlight } from '../single-flight.js';
import { endAfter, timeoutError, type Waits } from '../wait.js';
import { type CurrentCooldown, createCooldown } from './cooldown.js';
import { createUnderWay, deleteMatching } from './under-way.js';

/** The accounts that this connector serves, and their credentials. */
export interface CredentialsBook {
  /** The credentials in memory; `undefined` if the account was not looked up yet. */
  peek(accountId: string): Credentials | undefined;
  /** @throws ConnectorAuthError `ERR_UNKNOWN_ACCOUNT` if there are none for the account, `ERR_CREDENTIALS` if the lookup failed */
  find(accountId: string): Promise<Credentials>;
  /** Whether there are credentials for the account; `undefined` if the lookup failed. */
  has(accountId: string): Promise<boolean | undefined>;
  /** Looks the account up again, for example after Sentinel refused the credentials in memory. */
  renew(accountId: string): Promise<Credentials>;
  /** Forgets the credentials and the failed lookups of all accounts that match. */
  invalidate(matches: (accountId: string) => boolean): void;
  /** The accounts whose lookup has failed, and is not tried now. */
  cooldowns(): CurrentCooldown<string>[];
}

/** @param onFailed is called once for each failed lookup */
export function createCredentialsBook(
  options: ResolvedOptions,
  waits: Waits,
  onFailed: (accountId: string, error: unknown) => void,
): CredentialsBook {
  const { clock, failureCooldownMs } = options;
  const known = new Map<string, Credentials>();
  const cooldown = createCooldown<string>({
    clock,
    range: failureCooldownMs,
    code: 'ERR_CREDENTIALS',
    keyOf: (accountId) => accountId,
  });
  const underWay = createUnderWay();

  // One brand's credentials are in memory from the start.
  if (options.accountId !== undefined) {
    const own: unknown = options.credentials(options.accountId);
    if (isCredentials(own)) known.set(options.accountId, own);
  }

  const renew = singleFlight((accountId: string) =>
    underWay.run(accountId, async (isCurrent): Promise<Credentials> => {
      cooldown.assertOver(accountId);
      const found = isAccountId(accountId) ? await lookUp(accountId) : undefined;
      cooldown.end(accountId);
      if (!isCredentials(found)) {
        known.delete(accountId);
        throw unknownAccount(accountId, found);
      }
      if (isCurrent()) known.set(accountId, found);
      return found;
    }),
  );

  async function lookUp(accountId: string): Promise<unknown> {
    const timeout = options.tokenTimeoutMs;
    try {
      // All requests of the account wait for this lookup, so it must end.
      const enders = [endAfter(timeout, () => timeoutError({ timeout }))];
      const found: unknown = await waits.waitFor(async () => options.credentials(accountId), enders, accountId);
      // A copy, because the function may change its object later.
      return isCredentials(found) ? { clientId: found.clientId, clientSecret: found.clientSecret } : found;
    } catch (cause) {
      if (waits.isClosed) throw closedError(accountId);
      const message = `The option credentials failed for account ${accountId} (${nameOf(cause)}). Check that function: the error's cause is its own error.`;
      const error = new ConnectorAuthError('ERR_CREDENTIALS', message, { accountId, transient: true, cause });
      const failure = cooldown.start(accountId, error);
      onFailed(accountId, failure);
      throw failure;
    }
  }

  const find = async (accountId: string): Promise<Credentials> => known.get(accountId) ?? renew(accountId);

  return {
    peek: (accountId) => known.get(accountId),
    find,
    has: (accountId) =>
      find(accountId).then(
        () => true,
        (error: unknown) => (isConnectorAuthError(error) && !error.transient ? false : undefined),
      ),
    renew,
    invalidate(matches) {
      underWay.drop(matches);
      deleteMatching(known, matches);
      cooldown.endAll(matches);
    },
    cooldowns: cooldown.current,
  };
}

function nameOf(error: unknown): string {
  if (isAxiosError(error) && error.code === AxiosError.ECONNABORTED) return 'no answer in time';
  return error instanceof Error ? error.name : typeof error;
}

function unknownAccount(accountId: string, found: unknown): ConnectorAuthError {
  const what =
    found === undefined || found === null
      ? 'There are no credentials'
      : 'The option credentials returned no { clientId, clientSecret }';
  const message = `${what} for account ${accountId}. Check the account in the URL, and the options accountId or credentials.`;
  return new ConnectorAuthError('ERR_UNKNOWN_ACCOUNT', message, { accountId });
}
