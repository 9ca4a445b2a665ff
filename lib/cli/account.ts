import { UsageError } from './command-line.js';

/** The account that a command works with. */
export interface AccountSettings {
  readonly accountId: string;
  readonly domainApi: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly timeoutMs: number;
}

export interface AccountFlags {
  readonly account?: string;
  readonly 'domain-api'?: string;
  readonly timeout?: string;
}

/**
 * Flags come first, then the environment, then defaults. An empty variable counts as missing.
 *
 * @throws UsageError naming the flag or variable that is missing or wrong, without its value
 */
export function resolveAccount(given: AccountFlags, env: NodeJS.ProcessEnv): AccountSettings {
  const accountId = given.account ?? env.LP_ACCOUNT_ID;
  if (!accountId) throw new UsageError('Which account? Give --account ID, or set LP_ACCOUNT_ID.');
  if (!/^[a-z\d][\w.~-]*$/i.test(accountId)) {
    const source = given.account === undefined ? 'LP_ACCOUNT_ID' : '--account';
    throw new UsageError(
      `The account id is wrong (${source}): LivePerson's ids are digits, some with letters before them.`,
    );
  }
  const clientId = credentialOf('LP_CLIENT_ID', env);
  const clientSecret = credentialOf('LP_CLIENT_SECRET', env);
  const domainApi = given['domain-api'] ?? (env.LP_DOMAIN_API || 'https://api.liveperson.net');
  if (!/^https?:\/\/[^/?#@\s]+\/?$/i.test(domainApi) || !URL.canParse(domainApi)) {
    const source = given['domain-api'] === undefined ? 'LP_DOMAIN_API' : '--domain-api';
    throw new UsageError(
      `The Domain API must be an origin such as https://api.liveperson.net, without a path (${source}).`,
    );
  }
  const seconds = Number(given.timeout ?? 10);
  if (!(seconds > 0 && seconds <= 600)) throw new UsageError('--timeout must be seconds, more than 0 and at most 600.');
  return {
    accountId,
    domainApi: new URL(domainApi).origin,
    clientId,
    clientSecret,
    timeoutMs: Math.ceil(seconds * 1_000),
  };
}

function credentialOf(name: 'LP_CLIENT_ID' | 'LP_CLIENT_SECRET', env: NodeJS.ProcessEnv): string {
  const value = env[name];
  if (!value) throw new UsageError(`${name} is not set in the environment. You got it when your app was installed.`);
  if (value !== value.trim())
    throw new UsageError(`${name} begins or ends with a blank or a line break. Set it again without.`);
  return value;
}
