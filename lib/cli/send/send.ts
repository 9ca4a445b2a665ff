import axios, { isAxiosError, isCancel } from 'axios';
import { createConnectorAuth, getSendApiError, isConnectorAuthError } from 'axios-liveperson-auth';
import { CommandError, type Given } from '../command-line.js';
import { colorsFor, printable } from '../terminal.js';
import { resolveSettings, type SendSettings, type sendCommand } from './command.js';
import { type Answer, createConversationClient } from './conversation.js';

/** What happened, for programs. */
interface Outcome {
  ok: boolean;
  readonly accountId: string;
  readonly consumerId: string;
  conversationId: string | undefined;
  /** Whether this command opened the conversation. */
  opened: boolean;
  readonly tokens: { kind: string; cause: string; durationMs: number }[];
  readonly replays: { endpoint: string; errorCode: number; outcome: string }[];
  answer?: Answer;
  error?: Failure;
}

interface Failure {
  readonly message: string;
  readonly code: string | undefined;
  readonly status: number | undefined;
  readonly errorCode: number | undefined;
}

const TITLES = { appJwt: 'AppJWT', consumerJws: 'ConsumerJWS', conversation: 'CONVERSATION', send: 'SEND' };
const WIDTH = Math.max(...Object.values(TITLES).map(({ length }) => length));
const SERVICES = { appJwt: 'Sentinel', consumerJws: 'IDP' };

/** @returns the exit code */
export async function runSend(given: Given<typeof sendCommand>): Promise<number> {
  const settings = resolveSettings(given, process.env);
  const { accountId, consumerId, conversationId, domainApi, text, json } = settings;
  const colors = colorsFor(process.stdout, process.env);
  const say = (line: string) => void (json || process.stdout.write(`${line}\n`));
  const tell = (title: keyof typeof TITLES, fact: string, mark = colors.green('✓')) =>
    say(`${mark} ${TITLES[title].padEnd(WIDTH)}  ${fact}`);

  const outcome: Outcome = { ok: false, accountId, consumerId, conversationId, opened: false, tokens: [], replays: [] };
  const { auth, client } = createClient(settings);
  auth.on('token', ({ kind, cause, durationMs }) => {
    outcome.tokens.push({ kind, cause, durationMs: Math.round(durationMs) });
    tell(kind, `fetched from ${SERVICES[kind]} ${colors.dim(`(${Math.round(durationMs)} ms)`)}`);
  });
  auth.on('replay', ({ endpoint, errorCode, outcome: end }) => {
    outcome.replays.push({ endpoint, errorCode, outcome: end });
    const mark = end === 'succeeded' ? colors.green('↻') : colors.red('↻');
    tell(endpoint, `refused with ${errorCode}, replayed with a new token: ${end}`, mark);
  });

  say(`account ${accountId}, consumer ${printable(consumerId)}, Domain API ${domainApi}\n`);
  try {
    if (conversationId === undefined) {
      outcome.conversationId = await client.open();
      outcome.opened = true;
      tell('conversation', `opened ${printable(outcome.conversationId)}`);
    }
    outcome.answer = await client.send(String(outcome.conversationId), text);
    outcome.ok = true;
    tell('send', describeAnswer(outcome.answer));
    say(`\nSent. To continue the conversation: --conversation ${printable(String(outcome.conversationId))}`);
  } catch (error) {
    outcome.error = describeFailure(error, settings);
    say(`\nFailed: ${printable(outcome.error.message)}`);
    say('To find the cause: npx axios-liveperson-auth doctor --probe');
  } finally {
    await auth.close();
  }
  if (json) process.stdout.write(`${JSON.stringify(outcome, null, 2)}\n`);
  return outcome.ok ? 0 : 1;
}

function createClient({ accountId, clientId, clientSecret, domainApi, consumerId, timeoutMs }: SendSettings) {
  const auth = createConnectorAuth({
    accountId,
    clientId,
    clientSecret,
    domainApi,
    retry: false,
    // Shorter than the whole, so that the error names the service that does not answer.
    tokenTimeoutMs: Math.ceil(timeoutMs * 0.8),
  });
  const http = axios.create({ signal: AbortSignal.timeout(timeoutMs) });
  auth.install(http);
  return { auth, client: createConversationClient(http, accountId, { onBehalfOf: consumerId }) };
}

function describeAnswer({ status, code = '', sequence }: Answer): string {
  return `answered ${status} ${code}`.trimEnd() + (sequence === undefined ? '' : `, sequence ${sequence}`);
}

function describeFailure(error: unknown, { timeoutMs, domainApi }: SendSettings): Failure {
  const { code, response, status = response?.status } = isAxiosError(error) ? error : {};
  const errorCode = getSendApiError(error)?.errorCode;
  return { message: messageOf(), code, status, errorCode };

  function messageOf(): string {
    if (error instanceof CommandError) return error.message;
    if (isCancel(error)) return `There was no whole answer within ${timeoutMs / 1_000} s.`;
    if (isConnectorAuthError(error)) return error.message;
    if (errorCode !== undefined) return `The Send API refused the request with ${errorCode} (${status}).`;
    if (status !== undefined) return `The Send API answered ${status}.`;
    if (isAxiosError(error)) return `The Send API could not be reached (${code}), after a lookup at ${domainApi}.`;
    throw error;
  }
}
