import type { EventHub, FailureEvent, TokenEvent } from './events.js';

/** Gets the log lines. You can pass pino, winston or console. */
export interface Logger {
  /** Each new token. */
  debug(line: string): unknown;
  /** A service or a store that has recovered, and an AppJWT that was renewed after a refusal. */
  info(line: string): unknown;
  /** A failure that may pass by itself, and a request or a setting that you should check. */
  warn(line: string): unknown;
  /** A failure that lasts until you act, such as a wrong secret. */
  error(line: string): unknown;
}

type Level = keyof Logger;

const SERVICES = {
  domain: 'The Domain API',
  sentinel: 'Sentinel',
  idp: 'IDP',
  credentials: 'The option credentials',
} as const;
const TOKENS = {
  appJwt: { name: 'AppJWT', stage: 'sentinel' },
  consumerJws: { name: 'ConsumerJWS', stage: 'idp' },
} as const;

/** Lines about requests, beside the lines about events. */
export interface RequestLog {
  /** A path that is almost a Send API path. It is logged once. */
  nearMiss(path: string, reason: string): void;
  /** A message that was refused also with new tokens. @param codes every code that refused it, in order */
  refusedForGood(accountId: string, codes: readonly number[]): void;
}

/**
 * Writes events to a logger. It writes a line when something starts to fail and a line when it has recovered, but none for the
 * failures in between. Each new token is a debug line.
 */
export function createLog(events: EventHub, logger: Logger): RequestLog {
  /** The last logged state of each subject. */
  const said = new Map<string, string>();
  const say = (level: Level, line: string) => write(logger, level, line);
  const sayOnce = (subject: string, state: string, level: Level, line: string) => {
    if (said.get(subject) === state) return;
    said.set(subject, state);
    say(level, line);
  };

  events.on('retry', ({ stage, accountId, message, retryAt }) => {
    const line = `${message} The next attempt is at ${timeOf(retryAt)}. If it goes on, run \`npx axios-liveperson-auth doctor\`.`;
    // Only the first one is told. A line about the final failure may follow.
    if (!said.has(`${stage}:${accountId}`)) sayOnce(`${stage}:${accountId}`, 'retry', 'warn', line);
  });

  events.on('failure', (failure) => {
    const { transient, code, status, message } = failure;
    const who = failure.consumer ? ` Consumer ${failure.consumer}.` : '';
    sayOnce(subjectOf(failure), `${code} ${status}`, transient ? 'warn' : 'error', message + who + nextTry(failure));
  });

  events.on('token', ({ kind, accountId, consumer, cause, source, durationMs, expiresAt }) => {
    const { name, stage } = TOKENS[kind];
    const isShared = source === 'store';
    if (isShared && said.delete(STORE)) say('info', 'The token store has recovered.');
    // A token from the store does not show that the services work.
    for (const service of isShared ? [] : (['credentials', 'domain', stage] as const)) {
      if (said.delete(`${service}:${accountId}`))
        say('info', `${SERVICES[service]} has recovered for account ${accountId}.`);
    }
    if (kind === 'consumerJws') said.delete(consumersOf(accountId));
    const owner = consumer ? `consumer ${consumer} of account ${accountId}` : `account ${accountId}`;
    const end = expiresAt === undefined ? 'does not expire' : `expires ${timeOf(expiresAt)}`;
    say(
      levelOf(kind, cause),
      `New ${name}${isShared ? ' from the store' : ''} for ${owner} (${cause}) in ${Math.round(durationMs)} ms; it ${end}.`,
    );
  });

  events.on('replay', ({ accountId, errorCode, outcome }) => {
    if (outcome === 'succeeded') said.delete(refusalOf(accountId, errorCode));
    if (outcome === 'body-not-replayable') {
      const line = `A refused message of account ${accountId} could not be replayed, because its body is a stream. Send a string, an object or a buffer to have it replayed.`;
      sayOnce(`body:${accountId}`, outcome, 'warn', line);
    }
  });

  events.on('store-error', ({ operation, reason, code }) => {
    const what = `The token store failed (${operation}: ${code ?? reason}).`;
    const line = `${what} ${STORE_ADVICE[reason]} Meanwhile this process fetches its tokens itself.`;
    // An unusable entry is soon overwritten. It does not mean that the store is down.
    sayOnce(reason === 'unusable' ? 'store entry' : STORE, reason, 'warn', line);
  });

  events.on('evict', () =>
    sayOnce(
      'evict',
      'full',
      'warn',
      'Memory is full of ConsumerJWS, and the oldest are dropped. Consider a higher maxConsumers.',
    ),
  );

  const logged = new Set<string>();

  return {
    nearMiss(path, reason) {
      if (logged.has(path)) return;
      if (logged.size >= PATHS_KEPT) logged.clear();
      logged.add(path);
      say('warn', `A request to ${path} is not authenticated, because ${reason}`);
    },
    refusedForGood(accountId, codes) {
      const [first, ...others] = codes;
      const line = `A message of account ${accountId} was refused (${first}), and refused again after its replay (${others.join(', ')}). The README's table of error codes says what to check.`;
      sayOnce(refusalOf(accountId, codes.at(-1)), 'refused', 'warn', line);
    },
  };
}

/** At most this many paths are remembered. */
const PATHS_KEPT = 1_000;

const refusalOf = (accountId: string, errorCode: number | undefined): string => `replay:${accountId}:${errorCode}`;

const STORE = 'store';

/** A logger that throws or rejects changes nothing. */
function write(logger: Logger, level: Level, line: string): void {
  try {
    Promise.resolve(logger[level](`axios-liveperson-auth: ${line}`)).catch(() => {});
  } catch {}
}

/** What to check, for each reason of a store's failure. */
const STORE_ADVICE = {
  timeout: 'It did not answer in time. Check that it is up, and storeTimeoutMs.',
  failed: 'Check that it is up, and that its user has the permission.',
  unusable: 'Its entry is not a token of this version and account, or is sealed with another storeSecret.',
} as const;

/** A refusal of the AppJWT concerns all messages of the account. Refusals of a ConsumerJWS may be many. */
const levelOf = (kind: TokenEvent['kind'], cause: TokenEvent['cause']): Level =>
  kind === 'appJwt' && cause === 'refused' ? 'info' : 'debug';

/** The subject that has failed. A refused consumer does not mean that the service fails, so all of them share a subject. */
const subjectOf = ({ stage, accountId, consumer, transient }: FailureEvent): string =>
  consumer !== undefined && !transient ? consumersOf(accountId) : `${stage}:${accountId}`;

const consumersOf = (accountId: string): string => `consumers:${accountId}`;

const nextTry = ({ retryAt }: FailureEvent): string =>
  retryAt === undefined ? '' : ` The next try is at ${timeOf(retryAt)}.`;

/** The latest time that a `Date` can hold. */
const END_OF_TIME = 8.64e15;

const timeOf = (ms: number): string => new Date(Math.min(ms, END_OF_TIME)).toISOString();
