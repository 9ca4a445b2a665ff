import { request as requestPlain } from 'node:http';
import { request as requestSecure } from 'node:https';
import { createSelfSignedCertificate, type Emulator } from '../../lib/emulator/index.js';
import { until } from '../support/cloud.js';
import { startServer } from '../support/server.js';
import { ACCOUNT, closeAll, type Json, start } from './client.js';
import { consumerOf, startPair } from './connector.js';

// The requests that known clients make, each as it stands in their code: paths, places of parameters, spellings of headers.

afterEach(closeAll);

const tls = createSelfSignedCertificate();

interface Sent {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

/** A request whose headers are spelled as given. */
function send(
  url: string,
  { method = 'POST', headers = {}, body = '' }: Sent,
): Promise<{ status: number; body: Json }> {
  const request = url.startsWith('https') ? requestSecure : requestPlain;
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, ca: tls.cert, agent: false }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) });
    });
    sent.on('error', reject).end(body);
  });
}

const FORM = 'application/x-www-form-urlencoded';
const hostOf = (list: Json, service: string): string =>
  list.baseURIs.find((entry: Json) => entry.service === service).baseURI;
const textOf = (conversationId: string | undefined, message: string) => ({
  kind: 'req',
  id: '3',
  type: 'ms.PublishEvent',
  body: { dialogId: conversationId, event: { type: 'ContentEvent', contentType: 'text/plain', message } },
});

it('LivePerson’s demo app: hosts by plain http, the rest by https, parameters in the query, a message in the opening', async () => {
  const posted: Json[] = [];
  const { origin } = await startServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    posted.push(JSON.parse(body).body.changes[0]);
    response.end('OK');
  });
  const cloud = await start({ tls, webhook: { url: origin, timeoutMs: 600_000 }, autoReply: 'echo' });
  const csds = `http://${cloud.host}/api/account/${ACCOUNT}/service/baseURI.json?version=1.0`;
  const { body: list } = await send(csds, { method: 'GET' });

  const query = 'v=1.0&grant_type=client_credentials&client_id=id&client_secret=secret';
  const jwt = await send(`https://${hostOf(list, 'sentinel')}/sentinel/api/account/${ACCOUNT}/app/token?${query}`, {
    headers: { 'content-type': FORM },
  });
  const jws = await send(`https://${hostOf(list, 'idp')}/api/account/${ACCOUNT}/consumer?v=1.0`, {
    headers: { 'content-type': 'application/json', authorization: jwt.body.access_token },
    body: JSON.stringify({ ext_consumer_id: 'ramdom_id0.8413027' }),
  });
  expect([jwt.status, jws.status]).toEqual([200, 201]);

  const headers = {
    'content-type': 'application/json',
    authorization: jwt.body.access_token,
    'X-LP-ON-BEHALF': jws.body.token,
  };
  const opening = [
    { kind: 'req', id: '2,', type: 'userprofile.SetUserProfile', body: { firstName: 'WEB UI USER', role: 'consumer' } },
    {
      kind: 'req',
      id: '1,',
      type: 'cm.ConsumerRequestConversation',
      body: {
        ttrDefName: 'CUSTOM',
        campaignInfo: { campaignId: '99999', engagementId: '888888' },
        channelType: 'MESSAGING',
        brandId: ACCOUNT,
        skillId: '-1',
      },
    },
    textOf(undefined, 'HI There !'),
  ];
  const messaging = `https://${hostOf(list, 'asyncMessagingEnt')}/api/account/${ACCOUNT}/messaging/consumer/conversation`;
  const opened = await send(`${messaging}?v=3`, { headers, body: JSON.stringify(opening) });
  // It takes the id from the second reply, whatever its reqId.
  const { conversationId } = opened.body[1].body;
  expect(opened.body.map(({ reqId }: Json) => reqId)).toEqual(['2,', '1,', '3']);

  const sent = await send(`${messaging}/send?v=3`, { headers, body: JSON.stringify(textOf(conversationId, 'Hello')) });
  expect(sent).toEqual({ status: 200, body: { reqId: '3', code: 'OK', body: { sequence: expect.any(Number) } } });

  // What its browser half shows: texts by the role ASSIGNED_AGENT, found by dialogId or result.convId.
  const shown = () =>
    posted
      .filter((change) => (change.dialogId ?? change.result.convId) === conversationId)
      .filter((change) => change.originatorMetadata?.role === 'ASSIGNED_AGENT' && change.event.message)
      .map((change) => change.event.message);
  await until(() => shown().length === 2);
  expect(shown()).toEqual(['HI There !', 'Hello']);

  const close = {
    kind: 'req',
    id: '1,',
    type: 'cm.UpdateConversationField',
    body: { conversationId, conversationField: { field: 'ConversationStateField', conversationState: 'CLOSE' } },
  };
  expect((await send(`${messaging}/send?v=3`, { headers, body: JSON.stringify(close) })).status).toBe(200);
  await until(() => posted.at(-1)?.result?.conversationDetails.closeReason === 'CONSUMER');
});

