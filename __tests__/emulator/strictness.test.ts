import type { EmulatorOptions } from '../../lib/emulator/index.js';
import { until } from '../support/cloud.js';
import { ACCOUNT, account, bearing, CONVERSATION, closeAll, opening, post, read, SEND, start, text } from './client.js';
import { consumerOf, startPair } from './connector.js';

afterEach(closeAll);

const [profile, request] = opening as [object, object];
const item = { kind: 'req', id: '1', type: 'ms.PublishEvent', body: { dialogId: 'd', event: text('Hi') } };
const published = (event: unknown) => ({ ...item, body: { dialogId: 'd', event } });
const { body: _, ...bodiless } = item;
const { id: __, ...nameless } = item;
const { type: ___, ...untyped } = item;

type Rule = 'type' | 'event' | 'id' | 'brandId' | 'profile' | 'dialogId';

const SENDS: [string, unknown, Rule, string][] = [
  ['a misspelt type', { ...item, type: 'ms.PublishEvents' }, 'type', 'type must be one of ms.PublishEvent'],
  ['no type', untyped, 'type', 'received nothing'],
  ['a type of CONVERSATION', { ...item, type: 'cm.ConsumerRequestConversation' }, 'type', 'type must be one of'],
  ['no event', published(undefined), 'event', 'event must be an object with a type'],
  ['an event that is a text', published('Hi'), 'event', 'received "Hi"'],
  ['a misspelt event.type', published({ ...text('Hi'), type: 'ContentEvents' }), 'event', 'event.type must be one of'],
  ['no event.type', published({}), 'event', 'event.type must be one of'],
  ['a misspelt chatState', published({ type: 'ChatStateEvent', chatState: 'TYPING' }), 'event', 'event.chatState'],
  [
    'a misspelt status',
    published({ type: 'AcceptStatusEvent', status: 'SEEN', sequenceList: [0] }),
    'event',
    'event.status',
  ],
  ['no sequenceList', published({ type: 'AcceptStatusEvent', status: 'READ' }), 'event', 'event.sequenceList'],
  ['no id', nameless, 'id', 'id must have 1 to 64 characters; received nothing'],
  ['an empty id', { ...item, id: '' }, 'id', 'received ""'],
  ['an id of 65 characters', { ...item, id: 'x'.repeat(65) }, 'id', 'id must have 1 to 64 characters'],
  ['an id that is an object', { ...item, id: {} }, 'id', 'received {}'],
  ['no dialogId', { ...item, body: { event: text('Hi') } }, 'dialogId', 'dialogId must be a text; received nothing'],
  ['a number for dialogId', { ...item, body: { dialogId: 7, event: text('Hi') } }, 'dialogId', 'received 7'],
];

const OPENINGS: [string, unknown[], Rule, string][] = [
  ['no profile', [request], 'profile', 'The first item must be userprofile.SetUserProfile'],
  ['the profile second', [request, profile], 'profile', 'The first item must be'],
  ['the profile alone', [profile], 'profile', 'One item must be cm.ConsumerRequestConversation'],
  [
    'a foreign brandId',
    [profile, { ...request, body: { brandId: 'other' } }],
    'brandId',
    `brandId must be "${ACCOUNT}"`,
  ],
  ['a misspelt type', [profile, request, { ...item, type: 'x' }], 'type', 'type must be one of'],
  ['no id', [{ ...profile, id: undefined }, request], 'id', 'id must have'],
  ['a misspelt event', [profile, request, published({ type: 'x' })], 'event', 'event.type'],
];

const ALL: [string, string, unknown, Rule, string][] = [
  ...SENDS.map(([name, ...rest]): [string, string, unknown, Rule, string] => [`SEND with ${name}`, SEND, ...rest]),
  ...OPENINGS.map(([name, ...rest]): [string, string, unknown, Rule, string] => [
    `CONVERSATION with ${name}`,
    CONVERSATION,
    ...rest,
  ]),
];

it.each(ALL)('%s is refused with 400, and leaves no trace', async (_, path, body, __, sentence) => {
  const cloud = await start();
  const answer = await post(cloud, path, body, await bearing(cloud));
  expect([answer.status, await read(answer)]).toEqual([
    400,
    {
      kind: 'resp',
      code: 400,
      type: '.ReqBody$ErrorResp',
      body: { title: 'Input was invalid', details: expect.stringContaining(sentence), errorCode: 40001 },
    },
  ]);
  expect([cloud.messages, cloud.conversations]).toEqual([[], []]);
});

