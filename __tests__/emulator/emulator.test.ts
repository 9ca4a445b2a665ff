import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { type Emulator, type EmulatorOptions, startEmulator } from '../../lib/emulator/index.js';
import {
  ACCOUNT,
  account,
  appJwt,
  bearing,
  CONVERSATION,
  closeEmulators,
  consumerJws,
  event,
  opening,
  post,
  read,
  SEND,
  secrets,
  start,
} from './client.js';

afterEach(closeEmulators);

describe('the Domain API', () => {
  it('has a list of all services and a page for each, .json or not', async () => {
    const cloud = await start();
    const path = `${cloud.origin}/api/account/${ACCOUNT}/service`;
    const list = await read(await fetch(`${path}/baseURI.json?version=1.0`));
    expect(list.baseURIs).toContainEqual({ service: 'asyncMessagingEnt', account: ACCOUNT, baseURI: cloud.host });
    const one = await read(await fetch(`${path}/sentinel/baseURI?version=1.0`));
    expect(one).toEqual({ service: 'sentinel', account: ACCOUNT, baseURI: cloud.host });
    expect((await fetch(`${path}/Sentinel/baseURI.json`)).status).toBe(404);
    expect((await fetch(`${cloud.origin}/api/account/none/service/baseURI.json`)).status).toBe(401);
  });

  it('answers for an unknown account as it is told to', async () => {
    const cloud = await start({ unknownAccount: { status: 200, body: { baseURIs: [] } } });
    const answer = await fetch(`${cloud.origin}/api/account/none/service/baseURI.json`);
    expect([answer.status, await read(answer)]).toEqual([200, { baseURIs: [] }]);
  });
});

describe('Sentinel', () => {
  const grant = { grant_type: 'client_credentials' };
  const path = `/sentinel/api/account/${ACCOUNT}/app/token`;
  const v2 = `/sentinel/api/v2/account/${ACCOUNT}/app/token`;
  const form = (values: Record<string, string>) => new URLSearchParams(values).toString();

  it.each([
    ['V1, mixed', `${path}?v=1.0&${form(grant)}`, form(secrets), undefined],
    ['V1, all in the body', `${path}?v=1.0`, form({ ...grant, ...secrets }), undefined],
    ['V1, all in the query', `${path}?v=1.0&${form({ ...grant, ...secrets })}`, '', undefined],
    ['V2', v2, form({ ...grant, ...secrets }), '3600'],
    ['V2 by query', `${path}?v=2.0`, form({ ...grant, ...secrets }), '3600'],
    ['V2 by both', `${v2}?v=2.0`, form({ ...grant, ...secrets }), '3600'],
  ])('gives an AppJWT for %s, which its published keys verify', async (_, url, body, expiresIn) => {
    const cloud = await start();
    const answer = await post(cloud, url, body, { 'content-type': 'application/x-www-form-urlencoded' });
    expect(answer.headers.get('content-type')).toBe('application/json;charset=utf-8');
    const { access_token, token_type, expires_in } = await read(answer);
    expect([answer.status, token_type, expires_in]).toEqual([200, 'Bearer', expiresIn]);
    const keys = createLocalJWKSet(await read(await fetch(`${cloud.origin}/sentinel/well-known/jwks`)));
    const { payload } = await jwtVerify(access_token, keys);
    expect(payload).toMatchObject({ aud: ACCOUNT, azp: 'id', scope: 'msg.consumer', iss: 'Sentinel' });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(3_600);
    expect(decodeProtectedHeader(access_token)).toMatchObject({ alg: 'RS256', typ: 'JWT', kid: expect.any(String) });
  });

  it.each([
    ['a wrong secret', form({ ...grant, ...secrets, client_secret: 'no' }), 401, 'invalid_client'],
    ['a wrong id', form({ ...grant, ...secrets, client_id: 'no' }), 401, 'invalid_client'],
    ['another grant', form({ ...secrets, grant_type: 'password' }), 400, 'unsupported_grant_type'],
    ['no grant', form(secrets), 400, 'invalid_request'],
  ])('refuses %s', async (_, body, status, error) => {
    const cloud = await start();
    const answer = await post(cloud, `${path}?v=1.0`, body);
    expect([answer.status, await read(answer)]).toEqual([status, { error }]);
  });
});

