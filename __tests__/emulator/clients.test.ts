import { request as requestPlain } from 'node:http';
import { request as requestSecure } from 'node:https';
import { createSelfSignedCertificate, type Emulator } from '../../lib/emulator/index.js';
import { until } from '../support/cloud.js';
import { closeServers, startServer } from '../support/server.js';
import { ACCOUNT, closeEmulators, type Json, start } from './client.js';

// The requests that known clients make, each as it stands in their code: paths, places of parameters, spellings of headers.

afterEach(async () => {
  await closeEmulators();
  await closeServers();
});

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
