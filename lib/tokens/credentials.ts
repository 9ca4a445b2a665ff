import { AxiosError, isAxiosError } from 'axios';
import pMemoize from 'p-memoize';
import { ConnectorAuthError } from '../errors.js';
import { type Credentials, isAccountId, isCredentials, type ResolvedOptions } from '../options.js';
import { waitFor } from '../wait.js';

/** Which accounts are ours, and with what they sign in. */
export interface CredentialsBook {
  /** Credentials in hand; `undefined` when the account was not looked up yet. */
  known(accountId: string): Credentials | undefined;
  /** @throws ConnectorAuthError `ERR_UNKNOWN_ACCOUNT` when there are none for the account */
  find(accountId: string): Promise<Credentials>;
  /** Looks again, past the ones in hand, such as after these were refused. */
  renew(accountId: string): Promise<Credentials>;
}

export function createCredentialsBook(options: ResolvedOptions): CredentialsBook {
  const inHand = new Map<string, Credentials>();

  const renew = pMemoize(
    async (accountId: string): Promise<Credentials> => {
      const found = isAccountId(accountId) ? await lookUp(accountId) : undefined;
      if (!isCredentials(found)) throw unknownAccount(accountId, found);
      inHand.set(accountId, found);
      return found;
    },
    { cache: false },
  );

  async function lookUp(accountId: string): Promise<unknown> {
    try {
      // All of the account's requests wait for the one lookup: one that hangs must end, or they all would for good.
      return await waitFor(async () => options.credentials(accountId), { timeout: options.tokenTimeoutMs });
    } catch (error) {
      const message = `The option credentials failed for account ${accountId} (${nameOf(error)}). The next request asks it again.`;
      throw new ConnectorAuthError('ERR_UNKNOWN_ACCOUNT', message, { accountId, transient: true });
    }
  }

  return {
    known: (accountId) => inHand.get(accountId),
    find: async (accountId) => inHand.get(accountId) ?? renew(accountId),
    renew,
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
      : 'The option credentials gave no { clientId, clientSecret }';
  const message = `${what} for account ${accountId}. Check the account in the URL, and the options accountId or credentials.`;
  return new ConnectorAuthError('ERR_UNKNOWN_ACCOUNT', message, { accountId });
}
