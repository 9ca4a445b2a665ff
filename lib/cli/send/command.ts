import { type AccountSettings, resolveAccount } from '../account.js';
import { type Command, type Given, UsageError } from '../command-line.js';

export const sendCommand = {
  name: 'send',
  does: 'Sends one message as a consumer, and says what happened: tokens, replays, the answer.',
  argument: { name: 'text', does: 'the message; quote it if it has blanks' },
  flags: {
    consumer: { value: 'ID', does: 'the consumer who sends, such as sms-4915550001' },
    conversation: { value: 'ID', does: 'continues this conversation (without it, a new one is opened)' },
    account: { value: 'ID', does: 'your LivePerson account id (or LP_ACCOUNT_ID)' },
    'domain-api': { value: 'ORIGIN', does: 'the Domain API (or LP_DOMAIN_API; https://api.liveperson.net)' },
    timeout: { value: 'SECONDS', does: 'time limit of the whole command (10)' },
    json: { does: 'one JSON document instead of text' },
  },
  notes: `
LP_CLIENT_ID and LP_CLIENT_SECRET are read only from the environment. Try it with the emulator in a second terminal:

  npx axios-liveperson-auth emulator
  export LP_ACCOUNT_ID=70012345 LP_CLIENT_ID=emulator-app LP_CLIENT_SECRET=emulator-secret
  LP_DOMAIN_API=http://127.0.0.1:4790 npx axios-liveperson-auth send --consumer sms-1 "Hello"

The message reaches real agents if the Domain API is LivePerson's. The command prints no token and no secret. It does not retry
failed calls for tokens.

exit codes: 0 sent, 1 not sent, 2 wrong usage`,
} as const satisfies Command;

export interface SendSettings extends AccountSettings {
  readonly consumerId: string;
  readonly conversationId: string | undefined;
  readonly text: string;
  readonly json: boolean;
}

/** @throws UsageError naming the setting that is missing or wrong, without its value */
export function resolveSettings(given: Given<typeof sendCommand>, env: NodeJS.ProcessEnv): SendSettings {
  const { consumer: consumerId, conversation: conversationId, argument: text = '', json = false } = given;
  if (consumerId === undefined) throw new UsageError('Which consumer? Give --consumer ID, such as sms-4915550001.');
  if (text.trim() === '') throw new UsageError('The message is empty. Give a text, such as "Hello".');
  return { ...resolveAccount(given, env), consumerId, conversationId, text, json };
}
