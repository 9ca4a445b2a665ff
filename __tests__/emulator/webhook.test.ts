import { createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { EmulatorOptions, WebhookOptions } from '../../lib/emulator/index.js';
import { defer, until } from '../support/cloud.js';
import { startServer } from '../support/server.js';
import {
  ACCOUNT,
  account,
  bearing,
  CONVERSATION,
  closeAll,
  converse,
  event,
  type Json,
  opening,
  post,
  read,
  SEND,
  start,
  text,
} from './client.js';

afterEach(async () => {
  jest.restoreAllMocks();
  await closeAll();
});

/** Refused events are kept for ten minutes. */
const RETENTION = { retentionMs: 600_000 };

interface Posted {
  url: string;
  headers: IncomingHttpHeaders;
  bytes: Buffer;
  /** What was told, without the umbrella. */
  change: Json;
  type: string;
}

/** A connector that takes events, and answers each with what `answer` says. */
async function startConnector(
  answer: (posted: Posted, count: number) => number | Promise<number> = () => 200,
  options: WebhookOptions = {},
  emulatorOptions: Partial<EmulatorOptions> = {},
) {
  const posted: Posted[] = [];
  const { origin } = await startServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const { type, body } = JSON.parse(bytes.toString());
    const entry = { url: request.url ?? '', headers: request.headers, bytes, type, change: body.changes[0] };
    posted.push(entry);
    response.writeHead(await answer(entry, posted.length), { location: '/elsewhere' }).end();
  });
  const webhook = { url: `${origin}/liveperson`, timeoutMs: 600_000, firstPauseMs: 1, ...options };
  const cloud = await start({ webhook, ...emulatorOptions });
  return { cloud, posted, origin };
}

const texts = (posted: Posted[]): string[] =>
  posted.filter(({ change }) => change.event).map(({ change }) => change.event.message);

