// Several hundred consumers send while one service after the other fails: npm run soak -- --help
import { fork } from 'node:child_process';
import { Agent } from 'node:http';
import { inspect, parseArgs } from 'node:util';
import axios from 'axios';
import { createConnectorAuth, getSendApiError, isConnectorAuthError, livePersonRetry } from 'axios-liveperson-auth';
import { failUsage, readCommandLine } from '../bench/command-line.js';
import type { Harvest, Request } from './cloud.js';
import { FAULTS } from './faults.js';

const USAGE = `usage: npm run soak -- [--seconds N] [--consumers N]

Several hundred consumers send while one service after the other fails. Ends with 1 if a message is lost or doubled, if a secret is
printed, or if memory grows.

  --seconds N    how long (default 60)
  --consumers N  how many consumers send (default 300)
  --help         shows this

A wrong flag exits with 2.`;

const { values } = readCommandLine(
  USAGE,
  () =>
    parseArgs({
      options: {
        seconds: { type: 'string', default: '60' },
        consumers: { type: 'string', default: '300' },
        help: { type: 'boolean', default: false },
      },
    }),
  'soak',
);
const seconds = positive('seconds', values.seconds);
const consumers = positive('consumers', values.consumers);

/** What came of the messages that were sent under one fault. */
interface Row {
  name: string;
  messages: number;
  delivered: number;
  failures: Map<string, number>;
  replays: number;
  tokenCalls: number;
  waits: number[];
}

const ACCOUNT = { accountId: '70012345', clientId: 'soak-app', clientSecret: 's0ak/secret+with=signs' };
const SEND = `/api/account/${ACCOUNT.accountId}/messaging/consumer/conversation/send?v=3`;
/** The faults are gone through again rather than that one lasts longer. */
const LONGEST_SLOT_MS = 2_000;
/** A token of either kind, whole or in part. */
const TOKEN = /eyJ[\w-]{8,}/;

const unhandled: unknown[] = [];
process.on('unhandledRejection', (error) => unhandled.push(error));
const printed: string[] = [];
process.on('warning', (warning) => printed.push(inspect(warning)));

const child = fork(new URL('./cloud.ts', import.meta.url), { execArgv: process.execArgv });
const asked = new Map<number, (answer: unknown) => void>();
child.on('message', ({ number, answer }: { number: number; answer: unknown }) => {
  asked.get(number)?.(answer);
  asked.delete(number);
});
let questions = 0;
const cloud = <T>(request: Request): Promise<T> =>
  new Promise((resolve) => {
    const number = questions++;
    asked.set(number, resolve as (answer: unknown) => void);
    child.send({ number, request });
  });

const origin = await cloud<string>({ ask: 'start', options: { accounts: [ACCOUNT], appJwtTtlSeconds: 4 } });

let skewMs = 0;
const say = (line: string) => printed.push(line);
const auth = createConnectorAuth({
  ...ACCOUNT,
  domainApi: origin,
  // Everything is some hundred times faster than in life, so that a minute holds some hours.
  domainTtlMs: 500,
  refreshAheadMs: 1_000,
  expiryMarginMs: 300,
  forcedRefreshIntervalMs: 100,
  tokenTimeoutMs: 300,
  failureCooldownMs: { min: 50, max: 400 },
  retry: { retryDelay: (count, error) => (livePersonRetry.retryDelay?.(count, error) ?? 0) / 100 },
  clock: { now: () => performance.timeOrigin + performance.now() + skewMs },
  logger: { debug: say, info: say, warn: say, error: say },
});
const httpAgent = new Agent({ keepAlive: true, maxSockets: 128 });
const http = axios.create({ httpAgent, proxy: false, timeout: 2_000 });
auth.install(http);
for (const event of ['token', 'replay', 'failure', 'evict'] as const) auth.on(event, (told) => say(inspect(told)));

const rows = FAULTS.map(
  ({ name }): Row => ({ name, messages: 0, delivered: 0, failures: new Map(), replays: 0, tokenCalls: 0, waits: [] }),
);
let row = rows[0] as Row;
auth.on('replay', () => (row.replays += 1));

/** Every message, and what came of it: true where the connector was told that it arrived. */
const outcomes = new Map<string, boolean>();
const accepted = new Map<string, number>();
const sent = new Map<string, number>();
const untyped: unknown[] = [];
const shown = new Map<string, number>();
let serial = 0;
let isOver = false;

async function consume(consumer: string): Promise<void> {
  while (!isOver) {
    const id = `m${serial++}`;
    const mine = row;
    mine.messages += 1;
    const startedAt = performance.now();
    const message = {
      kind: 'req',
      id,
      type: 'ms.PublishEvent',
      body: { dialogId: consumer, event: { type: 'ContentEvent' } },
    };
    try {
      await http.post(SEND, message, { onBehalfOf: consumer });
      mine.delivered += 1;
      outcomes.set(id, true);
    } catch (error) {
      outcomes.set(id, false);
      note(mine, error);
    }
    mine.waits.push(performance.now() - startedAt);
    await pause(40 + Math.random() * 80);
  }
}

function note({ failures }: Row, error: unknown): void {
  const name = nameOf(error);
  failures.set(name, (failures.get(name) ?? 0) + 1);
  // Printing takes long: a few of each kind under each fault are enough.
  const key = `${row.name} ${name}`;
  shown.set(key, (shown.get(key) ?? 0) + 1);
  if ((shown.get(key) ?? 0) > 3) return;
  printed.push(inspect(error, { depth: Number.POSITIVE_INFINITY }), JSON.stringify(error));
}

