import type { TokenStore } from '../../lib/index.js';
import { until } from '../support/cloud.js';

export interface StoreUnderTest {
  store: TokenStore;
  /** The same entries, as another process of the fleet sees them. */
  other: TokenStore;
}

/** What every token store must do. `create` gives an empty one. */
export function describeTokenStore(name: string, create: () => Promise<StoreUnderTest>): void {
  describe(`${name} is a token store:`, () => {
    let store: TokenStore;
    let other: TokenStore;
    beforeEach(async () => {
      ({ store, other } = await create());
    });

    it('has nothing of a key that was never set', async () => {
      expect((await store.get('never')) ?? undefined).toBeUndefined();
    });

    it('gives what was last set, to others too', async () => {
      await store.set('key', 'first');
      await other.set('key', 'second', 60_000);
      expect([await store.get('key'), await other.get('key')]).toEqual(['second', 'second']);
    });

    it('keeps keys apart, and values to the letter', async () => {
      const entries: [string, string][] = [
        ['consumerJws:70012345:0f1e:ab', '{"v":1,"text":"\\"quoted\\" \\n"}'],
        ['consumerJws:70012345:0f1e:ac', ''],
        ['lock:consumerJws:70012345:0f1e:ab', 'x'.repeat(10_000)],
      ];
      for (const [key, value] of entries) await store.set(key, value);
      for (const [key, value] of entries) expect(await other.get(key)).toBe(value);
    });

    it('has an entry no longer than ttlMs', async () => {
      await store.set('short', 'value', 30);
      await store.set('long', 'value', 60_000);
      await untilAsync(async () => ((await other.get('short')) ?? undefined) === undefined);
      expect(await other.get('long')).toBe('value');
    });

    it('takes a ttlMs that is no whole number', async () => {
      await store.set('key', 'value', 60_000.4);
      expect(await store.get('key')).toBe('value');
    });

    it('has an entry without ttlMs for good, also where it had one before', async () => {
      await store.set('key', 'old', 30);
      await store.set('key', 'new');
      await new Promise((resolve) => setTimeout(resolve, 60));
      expect(await store.get('key')).toBe('new');
    });

    it('deletes, and does not mind that there is nothing', async () => {
      await store.set('key', 'value');
      await other.delete('key');
      await other.delete('key');
      expect((await store.get('key')) ?? undefined).toBeUndefined();
    });
  });
}

/** What those can do besides that have the optional methods. */
export function describeFullTokenStore(name: string, create: () => Promise<StoreUnderTest>): void {
  describeTokenStore(name, create);

  describe(`${name} is a token store that`, () => {
    let store: Required<TokenStore>;
    let other: Required<TokenStore>;
    beforeEach(async () => {
      const created = await create();
      store = created.store as Required<TokenStore>;
      other = created.other as Required<TokenStore>;
    });

    it('deletes a value only while it is there', async () => {
      await store.set('key', 'newer');
      await store.delete('key', 'older');
      expect(await store.get('key')).toBe('newer');
      await other.delete('key', 'newer');
      expect((await store.get('key')) ?? undefined).toBeUndefined();
    });

    it('says how long an entry still has', async () => {
      const hour = 3_600_000;
      await store.set('key', 'value', hour);
      const leftMs = (await other.getTtl('key')) ?? 0;
      // It took less than ten minutes to ask.
      expect(leftMs).toBeGreaterThan(hour - 600_000);
      expect(leftMs).toBeLessThanOrEqual(hour);
      await store.set('key', 'value');
      expect([await store.getTtl('key'), await store.getTtl('never')]).toEqual([undefined, undefined]);
    });

    it('lets one have a lock at a time, until it gives it back', async () => {
      const locks = await Promise.all([store, other, store, other].map((each) => each.lock('key', 60_000)));
      const [release, ...rest] = locks.filter((lock) => lock !== undefined);
      expect(rest).toEqual([]);
      expect(await other.lock('another', 60_000)).toBeDefined();
      await release?.();
      expect(await other.lock('key', 60_000)).toBeDefined();
      expect(await store.lock('key', 60_000)).toBeUndefined();
    });

    it('frees a lock when its time is up; who had it cannot free the next one’s', async () => {
      const release = await store.lock('key', 30);
      await untilAsync(async () => (await other.lock('key', 60_000)) !== undefined);
      await release?.();
      expect(await store.lock('key', 60_000)).toBeUndefined();
      await release?.extend?.(1);
      await new Promise((resolve) => setTimeout(resolve, 10));
      expect(await store.lock('key', 60_000)).toBeUndefined();
    });

    /** A lock that is extended in time. On a busy machine a short one may lapse before that. */
    async function lockAndExtend() {
      for (let ttlMs = 50; ; ttlMs *= 2) {
        const start = performance.now();
        const lock = await store.lock('key', ttlMs);
        await lock?.extend?.(600_000);
        if (performance.now() - start < ttlMs) return { lock, ttlMs };
        await lock?.();
      }
    }

    it('has a lock live longer when it is extended', async () => {
      const { lock, ttlMs } = await lockAndExtend();
      await new Promise((resolve) => setTimeout(resolve, 2 * ttlMs));
      expect(await other.lock('key', 60_000)).toBeUndefined();
      await lock?.();
      expect(await other.lock('key', 60_000)).toBeDefined();
    });

    it('frees a lock that was extended when that time is up', async () => {
      const lock = await store.lock('key', 60_000);
      await lock?.extend?.(30);
      await untilAsync(async () => (await other.lock('key', 60_000)) !== undefined);
    });

    it('keeps a lock and an entry of the same key apart from other keys', async () => {
      await store.lock('lock:key', 60_000);
      expect((await store.get('key')) ?? undefined).toBeUndefined();
      await store.set('key', 'value');
      expect(await other.get('key')).toBe('value');
    });
  });
}

async function untilAsync(isSo: () => Promise<boolean>): Promise<void> {
  let answer = false;
  let isAsking = false;
  await until(() => {
    if (!isAsking && !answer) {
      isAsking = true;
      void isSo().then((result) => {
        answer = result;
        isAsking = false;
      });
    }
    return answer;
  });
}
