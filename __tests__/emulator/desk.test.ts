import { request } from 'node:http';
import { createMask } from '../../lib/emulator/desk/mask.js';
import { createReplays } from '../../lib/emulator/desk/replays.js';
import type { Update } from '../../lib/emulator/desk/rows.js';
import type { Emulator, LoggedRequest } from '../../lib/emulator/index.js';
import { until } from '../support/cloud.js';
import { startServer } from '../support/server.js';
import { bearing, CONVERSATION, closeAll, converse, opening, post, read, start, text } from './client.js';

afterEach(closeAll);

const DESK = '/emulator/desk';
const get = (cloud: Emulator, path: string, headers: Record<string, string> = {}) =>
  fetch(cloud.origin + path, { headers, redirect: 'manual' });

/** The status of a request with any headers, the Host included. */
function statusOf(cloud: Emulator, method: string, path: string, headers: Record<string, string>): Promise<number> {
  const [host = '', port] = cloud.host.split(':');
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, method, path, headers, agent: false }, (response) => {
      response.destroy();
      resolve(response.statusCode ?? 0);
    });
    sent.on('error', reject).end();
  });
}

/** What the page is told, as one page has it. */
async function follow(cloud: Emulator) {
  const left = new AbortController();
  const answer = await fetch(`${cloud.origin}${DESK}/updates`, { signal: left.signal });
  expect(answer.headers.get('content-type')).toBe('text/event-stream');
  const updates: Update[] = [];
  const reading = (async () => {
    let buffer = '';
    for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
      buffer += Buffer.from(chunk).toString();
      const events = buffer.split('\n\n');
      buffer = events.pop() ?? '';
      for (const event of events) updates.push(JSON.parse(event.replace('data: ', '')));
    }
  })().catch(() => {});
  await until(() => updates.length > 0);
  const ids = (name: keyof Update['lists']) => {
    const known = new Set<number>();
    for (const { lists } of updates) {
      for (const { id } of lists[name]?.rows ?? []) known.add(id);
      for (const id of lists[name]?.gone ?? []) known.delete(id);
    }
    return [...known];
  };
  const rows = <Name extends keyof Update['lists']>(name: Name) =>
    updates.flatMap(({ lists }) => [...(lists[name]?.rows ?? [])]) as NonNullable<
      Update['lists'][Name]
    >['rows'][number][];
  return {
    updates,
    ids,
    rows,
    async leave() {
      left.abort();
      await reading;
    },
  };
}

