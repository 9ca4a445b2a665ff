import fc from 'fast-check';
import { appJwtOf, type Identity, keyOf } from '../../lib/tokens/identity.js';
import { issuedToken } from '../../lib/tokens/token.js';
import { type CachedToken, createAppJwtCache, createConsumerJwsCache } from '../../lib/tokens/token-cache.js';
import { effort } from '../support/effort.js';

const cachedFor = (identity: Identity, value: string): CachedToken => ({
  identity,
  token: issuedToken(value, 0, undefined),
  dropped: undefined,
  forcedAt: undefined,
  refusedAt: undefined,
});

it('an AppJWT replaces the one that its account had', () => {
  const cache = createAppJwtCache();
  for (const [accountId, value] of [
    ['a', '1'],
    ['b', '2'],
    ['a', '3'],
  ] as const)
    cache.set(cachedFor(appJwtOf(accountId), value));
  expect(cache.get(appJwtOf('a'))?.token.value).toBe('3');
  expect(cache.get(appJwtOf('c'))).toBeUndefined();
  expect([...cache.all()].map(({ token }) => token.value)).toEqual(['3', '2']);
});

describe('the cache of ConsumerJWS', () => {
  const MAX = 3;
  const identity = fc.record({
    accountId: fc.constantFrom('1', '12'),
    consumerId: fc.constantFrom('a', 'b', '2:a', '2', ''),
  });
  const step = fc.record({ do: fc.constantFrom('get' as const, 'set' as const), identity });

  it('keeps the last used tokens, one of each identity, and reports each that it evicts', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const evicted: string[] = [];
        const nameOf = ({ accountId, consumerId }: Identity) => JSON.stringify([accountId, consumerId]);
        const cache = createConsumerJwsCache(MAX, keyOf, (gone) => evicted.push(nameOf(gone)));
        // The last used comes last.
        const model = new Map<string, string>();
        const evictedOfModel: string[] = [];
        steps.forEach(({ do: act, identity: whose }, index) => {
          const name = nameOf(whose);
          const known = model.get(name);
          if (act === 'get') expect(cache.get({ ...whose })?.token.value).toBe(known);
          else cache.set(cachedFor({ ...whose }, String(index)));
          if (act === 'set' || known !== undefined) {
            model.delete(name);
            model.set(name, act === 'set' ? String(index) : (known ?? ''));
          }
          const [oldest] = model.keys();
          if (model.size > MAX && oldest !== undefined) {
            model.delete(oldest);
            evictedOfModel.push(oldest);
          }
          const all = [...cache.all()].map(({ identity: own, token }) => [nameOf(own), token.value]);
          expect(all.reverse()).toEqual([...model]);
          expect(cache.size()).toBe(model.size);
          expect(evicted).toEqual(evictedOfModel);
        });
      }),
      { numRuns: effort(2_000) },
    );
  });
});
