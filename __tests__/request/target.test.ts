import type { InternalAxiosRequestConfig } from 'axios';
import fc from 'fast-check';
import { createTargetFinder, judge, mayNameEndpoint } from '../../lib/request/target.js';

const PATH = '/api/account/70012345/messaging/consumer/conversation';
const piece = fc.constantFrom(
  ...['/', '\\', '//', '.', '..', '%2e', '%2f', '%63', 'conver', 'sation', 'conversation', '/send', '\t', '\n', '\r'],
  ...[
    'api/account/70012345/messaging/consumer',
    PATH,
    `${PATH}/send`,
    'http://a.example',
    'https:',
    '?',
    '#',
    ' ',
    'C',
  ],
);
const text = fc.option(
  fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join('')),
  { nil: undefined },
);
/** An endpoint whose parts stand in baseURL and url, with something put between the letters. */
const split = fc
  .tuple(fc.constantFrom('http://a.example', '', '//a.example'), fc.constantFrom(PATH, `${PATH}/send`), fc.nat(90))
  .chain(([origin, path, at]) => {
    const whole = origin + path;
    const parts = [whole.slice(0, at), whole.slice(at)];
    return fc.tuple(fc.nat(30), piece, fc.boolean()).map(([where, put, isPut]) => ({
      baseURL: parts[0],
      url: isPut ? `${parts[1]?.slice(0, where)}${put}${parts[1]?.slice(where)}` : parts[1]?.replace(/^\//, ''),
    }));
  });
const config = fc
  .tuple(fc.oneof(fc.record({ url: text, baseURL: text }), split), fc.constantFrom(undefined, true, false))
  .map(([{ url, baseURL }, allowAbsoluteUrls]) => ({ url, baseURL, allowAbsoluteUrls }));
const finder = () => createTargetFinder({ trustedOrigins: [], onNearMiss: undefined });
const isOurs = (find: ReturnType<typeof createTargetFinder>, written: object) =>
  find({ method: 'post', ...written } as InternalAxiosRequestConfig);

it('what the cheap look at the text turns away is never one of ours', () => {
  let accepted = 0;
  fc.assert(
    fc.property(config, (written) => {
      if (!judge(written, [])) return;
      accepted += 1;
      expect(mayNameEndpoint(written.url) || mayNameEndpoint(written.baseURL)).toBe(true);
    }),
    { numRuns: 20_000 },
  );
  expect(accepted).toBeGreaterThan(200);
});

it('a verdict that is remembered is the one that would be given anew', () => {
  const remembering = finder();
  fc.assert(
    fc.property(fc.array(config, { minLength: 2, maxLength: 20 }), (configs) => {
      for (const written of [...configs, ...configs]) {
        const { name, accountId, isTrusted } = isOurs(finder(), written) ?? {};
        expect(isOurs(remembering, written) ?? {}).toMatchObject({ ...(name && { name, accountId, isTrusted }) });
        expect(isOurs(remembering, written) === undefined).toBe(name === undefined);
      }
    }),
    { numRuns: 2_000 },
  );
});

it('a URL that is no text is judged each time, for it may have changed', () => {
  const find = finder();
  const url = new URL(`https://a.example${PATH}`);
  expect(isOurs(find, { url })?.name).toBe('conversation');
  url.pathname = '/elsewhere';
  expect(isOurs(find, { url })).toBeUndefined();
});

describe('a trusted origin is one by its origin and its path together', () => {
  const trusted = [{ origin: 'https://gateway.example', pathPrefix: '/lp' }];
  it.each([
    ['https://gateway.example/lp', { accountId: '70012345', isTrusted: true }],
    ['https://gateway.example', { accountId: '70012345', isTrusted: false }],
    ['https://gateway.example/lpx', undefined],
    ['https://gateway.example/other', undefined],
    ['https://gateway.example/xx', undefined],
    ['https://gateway.example/lp/deeper', undefined],
    ['https://elsewhere.example/lp', undefined],
    ['https://elsewhere.example', { accountId: '70012345', isTrusted: false }],
    ['http://gateway.example/lp', undefined],
    ['https://gateway.example:8443/lp', undefined],
  ])('%s', (base, found) => {
    for (const end of ['', '/send']) {
      const target = judge({ url: base + PATH + end, baseURL: undefined, allowAbsoluteUrls: undefined }, trusted);
      expect(target && { accountId: target.accountId, isTrusted: target.isTrusted }).toEqual(found);
    }
  });

  it.each([
    ['https://gateway.example', true],
    ['https://elsewhere.example', false],
  ])('without a path: %s', (base, isTrusted) => {
    const origins = [{ origin: 'https://gateway.example', pathPrefix: '' }];
    const target = judge({ url: base + PATH, baseURL: undefined, allowAbsoluteUrls: undefined }, origins);
    expect(target).toMatchObject({ isTrusted });
    const route = () => target?.routeTo('https://msg.example').origin;
    if (isTrusted) expect(route()).toBe(base);
    else expect(route).toThrow('trustedOrigins');
  });
});

it.each([
  ['post', true],
  ['POST', true],
  ['Post', true],
  ['get', false],
  ['postal', false],
  [undefined, false],
])('of the methods, %s is ours: %s', (method, isIt) => {
  expect(finder()({ method, url: PATH } as InternalAxiosRequestConfig) !== undefined).toBe(isIt);
});

it.each([
  [{}, false],
  [{ url: undefined, baseURL: null }, false],
  [{ url: '/other', baseURL: 'https://a.example' }, false],
  [{ url: 7 }, true],
  [{ url: '/con\tversation' }, true],
])('of %j the URL is looked into: %s', ({ url, baseURL }: { url?: unknown; baseURL?: unknown }, isIt) => {
  expect(mayNameEndpoint(url) || mayNameEndpoint(baseURL)).toBe(isIt);
});

it('an endpoint may stand in baseURL, in whole or in part', () => {
  const find = finder();
  for (const url of ['/send', 'send']) {
    const config = { method: 'post', url, baseURL: `https://a.example${PATH}` } as InternalAxiosRequestConfig;
    expect(find(config)).toMatchObject({ name: 'send', accountId: '70012345' });
  }
});
