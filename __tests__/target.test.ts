import type { InternalAxiosRequestConfig } from 'axios';
import fc from 'fast-check';
import { createTargetFinder, mayNameEndpoint } from '../lib/target.js';

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
const config = fc.record({
  url: text,
  baseURL: text,
  allowAbsoluteUrls: fc.constantFrom(undefined, true, false),
});
const isOurs = (find: ReturnType<typeof createTargetFinder>, written: object) =>
  find({ method: 'post', ...written } as InternalAxiosRequestConfig);

it('what the cheap look at the text turns away is never one of ours', () => {
  // Where the other part names an endpoint, the look is past; the verdict then depends on the whole alone.
  let accepted = 0;
  fc.assert(
    fc.property(config, ({ url, baseURL, allowAbsoluteUrls }) => {
      // A base that is an object is no text, and always looked at.
      const base =
        baseURL === undefined ? undefined : { toString: () => baseURL, replace: baseURL.replace.bind(baseURL) };
      const whole = isOurs(createTargetFinder([]), { url, baseURL: base, allowAbsoluteUrls });
      if (!whole) return;
      accepted += 1;
      expect(mayNameEndpoint(url) || mayNameEndpoint(baseURL)).toBe(true);
    }),
    { numRuns: 20_000 },
  );
  expect(accepted).toBeGreaterThan(200);
});

it('a verdict that is remembered is the one that would be given anew', () => {
  const remembering = createTargetFinder([]);
  fc.assert(
    fc.property(fc.array(config, { minLength: 2, maxLength: 20 }), (configs) => {
      for (const written of [...configs, ...configs]) {
        const { name, accountId, isTrusted } = isOurs(createTargetFinder([]), written) ?? {};
        expect(isOurs(remembering, written) ?? {}).toMatchObject({ ...(name && { name, accountId, isTrusted }) });
        expect(isOurs(remembering, written) === undefined).toBe(name === undefined);
      }
    }),
    { numRuns: 2_000 },
  );
});

it('a URL that is no text is judged each time, for it may have changed', () => {
  const find = createTargetFinder([]);
  const url = new URL(`https://a.example${PATH}`);
  expect(isOurs(find, { url })?.name).toBe('conversation');
  url.pathname = '/elsewhere';
  expect(isOurs(find, { url })).toBeUndefined();
});