function nameOf(error: unknown): string {
  if (isConnectorAuthError(error)) return error.code;
  const refusal = getSendApiError(error);
  if (refusal) return String(refusal.errorCode);
  if (axios.isAxiosError(error)) return error.response ? `status ${error.response.status}` : (error.code ?? 'no code');
  untyped.push(error);
  return 'untyped';
}

async function harvest(into: Row): Promise<void> {
  // What ended before the harvest before this one has arrived by now, if ever.
  settle();
  settling = [...outcomes.keys()];
  const { calls, ...arrived } = await cloud<Harvest>({ ask: 'harvest' });
  into.tokenCalls += (calls.domain ?? 0) + (calls.sentinel ?? 0) + (calls.idp ?? 0);
  for (const id of arrived.sent) sent.set(id, (sent.get(id) ?? 0) + 1);
  for (const id of arrived.accepted) accepted.set(id, (accepted.get(id) ?? 0) + 1);
}

/** The books on a message are closed, so that they do not weigh on the heap. */
let settling: string[] = [];
const findings = { lostOrDoubled: [] as string[], sentTooOften: [] as string[], messages: 0, secrets: [] as string[] };
function settle(): void {
  for (const id of settling) {
    const wasDelivered = outcomes.get(id);
    const arrivals = accepted.get(id) ?? 0;
    if (wasDelivered ? arrivals !== 1 : arrivals > 1) findings.lostOrDoubled.push(id);
    if ((sent.get(id) ?? 0) > 3) findings.sentTooOften.push(id);
    findings.messages += 1;
    for (const book of [outcomes, accepted, sent]) book.delete(id);
  }
  for (const text of printed.splice(0)) {
    if (
      TOKEN.test(text) ||
      text.includes(ACCOUNT.clientSecret) ||
      text.includes(encodeURIComponent(ACCOUNT.clientSecret))
    )
      findings.secrets.push(text);
  }
}

const heapMb = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
};

console.log(`${consumers} consumers send for ${seconds} s.`);
const senders = Array.from({ length: consumers }, (_, index) => consume(`sms-49155500${index}`));
const rounds = Math.max(1, Math.round((seconds * 1_000) / (FAULTS.length * LONGEST_SLOT_MS)));
const slotMs = (seconds * 1_000) / (FAULTS.length * rounds);
const heaps: number[] = [];
for (let slot = 0; slot < rounds * FAULTS.length; slot++) {
  const at = slot % FAULTS.length;
  row = rows[at] as Row;
  await FAULTS[at]?.begin({ cloud, skew: (ms) => (skewMs += ms) });
  await pause(slotMs / 2);
  await cloud({ ask: 'clearFaults' });
  await pause(slotMs / 2);
  await harvest(row);
  heaps.push(heapMb());
}
isOver = true;
await Promise.all(senders);
for (const _ of ['the last', 'and its books']) {
  await pause(500);
  await harvest(row);
}
settle();
await auth.close();
httpAgent.destroy();
child.disconnect();
await new Promise((resolve) => child.once('exit', resolve));
await pause(50);

console.log(table());
const third = Math.ceil(heaps.length / 3);
const [early, late] = [median(heaps.slice(third, 2 * third)), median(heaps.slice(-third))];
const handles = process.getActiveResourcesInfo().filter((name) => !/^(TTY|Pipe|File|FS)/.test(name));
const undelivered = rows.reduce((sum, { messages, delivered }) => sum + messages - delivered, 0);
const checks: [what: string, isSo: boolean, found: unknown][] = [
  [
    `every message ended in success or in a typed error: ${findings.messages} messages, ${undelivered} errors`,
    untyped.length === 0,
    untyped,
  ],
  [
    'every message that was reported as delivered arrived exactly once, and no other more than once',
    findings.lostOrDoubled.length === 0,
    findings.lostOrDoubled,
  ],
  ['no message was sent more than three times', findings.sentTooOften.length === 0, findings.sentTooOften],
  ['no unhandled rejection', unhandled.length === 0, unhandled],
  [
    'no token and no secret in errors, events, log lines and warnings',
    findings.secrets.length === 0,
    findings.secrets.slice(0, 1),
  ],
  [
    `the heap of the last third is that of the middle third: ${late.toFixed(1)} MB, ${early.toFixed(1)} MB`,
    late - early < 4,
    heaps,
  ],
  ['no handle is left open', handles.length === 0, handles],
];
for (const [what, isSo, found] of checks) console.log(isSo ? `ok    ${what}` : `FAIL  ${what}: ${inspect(found)}`);
const failed = checks.filter(([, isSo]) => !isSo).length;
console.log(`soak: ${checks.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function table(): string {
  const lines = rows.map(({ name, messages, delivered, failures, replays, tokenCalls, waits }) => {
    const sorted = waits.sort((a, b) => a - b);
    const quantile = (part: number) => String(Math.round(sorted[Math.floor((sorted.length - 1) * part)] ?? 0));
    const failed = [...failures].map(([code, count]) => `${count} × ${code}`).join(', ');
    return [name, messages, delivered, replays, tokenCalls, quantile(0.5), quantile(0.99), failed];
  });
  const head = ['fault', 'messages', 'delivered', 'replays', 'token calls', 'median ms', '99 % ms', 'failed'];
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function median(numbers: number[]): number {
  return numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function positive(name: string, text: string): number {
  const number = Number(text);
  if (number > 0 && Number.isFinite(number)) return number;
  return failUsage(`--${name} must be a number above 0; received ${JSON.stringify(text)}.`, 'soak');
}