describe('IDP', () => {
  it('gives a ConsumerJWS that does not expire, with a stable id of LivePerson’s own', async () => {
    const cloud = await start();
    const [first, second] = [decodeJwt(await consumerJws(cloud, 'c')), decodeJwt(await consumerJws(cloud, 'c'))];
    expect(first).toMatchObject({
      account_id: ACCOUNT,
      ext_consumer_id: 'c',
      lp_consumer_id: expect.stringMatching(/^[\da-f]{64}$/),
    });
    expect(first).not.toHaveProperty('exp');
    expect(second.lp_consumer_id).toBe(first.lp_consumer_id);
  });

  it('refuses a missing, prefixed, foreign or revoked AppJWT, and a body without an id', async () => {
    const cloud = await start();
    const jwt = await appJwt(cloud);
    const ask = async (authorization: string | undefined, body: unknown = { ext_consumer_id: 'c' }) =>
      (await post(cloud, `/api/account/${ACCOUNT}/consumer?v=1.0`, body, authorization ? { authorization } : {}))
        .status;
    expect(
      await Promise.all([ask(jwt), ask(undefined), ask(`Bearer ${jwt}`), ask(await appJwt(cloud, 'other'))]),
    ).toEqual([201, 401, 401, 401]);
    expect(await Promise.all([ask(jwt, {}), ask(jwt, 'no JSON')])).toEqual([400, 400]);
    cloud.revokeAppJwts();
    expect(await ask(jwt)).toBe(401);
  });
});

describe('CONVERSATION and SEND', () => {
  it('answer as LivePerson documents', async () => {
    const cloud = await start();
    const headers = await bearing(cloud);
    const conversation = await read(await post(cloud, CONVERSATION, opening, headers));
    const id = conversation[1].body.conversationId;
    expect(conversation).toEqual([
      { code: 'OK', reqId: '1', body: { msg: 'OK User Profile set successfully' } },
      { code: 'OK', reqId: '2', body: { conversationId: expect.any(String) } },
    ]);
    for (const sequence of [0, 1]) {
      expect(await read(await post(cloud, SEND, event(id), headers))).toEqual({
        reqId: '7',
        code: 'OK',
        body: { sequence },
      });
    }
    const upload = {
      kind: 'req',
      id: 'u',
      type: 'ms.GenerateURLForUploadFile',
      body: { fileSize: '1', fileType: 'PNG' },
    };
    expect((await read(await post(cloud, SEND, upload, headers))).body.queryParams).toHaveProperty('temp_url_sig');
    expect(cloud.messages.map(({ type, consumerId, sequence }) => [type, consumerId, sequence])).toEqual([
      ['userprofile.SetUserProfile', 'c', undefined],
      ['cm.ConsumerRequestConversation', 'c', undefined],
      ['ms.PublishEvent', 'c', 0],
      ['ms.PublishEvent', 'c', 1],
      ['ms.GenerateURLForUploadFile', 'c', undefined],
    ]);
    expect((await post(cloud, SEND.replace('v=3', 'v=2'), event(id), headers)).status).toBe(404);
  });

  it.each<
    [
      string,
      number,
      number,
      Partial<EmulatorOptions>,
      (headers: Record<string, string>, cloud: Emulator) => unknown,
      string,
    ]
  >([
    ['no AppJWT', 40105, 401, {}, (headers) => delete headers.Authorization, 'AppJWT is missing'],
    [
      'no AppJWT, as the example has it',
      40104,
      401,
      { missingAppJwtCode: 40104 },
      (headers) => delete headers.Authorization,
      'AppJWT is missing',
    ],
    [
      'a prefix before it',
      40102,
      401,
      {},
      (headers) => Object.assign(headers, { Authorization: `Bearer ${headers.Authorization}` }),
      'Invalid AppJWT',
    ],
    ['a revoked AppJWT', 40102, 401, {}, (_, cloud) => cloud.revokeAppJwts(ACCOUNT), 'Invalid AppJWT'],
    ['no ConsumerJWS', 40104, 401, {}, (headers) => delete headers['X-LP-ON-BEHALF'], 'ConsumerJWS is missing'],
    ['a revoked ConsumerJWS', 40103, 401, {}, (_, cloud) => cloud.revokeConsumerJws('c'), 'Invalid ConsumerJWS'],
    [
      'a ConsumerJWS that is made up',
      40103,
      401,
      {},
      (headers) => Object.assign(headers, { 'X-LP-ON-BEHALF': 'a.b.c' }),
      'Invalid ConsumerJWS',
    ],
  ])('refuse %s with %i', async (_, errorCode, status, options, spoil, title) => {
    const cloud = await start(options);
    const headers = await bearing(cloud);
    spoil(headers, cloud);
    const answer = await post(cloud, SEND, event('d'), headers);
    expect([answer.status, await read(answer)]).toEqual([
      status,
      {
        kind: 'resp',
        code: status,
        body: { title, details: expect.any(String), errorCode },
        type: '.ReqBody$ErrorResp',
      },
    ]);
    expect(cloud.messages).toHaveLength(0);
  });

  it.each([
    [{}, 400],
    [{ missingParameterStatus: 401 as const }, 401],
  ])('refuse a conversation without a brand with 40001 (%j)', async (options, status) => {
    const cloud = await start(options);
    const answer = await post(cloud, CONVERSATION, [{ ...opening[1], body: {} }], await bearing(cloud));
    expect(answer.status).toBe(status);
    expect(await read(answer)).toMatchObject({ code: status, body: { errorCode: 40001 } });
  });

  it('refuse a message into another consumer’s conversation, and an AppJWT that is over', async () => {
    const cloud = await start();
    const [conversation] = await Promise.all([post(cloud, CONVERSATION, opening, await bearing(cloud, 'a'))]);
    const id = (await read(conversation))[1].body.conversationId;
    expect((await read(await post(cloud, SEND, event(id), await bearing(cloud, 'b')))).body.errorCode).toBe(40103);
    const brief = await start({ appJwtTtlSeconds: 0.001 });
    const jwt = await appJwt(brief);
    await new Promise((resolve) => setTimeout(resolve, 5));
    const late = await post(brief, SEND, event('d'), { authorization: jwt });
    expect((await read(late)).body.errorCode).toBe(40102);
  });

  it('tolerate a prefix, or read another header, as they are told to', async () => {
    const cloud = await start({ tolerateBearer: true, onBehalfHeader: 'LP-On-Behalf' });
    const headers = await bearing(cloud);
    const sent = { Authorization: `Bearer ${headers.Authorization}`, 'lp-on-behalf': headers['X-LP-ON-BEHALF'] ?? '' };
    expect((await post(cloud, SEND, event('d'), sent)).status).toBe(200);
  });
});

