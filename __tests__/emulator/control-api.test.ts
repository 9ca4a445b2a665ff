import type { Emulator } from '../../lib/emulator/index.js';
import { until } from '../support/cloud.js';
import { startServer } from '../support/server.js';
import {
  ACCOUNT,
  appJwt,
  bearing,
  closeAll,
  converse,
  event,
  type Json,
  post,
  read,
  SEND,
  start,
  text,
} from './client.js';

afterEach(closeAll);

/** A request of the control API, as curl would make it. */
async function call(cloud: Emulator, route: string, body?: unknown): Promise<{ status: number; body: Json }> {
  const [method = '', path = ''] = route.split(' ');
  const answer = await fetch(`${cloud.origin}/emulator${path}`, {
    method,
    // As curl -d says it.
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { status: answer.status, body: await read(answer) };
}

const startControlled = () => start({ controlApi: true });

/** A connector that takes every event, and an emulator that delivers to it. */
async function startDelivering() {
  const posted: Json[] = [];
  const { origin } = await startServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    posted.push(JSON.parse(body).body.changes[0]);
    response.end();
  });
  const cloud = await startControlled();
  expect(await call(cloud, 'POST /webhook', { url: origin, timeoutMs: 600_000 })).toEqual({
    status: 200,
    body: { ok: true },
  });
  const said = () => posted.filter((change) => change.event).map((change) => change.event.message);
  return { cloud, posted, said };
}

it('is there only where it is wanted', async () => {
  const cloud = await start();
  expect((await call(cloud, 'GET /health')).status).toBe(404);
  expect(cloud.requests).toHaveLength(1);
});

it('tells what there is, and that the emulator is up; it is no request of its own', async () => {
  const cloud = await startControlled();
  const { body } = await call(cloud, 'GET ');
  expect(body.routes).toContainEqual({
    method: 'POST',
    path: '/emulator/agent-says',
    does: expect.any(String),
    fields: { conversationId: 'text', consumerId: 'text', text: 'text' },
  });
  expect(await call(cloud, 'GET /')).toEqual({ status: 200, body });
  expect(await call(cloud, 'GET /health')).toEqual({ status: 200, body: { status: 'ok', origin: cloud.origin } });
  expect(cloud.requests).toEqual([]);
});

it('lists requests, messages and conversations, and forgets them', async () => {
  const cloud = await startControlled();
  const { id, send } = await converse(cloud);
  await send(text('Hello'));
  const sends = (await call(cloud, 'GET /requests?service=send')).body.requests;
  expect(sends).toEqual([
    expect.objectContaining({ service: 'send', method: 'POST', path: SEND, status: 200, body: expect.any(String) }),
  ]);
  expect((await call(cloud, 'GET /requests')).body.requests).toHaveLength(4);
  expect((await call(cloud, 'GET /messages')).body.messages.at(-1)).toMatchObject({ consumerId: 'c', sequence: 0 });
  const dialogs = [{ dialogId: id, dialogType: 'MAIN', state: 'OPEN' }];
  const conversations = [
    { conversationId: id, accountId: ACCOUNT, consumerId: 'c', state: 'OPEN', stage: 'OPEN', dialogs },
  ];
  expect((await call(cloud, 'GET /conversations')).body).toEqual({ conversations });
  cloud.failNext('send', { status: 503 });
  expect((await call(cloud, 'POST /clear')).status).toBe(200);
  expect((await call(cloud, 'GET /requests')).body).toEqual({ requests: [] });
  expect((await call(cloud, 'GET /messages')).body).toEqual({ messages: [] });
  expect((await send(text('again'))).status).toBe(200);
});