describe('a webhook', () => {
  it('is told of a conversation from its opening to its end', async () => {
    const { cloud, posted } = await startConnector();
    const { id, send } = await converse(cloud, 'sms-4915550001');
    await send(text('Hello'));
    await cloud.agentSays(id, 'Hi');
    const closed = await cloud.closeConversation(id);
    expect(closed).toMatchObject({ state: 'delivered', attempts: 1, status: 200, conversationId: id });

    const [opened, said, assigned, answered, ended] = posted;
    expect(posted).toHaveLength(5);
    const consumer = { id: expect.stringMatching(/^[\da-f]{64}$/), role: 'CONSUMER' };
    const agent = { id: expect.stringMatching(/^[\da-f-]{36}$/), role: 'ASSIGNED_AGENT' };
    expect(opened).toMatchObject({
      type: 'cqm.ExConversationChangeNotification',
      change: {
        type: 'UPSERT',
        result: {
          convId: id,
          conversationDetails: {
            brandId: ACCOUNT,
            state: 'OPEN',
            stage: 'OPEN',
            startTs: expect.any(Number),
            participants: [consumer],
            dialogs: [{ dialogId: id, dialogType: 'MAIN', channelType: 'MESSAGING', state: 'OPEN' }],
            ttr: { ttrType: 'NORMAL' },
          },
        },
      },
    });
    expect(opened?.change.result.conversationDetails).not.toHaveProperty('closeReason');
    expect(JSON.parse(String(said?.bytes))).toEqual({
      kind: 'notification',
      type: 'ms.MessagingEventNotification',
      body: {
        changes: [
          {
            sequence: 0,
            originatorId: consumer.id,
            originatorMetadata: consumer,
            serverTimestamp: expect.any(Number),
            event: { type: 'ContentEvent', contentType: 'text/plain', message: 'Hello' },
            conversationId: id,
            dialogId: id,
            messageAudience: 'ALL',
          },
        ],
      },
    });
    expect(assigned?.change.result.conversationDetails).toMatchObject({
      state: 'OPEN',
      participants: [agent, consumer],
    });
    expect(answered?.change).toMatchObject({ sequence: 1, originatorMetadata: agent, event: { message: 'Hi' } });
    expect(answered?.change.originatorId).toBe(assigned?.change.result.conversationDetails.participants[0].id);
    expect(ended?.change.result.conversationDetails).toMatchObject({
      state: 'CLOSE',
      stage: 'CLOSE',
      closeReason: 'AGENT',
      endTs: expect.any(Number),
      dialogs: [{ state: 'CLOSE' }],
    });
  });

  it.each([
    [{}, 'sha1', 'base64'],
    [{ signature: 'sha256' }, 'sha256', 'base64'],
    [{ signature: 'sha256', encoding: 'hex' }, 'sha256', 'hex'],
  ] as const)('is given a signature over the raw bytes, emoji and all: %j', async (options, hash, encoding) => {
    const { cloud, posted } = await startConnector(() => 201, options);
    const { id } = await converse(cloud);
    await cloud.agentSays(id, 'Grüße 👋🏽 \u2028');
    for (const { headers, bytes, url } of posted) {
      expect(url).toBe('/liveperson');
      expect(headers).toMatchObject({
        'content-type': 'application/json',
        'x-liveperson-account-id': ACCOUNT,
        'x-liveperson-client-id': account.clientId,
        'x-liveperson-signature': `${hash}=${createHmac(hash, account.clientSecret).update(bytes).digest(encoding)}`,
      });
    }
    expect(texts(posted)).toEqual(['Grüße 👋🏽 \u2028']);
  });

  it('is told of a conversation that the consumer closes, which is then over', async () => {
    const { cloud, posted } = await startConnector();
    const { id } = await converse(cloud);
    const close = {
      kind: 'req',
      id: '1,',
      type: 'cm.UpdateConversationField',
      body: {
        conversationId: id,
        conversationField: { field: 'ConversationStateField', conversationState: 'CLOSE' },
      },
    };
    const headers = await bearing(cloud);
    expect((await post(cloud, SEND, close, headers)).status).toBe(200);
    expect((await post(cloud, SEND, close, headers)).status).toBe(200);
    await until(() => posted.length === 2);
    expect(posted[1]?.change.result.conversationDetails.closeReason).toBe('CONSUMER');
    await expect(cloud.agentSays(id, 'Hi')).rejects.toThrow(/is closed/);
  });

  it('is told of other events too, of chat states without a sequence', async () => {
    const { cloud, posted } = await startConnector();
    const { id, send } = await converse(cloud);
    await send({ type: 'ChatStateEvent', chatState: 'COMPOSING' });
    await cloud.agentSends(id, { type: 'ChatStateEvent', chatState: 'COMPOSING' });
    await cloud.agentSends(id, { type: 'AcceptStatusEvent', status: 'READ', sequenceList: [0] });
    await until(() => posted.length === 5);
    const [, typing, , agentTyping, status] = posted;
    expect(typing?.change).toMatchObject({
      originatorMetadata: { role: 'CONSUMER' },
      event: { chatState: 'COMPOSING' },
    });
    for (const state of [typing, agentTyping]) expect(state?.change).not.toHaveProperty('sequence');
    expect(status?.change).toMatchObject({ sequence: 0, event: { status: 'READ', sequenceList: [0] } });
    expect(cloud.deliveries.map(({ type }) => type)).toEqual([
      'cqm.ExConversationChangeNotification',
      'ms.MessagingEventNotification.ChatStateEvent',
      'cqm.ExConversationChangeNotification',
      'ms.MessagingEventNotification.ChatStateEvent',
      'ms.MessagingEventNotification.AcceptStatusEvent',
    ]);
  });

  it('is told of the message that a conversation was opened with', async () => {
    const { cloud, posted } = await startConnector();
    const first = { kind: 'req', id: '3', type: 'ms.PublishEvent', body: { event: text('HI There !') } };
    const reply = await read(await post(cloud, CONVERSATION, [...opening, first], await bearing(cloud)));
    expect(reply[2]).toEqual({ code: 'OK', reqId: '3', body: { sequence: 0 } });
    await until(() => posted.length === 2);
    expect(posted[1]?.change).toMatchObject({
      dialogId: reply[1].body.conversationId,
      sequence: 0,
      event: { message: 'HI There !' },
    });
  });

  it('is not told of what is no conversation, nor of what was refused', async () => {
    const { cloud, posted } = await startConnector();
    const { id, send } = await converse(cloud);
    await until(() => posted.length === 1);
    await post(cloud, SEND, event('made-up', text('lost')), await bearing(cloud));
    expect((await post(cloud, SEND, event(id, text('foreign')), await bearing(cloud, 'another'))).status).toBe(401);
    cloud.failNext('send', { status: 503 });
    await send(text('failed'));
    await send(text('said'));
    await until(() => posted.length === 2);
    expect(texts(posted)).toEqual(['said']);
  });
});

