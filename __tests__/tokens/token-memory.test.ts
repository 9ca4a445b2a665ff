import fc from 'fast-check';
import { type Identity, keyOf } from '../../lib/tokens/identity.js';
import { createAppJwtMemory, createConsumerJwsMemory, type Held } from '../../lib/tokens/token-memory.js';
import { effort } from '../support/effort.js';

const heldBy = (identity: Identity, value: string): Held => ({
  identity,
  token: { value, receivedAt: 0, lifetimeMs: undefined },
});

it('an AppJWT takes the place of the one that its account had', () => {
  const memory = createAppJwtMemory();
  for (const [accountId, value] of [
    ['a', '1'],
    ['b', '2'],
    ['a', '3'],
  ] as const)
    memory.set(heldBy({ accountId }, value));
  expect(memory.get({ accountId: 'a' })?.token.value).toBe('3');
  expect(memory.get({ accountId: 'c' })).toBeUndefined();
  expect([...memory.all()].map(({ token }) => token.value)).toEqual(['3', '2']);
});

describe('the memory of ConsumerJWSs', () => {
  const MAX = 3;
  const identity = fc.record({
    accountId: fc.constantFrom('1', '12'),
    consumerId: fc.constantFrom('a', 'b', '2:a', '2', ''),
  });
  const step = fc.record({ do: fc.constantFrom('get' as const, 'set' as const), identity });

  it('holds the last used of whatever accounts, one of each identity, and tells of each that it evicts', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const evicted: string[] = [];
        const nameOf = ({ accountId, consumerId }: Identity) => JSON.stringify([accountId, consumerId]);
        const memory = createConsumerJwsMemory(MAX, keyOf, (gone) => evicted.push(nameOf(gone)));
        // The last used comes last.
        const model = new Map<string, string>();
        const evictedOfModel: string[] = [];
        steps.forEach(({ do: act, identity: whose }, index) => {
          const name = nameOf(whose);
          const known = model.get(name);
          if (act === 'get') expect(memory.get({ ...whose })?.token.value).toBe(known);
          else memory.set(heldBy({ ...whose }, String(index)));
          if (act === 'set' || known !== undefined) {
            model.delete(name);
            model.set(name, act === 'set' ? String(index) : (known ?? ''));
          }
          const [oldest] = model.keys();
          if (model.size > MAX && oldest !== undefined) {
            model.delete(oldest);
            evictedOfModel.push(oldest);
          }
          const all = [...memory.all()].map(({ identity: own, token }) => [nameOf(own), token.value]);
          expect(all.reverse()).toEqual([...model]);
          expect(memory.size()).toBe(model.size);
          expect(evicted).toEqual(evictedOfModel);
        });
      }),
      { numRuns: effort(2_000) },
    );
  });
});