it('revokes tokens: all, or those of an account or a consumer', async () => {
  const cloud = await startControlled();
  const codeOf = async (headers: Record<string, string>) =>
    (await read(await post(cloud, SEND, event('d', text('x')), headers))).body?.errorCode;
  const headers = await bearing(cloud);
  await call(cloud, 'POST /revoke-app-jwts', { accountId: 'other' });
  await call(cloud, 'POST /revoke-consumer-jws', { consumerId: 'another' });
  expect(await codeOf(headers)).toBeUndefined();
  await call(cloud, 'POST /revoke-consumer-jws', { consumerId: 'c' });
  expect(await codeOf(headers)).toBe(40103);
  await call(cloud, 'POST /revoke-app-jwts');
  expect(await codeOf(headers)).toBe(40102);
  expect(cloud.requests.at(-1)?.errorCode).toBe(40102);
});

it('bends the next answers', async () => {
  const cloud = await startControlled();
  const fault = {
    service: 'sentinel',
    status: 429,
    headers: { 'retry-after': '1' },
    body: { error: 'slow' },
    times: 1,
  };
  expect((await call(cloud, 'POST /fail-next', fault)).status).toBe(200);
  const bent = await post(cloud, `/sentinel/api/account/${ACCOUNT}/app/token?v=1.0`, '');
  expect([bent.status, bent.headers.get('retry-after'), await read(bent)]).toEqual([429, '1', { error: 'slow' }]);
  expect(await appJwt(cloud)).toMatch(/^eyJ/);
});

it('lets the agent speak, type and leave: in the named conversation, in a consumer’s, or in the latest', async () => {
  const { cloud, posted, said } = await startDelivering();
  const [first] = [await converse(cloud, 'a'), await converse(cloud, 'b'), await converse(cloud, 'c')];
  const queued = { status: 200, body: { queued: true } };
  expect(await call(cloud, 'POST /agent-says', { conversationId: first.id, text: 'one' })).toEqual(queued);
  expect(await call(cloud, 'POST /agent-says', { consumerId: 'b', text: 'two' })).toEqual(queued);
  expect(await call(cloud, 'POST /agent-says', { text: 'three' })).toEqual(queued);
  await until(() => said().length === 3);
  expect(said().sort()).toEqual(['one', 'three', 'two']);
  const typing = { type: 'ChatStateEvent', chatState: 'COMPOSING' };
  expect(await call(cloud, 'POST /agent-sends', { consumerId: 'a', event: typing })).toEqual(queued);
  expect(await call(cloud, 'POST /close-conversation', { consumerId: 'a' })).toEqual(queued);
  expect((await call(cloud, 'POST /agent-says', { consumerId: 'a', text: 'late' })).status).toBe(409);
  await until(() => posted.at(-1)?.result?.conversationDetails.closeReason === 'AGENT');
  expect(posted.at(-2)).toMatchObject({ event: typing });
  const { deliveries } = (await call(cloud, 'GET /deliveries')).body;
  expect(deliveries.every((delivery: Json) => delivery.state === 'delivered')).toBe(true);
});