describe('redelivery', () => {
  it('brings the same bytes until they are taken, in the order of the conversation', async () => {
    const { cloud, posted } = await startConnector((_, count) => (count < 4 ? 500 : 200), RETENTION);
    const { id } = await converse(cloud);
    const said = await Promise.all([cloud.agentSays(id, 'one'), cloud.agentSays(id, 'two')]);
    expect(posted.map(({ bytes }) => bytes.toString()).slice(1, 4)).toEqual(
      Array.from({ length: 3 }, () => posted[0]?.bytes.toString()),
    );
    expect(cloud.deliveries.map(({ attempts }) => attempts)).toEqual([4, 1, 1, 1]);
    expect(said.map(({ state }) => state)).toEqual(['delivered', 'delivered']);
    expect(texts(posted)).toEqual(['one', 'two']);
  });

  it('keeps no other conversation waiting', async () => {
    const held = defer<number>();
    const { cloud, posted } = await startConnector(({ change }) =>
      change.event?.message === 'slow' ? held.promise : 200,
    );
    const [first, second] = [await converse(cloud, 'a'), await converse(cloud, 'b')];
    const slow = cloud.agentSays(first.id, 'slow');
    const behind = cloud.agentSays(first.id, 'behind');
    await cloud.agentSays(second.id, 'quick');
    expect(texts(posted)).toEqual(['slow', 'quick']);
    held.resolve(200);
    await Promise.all([slow, behind]);
    expect(texts(posted)).toEqual(['slow', 'quick', 'behind']);
  });

  it.each([
    ['a status that is no 200 or 201', () => 204, 204],
    ['a redirect', () => 302, 302],
    ['an answer that takes too long', () => new Promise<number>(() => {}), 0],
  ])('is the answer to %s, until the event is given up', async (_, answer, status) => {
    // An event is kept for three answers or so: each takes four minutes of the ten.
    const now = Date.now;
    let passed = 0;
    jest.spyOn(Date, 'now').mockImplementation(() => now() + passed);
    const answerLate = () => {
      passed += 240_000;
      return answer();
    };
    const { cloud, posted } = await startConnector(answerLate, {
      ...RETENTION,
      ...(status === 0 && { timeoutMs: 100 }),
    });
    const { id } = await converse(cloud);
    const said = await cloud.agentSays(id, 'Hi');
    expect(said).toMatchObject({ state: 'given-up', status });
    const opened = cloud.deliveries[0];
    expect(opened).toMatchObject({ state: 'given-up', status });
    expect(opened?.attempts).toBeGreaterThan(1);
    expect(new Set(posted.map(({ url }) => url))).toEqual(new Set(['/liveperson']));
  });

  it('pauses twice as long each time, up to a bound', async () => {
    const times: number[] = [];
    const { cloud } = await startConnector(() => times.push(Date.now()) && 500, {
      ...RETENTION,
      firstPauseMs: 10,
      maxPauseMs: 40,
    });
    await converse(cloud);
    await until(() => times.length === 5);
    const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    for (const [index, ms] of [10, 20, 40, 40].entries()) expect(pauses[index]).toBeGreaterThanOrEqual(ms - 1);
  });

  it('goes to the connector’s new place at once', async () => {
    const { cloud, posted, origin } = await startConnector(({ url }) => (url === '/new' ? 200 : 500), {
      ...RETENTION,
      firstPauseMs: 60_000,
    });
    const { id } = await converse(cloud);
    const said = cloud.agentSays(id, 'Hi');
    await until(() => cloud.deliveries[0]?.status === 500);
    cloud.setWebhook(`${origin}/new`);
    expect((await said).state).toBe('delivered');
    expect(posted.map(({ url }) => url)).toEqual(['/liveperson', '/new', '/new', '/new']);
    cloud.setWebhook(undefined);
    await expect(cloud.agentSays(id, 'Hi')).rejects.toThrow(/no webhook/);
  });

  it('of what was taken can be asked for, as LivePerson may send an event twice', async () => {
    const { cloud, posted } = await startConnector();
    const { id } = await converse(cloud);
    const said = await cloud.agentSays(id, 'Hi');
    expect(await cloud.redeliver(said)).toMatchObject({ state: 'delivered', attempts: 1 });
    expect(posted.at(-1)?.bytes).toEqual(posted.at(-2)?.bytes);
    expect(texts(posted)).toEqual(['Hi', 'Hi']);
  });

  it('ends with close(), whether it waits for an answer, for its time or for its turn', async () => {
    const hanging = await startConnector(() => new Promise<number>(() => {}));
    const pausing = await startConnector(() => 500, { ...RETENTION, firstPauseMs: 60_000 });
    const waiting = [];
    for (const { cloud, posted } of [hanging, pausing]) {
      const { id } = await converse(cloud);
      waiting.push(cloud.agentSays(id, 'Hi'));
      await until(() => posted.length === 1);
      await cloud.close();
      expect(posted).toHaveLength(1);
    }
    for (const said of await Promise.all(waiting)) expect(said).toMatchObject({ state: 'given-up', attempts: 0 });
  });
});