it('Botium: no .json, no v=1.0 at IDP, an object for Client-Properties, replies found by reqId', async () => {
  const cloud = await start({ tls });
  const list = await send(`${cloud.origin}/api/account/${ACCOUNT}/service/baseURI?version=1.0`, {
    method: 'GET',
    headers: { 'content-type': 'application/json' },
  });
  const token = `https://${hostOf(list.body, 'sentinel')}/sentinel/api/account/${ACCOUNT}/app/token`;
  const jwt = await send(`${token}?v=1.0&grant_type=client_credentials`, {
    headers: { 'content-type': FORM },
    body: 'client_id=id&client_secret=secret',
  });
  const jws = await send(`https://${hostOf(list.body, 'idp')}/api/account/${ACCOUNT}/consumer`, {
    headers: { 'content-type': 'application/json', authorization: jwt.body.access_token },
    body: JSON.stringify({ ext_consumer_id: '0123456789' }),
  });
  const headers = {
    'content-type': 'application/json',
    authorization: jwt.body.access_token,
    'X-LP-ON-BEHALF': jws.body.token,
    'Client-Properties': '[object Object]',
  };
  const context = { visitorId: 'v', sessionId: 's', interactionContextId: '2', type: 'SharkContext', lang: 'en-US' };
  const opening = [
    {
      kind: 'req',
      id: '00012345',
      type: 'userprofile.SetUserProfile',
      body: { firstName: 'botium', role: 'consumer' },
    },
    {
      kind: 'req',
      id: '00054321',
      type: 'cm.ConsumerRequestConversation',
      body: { brandId: ACCOUNT, skillId: '1234', conversationContext: context },
    },
  ];
  const url = `https://${hostOf(list.body, 'asyncMessagingEnt')}/api/account/${ACCOUNT}/messaging/consumer/conversation`;
  const opened = await send(`${url}?v=3`, { headers, body: JSON.stringify(opening) });
  const reply = opened.body.find(({ reqId }: Json) => reqId === '00054321');
  expect(reply.body.conversationId).toMatch(/^[\da-f-]{36}$/);
});

it('the how-to guide: JSON for a content type, and nothing in the body', async () => {
  const cloud = await start();
  const query = 'v=1.0&grant_type=client_credentials&client_id=id&client_secret=secret';
  const token = `${cloud.origin}/sentinel/api/account/${ACCOUNT}/app/token?${query}`;
  const jwt = await send(token, { headers: { 'Content-Type': 'application/json' } });
  expect([jwt.status, jwt.body.token_type]).toEqual([200, 'Bearer']);
});

it.each([
  ['the Functions client', '/sentinel/api/account/70012345/app/token?v=2.0'],
  ['the Functions toolbelt', '/sentinel/api/v2/account/70012345/app/token?v=2.0'],
  ['the OAuth 2.0 page', '/sentinel/api/v2/account/70012345/app/token'],
])('%s: a token of version 2, with its life as text', async (_, path) => {
  const cloud = await start();
  const body = 'grant_type=client_credentials&client_id=id&client_secret=secret';
  const jwt = await send(cloud.origin + path, { headers: { 'content-type': FORM }, body });
  expect([jwt.status, jwt.body.expires_in]).toEqual([200, '3600']);
});

