import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { describeExposure } from '../../lib/emulator/host-names.js';
import type { Emulator, EmulatorOptions } from '../../lib/emulator/index.js';
import { until } from '../support/cloud.js';
import { ACCOUNT, bearing, CONVERSATION, closeAll, event, post, read, SEND, start, text } from './client.js';
import { consumerOf, startPair } from './connector.js';

afterEach(closeAll);

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A request with any headers, the Host included. */
function ask(
  cloud: Emulator,
  method: string,
  path: string,
  headers: Record<string, string>,
  body = '',
): Promise<Answer> {
  const [host = '', port] = cloud.host.split(':');
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, method, path, headers, agent: false }, async (response) => {
      let answer = '';
      for await (const chunk of response) answer += chunk;
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: answer });
    });
    sent.on('error', reject).end(body);
  });
}

describe('the control API', () => {
  const startControlled = (options: Partial<EmulatorOptions> = {}) => start({ controlApi: true, ...options });
  const portOf = ({ host }: Emulator) => host.split(':')[1];

  it.each([
    'localhost',
    '127.0.0.1',
    '127.0.0.9',
    '[::1]',
    'emulator.localhost',
    'LOCALHOST',
    'localhost.',
    'cloud.test',
  ])('answers to the host name %s', async (name) => {
    const cloud = await startControlled({ allowedHosts: ['Cloud.test'] });
    for (const host of [name, `${name}:${portOf(cloud)}`]) {
      expect((await ask(cloud, 'GET', '/emulator/health', { host })).status).toBe(200);
    }
  });

  it.each([
    'evil.example',
    'localhost.evil.example',
    'evil.example:80',
    '127.0.0.1.evil.example',
    'a@localhost',
    'x y',
    '10.0.0.1',
  ])('refuses the host name %s with 403, whatever is asked for, and the services answer to it', async (host) => {
    const cloud = await startControlled();
    for (const [method, path] of [
      ['GET', '/emulator/requests'],
      ['GET', '/emulator'],
      ['POST', '/emulator/webhook'],
      ['GET', '/emulator/nothing'],
    ] as const) {
      const { status, body } = await ask(cloud, method, path, { host });
      expect([status, JSON.parse(body).error]).toEqual([403, expect.stringContaining('is not allowed here')]);
    }
    const list = await ask(cloud, 'GET', `/api/account/${ACCOUNT}/service/baseURI.json`, { host });
    expect([list.status, JSON.parse(list.body).baseURIs[0].baseURI]).toEqual([200, host]);
  });

  it.each([
    [{ origin: 'https://evil.example' }],
    [{ origin: 'null' }],
    [{ origin: 'http://localhost:1' }],
    [{ 'sec-fetch-site': 'cross-site' }],
  ])('refuses a page of another site: %j', async (headers) => {
    const cloud = await startControlled();
    const { status, body } = await ask(cloud, 'POST', '/emulator/clear', { host: cloud.host, ...headers });
    expect([status, JSON.parse(body).error]).toEqual([403, expect.stringMatching(/may not call/)]);
    // No answer invites the page to read it.
    const read = await ask(cloud, 'GET', '/emulator/requests', { host: cloud.host, ...headers });
    expect([read.status, read.headers['access-control-allow-origin']]).toEqual([403, undefined]);
  });

  it.each([[{ 'sec-fetch-site': 'same-origin' }], [{ 'sec-fetch-site': 'none' }], [{ origin: 'own' }]])(
    'takes its own pages, and requests without a page: %j',
    async (headers: Record<string, string>) => {
      const cloud = await startControlled();
      const own = headers.origin ? { origin: cloud.origin } : headers;
      expect((await ask(cloud, 'POST', '/emulator/clear', { host: cloud.host, ...own })).status).toBe(200);
    },
  );

  it.each([
    [{}, 200],
    [{ 'content-type': 'application/json; charset=utf-8' }, 200],
    [{ 'content-type': 'application/x-www-form-urlencoded' }, 200],
    [{ 'content-type': 'text/plain' }, 415],
    [{ 'content-type': 'text/plain;charset=UTF-8' }, 415],
    [{ 'content-type': 'multipart/form-data; boundary=x' }, 415],
  ])('of a body with %j answers %i', async (headers, status) => {
    const cloud = await startControlled();
    const sent = { host: cloud.host, ...headers } as Record<string, string>;
    const answer = await ask(cloud, 'POST', '/emulator/webhook', sent, '{"url":"http://127.0.0.1:9/"}');
    expect(answer.status).toBe(status);
    await (await consumerOf(cloud)).converse();
    expect(cloud.deliveries).toHaveLength(status === 200 ? 1 : 0);
  });
});