it.each(ALL)('%s is accepted with its rule off, and warned of', async (_, path, body, rule, sentence) => {
  for (const strict of [{ [rule]: false }, false]) {
    const cloud = await start({ strict });
    const answer = await post(cloud, path, body, await bearing(cloud));
    expect(answer.status).toBe(200);
    const { warnings } = cloud.requests.at(-1) ?? {};
    expect(warnings).toContainEqual(expect.stringMatching(/A real server might refuse this\.$/));
    expect(warnings?.join()).toContain(sentence);
    expect(await answer.text()).not.toContain('"undefined"');
  }
});

it('a rule that is off leaves the others on', async () => {
  const cloud = await start({ strict: { id: false } });
  const headers = await bearing(cloud);
  expect((await post(cloud, SEND, { ...nameless, type: 'x' }, headers)).status).toBe(400);
});

it.each([
  ['text', 'no JSON', 'The body must be a JSON object'],
  ['a list', [item], 'The body must be a JSON object'],
  ['no body', bodiless, 'body must be an object'],
  [
    'a wrong field',
    { ...item, type: 'cm.UpdateConversationField', body: { conversationId: 'c' } },
    'conversationField',
  ],
])('%s is refused in any case', async (_, body, sentence) => {
  const cloud = await start({ strict: false });
  const answer = await post(cloud, SEND, body, await bearing(cloud));
  expect([answer.status, (await read(answer)).body.details]).toEqual([400, expect.stringContaining(sentence)]);
});

it.each(['null', '{}', '[]', '[1]', '"x"', '{"a":'])('CONVERSATION refuses %s', async (body) => {
  const cloud = await start({ strict: false });
  expect((await post(cloud, CONVERSATION, body, await bearing(cloud))).status).toBe(400);
});

it('a refused message takes no number', async () => {
  const { cloud, posted } = await startPair();
  const consumer = await consumerOf(cloud);
  const id = await consumer.converse();
  expect((await consumer.say(id, { type: 'ContentEvents' })).status).toBe(400);
  expect((await consumer.say(id, text('Hi'))).body.body).toEqual({ sequence: 0 });
  await until(() => posted.length === 2);
});

it.each(['a', 'x'.repeat(64), 7, '1,'])('the id %j is right', async (id) => {
  const cloud = await start();
  const answer = await post(cloud, SEND, { ...item, id }, await bearing(cloud));
  expect([answer.status, (await read(answer)).reqId]).toEqual([200, String(id)]);
  expect(cloud.messages.at(-1)?.id).toBe(String(id));
});

it.each([
  ['[object Object]', 1],
  ['"text"', 1],
  ['{"type":".ClientProperties","features":["RICH_CONTENT"]}', 0],
])('Client-Properties: %s has %i warning', async (value, count) => {
  const cloud = await start();
  const answer = await post(cloud, SEND, item, { ...(await bearing(cloud)), 'Client-Properties': value });
  expect(answer.status).toBe(200);
  const warnings = cloud.requests.at(-1)?.warnings.filter((warning) => warning.includes('Client-Properties'));
  expect(warnings).toHaveLength(count);
});

it('a message for an unknown conversation is accepted with a number, and warned of', async () => {
  const cloud = await start();
  const headers = await bearing(cloud);
  for (const sequence of [0, 1]) {
    expect((await read(await post(cloud, SEND, item, headers))).body).toEqual({ sequence });
  }
  expect(cloud.requests.at(-1)?.warnings).toEqual([
    'The conversation or dialog of the message is unknown. A real server might refuse this.',
  ]);
});

it.each<[object, string]>([
  [{ autoreply: 'echo' }, 'There is no option autoreply here; use accounts, port'],
  [{ autoReply: 'parrot' }, "autoReply must be 'echo' or a function"],
  [
    { strict: { types: false } },
    'strict: There is no field types here; use type, event, id, brandId, profile, dialogId',
  ],
  [{ strict: 'yes' }, 'strict: give an object'],
  [{ secondConversation: 'allow' }, 'secondConversation must be refuse or open'],
  [{ missingAppJwtCode: 40101 }, 'missingAppJwtCode must be 40105 or 40104'],
  [{ port: -1 }, 'port must be'],
  [{ port: '80' }, 'port must be a number'],
  [{ host: '' }, 'host must be a text'],
  [{ controlApi: 'yes' }, 'controlApi must be true or false'],
  [{ allowedHosts: ['http://x'] }, 'allowedHosts must be host names'],
  [{ allowedHosts: 'x' }, 'allowedHosts must be a list of texts'],
  [{ receipts: 1 }, 'receipts must be true or false'],
  [{ survey: 1 }, 'survey must be a text'],
  [{ idpError: { code: 1 } }, 'idpError: There is no field code'],
  [{ onRequest: 'x' }, 'onRequest must be a function'],
])('startEmulator refuses %j', async (options, message) => {
  const given = { accounts: [account], ...options } as EmulatorOptions;
  await expect(start(given)).rejects.toThrow(TypeError);
  await expect(start(given)).rejects.toThrow(message);
});