it.each(['baseURI.json?version=1.0', 'baseURI?version=1.0', 'baseURI.json'])(
  'clients that ask for one service (%s) read it from a flat object',
  async (page) => {
    const cloud = await start();
    const one = await send(`${cloud.origin}/api/account/${ACCOUNT}/service/idp/${page}`, { method: 'GET' });
    expect(one).toEqual({ status: 200, body: { service: 'idp', account: ACCOUNT, baseURI: cloud.host } });
  },
);

it.each(['X-LP-ON-BEHALF', 'x-lp-on-behalf', 'X-LP-On-Behalf'])('the header in the spelling %s', async (name) => {
  const cloud = await start();
  const { sent } = await sendWith(cloud, name);
  expect(sent.status).toBe(200);
});

it.each([
  ['LP-On-Behalf', 'ConsumerJWS is missing'],
  ['X_ON_BEHALF_HEADER', 'ConsumerJWS is missing'],
])('the header %s is none of the Send API’s', async (name, title) => {
  const cloud = await start();
  const { sent } = await sendWith(cloud, name);
  expect([sent.status, sent.body.body]).toEqual([401, expect.objectContaining({ errorCode: 40104, title })]);
});

it('hands out the host that it was asked by', async () => {
  const cloud = await start();
  const url = cloud.origin.replace('127.0.0.1', 'localhost');
  const list = await send(`${url}/api/account/${ACCOUNT}/service/baseURI.json?version=1.0`, { method: 'GET' });
  expect(hostOf(list.body, 'idp')).toBe(cloud.host.replace('127.0.0.1', 'localhost'));
});

it('a message for no conversation lacks a parameter', async () => {
  const cloud = await start();
  const { sent } = await sendWith(cloud, 'X-LP-ON-BEHALF', { kind: 'req', id: '1', type: 'ms.PublishEvent', body: {} });
  expect([sent.status, sent.body.body.errorCode]).toEqual([400, 40001]);
  expect(cloud.messages).toEqual([]);
});

async function sendWith(cloud: Emulator, header: string, item: object = textOf('a-conversation', 'Hello')) {
  const query = 'v=1.0&grant_type=client_credentials&client_id=id&client_secret=secret';
  const jwt = await send(`${cloud.origin}/sentinel/api/account/${ACCOUNT}/app/token?${query}`, {});
  const authorization = jwt.body.access_token;
  const jws = await send(`${cloud.origin}/api/account/${ACCOUNT}/consumer?v=1.0`, {
    headers: { authorization },
    body: '{"ext_consumer_id":"c"}',
  });
  const sent = await send(`${cloud.origin}/api/account/${ACCOUNT}/messaging/consumer/conversation/send?v=3`, {
    headers: { authorization, [header]: jws.body.token },
    body: JSON.stringify(item),
  });
  return { sent };
}

// Requests, replies and events as LivePerson's pages and public clients have them. Values are invented.

/** Whether every field of a sample is there, with the same kind of value, at every depth. */
function expectShape(actual: Json, sample: Json, path = ''): void {
  expect([path, Array.isArray(actual) ? 'array' : typeof actual]).toEqual([
    path,
    Array.isArray(sample) ? 'array' : typeof sample,
  ]);
  if (typeof sample !== 'object') return;
  for (const [key, value] of Object.entries(sample)) expectShape(actual[key], value, `${path}.${key}`);
}