describe('the page', () => {
  it('is there with controlApi alone', async () => {
    const cloud = await start();
    expect((await get(cloud, DESK)).status).toBe(404);
    expect((await get(cloud, '/', { accept: 'text/html' })).status).toBe(404);
  });

  it('is what a browser finds at /, and what GET /emulator names', async () => {
    const cloud = await start({ controlApi: true });
    const root = await get(cloud, '/', { accept: 'text/html,application/xhtml+xml;q=0.9' });
    expect([root.status, root.headers.get('location')]).toEqual([302, DESK]);
    expect((await get(cloud, '/', { accept: 'application/json' })).status).toBe(404);
    const { routes } = await read(await get(cloud, '/emulator'));
    expect(routes).toContainEqual({ method: 'GET', path: DESK, does: expect.any(String) });
  });

  it.each([DESK, `${DESK}/`, `${DESK}/desk.css`, `${DESK}/desk.js`])(
    '%s has a strict policy, zipped or not',
    async (path) => {
      const cloud = await start({ controlApi: true });
      for (const encoding of ['gzip', 'identity']) {
        const answer = await get(cloud, path, { 'accept-encoding': encoding });
        expect(answer.status).toBe(200);
        expect(answer.headers.get('content-encoding')).toBe(encoding === 'gzip' ? 'gzip' : null);
        expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
        const policy = answer.headers.get('content-security-policy') ?? '';
        expect(policy).toContain("default-src 'none'");
        expect(policy).toContain("script-src 'self'");
        expect(policy).toContain("frame-ancestors 'none'");
        expect(policy).not.toMatch(/unsafe|http/);
        expect((await answer.text()).length).toBeGreaterThan(500);
      }
    },
  );

  it.each([
    ['GET', DESK],
    ['GET', `${DESK}/desk.js`],
    ['GET', `${DESK}/updates`],
    ['GET', `${DESK}/request?id=1`],
    ['POST', `${DESK}/say`],
    ['POST', `${DESK}/redeliver`],
  ])('%s %s is refused to pages of others', async (method, path) => {
    const cloud = await start({ controlApi: true });
    const own = { host: cloud.host };
    expect(await statusOf(cloud, method, path, own)).not.toBe(403);
    expect(await statusOf(cloud, method, path, { host: 'rebound.example' })).toBe(403);
    expect(await statusOf(cloud, method, path, { ...own, origin: 'https://evil.example' })).toBe(403);
    expect(await statusOf(cloud, method, path, { ...own, origin: 'null' })).toBe(403);
    expect(await statusOf(cloud, method, path, { ...own, 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(cloud.requests).toEqual([]);
  });

  it.each([
    ['say', {}, 400, 'conversationId must be a text'],
    ['say', { conversationId: 'c' }, 409, 'There is no conversation "c"'],
    ['say', { conversationId: 'c', text: '' }, 400, 'text must be a text'],
    ['say', { conversationId: 'c', words: 'x' }, 400, 'There is no field words here'],
    ['say', [], 400, 'The body must be a JSON object'],
    ['transfer', { conversationId: 'c', skillId: 'x' }, 400, 'skillId must be at most 10 digits'],
    ['close-conversation', { conversationId: 'c' }, 409, 'There is no conversation "c"'],
    ['redeliver', { epoch: 'before', id: 1 }, 409, 'has forgotten this delivery'],
    ['toString', {}, 404, 'not found'],
  ])('refuses a wrong %s %j with %i', async (act, body, status, sentence) => {
    const cloud = await start({ controlApi: true });
    const answer = await post(cloud, `${DESK}/${act}`, body);
    expect([answer.status, (await read(answer)).error]).toEqual([status, expect.stringContaining(sentence)]);
  });

  it('tells a page of before a restart that its request is forgotten', async () => {
    const cloud = await start({ controlApi: true });
    const answer = await get(cloud, `${DESK}/request?epoch=before&id=1`);
    expect([answer.status, await read(answer)]).toEqual([410, { error: 'The emulator has forgotten this request.' }]);
  });
});

describe('the updates', () => {
  it('tell everything at first, and then only what has changed', async () => {
    const cloud = await start({ controlApi: true });
    const { send } = await converse(cloud, 'sms-1');
    const page = await follow(cloud);
    expect(page.updates[0]).toMatchObject({ isWhole: true, facts: { hasWebhook: false, aheadMs: 0 } });
    expect(page.rows('conversations')).toMatchObject([{ consumerId: 'sms-1', isOpen: true }]);
    expect(page.rows('requests').map(({ service }) => service)).toEqual(['sentinel', 'idp', 'conversation']);
    await send(text('Hello'));
    await until(() => page.rows('messages').length === 1 && page.rows('requests').length === 4);
    expect(page.updates[1]?.isWhole).toBe(false);
    expect(page.rows('messages')[0]).toMatchObject({ speaker: 'consumer', text: 'Hello', sequence: 0 });
    cloud.revokeAppJwts();
    await until(() => page.rows('tokens').length === 3);
    expect(page.rows('tokens')[2]).toMatchObject({ kind: 'AppJWT', isRevoked: true });
    cloud.clearRequests();
    await until(() => page.ids('requests').length === 0);
    cloud.failNext('send', { status: 503, times: 3 });
    await until(() => page.updates.at(-1)?.facts.faults.length === 1);
    expect(page.updates.at(-1)?.facts.faults).toEqual([{ service: 'send', count: 3 }]);
    await page.leave();
  });

  it('keep the newest requests alone, however many there are', async () => {
    const cloud = await start({ controlApi: true });
    const page = await follow(cloud);
    for (let count = 0; count < 10; count += 1) {
      await Promise.all(Array.from({ length: 50 }, () => get(cloud, '/flood').then((answer) => answer.text())));
    }
    const newest = page.rows('requests').at(-1);
    await until(() => page.ids('requests').length === 200 && page.rows('requests').at(-1) === newest);
    expect(cloud.requests).toHaveLength(500);
    await page.leave();
  });

  it('wait for a page that does not read, and for no page that has left', async () => {
    const cloud = await start({ controlApi: true });
    const { send } = await converse(cloud, 'sms-1');
    const { host, port } = new URL(cloud.origin.replace('//127', '//127'));
    expect(host).toBeTruthy();
    const idle = request({ host: '127.0.0.1', port, path: `${DESK}/updates`, agent: false }, (response) =>
      response.pause(),
    );
    idle.on('error', () => {}).end();
    for (let count = 0; count < 20; count += 1) await send(text('x'.repeat(100_000)));
    const page = await follow(cloud);
    await send(text('The last one'));
    await until(() => page.rows('messages').some((row) => row.text === 'The last one'));
    idle.destroy();
    await page.leave();
    await send(text('To nobody'));
  });

  it('tell of a webhook that is set later, and of its deliveries', async () => {
    const cloud = await start({ controlApi: true });
    const { id } = await converse(cloud, 'sms-1');
    const page = await follow(cloud);
    expect(await read(await post(cloud, `${DESK}/say`, { conversationId: id, text: 'Hello?' }))).toEqual({
      reachesWebhook: false,
    });
    await until(() => page.rows('deliveries').some(({ failure }) => failure === 'no webhook'));
    const posted: string[] = [];
    const { origin } = await startServer(async (incoming, response) => {
      let body = '';
      for await (const chunk of incoming) body += chunk;
      posted.push(body);
      response.end();
    });
    cloud.setWebhook(origin);
    await until(() => page.updates.at(-1)?.facts.hasWebhook === true);
    const spoken = page.rows('deliveries').findLast(({ type }) => type.includes('ContentEvent'));
    const { epoch } = page.updates[0]?.facts ?? {};
    const again = await post(cloud, `${DESK}/redeliver`, { epoch, id: spoken?.id });
    expect(again.status).toBe(200);
    await until(() => page.rows('deliveries').some(({ state }) => state === 'delivered'));
    expect(posted).toEqual([expect.stringContaining('Hello?')]);
    await page.leave();
  });
});

describe('the mask', () => {
  const SECRET = 'pa%s&w+o rd/"1"';
  const mask = createMask([SECRET, 'secret'], 'X-LP-On-Behalf');
  const JWT = `eyJhbGciOiJSUzI1NiJ9.${'eyJhIjoxfQ'.repeat(5)}.${'s'.repeat(40)}WXYZ`;
  const percent = (given: string) => [...given].map((char) => `%${char.charCodeAt(0).toString(16)}`).join('');
  const twice = (given: string) => encodeURIComponent(encodeURIComponent(given));

  it.each([
    ['/a?client_secret=x&v=1', '/a?client_secret=…&v=1'],
    ['/a?v=1&CLIENT_SECRET=x%26y', '/a?v=1&CLIENT_SECRET=…'],
    ['/a?client%5Fsecret=x', '/a?client%5Fsecret=…'],
    ['/a?%63lient%255fsecret=x', '/a?%63lient%255fsecret=…'],
    [`/a?q=${encodeURIComponent(SECRET)}`, '/a?q=…'],
    [`/a?q=${new URLSearchParams({ q: SECRET })}`, '/a?q=q=…'],
    [`/a?q=${percent(SECRET)}`, '/a?q=…'],
    [`/a?q=${twice(SECRET)}`, '/a?q=…'],
    [`/a?next=${twice(`?client_secret=${SECRET}&b=1`)}`, '/a?next=?client_secret=…&b=1'],
    [`/a/${JWT}/b`, '/a/…WXYZ/b'],
    [`/a/${percent(JWT)}/b`, '/a/…WXYZ/b'],
    [
      'grant_type=client_credentials&client_id=id&client_secret=x',
      'grant_type=client_credentials&client_id=id&client_secret=…',
    ],
    ['{"client_secret": "x\\"y", "a": 1}', '{"client_secret": "…", "a": 1}'],
    ['{"client\\u005fsecret":"x"}', '{"client\\u005fsecret":"…"}'],
    [JSON.stringify({ note: SECRET }), '{"note":"…"}'],
    [`{"token":"${JWT}","access_token":12345}`, '{"token":"…","access_token":…}'],
    ['/a?temp_url_sig=abc&temp_url_expires=1', '/a?temp_url_sig=…&temp_url_expires=1'],
    ['/a?name=100%&b=%zz', '/a?name=100%&b=%zz'],
    ['', ''],
  ])('shows %s as %s', (given, shown) => expect(mask.text(given)).toBe(shown));

  it.each(['\\"', 'eyJ', '%25', '"a":', '&token=', '"'])('is quick for a long text of %s', (part) => {
    const startedAt = process.cpuUsage();
    mask.text(part.repeat(75_000 / part.length));
    const { user, system } = process.cpuUsage(startedAt);
    // The time of this process alone; a busy machine does not count.
    expect(user + system).toBeLessThan(1_500_000);
  });

  it('shows what somebody says, but no token and no known secret', () => {
    expect(mask.said('My password=abc & client_id=1')).toBe('My password=abc & client_id=1');
    expect(mask.said(`${JWT}, ${SECRET}`)).toBe('…WXYZ, …');
  });

  it('shows the end of a token, and nothing of a short one', () => {
    expect([mask.token(JWT), mask.token('short'), mask.token(undefined)]).toEqual(['…WXYZ', '…', undefined]);
  });

  it.each(['Authorization', 'proxy-authorization', 'x-lp-on-behalf', 'X-ON-BEHALF', 'cookie', 'x-api-key'])(
    'hides the header %s',
    (name) => expect(mask.header(name, 'Basic aWQ6c2VjcmV0')).toBe('…'),
  );

  it('hides a header for the ConsumerJWS that an option names', () => {
    const own = createMask([], 'X-Consumer');
    expect([own.header('x-consumer', 'abc'), own.header('accept', '*/*')]).toEqual(['…', '*/*']);
  });
});

describe('a replay', () => {
  const jws = (consumer: string, serial = 1) =>
    `h.${Buffer.from(JSON.stringify({ ext_consumer_id: consumer, serial })).toString('base64url')}.s`;
  const sent = (changes: Partial<LoggedRequest>, jwt = 'one', onBehalf = jws('c')): LoggedRequest => ({
    service: 'send',
    method: 'POST',
    path: '/send?v=3',
    headers: { authorization: jwt, 'x-lp-on-behalf': onBehalf },
    body: 'Hello',
    status: 200,
    errorCode: undefined,
    warnings: [],
    time: 0,
    ...changes,
  });
  const refused = (errorCode: number): Partial<LoggedRequest> => ({ status: 401, errorCode });

  it.each<[string, LoggedRequest[], (number | undefined)[]]>([
    ['after 40102', [sent(refused(40102)), sent({}, 'two')], [undefined, 0]],
    ['after 40103', [sent(refused(40103)), sent({}, 'one', jws('c', 2))], [undefined, 0]],
    [
      'of CONVERSATION',
      [sent({ ...refused(40102), service: 'conversation' }), sent({ service: 'conversation' }, 'two')],
      [undefined, 0],
    ],
    [
      'with others in between',
      [sent(refused(40102)), sent({ service: 'sentinel' }), sent({ body: 'x' }), sent({}, 'two')],
      [undefined, undefined, undefined, 0],
    ],
    [
      'after both',
      [sent(refused(40102)), sent(refused(40103), 'two'), sent({}, 'two', jws('c', 2))],
      [undefined, 0, 1],
    ],
    ['of an unreadable token', [sent(refused(40103), 'one', 'garbage'), sent({})], [undefined, 0]],
    ['not of another consumer', [sent(refused(40102)), sent({}, 'two', jws('d'))], [undefined, undefined]],
    ['not with the same token', [sent(refused(40102)), sent({})], [undefined, undefined]],
    ['not of a message that was taken', [sent({}), sent({}, 'two')], [undefined, undefined]],
    ['not of another refusal', [sent(refused(40104)), sent({}, 'two')], [undefined, undefined]],
    ['not of another text', [sent(refused(40102)), sent({ body: 'Bye' }, 'two')], [undefined, undefined]],
    [
      'each of its own request',
      [sent(refused(40102)), sent(refused(40102)), sent({}, 'two'), sent({}, 'two')],
      [undefined, undefined, 1, 0],
    ],
  ])('is recognised %s', (_, requests, expected) => {
    const replays = createReplays('X-LP-On-Behalf');
    for (let count = 1; count <= requests.length; count += 1) replays.observe(requests.slice(0, count));
    const found = requests.map((each) => replays.originalOf(each));
    expect(found.map((each) => each && requests.indexOf(each))).toEqual(expected);
  });

  it('of a CONVERSATION is told apart from the same request of another consumer', async () => {
    const cloud = await start({ controlApi: true });
    const page = await follow(cloud);
    const [one, two] = [await bearing(cloud, 'one'), await bearing(cloud, 'two')];
    cloud.revokeAppJwts();
    await post(cloud, CONVERSATION, opening, one);
    await post(cloud, CONVERSATION, opening, two);
    const Authorization = (await bearing(cloud, 'three')).Authorization ?? '';
    await post(cloud, CONVERSATION, opening, { ...two, Authorization });
    await until(() => page.rows('requests').some(({ replayOf }) => replayOf !== undefined));
    const refusals = page.rows('requests').filter(({ errorCode }) => errorCode === 40102);
    const replays = page.rows('requests').filter(({ replayOf }) => replayOf !== undefined);
    expect(replays.map(({ replayOf, status }) => [replayOf, status])).toEqual([[refusals[1]?.id, 200]]);
    await page.leave();
  });
});