describe('the agent', () => {
  it('speaks in open conversations alone, and to a webhook', async () => {
    const cloud = await start();
    await expect(cloud.agentSays('none', 'Hi')).rejects.toThrow('There is no conversation "none"');
    const { id } = await converse(cloud);
    await expect(cloud.agentSays(id, 'Hi')).rejects.toThrow(/There is no webhook to deliver to/);
    await expect(cloud.closeConversation(id)).rejects.toThrow(/There is no webhook to deliver to/);
    expect(cloud.deliveries).toEqual([]);
  });

  it.each<[string, EmulatorOptions['autoReply'], string[]]>([
    ['repeats what was said', 'echo', ['Hello', 'Hello', 'Bye', 'Bye']],
    [
      'answers as told',
      (said, { consumerId }) => (said === 'Hello' ? `Hi, ${consumerId}` : undefined),
      ['Hello', 'Hi, c', 'Bye'],
    ],
  ])('%s by itself', async (_, autoReply, expected) => {
    const { cloud, posted } = await startConnector(undefined, {}, { autoReply: autoReply ?? 'echo' });
    const { send } = await converse(cloud);
    await send(text('Hello'));
    await send({ type: 'ChatStateEvent', chatState: 'COMPOSING' });
    await send(text('Bye'));
    await until(() => texts(posted).filter(Boolean).length === expected.length);
    expect(texts(posted).filter(Boolean)).toEqual(expected);
  });
});

it('tells of each request once it is answered, and of each delivery each time', async () => {
  const told: string[] = [];
  const { cloud } = await startConnector((_, count) => (count === 1 ? 503 : 200), RETENTION, {
    onRequest: ({ service, status }) => told.push(`${service} ${status}`),
    onDelivery: ({ attempts, status, state }) => told.push(`${attempts} ${status} ${state}`),
  });
  await converse(cloud);
  await until(() => cloud.deliveries[0]?.state === 'delivered');
  cloud.failNext('domain', { reset: true });
  await expect(fetch(`${cloud.origin}/api/account/${ACCOUNT}/service/baseURI.json`)).rejects.toThrow();
  expect(told).toEqual(['sentinel 200', 'idp 201', 'conversation 200', '1 503 waiting', '2 200 delivered', 'domain 0']);
});

it.each<[string | object, RegExp]>([
  ['localhost:3000', /http or https URL.*"localhost:3000"/],
  ['ftp://connector', /http or https URL/],
  [{}, /http or https URL.*undefined/],
  [{ url: 'http://c', signature: 'md5' }, /signature/],
  [{ url: 'http://c', encoding: 'latin1' }, /encoding/],
  [{ url: 'http://c', retentionMs: -1 }, /retentionMs must be milliseconds.*-1/],
])('a webhook that is none is refused: %j', async (webhook, message) => {
  await expect(start({ webhook: webhook as string })).rejects.toThrow(message);
});