it('has the powers of the library: surveys, transfers, roles, clock, limits, chaos, snapshot, reset', async () => {
  const { cloud, posted } = await startDelivering();
  const { id } = await converse(cloud, 'a');
  const ok = { status: 200, body: { ok: true } };
  const queued = { status: 200, body: { queued: true } };
  const how = { role: 'MANAGER', messageAudience: 'AGENTS_AND_MANAGERS', metadata: [{ type: 'ExternalId', id: 'x' }] };
  expect(await call(cloud, 'POST /agent-sends', { event: text('psst'), ...how })).toEqual(queued);
  await until(() => posted.length === 3);
  const { role, ...rest } = how;
  expect(posted.at(-1)).toMatchObject({ ...rest, originatorMetadata: { role } });
  expect(await call(cloud, 'POST /agent-sends', { event: [text('a'), text('b')] })).toEqual(queued);
  expect(await call(cloud, 'POST /transfer', { consumerId: 'a', skillId: '7' })).toEqual(queued);
  const { body } = await call(cloud, 'POST /start-survey', { text: 'How was it?', metadata: [{ type: 'Question' }] });
  expect(body).toEqual({ queued: true, dialogId: expect.stringMatching(/^[\da-f-]{36}$/) });
  expect(await call(cloud, 'POST /agent-says', { text: 'Thank you' })).toEqual(queued);
  await until(() => posted.at(-1)?.event?.message === 'Thank you');
  expect(posted.at(-1)).toMatchObject({ dialogId: body.dialogId, sequence: 1 });
  expect((await call(cloud, 'GET /conversations')).body.conversations).toEqual([
    {
      conversationId: id,
      accountId: ACCOUNT,
      consumerId: 'a',
      state: 'CLOSE',
      stage: 'OPEN',
      dialogs: [
        { dialogId: id, dialogType: 'MAIN', state: 'CLOSE' },
        { dialogId: body.dialogId, dialogType: 'POST_SURVEY', state: 'OPEN' },
      ],
    },
  ]);
  expect((await call(cloud, 'GET /snapshot')).body).toEqual(JSON.parse(JSON.stringify(cloud.snapshot())));

  const headers = await bearing(cloud);
  expect(await call(cloud, 'POST /advance-clock', { ms: 3_600_000 })).toEqual(ok);
  expect((await read(await post(cloud, SEND, event('d'), headers))).body.errorCode).toBe(40102);
  const statusOf = async () => (await fetch(`${cloud.origin}/sentinel/well-known/jwks`)).status;
  expect(await call(cloud, 'POST /limit', { service: 'sentinel', calls: 1, perMs: 60_000 })).toEqual(ok);
  expect([await statusOf(), await statusOf()]).toEqual([200, 429]);
  expect(await call(cloud, 'POST /limit', { service: 'sentinel' })).toEqual(ok);
  expect(await statusOf()).toBe(200);
  expect(await call(cloud, 'POST /chaos', { seed: 7, rate: 1, faults: [{ status: 418 }] })).toEqual(ok);
  expect(await statusOf()).toBe(418);
  expect(await call(cloud, 'POST /chaos', {})).toEqual(ok);
  expect(await statusOf()).toBe(200);
  expect((await call(cloud, 'POST /store-file', { base64: 'iVBORw0KGgo=', fileType: 'PNG' })).body).toEqual({
    relativePath: expect.stringMatching(/\.PNG$/),
  });
  expect(await call(cloud, 'POST /reset')).toEqual(ok);
  expect((await call(cloud, 'GET /snapshot')).body).toEqual({ conversations: [], consumers: [] });
});

it('delivers the last event of a conversation once more', async () => {
  const { cloud, said } = await startDelivering();
  await converse(cloud);
  await call(cloud, 'POST /agent-says', { text: 'twice' });
  await call(cloud, 'POST /redeliver');
  await until(() => said().length === 2);
  expect(said()).toEqual(['twice', 'twice']);
});