it('the survey of the PCS page: its events, and the two sends of an answer', async () => {
  const { cloud, posted } = await startPair({ survey: 'How was it?' });
  const consumer = await consumerOf(cloud);
  const id = await consumer.converse();
  await cloud.agentSays(id, 'Bye');
  const change = {
    field: 'DialogChange',
    type: 'UPDATE',
    dialog: { dialogId: id, state: 'CLOSE', closedCause: 'Closed by consumer' },
  };
  expect((await consumer.update(id, change)).body).toEqual(
    JSON.parse('{"reqId":"s","code":"OK","body":{"msg":"OK Conversation resolved successfully"}}'),
  );
  await until(() => posted.length === 5);
  const [changed, asked] = posted.slice(-2).map(({ bytes }) => JSON.parse(bytes.toString()));
  const changedAsDocumented = JSON.parse(`{ "type": "cqm.ExConversationChangeNotification", "kind": "notification",
    "body": { "sentTs": 1, "changes": [ { "type": "UPSERT", "result": { "convId": "c-1", "effectiveTTR": -1,
      "conversationDetails": { "skillId": "101", "brandId": "70012345", "state": "CLOSE", "stage": "OPEN",
        "closeReason": "CONSUMER", "startTs": 1, "metaDataLastUpdateTs": 3,
        "participants": [ { "id": "a", "role": "ASSIGNED_AGENT" }, { "id": "u", "role": "CONSUMER" }, { "id": "b", "role": "AGENT" } ],
        "dialogs": [
          { "dialogId": "c-1", "dialogType": "MAIN", "channelType": "MESSAGING", "state": "CLOSE", "closedBy": "CONSUMER",
            "closedCause": "Closed by consumer", "creationTs": 1, "endTs": 2, "metaDataLastUpdateTs": 2 },
          { "dialogId": "s-1", "dialogType": "POST_SURVEY", "channelType": "MESSAGING", "state": "OPEN",
            "metaData": { "appInstallId": "app" }, "creationTs": 2, "metaDataLastUpdateTs": 3 } ],
        "ttr": { "ttrType": "NORMAL", "value": 600 },
        "conversationHandlerDetails": { "accountId": "70012345", "skillId": "101" } } } } ] } }`);
  expectShape(changed, changedAsDocumented);
  const pick = ({ state, stage, closeReason, participants, dialogs }: Json) => ({
    state,
    stage,
    closeReason,
    roles: participants.map(({ role }: Json) => role),
    dialogs: dialogs.map(({ dialogType, state }: Json) => [dialogType, state]),
  });
  const detailsOf = ({ body }: Json) => pick(body.changes[0].result.conversationDetails);
  expect(detailsOf(changed)).toEqual(detailsOf(changedAsDocumented));
  expectShape(
    asked.body.changes[0],
    JSON.parse(`{ "sequence": 0, "originatorId": "b", "originatorMetadata": { "id": "b", "role": "AGENT" },
      "serverTimestamp": 4, "conversationId": "c-1", "dialogId": "s-1", "messageAudience": "ALL",
      "metadata": [ { "type": "Question", "id": "q", "surveyId": "9" } ],
      "event": { "type": "ContentEvent", "contentType": "text/plain", "message": "How was it?",
        "quickReplies": { "type": "quickReplies", "itemsPerRow": 8, "replies": [ { "type": "button", "title": "5",
          "click": { "metadata": [ { "type": "Answer", "questionId": "q", "id": "a5" } ],
            "actions": [ { "type": "publishText", "text": "5" } ] } } ] } } }`),
  );
  const { sequence, dialogId, event } = asked.body.changes[0];
  const { metadata } = event.quickReplies.replies[4].click;
  const action = { type: 'AcceptStatusEvent', status: 'ACTION', sequenceList: [sequence] };
  const answer = { type: 'ContentEvent', contentType: 'text/plain', message: '5' };
  const replies = [];
  for (const said of [action, answer]) replies.push((await consumer.say(dialogId, said, { metadata })).body.body);
  expect(replies).toEqual([{ sequence: 1 }, { sequence: 2 }]);
  await until(() => posted.length === 7);
  expect(posted.slice(-2).map(({ change: told }) => told.metadata)).toEqual([metadata, metadata]);
  await cloud.closeConversation(id);
  expect(pick(posted.at(-1)?.change.result.conversationDetails)).toMatchObject({
    state: 'CLOSE',
    stage: 'CLOSE',
    dialogs: [
      ['MAIN', 'CLOSE'],
      ['POST_SURVEY', 'CLOSE'],
    ],
  });
});

