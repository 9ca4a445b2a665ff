import { createMemoryTokenStore } from '../../lib/index.js';
import { describeFullTokenStore } from './token-store.js';

describeFullTokenStore('memory', async () => {
  const store = createMemoryTokenStore();
  return { store, other: store };
});

it('memory drops what was used longest ago when it is full', async () => {
  const store = createMemoryTokenStore({ max: 2 });
  for (const key of ['a', 'b', 'c']) await store.set(key, key);
  expect(await Promise.all(['a', 'b', 'c'].map((key) => store.get(key)))).toEqual([undefined, 'b', 'c']);
});
