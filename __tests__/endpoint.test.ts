import { Readable } from 'node:stream';
import { canBeSentTwice } from '../lib/body.js';
import { matchEndpoint } from '../lib/endpoint.js';

it.each([
  ['/api/account/1/messaging/consumer/conversation', { name: 'conversation', accountId: '1' }],
  ['/api/account/le1/messaging/consumer/conversation/send', { name: 'send', accountId: 'le1' }],
  ['/api/account/1/messaging/consumer/conversation/', undefined],
  ['/x/api/account/1/messaging/consumer/conversation', undefined],
  ['/api/account/1/messaging/consumer/CONVERSATION', undefined],
  ['/api/account/1/2/messaging/consumer/conversation', undefined],
])('%s', (path, endpoint) => {
  expect(matchEndpoint(path)).toEqual(endpoint);
});

it.each<[string, unknown, boolean]>([
  ['nothing', undefined, true],
  ['null', null, true],
  ['text', 'text', true],
  ['a Buffer', Buffer.from('a'), true],
  ['a typed array', new Uint16Array(1), true],
  ['an ArrayBuffer', new ArrayBuffer(1), true],
  ['URLSearchParams', new URLSearchParams('a=1'), true],
  ['native FormData', new FormData(), true],
  ['a Blob', new Blob(['a']), true],
  ['a plain object', {}, true],
  ['a Node stream', Readable.from(['a']), false],
  ['a web stream', new ReadableStream(), false],
  ['a generator', (function* () {})(), false],
  ['an async iterable', (async function* () {})(), false],
])('a body that is %s', (_, body, twice) => {
  expect(canBeSentTwice(body)).toBe(twice);
});
