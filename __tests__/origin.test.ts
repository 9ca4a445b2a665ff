import { isLoopback, originOfBareHost, parseOrigin } from '../lib/origin.js';

it.each<[string, ReturnType<typeof parseOrigin>]>([
  ['https://gateway.example', { origin: 'https://gateway.example', pathPrefix: '' }],
  ['HTTPS://Gateway.Example:443/', { origin: 'https://gateway.example', pathPrefix: '' }],
  ['https://gateway.example/live/person//', { origin: 'https://gateway.example', pathPrefix: '/live/person' }],
  ['https://gateway.example?x', undefined],
  ['https://gateway.example#x', undefined],
  ['https://user@gateway.example', undefined],
  ['https://:pass@gateway.example', undefined],
  ['https://@gateway.example', undefined],
  ['https:///gateway.example', undefined],
  ['https://\\gateway.example', undefined],
  ['https://gate way.example', undefined],
  ['xhttps://gateway.example', undefined],
  ['ftp://gateway.example', undefined],
  ['gateway.example', undefined],
])('the origin %s', (text, origin) => {
  expect(parseOrigin(text)).toEqual(origin);
});

it.each([
  ['localhost', true],
  ['[::1]', true],
  ['127.0.0.1', true],
  ['127.10.20.254', true],
  ['127.0.0.1.example', false],
  ['x127.0.0.1', false],
  ['128.0.0.1', false],
  ['localhost.example', false],
])('%s is loopback: %s', (host, isSo) => {
  expect(isLoopback(host)).toBe(isSo);
});

it.each([
  ['lo.idp.liveperson.net', 'https://api.liveperson.net', 'https://lo.idp.liveperson.net'],
  ['lo.idp.liveperson.net:8443', 'https://api.liveperson.net', 'https://lo.idp.liveperson.net:8443'],
  ['lo.idp.liveperson.net', 'http://127.0.0.1:1', 'https://lo.idp.liveperson.net'],
  ['127.0.0.1:2', 'https://api.liveperson.net', 'https://127.0.0.1:2'],
  ['127.0.0.1:2', 'http://api.liveperson.net', 'https://127.0.0.1:2'],
  ['127.0.0.1:2', 'http://127.0.0.1:1', 'http://127.0.0.1:2'],
  ['[::1]:2', 'http://localhost', 'http://[::1]:2'],
  ['x', 'https://api.liveperson.net', 'https://x'],
  ['https://lo.idp.liveperson.net', 'https://api.liveperson.net', undefined],
  ['lo.idp.liveperson.net/x', 'https://api.liveperson.net', undefined],
  ['user@lo.idp.liveperson.net', 'https://api.liveperson.net', undefined],
  ['lo.idp.liveperson.net:99999', 'https://api.liveperson.net', undefined],
  ['lo.idp.liveperson.net:', 'https://api.liveperson.net', undefined],
  ['-lo', 'https://api.liveperson.net', undefined],
  ['lo-', 'https://api.liveperson.net', undefined],
  ['', 'https://api.liveperson.net', undefined],
  [5, 'https://api.liveperson.net', undefined],
])('the host %j from %s is %s', (host, domainApi, origin) => {
  expect(originOfBareHost(host, domainApi)).toBe(origin);
});
