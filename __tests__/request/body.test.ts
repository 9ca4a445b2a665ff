import { Readable } from 'node:stream';
import { canBeSentAgain } from '../../lib/request/body.js';

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
])('a body that is %s', (_, body, again) => {
  expect(canBeSentAgain(body)).toBe(again);
});