it('connector_api: the open conversation’s consumer is read from the refusal of a second one', async () => {
  const cloud = await start();
  const consumer = await consumerOf(cloud);
  await consumer.converse();
  const { status, body } = await consumer.open();
  const refused = body.find(({ code }: Json) => code === 'BAD_REQUEST');
  const [, lpConsumerId] = /User (\w+) already/.exec(refused.body.msg) ?? [];
  expect([status, refused.reqId, lpConsumerId]).toEqual([200, '2', cloud.snapshot().consumers[0]?.lpConsumerId]);
});

it('pypestream: closes with ConversationStateField, and looks for the message of the reply', async () => {
  const cloud = await start();
  const consumer = await consumerOf(cloud);
  const id = await consumer.converse();
  const { body } = await consumer.update(id, { field: 'ConversationStateField', conversationState: 'CLOSE' });
  expect(body).toEqual({ reqId: 's', code: 'OK', body: { msg: 'OK Conversation resolved successfully' } });
});

it('LivePerson’s demo app: closes with Stage', async () => {
  const cloud = await start();
  const consumer = await consumerOf(cloud);
  const id = await consumer.converse();
  await consumer.update(id, { field: 'Stage', conversationState: 'CLOSE' });
  expect(cloud.conversations[0]).toMatchObject({ state: 'CLOSE', stage: 'CLOSE' });
});

it('faas-client-jdk: a token of version 2, with all parameters in the query', async () => {
  const cloud = await start();
  const query = 'v=2.0&grant_type=client_credentials&client_id=id&client_secret=secret';
  const jwt = await send(`${cloud.origin}/sentinel/api/account/${ACCOUNT}/app/token?${query}`, {});
  expect([jwt.status, jwt.body.expires_in]).toEqual([200, '3600']);
});

it('mcp-liveperson and a NestJS service: the life of a version 1 token is read from expires_in, where it is switched on', async () => {
  const cloud = await start({ v1ExpiresIn: true });
  const query = 'v=1.0&grant_type=client_credentials&client_id=id&client_secret=secret';
  const jwt = await send(`${cloud.origin}/sentinel/api/account/${ACCOUNT}/app/token?${query}`, {});
  expect(Number(jwt.body.expires_in)).toBe(3_600);
});

it.each(['ACCEPT', 'READ', 'ACCESS', 'NACK', 'ACTION'])('AcceptStatus %s takes the next number', async (status) => {
  const cloud = await start();
  const consumer = await consumerOf(cloud);
  const id = await consumer.converse();
  const event = { type: 'AcceptStatusEvent', status, sequenceList: [0] };
  await consumer.say(id, { type: 'ContentEvent', contentType: 'text/plain', message: 'Hi' });
  expect((await consumer.say(id, event)).body.body).toEqual({ sequence: 1 });
});

it('CONVERSATION with SDEs, campaign, context, skill and a third item', async () => {
  const cloud = await start();
  const { body } = await (await consumerOf(cloud)).open([
    {
      kind: 'req',
      id: 'a1',
      type: 'userprofile.SetUserProfile',
      body: { authenticatedData: { lp_sdes: [{ type: 'personal', personal: { firstname: 'Ina' } }] } },
    },
    {
      kind: 'req',
      id: 'a2',
      type: 'cm.ConsumerRequestConversation',
      body: {
        brandId: ACCOUNT,
        channelType: 'MESSAGING',
        ttrDefName: null,
        skillId: '1234567890',
        campaignInfo: { campaignId: '1', engagementId: '2' },
        conversationContext: { visitorId: 'v', sessionId: 's', type: 'SharkContext', lang: 'en-US' },
      },
    },
    textOf(undefined, 'Hi'),
  ]);
  expect(body).toEqual([
    { code: 'OK', reqId: 'a1', body: { msg: 'OK User Profile set successfully' } },
    { code: 'OK', reqId: 'a2', body: { conversationId: expect.any(String) } },
    { code: 'OK', reqId: '3', body: { sequence: 0 } },
  ]);
  expect(cloud.conversations[0]).toMatchObject({ skillId: '1234567890', ttr: { ttrType: 'NORMAL' } });
  expect(cloud.requests.at(-1)?.warnings).toEqual([]);
});