it.each<[string, unknown, number, string]>([
  ['GET /nothing', undefined, 404, 'There is no GET /emulator/nothing: GET /emulator lists what there is.'],
  ['DELETE /requests', undefined, 404, 'There is no DELETE /emulator/requests: GET /emulator lists what there is.'],
  ['POST /clear', 'no JSON', 400, 'The body must be a JSON object.'],
  ['POST /clear', [], 400, 'The body must be a JSON object.'],
  ['POST /clear', { all: true }, 400, 'There is no field all here; leave it out.'],
  ['POST /revoke-app-jwts', { account: 'x' }, 400, 'There is no field account here; use accountId.'],
  ['POST /revoke-app-jwts', { accountId: 7 }, 400, 'accountId must be a text.'],
  ['POST /fail-next', { service: 'swift' }, 400, 'service must be one of domain, sentinel, idp, conversation, send.'],
  ['POST /fail-next', { service: 'unknown' }, 400, 'service must be one of domain, sentinel, idp, conversation, send.'],
  ['POST /fail-next', { service: 'idp', delay: 1 }, 400, 'There is no field delay here; use service, status'],
  ['POST /fail-next', { service: 'idp', times: 0 }, 400, 'failNext: times must be a whole number from 1; received 0.'],
  ['POST /fail-next', { service: 'idp', status: 99 }, 400, 'failNext: status must be an HTTP status'],
  ['POST /fail-next', { service: 'idp', delayMs: -1 }, 400, 'failNext: delayMs must be whole milliseconds'],
  ['POST /agent-says', {}, 400, 'text is missing: what does the agent say?'],
  ['POST /agent-says', { text: 'Hi' }, 409, 'There is no open conversation of that consumer'],
  ['POST /agent-says', { conversationId: 'none', text: 'Hi' }, 409, 'There is no conversation "none"'],
  ['POST /agent-sends', { event: {} }, 400, 'event must have a type.'],
  ['POST /agent-sends', { event: [] }, 400, 'event must have a type.'],
  ['POST /agent-sends', { event: { type: 'x' }, role: 'BOSS' }, 400, 'role must be one of ASSIGNED_AGENT, AGENT'],
  ['POST /agent-sends', { event: { type: 'x' }, audience: 'ALL' }, 400, 'There is no field audience here'],
  ['POST /start-survey', {}, 409, 'There is no open conversation of that consumer'],
  ['POST /start-survey', { conversationId: 'none' }, 409, 'There is no conversation "none"'],
  ['POST /start-survey', { text: 7 }, 400, 'text must be a text.'],
  ['POST /start-survey', { metadata: [{}] }, 400, 'metadata goes with the question'],
  ['POST /transfer', {}, 400, 'transfer: give skillId or agentId.'],
  ['POST /transfer', { skillId: 'x' }, 400, 'skillId must be at most 10 digits'],
  ['POST /transfer', { agentId: 'a' }, 409, 'There is no open conversation of that consumer'],
  ['POST /advance-clock', {}, 400, 'ms must be a number of milliseconds'],
  ['POST /advance-clock', { ms: -1 }, 400, 'ms must be a number of milliseconds, 0 or more; received -1.'],
  ['POST /advance-clock', { ms: '1' }, 400, 'ms must be a number.'],
  ['POST /limit', { service: 'swift', calls: 1, perMs: 1 }, 400, 'limit: service must be one of domain'],
  ['POST /limit', { calls: 1, perMs: 1 }, 400, 'limit: service must be one of domain'],
  ['POST /limit', { service: 'idp', calls: 1 }, 400, 'limit: perMs must be whole milliseconds from 1'],
  ['POST /chaos', { seed: 1 }, 400, 'chaos: rate must be a number from 0 to 1'],
  ['POST /chaos', { seed: 1, rate: 1, faults: 'x' }, 400, 'faults must be a list of objects'],
  ['POST /reset', { clock: true }, 400, 'There is no field clock here; leave it out.'],
  ['POST /store-file', {}, 400, 'storeFile: bytes must be from 1'],
  ['POST /store-file', { base64: 'aaaa', fileType: 'EXE' }, 400, 'fileType must be one of JPG'],
  ['POST /webhook', { retentionMs: 5_000 }, 400, 'The webhook must be an http or https URL of your connector'],
  ['POST /webhook', { url: 'http://c', maxRetries: 9 }, 400, 'maxRetries must be a whole number from 0 to 5'],
  ['POST /redeliver', { conversationId: 'none' }, 409, 'Nothing was delivered of that conversation yet.'],
  ['POST /webhook', { url: 'nowhere' }, 400, 'The webhook must be an http or https URL of your connector'],
])('answers %s with %j by %i and a sentence', async (route, body, status, sentence) => {
  const cloud = await startControlled();
  expect(await call(cloud, route, body)).toEqual({ status, body: { error: expect.stringContaining(sentence) } });
});

it('says that there is no webhook', async () => {
  const cloud = await startControlled();
  await converse(cloud);
  const refused = { status: 409, body: { error: expect.stringContaining('There is no webhook') } };
  expect(await call(cloud, 'POST /agent-says', { text: 'Hi' })).toEqual(refused);
  expect(await call(cloud, 'POST /webhook', {})).toEqual({ status: 200, body: { ok: true } });
  expect(await call(cloud, 'POST /close-conversation')).toEqual(refused);
});