describe('failNext', () => {
  it('bends the next answers of one service, in turn', async () => {
    const cloud = await start();
    cloud.failNext('domain', { status: 503, body: '<html>', headers: { 'retry-after': '1' }, times: 2 });
    cloud.failNext('domain', { reset: true });
    cloud.failNext('domain', { delayMs: 30 });
    const ask = () => fetch(`${cloud.origin}/api/account/${ACCOUNT}/service/baseURI.json`);
    for (const _ of [1, 2]) {
      const answer = await ask();
      expect([answer.status, answer.headers.get('content-type'), answer.headers.get('retry-after')]).toEqual([
        503,
        'text/html',
        '1',
      ]);
    }
    await expect(ask()).rejects.toThrow();
    const before = Date.now();
    expect((await ask()).status).toBe(200);
    expect(Date.now() - before).toBeGreaterThanOrEqual(28);
    expect(cloud.requests.map(({ status }) => status)).toEqual([503, 503, 0, 200]);
    expect(() => cloud.failNext('idp', { times: 0 })).toThrow(/times/);
    cloud.clearRequests();
    expect(cloud.requests).toEqual([]);
  });

  it('has an end with clearFaults(), as what was noted has with clearRequests() and clearMessages()', async () => {
    const cloud = await start();
    cloud.failNext('send', { status: 503, times: 5 });
    cloud.clearFaults();
    const before = cloud.messages.length;
    expect((await post(cloud, SEND, event('d'), await bearing(cloud))).status).not.toBe(503);
    expect(cloud.requests.length).toBeGreaterThan(before);
    cloud.clearMessages();
    cloud.clearRequests();
    expect([cloud.messages, cloud.requests]).toEqual([[], []]);
  });

  it('cuts off the true answer, or another', async () => {
    const cloud = await start();
    cloud.failNext('domain', { cutOff: true });
    cloud.failNext('domain', { cutOff: true, status: 503, body: 'x'.repeat(100_000) });
    for (const status of [200, 503]) {
      const answer = await fetch(`${cloud.origin}/api/account/${ACCOUNT}/service/baseURI.json`);
      expect(answer.status).toBe(status);
      await expect(answer.text()).rejects.toThrow();
    }
  });
});

it('close() ends what is under way', async () => {
  const cloud = await start();
  cloud.failNext('domain', { delayMs: 60_000 });
  const asked = fetch(`${cloud.origin}/api/account/${ACCOUNT}/service/baseURI.json`).then(
    () => 'answered',
    () => 'broken',
  );
  while (cloud.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  await cloud.close();
  await cloud.close();
  expect(['answered', 'broken']).toContain(await asked);
  await expect(fetch(cloud.origin)).rejects.toThrow();
});

it('speaks https with a certificate that is given', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'emulator-'));
  try {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-keyout', key, '-out', cert, ...subject],
      { stdio: 'pipe' },
    );
    const ca = readFileSync(cert, 'utf8');
    const cloud = await start({ tls: { key: readFileSync(key, 'utf8'), cert: ca } });
    expect(cloud.origin).toBe(`https://${cloud.host}`);
    const status = await new Promise((resolve, reject) => {
      get(`${cloud.origin}/sentinel/well-known/jwks`, { ca, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).on('error', reject);
    });
    expect(status).toBe(200);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it.each([
  [{ accounts: [] }, /accounts/],
  [{ accounts: [{ ...account, clientSecret: '' }] }, /accounts\[0\]\.clientSecret/],
  [{ accounts: [account], appJwtTtlSeconds: 0 }, /appJwtTtlSeconds/],
])('refuses bad options: %j', async (options, message) => {
  await expect(startEmulator(options)).rejects.toThrow(message);
});
