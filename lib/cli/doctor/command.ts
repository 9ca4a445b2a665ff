import { type AccountSettings, resolveAccount } from '../account.js';
import type { Command, Given } from '../command-line.js';

export const doctorCommand = {
  name: 'doctor',
  does: 'Checks each step from your credentials to the Send API, and says what is wrong.',
  flags: {
    account: { value: 'ID', does: 'your LivePerson account id (or LP_ACCOUNT_ID)' },
    consumer: { value: 'ID', does: 'the consumer whose ConsumerJWS is fetched (axios-liveperson-auth-doctor)' },
    'domain-api': { value: 'ORIGIN', does: 'the Domain API (or LP_DOMAIN_API; https://api.liveperson.net)' },
    probe: { does: 'also sends a SEND request without a message, see below' },
    timeout: { value: 'SECONDS', does: 'time limit of one answer (10)' },
    json: { does: 'one JSON document instead of text' },
  },
  notes: `
LP_CLIENT_ID and LP_CLIENT_SECRET are read only from the environment: every process of the machine can read a flag, and the shell
keeps it in its history.

--probe sends a SEND request with both tokens and the body
  {"kind":"req","id":"axios-liveperson-auth-doctor","type":"ms.PublishEvent","body":{}}
It contains no message and names no conversation, so it can neither open nor reach one. The step passes if the Send API answers
anything but "token invalid" or "token missing" (40102 to 40105).

The doctor prints no token and no secret. It does not retry, so a failure shows at once.

exit codes: 0 all steps passed, 1 a step failed, 2 wrong usage`,
} as const satisfies Command;

export interface DoctorSettings extends AccountSettings {
  readonly consumerId: string;
  readonly probe: boolean;
  readonly json: boolean;
}

/** @throws UsageError naming the setting that is missing or wrong, without its value */
export function resolveSettings(given: Given<typeof doctorCommand>, env: NodeJS.ProcessEnv): DoctorSettings {
  return {
    ...resolveAccount(given, env),
    consumerId: given.consumer ?? 'axios-liveperson-auth-doctor',
    probe: given.probe ?? false,
    json: given.json ?? false,
  };
}
