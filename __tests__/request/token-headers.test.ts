import { AxiosHeaders } from 'axios';
import { createTokenHeaders } from '../../lib/request/token-headers.js';

const tokens = { appJwt: 'jwt', consumerJws: 'jws' };
const addTokens = createTokenHeaders({ authorizationPrefix: 'Bearer ', onBehalfHeaders: ['X-On-Behalf'] });

/** As plain objects are, which have a name in more than one spelling. */
const given = (headers: Record<string, string>) => Object.assign(Object.create(AxiosHeaders.prototype), headers);

it.each([
  ['nothing', {}, undefined, {}],
  ['what is something else', { Accept: '*/*', 'x-mine': '1' }, undefined, { Accept: '*/*', 'x-mine': '1' }],
  [
    'names that are as long',
    { 'X-Longer-Name': 'a', 'x-elsewhere': 'b' },
    undefined,
    { 'X-Longer-Name': 'a', 'x-elsewhere': 'b' },
  ],
  [
    'other spellings of the tokens’ names',
    { authorization: 'a', AUTHORIZATION: 'b', 'x-on-behalf': 'c', 'X-ON-BEHALF': 'd' },
    undefined,
    {},
  ],
  ['the caller’s Host', { Host: 'elsewhere.example', HOST: 'x' }, undefined, {}],
  ['a Content-Type that stays', { 'Content-Type': 'text/plain' }, undefined, { 'Content-Type': 'text/plain' }],
  [
    'a Content-Type in another spelling',
    { 'content-type': 'a', 'CONTENT-TYPE': 'b', Accept: '*/*' },
    'text/html',
    { Accept: '*/*', 'Content-Type': 'text/html' },
  ],
])('tokens take the place of their own names alone: %s', (_, headers: Record<string, string>, contentType, left) => {
  const before = { ...headers };
  const added = addTokens(given(headers), tokens, contentType);
  expect({ ...added }).toEqual({ ...left, Authorization: 'Bearer jwt', 'X-On-Behalf': 'jws' });
  expect(added).toBeInstanceOf(AxiosHeaders);
  expect(headers).toEqual(before);
});
