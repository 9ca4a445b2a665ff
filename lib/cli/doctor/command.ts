import { type Command, type Given, UsageError } from '../command-line.js';

export const doctorCommand = {
  name: 'doctor',
  does: 'Walks the way from your credentials to the Send API, and says what is wrong on it.',
  flags: {
    account: { value: 'ID', does: 'your LivePerson account id (or LP_ACCOUNT_ID)' },
    consumer: { value: 'ID', does: 'whose ConsumerJWS is asked for (axios-liveperson-auth-doctor)' },
    'domain-api': { value: 'ORIGIN', does: 'the Domain API (or LP_DOMAIN_API; https://api.liveperson.net)' },
    probe: { does: 'also sends a SEND that is refused harmlessly, see below' },
    timeout: { value: 'SECONDS', does: 'how long one answer is waited for (10)' },
    json: { does: 'one JSON document instead of text' },
  },
  notes: `
LP_CLIENT_ID and LP_CLIENT_SECRET are read from the environment alone: a flag is seen by every process of the machine, and
stays in the history of the shell.

--probe sends a SEND with both tokens and the body
  {"kind":"req","id":"axios-liveperson-auth-doctor","type":"ms.PublishEvent","body":{}}
It holds no message and names no conversation, so that it can neither open nor reach one. The step is passed when the Send API
answers anything but "token invalid" or "token missing" (40102 to 40105).

No token and no secret is printed. Nothing is retried, so that a failure shows at once.

exit codes: 0 all well, 1 a step failed, 2 used wrongly`,
} as const satisfies Command;

/** What the doctor was asked to look at. */
export interface DoctorSettings {
  readonly accountId: string;
  readonly consumerId: string;
  readonly domainApi: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly probe: boolean;
  readonly json: boolean;
  readonly timeoutMs: number;
}

/** @throws UsageError naming what is missing or wrong; no value of the environment is shown */
export function resolveSettings(given: Given<typeof doctorCommand>, env: NodeJS.ProcessEnv): DoctorSettings {
  const accountId = given.account ?? env.LP_ACCOUNT_ID;
  const { LP_CLIENT_ID: clientId, LP_CLIENT_SECRET: clientSecret } = env;
  if (!accountId) throw new UsageError('Which account? Give --account ID, or set LP_ACCOUNT_ID.');
  if (!/^[a-z\d][\w.~-]*$/i.test(accountId))
    throw new UsageError('The account id is wrong: LivePerson’s are digits, some with letters before them.');
  for (const [name, value] of Object.entries({ LP_CLIENT_ID: clientId, LP_CLIENT_SECRET: clientSecret })) {
    if (!value) throw new UsageError(`${name} is not set in the environment: it came with your app's installation.`);
    if (value !== value.trim()) {
      throw new UsageError(`${name} begins or ends with a blank or a line break: set it again without.`);
    }
  }
  const domainApi = given['domain-api'] ?? (env.LP_DOMAIN_API || 'https://api.liveperson.net');
  if (!/^https?:\/\/[^/?#@\s]+\/?$/i.test(domainApi) || !URL.canParse(domainApi))
    throw new UsageError('The Domain API must be an origin such as https://api.liveperson.net, with no path.');
  const seconds = Number(given.timeout ?? 10);
  if (!(seconds > 0 && seconds <= 600)) throw new UsageError('--timeout must be seconds, more than 0 and at most 600.');
  return {
    accountId,
    consumerId: given.consumer ?? 'axios-liveperson-auth-doctor',
    domainApi: new URL(domainApi).origin,
    clientId: clientId ?? '',
    clientSecret: clientSecret ?? '',
    probe: given.probe ?? false,
    json: given.json ?? false,
    timeoutMs: Math.ceil(seconds * 1_000),
  };
}

/** @throws UsageError for a secret on the command line; it is not shown */
export function refuseSecretFlags(argv: readonly string[]): void {
  if (argv.some((argument) => /^--client-secret(=|$)/.test(argument))) {
    throw new UsageError(
      'A secret is no flag: every process of this machine sees it, and the shell keeps it in its history. Set LP_CLIENT_SECRET in the environment instead.',
    );
  }
}