describe('beyond loopback', () => {
  it('a warning says who can reach the emulator', async () => {
    const warnings: string[] = [];
    const onWarning = (sentence: string) => warnings.push(sentence);
    const cloud = await start({ host: '0.0.0.0', onWarning });
    expect(warnings).toEqual([
      expect.stringMatching(/^The emulator listens on 0\.0\.0\.0: every machine that can reach/),
    ]);
    expect(cloud.origin).toMatch(/^http:\/\/127\.0\.0\.1:/);
    await start({ onWarning });
    expect(warnings).toHaveLength(1);
  });

  it.each([
    ['127.0.0.1', undefined],
    ['localhost', undefined],
    ['::1', undefined],
    ['192.0.2.7', /listens on 192\.0\.2\.7: every machine that can reach this one at 192\.0\.2\.7 can call it/],
    ['::', /control API/],
  ])('of %s it says %p', (host, sentence) => {
    if (sentence) expect(describeExposure(host, true)).toMatch(sentence);
    else expect(describeExposure(host, true)).toBeUndefined();
  });
});

describe('bad input', () => {
  /** Raw bytes to the server. @returns all that it answers */
  const raw = (cloud: Emulator, bytes: string | Buffer): Promise<string> =>
    new Promise((resolve) => {
      const [host = '', port] = cloud.host.split(':');
      const socket = connect(Number(port), host);
      let answer = '';
      socket.on('data', (chunk) => {
        answer += chunk;
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve(answer));
      socket.end(bytes);
    });
  const isWell = async (cloud: Emulator) => {
    const consumer = await consumerOf(cloud);
    expect((await consumer.say(await consumer.converse(), text('Hi'))).status).toBe(200);
  };

  it.each([
    [
      'GET http://[ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      /^HTTP\/1\.1 400 .*"error":"The URL cannot be read/s,
    ],
    ['OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 400 .*The URL cannot be read/s],
    ['GET //[ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 404 /],
    ['GET /%ff%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 404 /],
    ['GET / HTTP/1.1\r\nHost: a b/@\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 404 /],
    ['hello\r\n\r\n', /^HTTP\/1\.1 400 .*"error":"This is not an HTTP request\."/s],
    ['GET / HTTP/1.1\r\nBad Header: x\r\n\r\n', /^HTTP\/1\.1 400 .*"error"/s],
    [
      `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`,
      /^HTTP\/1\.1 431 .*"error":"The headers are too long/s,
    ],
    ['\u0016\u0003\u0001nonsense', /^HTTP\/1\.1 400 /],
  ])('%p is answered, and the emulator goes on', async (bytes, answer) => {
    const cloud = await start();
    expect(await raw(cloud, bytes)).toMatch(answer);
    await isWell(cloud);
  });

  it('a body of more than 8 MB is answered with 413, and leaves no trace', async () => {
    const cloud = await start({ controlApi: true });
    const headers = await bearing(cloud);
    const before = cloud.requests.length;
    const long = JSON.stringify(event('d', text('x'.repeat(8 * 2 ** 20))));
    for (const path of [SEND, CONVERSATION, '/emulator/clear', '/nowhere']) {
      const answer = await post(cloud, path, long, headers);
      expect([answer.status, (await read(answer)).error]).toEqual([413, expect.stringContaining('8388608 bytes')]);
    }
    expect(cloud.requests.length - before).toBe(0);
    const short = event('d', text('x'.repeat(7 * 2 ** 20)));
    expect((await post(cloud, SEND, short, headers)).status).toBe(200);
  });

  it('connections that drop are no harm: before, in and after a request', async () => {
    const { cloud } = await startPair();
    const [host = '', port] = cloud.host.split(':');
    for (const bytes of ['', 'POST / HTTP/1.1\r\n', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf']) {
      await new Promise<void>((resolve) => {
        const socket = connect(Number(port), host, () => socket.write(bytes, () => socket.destroy()));
        socket.on('close', () => resolve());
      });
    }
    cloud.failNext('domain', { delayMs: 20 });
    const gone = new AbortController();
    const path = `${cloud.origin}/api/account/${ACCOUNT}/service/baseURI.json`;
    const asked = fetch(path, { signal: gone.signal }).catch(() => 'gone');
    await until(() => cloud.requests.length === 1);
    gone.abort();
    expect(await asked).toBe('gone');
    await isWell(cloud);
  });

  it.each(['{', 'null', '[1,', '\u0000', '{"ext_consumer_id":7}'])('IDP answers %p with 400', async (body) => {
    const cloud = await start();
    const { Authorization = '' } = await bearing(cloud);
    const answer = await post(cloud, `/api/account/${ACCOUNT}/consumer?v=1.0`, body, { Authorization });
    expect([answer.status, await read(answer)]).toEqual([400, { error: expect.any(String) }]);
  });

  it('big bodies do not pile up in the log', async () => {
    const cloud = await start();
    const headers = await bearing(cloud);
    const big = event('d', text('x'.repeat(7 * 2 ** 20)));
    for (let index = 0; index < 12; index++) await post(cloud, SEND, big, headers);
    const bytes = cloud.requests.reduce((sum, { body }) => sum + body.length, 0);
    expect(bytes).toBeLessThanOrEqual(64 * 2 ** 20);
    expect(cloud.requests.at(-1)?.body.length).toBeGreaterThan(7 * 2 ** 20);
  });

  it('long texts of a client are not remembered, and endless lists are refused', async () => {
    const cloud = await start();
    const consumer = await consumerOf(cloud);
    const long = 'x'.repeat(100_000);
    const items = [
      { kind: 'req', id: '1', type: 'userprofile.SetUserProfile', body: { firstName: long } },
      { kind: 'req', id: '2', type: 'cm.ConsumerRequestConversation', body: { brandId: ACCOUNT, skillId: long } },
    ];
    const { body } = await consumer.open(items);
    const id = body[1].body.conversationId;
    await consumer.update(id, [
      { field: 'Skill', skill: long },
      { field: 'TTRField', ttrType: long },
      { field: 'CSATRate', csatRate: { long }, status: long },
      { field: long },
      { field: 'DialogChange', dialog: { dialogId: id, state: 'CLOSE', closedCause: long } },
    ]);
    expect(JSON.stringify(cloud.snapshot()).length).toBeLessThan(5_000);
    expect(cloud.requests.at(-1)?.warnings.join().length).toBeLessThan(1_000);
    expect(
      (
        await consumer.update(
          id,
          Array.from({ length: 101 }, () => ({ field: 'Skill' })),
        )
      ).status,
    ).toBe(400);
    expect((await consumer.open(Array.from({ length: 101 }, () => ({})))).status).toBe(400);
    const { Authorization = '' } = await bearing(cloud);
    const answer = await post(cloud, `/api/account/${ACCOUNT}/consumer`, { ext_consumer_id: long }, { Authorization });
    expect([answer.status, await read(answer)]).toEqual([
      400,
      { error: 'ext_consumer_id has more than 4096 characters' },
    ]);
    for (let index = 0; index < 4; index++) cloud.failNext('idp', { body: 'x'.repeat(7 * 2 ** 20) });
    expect(() => cloud.failNext('idp', { body: 'x'.repeat(7 * 2 ** 20) })).toThrow(/too long in sum/);
  });
});
