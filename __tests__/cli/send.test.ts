import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { type Emulator, startEmulator } from '../../lib/emulator/index.js';
import { ACCOUNT, closeClouds, startCloud } from '../support/cloud.js';
import { CLIENT_ID, CLIENT_SECRET } from '../support/connector.js';
import { endRuns, run } from './run.js';

const SEND = ['send', '--consumer', 'sms-1', '--timeout', '600'];
let cloud: Emulator | undefined;

afterEach(async () => {
  await endRuns();
  await cloud?.close();
  await closeClouds();
  cloud = undefined;
});

async function startEmulated(): Promise<Emulator> {
  cloud = await startEmulator({ accounts: [{ accountId: ACCOUNT, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET }] });
  return cloud;
}

const envFor = (origin: string): NodeJS.ProcessEnv => ({
  LP_ACCOUNT_ID: ACCOUNT,
  LP_CLIENT_ID: CLIENT_ID,
  LP_CLIENT_SECRET: CLIENT_SECRET,
  LP_DOMAIN_API: origin,
});

const saidTo = ({ messages }: Emulator) =>
  messages
    .filter(({ type }) => type === 'ms.PublishEvent')
    .map(({ conversationId, consumerId, body }) => [
      conversationId,
      consumerId,
      (body as { event: { message: string } }).event.message,
    ]);

async function sendJson(args: string[], origin: string) {
  const { code, stdout, stderr } = await run([...SEND, '--json', ...args], envFor(origin));
  expect(stderr).toBe('');
  expect(stdout).not.toMatch(/eyJ/);
  expect(stdout).not.toContain(CLIENT_SECRET);
  return { code, ...JSON.parse(stdout) };
}

it('opens a conversation, sends, and prints what happened', async () => {
  const emulator = await startEmulated();
  const { origin } = emulator;
  const { code, stdout, stderr } = await run([...SEND, 'Hello'], envFor(origin));
  expect([code, stderr]).toEqual([0, '']);
  const [[conversationId]] = saidTo(emulator) as [[string]];
  expect(stdout.replace(/\d+ ms/g, 'N ms')).toBe(`account ${ACCOUNT}, consumer sms-1, Domain API ${origin}

✓ AppJWT        fetched from Sentinel (N ms)
✓ ConsumerJWS   fetched from IDP (N ms)
✓ CONVERSATION  opened ${conversationId}
✓ SEND          answered 200 OK, sequence 0

Sent. To continue the conversation: --conversation ${conversationId}
`);
  expect(saidTo(emulator)).toEqual([[conversationId, 'sms-1', 'Hello']]);
});

it('continues a conversation', async () => {
  const emulator = await startEmulated();
  const first = await sendJson(['One'], emulator.origin);
  const second = await sendJson(['--conversation', first.conversationId, 'Two'], emulator.origin);
  expect([first.opened, second.opened]).toEqual([true, false]);
  expect(second).toMatchObject({ code: 0, ok: true, answer: { status: 200, code: 'OK', sequence: 1 } });
  expect(saidTo(emulator)).toEqual([
    [first.conversationId, 'sms-1', 'One'],
    [first.conversationId, 'sms-1', 'Two'],
  ]);
});

it('tells of a replay', async () => {
  const emulator = await startEmulated();
  emulator.failNext('send', { status: 401, body: { kind: 'resp', body: { errorCode: 40102 } } });
  const outcome = await sendJson(['Hello'], emulator.origin);
  expect(outcome).toMatchObject({
    code: 0,
    replays: [{ endpoint: 'send', errorCode: 40102, outcome: 'succeeded' }],
    tokens: [
      { kind: 'appJwt', cause: 'initial' },
      { kind: 'consumerJws', cause: 'initial' },
      { kind: 'appJwt', cause: 'refused' },
    ],
  });
  expect(saidTo(emulator)).toHaveLength(1);
});

describe('a message that is not sent ends with 1, and says why', () => {
  it('a wrong secret', async () => {
    const emulator = await startEmulated();
    const { code, stdout, stderr } = await run([...SEND, 'Hello'], {
      ...envFor(emulator.origin),
      LP_CLIENT_SECRET: 'another-secret',
    });
    expect([code, stderr]).toEqual([1, '']);
    expect(stdout).toMatch(/\nFailed: .*Sentinel.*\nTo find the cause: npx axios-liveperson-auth doctor --probe\n$/);
    expect(stdout).not.toContain('another-secret');
  });

  it('a refusal of the Send API', async () => {
    const emulator = await startEmulated();
    emulator.failNext('send', { status: 401, body: { kind: 'resp', body: { errorCode: 40104 } } });
    const outcome = await sendJson(['Hello'], emulator.origin);
    expect(outcome).toMatchObject({
      code: 1,
      ok: false,
      error: { message: 'The Send API refused the request with 40104 (401).', status: 401, errorCode: 40104 },
    });
  });

  it('a second open conversation', async () => {
    const scripted = await startCloud();
    scripted.script.conversation = () => ({
      body: [
        { code: 'OK', reqId: '1', body: {} },
        { code: 'BAD_REQUEST', reqId: '2', body: { msg: 'User x already …' } },
      ],
    });
    const outcome = await sendJson(['Hello'], scripted.origin);
    expect(outcome).toMatchObject({
      code: 1,
      error: { message: expect.stringMatching(/opened no conversation \(BAD_REQUEST\).*--conversation ID/) },
    });
    expect(scripted.count('send')).toBe(0);
  });

  it('nothing listens', async () => {
    const { code, stdout } = await run([...SEND, 'Hello'], envFor('http://127.0.0.1:1'));
    expect(code).toBe(1);
    expect(stdout).toMatch(/\nFailed: .*Domain API/);
  });

  it('something listens and never answers', async () => {
    const silent = createTcpServer(() => {});
    await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening));
    const origin = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const { code, stdout } = await run(['send', '--consumer', 'c', '--timeout', '0.5', 'Hello'], envFor(origin));
    silent.close();
    expect(code).toBe(1);
    expect(stdout).toMatch(/\nFailed: (.*Domain API|There was no whole answer within 0\.5 s)/);
  });
});
