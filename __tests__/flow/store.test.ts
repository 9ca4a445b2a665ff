import { CompactEncrypt } from 'jose/jwe/compact/encrypt';
import Keyv from 'keyv';
import { type CommonOptions, createMemoryTokenStore, type StoreErrorEvent, type TokenEvent } from '../../lib/index.js';
import { ACCOUNT, type Cloud, defer, envelope, makeToken, SEND, startCloud, until } from '../support/cloud.js';
import { createAuth, lookedUpBy, rejection, startConnector, stopConnectors } from '../support/connector.js';
import { createSpyStore, keyIn, type SpyStore } from '../support/stores.js';
import { HELD_MS, holdIntervals, holdTimers, releaseTimers } from '../support/timers.js';

afterEach(stopConnectors);
afterEach(releaseTimers);

const asC = { onBehalfOf: 'consumer-5550001' };
const HOUR = 3_600_000;
const never = new Promise<never>(() => {});

/** One process of a fleet, as far as tokens go: an auth of its own that shares the cloud and the store. */
function join(cloud: Cloud, options: CommonOptions) {
  const auth = createAuth(cloud, options);
  const tokens: string[] = [];
  const faults: string[] = [];
  auth.on('token', ({ kind, cause, source }: TokenEvent) => tokens.push(`${kind} ${cause} ${source}`));
  auth.on('store-error', ({ operation, reason, code }: StoreErrorEvent) =>
    faults.push(`${operation} ${reason}${code ? ` ${code}` : ''}`),
  );
  return { auth, tokens, faults };
}

type Joined = ReturnType<typeof join>;

/** A clock that stands still. */
function createClock() {
  const clock = { time: 1_800_000_000_000, now: () => clock.time };
  return clock;
}

const counts = (cloud: Cloud) => [cloud.count('sentinel'), cloud.count('idp')];
/** Until what is written in the background has been written. */
const written = (store: SpyStore, entries: number) => until(() => store.entries.size === entries);

describe('tokens in the store', () => {
  it('are there for the next process, which asks no service; in memory they cost no look into it', async () => {
    const cloud = await startCloud();
    const store = createSpyStore();
    const [first, second] = [join(cloud, { store }), join(cloud, { store })];
    const jws = await first.auth.getConsumerJws('c');
    await written(store, 2);
    expect(await second.auth.getConsumerJws('c')).toBe(jws);
    expect(await second.auth.getAppJwt()).toBe(cloud.issued.appJwt[0]);
    expect(counts(cloud)).toEqual([1, 1]);
    expect(second.tokens).toEqual(['consumerJws initial store', 'appJwt initial store']);
    // What does not expire has no rest to be asked for.
    expect([store.calls.includes('getTtl appJwt'), store.calls.includes('getTtl consumerJws')]).toEqual([true, false]);
    store.calls.length = 0;
    for (let i = 0; i < 5; i++) await second.auth.getConsumerJws('c');
    expect(store.calls).toEqual([]);
  });

  it('are fetched once by any number of processes that start together', async () => {
    const cloud = await startCloud();
    const store = createMemoryTokenStore();
    const fleet = Array.from({ length: 8 }, () => join(cloud, { store }));
    const consumers = Array.from({ length: 20 }, (_, index) => `c${index}`);
    const tokens = await Promise.all(
      fleet.map(({ auth }) => Promise.all(consumers.map((consumer) => auth.getConsumerJws(consumer)))),
    );
    expect(counts(cloud)).toEqual([1, 20]);
    expect(new Set(tokens.map((each) => each.join())).size).toBe(1);
  });

  it('say no consumer in their keys, and their end in the ttl of the store', async () => {
    const store = createSpyStore();
    const { auth } = await startConnector({ store, clock: { now: () => 1_800_000_000_000 } });
    await auth.getConsumerJws('consumer-5550001');
    await written(store, 2);
    expect(keyIn(store, 'appJwt')).toMatch(/^appJwt:70012345:[\da-f]{16}:1\.0$/);
    expect(keyIn(store, 'consumerJws')).toMatch(/^consumerJws:70012345:[\da-f]{16}:[\da-f]{64}$/);
    expect(store.ttls.get(keyIn(store, 'consumerJws'))).toBe(30 * 24 * HOUR);
    expect(store.ttls.get(keyIn(store, 'appJwt'))).toBe(HOUR);
  });

  it('of one account or installation are no other’s', async () => {
    const cloud = await startCloud();
    const store = createSpyStore();
    const brand = { clientSecret: 's', store };
    await join(cloud, { ...brand, ...{ clientId: 'one' } }).auth.getConsumerJws('c');
    await written(store, 2);
    await join(cloud, { ...brand, ...{ clientId: 'two' } }).auth.getConsumerJws('c');
    expect(counts(cloud)).toEqual([2, 2]);
    await join(cloud, { ...brand, ...{ clientId: 'one', accountId: '70099999' } }).auth.getConsumerJws('c');
    expect(counts(cloud)).toEqual([3, 3]);
    await join(cloud, { ...brand, ...{ clientId: 'one' }, appJwtVersion: '2.0' }).auth.getAppJwt();
    expect(counts(cloud)).toEqual([4, 3]);
  });

  it('lie under the client id that brought them, where that changed under way', async () => {
    const cloud = await startCloud();
    const store = createSpyStore();
    let clientId = 'old';
    const credentials = () => ({ clientId, clientSecret: 's' });
    const [first, second] = [0, 1].map(() => join(cloud, { ...lookedUpBy(credentials), store }));
    cloud.script.sentinel = ({ body }) => {
      clientId = 'new';
      return body.includes('old') ? { status: 401, body: {} } : undefined;
    };
    const jwt = await first?.auth.getAppJwt({ accountId: ACCOUNT });
    await written(store, 1);
    expect(await second?.auth.getAppJwt({ accountId: ACCOUNT })).toBe(jwt);
    expect([cloud.count('sentinel'), second?.tokens]).toEqual([2, ['appJwt initial store']]);
  });

  it.each([
    [1_000, ['set appJwt']],
    [HOUR, []],
    [2 * HOUR, []],
  ])('that have outlived %i ms when they come are left there only while they live', async (stepMs, writes) => {
    const cloud = await startCloud();
    const store = createSpyStore();
    let now = 1_800_000_000_000;
    const clock = { now: () => (now += stepMs) };
    await join(cloud, { store, clock }).auth.getAppJwt();
    await new Promise((resolve) => setImmediate(resolve));
    expect(store.calls.filter((call) => call.startsWith('set'))).toEqual(writes);
  });

  it('may be in a Keyv', async () => {
    const cloud = await startCloud();
    const entries = new Map();
    await join(cloud, { store: new Keyv(entries) }).auth.getConsumerJws('c');
    await until(() => entries.size === 2);
    const second = join(cloud, { store: new Keyv(entries) });
    await second.auth.getConsumerJws('c');
    await second.auth.getAppJwt();
    expect([...counts(cloud), ...second.faults]).toEqual([1, 1]);
  });
});

describe('the life of a token from the store', () => {
  it.each([-5 * HOUR, 0, 5 * HOUR])(
    'is what the store’s clock says, on a host whose clock is %i ms off',
    async (off) => {
      const cloud = await startCloud();
      const store = createSpyStore();
      await join(cloud, { store }).auth.getAppJwt();
      await written(store, 1);
      store.ttls.set(keyIn(store, 'appJwt'), 20 * 60_000);
      let passed = 0;
      const second = join(cloud, { store, clock: { now: () => 1_800_000_000_000 + off + passed } });
      await second.auth.getAppJwt();
      const [account] = second.auth.inspect().accounts;
      expect(account?.appJwt?.expiresInMs).toBe(20 * 60_000);
      passed = 20 * 60_000;
      store.ttls.delete(keyIn(store, 'appJwt'));
      store.entries.clear();
      await second.auth.getAppJwt();
      expect(second.tokens).toEqual(['appJwt initial store', 'appJwt expired service']);
    },
  );

  it('without that is what its own clock says; it is never younger than now', async () => {
    const cloud = await startCloud();
    const { getTtl: _, ...store } = createMemoryTokenStore();
    let now = 1_800_000_000_000;
    const clock = { now: () => now };
    await join(cloud, { store, clock }).auth.getAppJwt();
    await until(() => cloud.count('sentinel') === 1);
    now -= 2 * HOUR;
    const behind = join(cloud, { store, clock });
    await behind.auth.getAppJwt();
    expect(behind.auth.inspect().accounts[0]?.appJwt?.expiresInMs).toBe(HOUR);
    now += 2 * HOUR + 0.5 * HOUR;
    const later = join(cloud, { store, clock });
    await later.auth.getAppJwt();
    expect(later.auth.inspect().accounts[0]?.appJwt?.expiresInMs).toBe(0.5 * HOUR);
    now += 0.5 * HOUR;
    const dead = join(cloud, { store, clock });
    await dead.auth.getAppJwt();
    expect(dead.tokens).toEqual(['appJwt initial service']);
  });

  it('near its end is renewed by one process ahead, and the others take the new one', async () => {
    const cloud = await startCloud();
    const { getTtl: _, ...store } = createMemoryTokenStore();
    let now = 1_800_000_000_000;
    const fleet = Array.from({ length: 3 }, () => join(cloud, { store, clock: { now: () => now } }));
    for (const { auth } of fleet) await auth.getAppJwt();
    now += 56 * 60_000;
    await Promise.all(fleet.map(({ auth }) => auth.getAppJwt()));
    await until(() => fleet.every(({ tokens }) => tokens.length === 2));
    expect(cloud.count('sentinel')).toBe(2);
    expect(fleet.flatMap(({ tokens }) => tokens[1]).sort()).toEqual([
      'appJwt ahead service',
      'appJwt ahead store',
      'appJwt ahead store',
    ]);
  });
});

describe('a token in the store that is near its end', () => {
  /** A process whose AppJWT is due, and a younger one in the store that is due as well. */
  async function startDue() {
    const cloud = await startCloud();
    const store = createSpyStore();
    let now = 1_800_000_000_000;
    const options = { store, clock: { now: () => now } };
    const [first, second] = [join(cloud, options), join(cloud, options)];
    const old = await first.auth.getAppJwt();
    now += 60_000;
    second.auth.invalidate();
    await second.auth.getAppJwt();
    await written(store, 1);
    store.getTtl = async () => undefined;
    now += 57 * 60_000;
    store.calls.length = 0;
    return { cloud, store, first, old, options };
  }

  it('serves one who has none, but not one who renews ahead', async () => {
    const { cloud, first, old, options } = await startDue();
    const late = join(cloud, options);
    await late.auth.getAppJwt();
    expect(late.tokens).toEqual(['appJwt initial store']);
    expect(await first.auth.getAppJwt()).toBe(old);
    await until(() => first.tokens.length === 2);
    expect(first.tokens[1]).toBe('appJwt ahead service');
  });

  it('stays there while it is renewed ahead by one who has it', async () => {
    const { cloud, store, options } = await startDue();
    const late = join(cloud, options);
    await late.auth.getAppJwt();
    const before = store.entries.get(keyIn(store, 'appJwt'));
    let lay: string | undefined;
    cloud.script.sentinel = () => {
      lay = store.entries.get(keyIn(store, 'appJwt'));
      return undefined;
    };
    await late.auth.getAppJwt();
    await until(() => late.tokens.length === 2);
    expect(late.tokens[1]).toBe('appJwt ahead service');
    expect([lay, store.calls.includes('delete appJwt')]).toEqual([before, false]);
  });
});

describe('a refused token', () => {
  it('is not read back from the store, and is deleted there before the service is asked', async () => {
    const store = createSpyStore();
    const { cloud, http, auth } = await startConnector({ store });
    const faults: StoreErrorEvent[] = [];
    auth.on('store-error', (fault) => faults.push(fault));
    await http.post(SEND, {}, asC);
    await written(store, 2);
    const key = keyIn(store, 'consumerJws');
    const old = store.entries.get(key);
    let lay: string | undefined = 'not asked';
    cloud.script.idp = () => {
      lay = store.entries.get(key);
      return undefined;
    };
    cloud.refuse(...(cloud.issued.consumerJws.get('consumer-5550001') ?? []));
    expect((await http.post(SEND, {}, asC)).status).toBe(200);
    expect([lay, cloud.count('idp')]).toEqual([undefined, 2]);
    await until(() => store.entries.get(key) !== undefined);
    expect(store.entries.get(key)).not.toBe(old);
    expect(faults).toEqual([]);
  });

  it('that the store will not delete is an event, and no hindrance', async () => {
    const cloud = await startCloud();
    const store = createSpyStore();
    const { auth, faults, tokens } = join(cloud, { store });
    await sendWith(auth, cloud);
    await written(store, 2);
    store.bend = (operation) => (operation === 'delete' ? Promise.reject(new Error('NOPERM no rights')) : undefined);
    cloud.refuse(...cloud.issued.appJwt);
    await sendWith(auth, cloud);
    expect(tokens.at(-1)).toBe('appJwt refused service');
    await until(() => faults.length > 0);
    expect(faults).toEqual(['delete failed NOPERM']);
  });

  it('is renewed at once, however young, unless a refusal brought it', async () => {
    const cloud = await startCloud();
    const store = createSpyStore();
    const options = { store, clock: { now: () => 1_800_000_000_000 }, forcedRefreshIntervalMs: 5_000 };
    const [first, second] = [join(cloud, options), join(cloud, options)];
    await first.auth.getAppJwt();
    await written(store, 1);
    await second.auth.getAppJwt();
    expect(second.tokens).toEqual(['appJwt initial store']);
    cloud.refuse(...cloud.issued.appJwt);
    await sendWith(second.auth, cloud);
    expect(second.tokens.at(-1)).toBe('appJwt refused service');
  });

  it('in all processes at once is renewed by one, and again but once in forcedRefreshIntervalMs', async () => {
    const cloud = await startCloud();
    const { getTtl: _, ...store } = createMemoryTokenStore();
    let now = 1_800_000_000_000;
    const options = { store, clock: { now: () => now }, forcedRefreshIntervalMs: 5_000 };
    const fleet = Array.from({ length: 4 }, () => join(cloud, options));
    const sendAll = (members = fleet) => Promise.all(members.map(({ auth: each }) => sendWith(each, cloud)));
    await sendAll();
    expect(cloud.count('sentinel')).toBe(1);
    cloud.script.send = () => ({ status: 401, body: envelope(40102) });
    await sendAll();
    expect(cloud.count('sentinel')).toBe(2);
    now += 4_999;
    await sendAll();
    // One that has only just been started holds back too: the token that it finds was forced a moment ago.
    const late = join(cloud, options);
    await sendAll([late]);
    expect(cloud.count('sentinel')).toBe(2);
    now += 1;
    await sendAll([...fleet, late]);
    expect(cloud.count('sentinel')).toBe(3);
  });

  /** Two processes that hold the same AppJWT. */
  async function startTwo(options: CommonOptions = {}) {
    const cloud = await startCloud();
    const store = createSpyStore();
    const clock = createClock();
    const [first, second] = [0, 1].map(() => join(cloud, { store, clock, ...options })) as [Joined, Joined];
    await sendWith(first.auth, cloud);
    await written(store, 2);
    await sendWith(second.auth, cloud);
    expect(second.auth.inspect().accounts).toHaveLength(1);
    return { cloud, store, clock, first, second };
  }

  it('that another process renews while the refused send is under way costs no call', async () => {
    const { cloud, store, clock, first, second } = await startTwo();
    cloud.refuse(cloud.issued.appJwt[0]);
    const gate = defer();
    let held = 0;
    cloud.script.send = () => (++held === 1 ? { after: gate.promise, status: 401, body: envelope(40102) } : undefined);
    const sending = sendWith(second.auth, cloud);
    await until(() => held === 1);
    clock.time += 10;
    const before = store.entries.get(keyIn(store, 'appJwt'));
    await sendWith(first.auth, cloud);
    await until(() => store.entries.size === 2 && store.entries.get(keyIn(store, 'appJwt')) !== before);
    gate.resolve();
    expect(await sending).toBe(200);
    expect(cloud.count('sentinel')).toBe(2);
    expect(second.tokens.at(-1)).toBe('appJwt refused store');
  });

  it.each<[string, (tools: Awaited<ReturnType<typeof startTwo>>) => unknown]>([
    [
      'ahead',
      ({ clock, first }) => {
        clock.time += 56 * 60_000;
        return first.auth.getAppJwt();
      },
    ],
    [
      'after a refusal',
      ({ cloud, first }) => {
        cloud.refuse(cloud.issued.appJwt[0]);
        return sendWith(first.auth, cloud);
      },
    ],
  ])('is not replaced by a token that another process renewed %s before the send', async (_, renew) => {
    const tools = await startTwo();
    const { cloud, store, clock, first, second } = tools;
    const before = store.entries.get(keyIn(store, 'appJwt'));
    await renew(tools);
    await until(() => first.tokens.length === 3);
    await until(() => store.entries.size === 2 && store.entries.get(keyIn(store, 'appJwt')) !== before);
    clock.time += 1;
    cloud.refuse(...cloud.issued.appJwt);
    expect(await sendWith(second.auth, cloud)).toBe(200);
    expect([cloud.count('sentinel'), second.tokens.at(-1)]).toEqual([3, 'appJwt refused service']);
  });

  it.each<[string, (store: SpyStore) => CommonOptions['store']]>([
    ['a Keyv', () => new Keyv()],
    ['a store without locks', ({ lock: _, ...store }) => store],
  ])('in %s, where processes have different tokens, wastes no replay', async (_, from) => {
    const cloud = await startCloud();
    const clock = createClock();
    const store = from(createSpyStore());
    const fleet = [0, 1, 2].map(() => join(cloud, { store, clock, forcedRefreshIntervalMs: 5_000 }));
    // They start together, so each has a token of its own.
    await Promise.all(fleet.map(({ auth }) => auth.getAppJwt()));
    expect(cloud.count('sentinel')).toBe(3);
    clock.time += 1_000;
    cloud.refuse(...cloud.issued.appJwt);
    for (const { auth } of fleet) expect(await sendWith(auth, cloud)).toBe(200);
  });

  it('is renewed at once if the store returned it a moment ago', async () => {
    const { cloud, clock, second } = await startTwo({ forcedRefreshIntervalMs: 5_000 });
    clock.time += 10;
    for (let times = 0; times < 2; times++) {
      cloud.refuse(...cloud.issued.appJwt);
      clock.time += times * 5_000;
      expect(await sendWith(second.auth, cloud)).toBe(200);
    }
  });

  it('is not read back from a replica that lags, or after a late write', async () => {
    const { cloud, store, clock, second } = await startTwo();
    const key = keyIn(store, 'appJwt');
    const old = store.entries.get(key) ?? '';
    // Another process has long had another token, which it writes late.
    const other = join(cloud, { store: createSpyStore(), clock });
    await other.auth.getAppJwt();
    clock.time += 10;
    store.bend = (operation, asked) => (operation === 'get' && asked === key ? Promise.resolve(old) : undefined);
    cloud.refuse(...cloud.issued.appJwt);
    expect(await sendWith(second.auth, cloud)).toBe(200);
    expect(second.tokens.at(-1)).toBe('appJwt refused service');
  });
});

describe('a ConsumerJWS in the store', () => {
  const DAY = 24 * HOUR;

  it('expires after 30 days without use, and is renewed by use', async () => {
    const cloud = await startCloud();
    const store = createSpyStore();
    const clock = createClock();
    await join(cloud, { store, clock }).auth.getConsumerJws('c');
    await written(store, 2);
    const key = keyIn(store, 'consumerJws');
    expect(store.ttls.get(key)).toBe(30 * DAY);
    const sets = () => store.calls.filter((call) => call === 'set consumerJws').length;
    clock.time += DAY;
    await join(cloud, { store, clock }).auth.getConsumerJws('c');
    expect(sets()).toBe(1);
    clock.time += 1;
    await join(cloud, { store, clock }).auth.getConsumerJws('c');
    await until(() => sets() === 2);
    await join(cloud, { store, clock }).auth.getConsumerJws('c');
    expect([sets(), cloud.count('idp')]).toEqual([2, 1]);
  });

  it('has whole milliseconds to live, as an AppJWT has', async () => {
    const store = createSpyStore();
    let now = 1_800_000_000_000.25;
    const { auth, cloud } = await startConnector({ store, clock: { now: () => (now += 0.3) } });
    cloud.script.idp = () => ({ status: 201, body: { token: makeToken({ exp: now / 1_000 + 60.0004 }) } });
    await auth.getConsumerJws('c');
    await written(store, 2);
    for (const ttlMs of store.ttls.values()) expect(Number.isInteger(ttlMs)).toBe(true);
  });
});

describe('invalidate()', () => {
  it.each([
    ['of all', undefined, 0],
    ['of an account', { accountId: ACCOUNT }, 0],
    ['of another account', { accountId: '70099999' }, 2],
    ['of a consumer', { consumerId: 'c' }, 1],
    ['of another consumer', { consumerId: 'd' }, 2],
  ])('%s deletes from the store what it drops', async (_, target, left) => {
    const store = createSpyStore();
    const { cloud, auth } = await startConnector({ store });
    await auth.getConsumerJws('c');
    await written(store, 2);
    auth.invalidate(target);
    await until(() => store.entries.size === left);
    await auth.getConsumerJws('c');
    expect(cloud.count('idp')).toBe(left === 2 ? 1 : 2);
  });

  it('reaches what this process never had, where it is named', async () => {
    const cloud = await startCloud();
    const store = createSpyStore();
    await join(cloud, { store }).auth.getConsumerJws('c');
    await written(store, 2);
    const { auth, tokens } = join(cloud, { store });
    auth.invalidate({ accountId: ACCOUNT, consumerId: 'c' });
    await auth.getConsumerJws('c');
    auth.invalidate({ accountId: ACCOUNT });
    await auth.getAppJwt();
    expect(tokens).toEqual(['appJwt initial store', 'consumerJws initial service', 'appJwt invalidated service']);
  });

  it.each([
    ['all', undefined],
    ['its account', { accountId: ACCOUNT }],
  ])('of %s reaches the AppJWT of a process that has nothing yet', async (_, target) => {
    const cloud = await startCloud();
    const store = createSpyStore();
    await join(cloud, { store }).auth.getAppJwt();
    await written(store, 1);
    const { auth, tokens, faults } = join(cloud, { store });
    auth.invalidate(target);
    await until(() => store.calls.includes('delete appJwt'));
    await auth.getAppJwt();
    expect([tokens, faults]).toEqual([['appJwt initial service'], []]);
  });

  it('of all names no account where there are many and none is in memory', async () => {
    const cloud = await startCloud();
    const store = createSpyStore();
    const asked: unknown[] = [];
    const credentials = (account: string) => {
      asked.push(account);
      return { clientId: 'id', clientSecret: 's' };
    };
    const { auth, faults } = join(cloud, { ...lookedUpBy(credentials), store });
    auth.invalidate();
    await new Promise((resolve) => setImmediate(resolve));
    expect([asked, faults, store.calls]).toEqual([[], [], []]);
  });

  it('of an account without credentials is an event: what lies there cannot be named', async () => {
    const cloud = await startCloud();
    const store = createSpyStore();
    const { auth, faults } = join(cloud, { store });
    auth.invalidate({ accountId: '70099999' });
    await until(() => faults.length > 0);
    expect([faults, store.calls]).toEqual([['delete failed ERR_UNKNOWN_ACCOUNT'], []]);
  });

  it('that the store does not carry out is an event, and is tried again when the token is met there', async () => {
    const cloud = await startCloud();
    const store = createSpyStore();
    const { auth, tokens, faults } = join(cloud, { store });
    await auth.getAppJwt();
    await written(store, 1);
    store.bend = (operation) => (operation === 'delete' ? Promise.reject(new Error('NOPERM no rights')) : undefined);
    auth.invalidate();
    await until(() => faults.length > 0);
    expect([faults, store.entries.size]).toEqual([['delete failed NOPERM'], 1]);
    store.bend = () => undefined;
    let lay = 0;
    cloud.script.sentinel = () => {
      lay = store.entries.size;
      return undefined;
    };
    await auth.getAppJwt();
    expect([lay, tokens.at(-1)]).toEqual([0, 'appJwt invalidated service']);
  });

  it.each([
    ['with locks', (store: SpyStore) => store],
    ['without', ({ lock: _, ...store }: SpyStore) => store],
  ])('while a call is under way: what it brings is not left in the store (one %s)', async (_, from) => {
    const store = createSpyStore();
    const { cloud, auth } = await startConnector({ store: from(store) });
    const gate = defer();
    cloud.script.idp = () => ({ after: gate.promise, status: 201, body: { token: makeToken({}) } });
    const underWay = auth.getConsumerJws('c');
    await until(() => cloud.count('idp') === 1);
    auth.invalidate({ consumerId: 'c' });
    gate.resolve();
    expect(await underWay).toMatch(/^ey/);
    await auth.getAppJwt();
    expect([...store.entries.keys()].map((key) => key.split(':')[0])).toEqual(['appJwt']);
    expect(store.calls).not.toContain('set consumerJws');
  });

  it('after one whose answer is still being written deletes it all the same', async () => {
    const store = createSpyStore();
    const { auth } = await startConnector({ store, storeSecret: new Uint8Array(32) });
    await auth.getAppJwt();
    auth.invalidate();
    await until(() => store.calls.includes('delete appJwt'));
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(store.entries.size).toBe(0);
  });
});

describe('an entry of no use is a miss, an event, and is written over:', () => {
  const appJwt = (change: object) => (text: string) => JSON.stringify({ ...JSON.parse(text), ...change });
  it.each<[string, (text: string) => unknown]>([
    ['no JSON', () => 'rubbish'],
    ['JSON of another shape', () => '[1,2]'],
    ['null', () => 'null'],
    ['an older version’s', appJwt({ v: 0 })],
    ['another key’s', appJwt({ key: 'appJwt:other' })],
    ['without a token', appJwt({ token: undefined })],
    ['with a token that is none', appJwt({ token: 'x\r\nX-Evil: 1' })],
    ['with the token of another account', appJwt({ token: makeToken({ aud: '70099999' }) })],
    ['without an age', appJwt({ receivedAt: null })],
    ['without an end', appJwt({ lifetimeMs: undefined })],
    ['of 70 KB', (text) => text + ' '.repeat(70_000)],
    ['an object', (text) => JSON.parse(text)],
    ['a Buffer', (text) => Buffer.from(text)],
  ])('%s', async (_, change) => {
    const cloud = await startCloud();
    const store = createSpyStore();
    await join(cloud, { store }).auth.getAppJwt();
    await written(store, 1);
    const key = keyIn(store, 'appJwt');
    const bad = change(store.entries.get(key) ?? '');
    store.entries.set(key, bad as string);
    const { auth, tokens, faults } = join(cloud, { store });
    expect(await auth.getAppJwt()).toBe(cloud.issued.appJwt[1]);
    expect([tokens, faults]).toEqual([['appJwt initial service'], ['get unusable']]);
    await until(() => store.entries.get(key) !== bad);
    const third = join(cloud, { store });
    await third.auth.getAppJwt();
    expect([third.tokens, third.faults]).toEqual([['appJwt initial store'], []]);
  });

  it('a ConsumerJWS of another consumer', async () => {
    const cloud = await startCloud();
    const store = createSpyStore();
    await join(cloud, { store }).auth.getConsumerJws('c');
    await written(store, 2);
    const key = keyIn(store, 'consumerJws');
    store.entries.set(
      key,
      JSON.stringify({
        ...JSON.parse(store.entries.get(key) ?? ''),
        token: makeToken({ account_id: ACCOUNT, ext_consumer_id: 'd' }),
      }),
    );
    const { auth, faults } = join(cloud, { store });
    expect(await auth.getConsumerJws('c')).toBe(cloud.issued.consumerJws.get('c')?.[1]);
    expect(faults).toEqual(['get unusable']);
  });
});

describe('an entry of 100 MB', () => {
  it.each<false | string>([false, 'a passphrase of the test'])(
    'is a miss that is not parsed or decrypted (storeSecret: %p)',
    async (storeSecret) => {
      const cloud = await startCloud();
      const store = createSpyStore();
      const huge = 'x'.repeat(100 * 2 ** 20);
      store.bend = (operation) => (operation === 'get' ? Promise.resolve(huge) : undefined);
      const parse = jest.spyOn(JSON, 'parse');
      const split = jest.spyOn(String.prototype, 'split');
      const { auth, tokens, faults } = join(cloud, { store, storeSecret });
      try {
        await auth.getAppJwt();
        const inputs = [...parse.mock.calls.map(([text]) => text), ...split.mock.contexts.map(String)];
        expect(inputs.filter((text) => text.length > 2 ** 20)).toEqual([]);
      } finally {
        parse.mockRestore();
        split.mockRestore();
      }
      expect([tokens, faults]).toEqual([['appJwt initial service'], ['get unusable']]);
    },
  );
});

describe('sealed', () => {
  const [old, fresh] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const PASSPHRASE = 'correct horse battery staple';

  it.each([
    ['with 32 bytes', old],
    ['with a passphrase', PASSPHRASE],
  ])('%s, no token and no key material lies in the store', async (_, storeSecret) => {
    const cloud = await startCloud();
    const store = createSpyStore();
    const first = join(cloud, { store, storeSecret });
    const jws = await first.auth.getConsumerJws('c');
    await written(store, 2);
    const lying = [...store.entries.values()].join();
    for (const part of [jws, jws.split('.')[1] ?? '', ACCOUNT, 'consumerJws', PASSPHRASE]) {
      expect(lying.includes(part) || Buffer.from(lying, 'base64url').includes(part)).toBe(false);
    }
    expect(JSON.parse(Buffer.from(lying.split('.')[0] ?? '', 'base64url').toString())).toEqual({
      alg: 'dir',
      enc: 'A256GCM',
    });
    const second = join(cloud, { store, storeSecret });
    expect(await second.auth.getConsumerJws('c')).toBe(jws);
    expect([...counts(cloud), ...second.faults]).toEqual([1, 1]);
  });

  it('the secret is rotated with a list: the first seals, all open', async () => {
    const cloud = await startCloud();
    const store = createSpyStore();
    await join(cloud, { store, storeSecret: old }).auth.getAppJwt();
    await written(store, 1);
    const second = join(cloud, { store, storeSecret: [fresh, old] });
    await second.auth.getAppJwt();
    expect(second.tokens).toEqual(['appJwt initial store']);
    second.auth.invalidate();
    const before = [...store.entries.values()][0];
    await second.auth.getAppJwt();
    await until(() => store.entries.size === 1 && [...store.entries.values()][0] !== before);
    const third = join(cloud, { store, storeSecret: fresh });
    await third.auth.getAppJwt();
    expect([third.tokens, counts(cloud)]).toEqual([['appJwt initial store'], [2, 0]]);
  });

  it('by another method than ours, though with our secret, it is a miss', async () => {
    const cloud = await startCloud();
    const store = createSpyStore();
    const clear = createSpyStore();
    await join(cloud, { store: clear }).auth.getAppJwt();
    await written(clear, 1);
    const key = keyIn(clear, 'appJwt');
    for (const [alg, enc, faults] of [
      ['dir', 'A128CBC-HS256', ['get unusable']],
      ['A256KW', 'A256GCM', ['get unusable']],
      ['dir', 'A256GCM', []],
    ] as const) {
      const text = new TextEncoder().encode(clear.entries.get(key));
      store.entries.set(key, await new CompactEncrypt(text).setProtectedHeader({ alg, enc }).encrypt(old));
      const reader = join(cloud, { store, storeSecret: old });
      await reader.auth.getAppJwt();
      expect(reader.faults).toEqual(faults);
    }
  });

  it.each<[string, Uint8Array | undefined, (sealed: string, other: string) => string]>([
    ['with a secret that is not known', fresh, (sealed) => sealed],
    [
      'changed in one letter',
      old,
      (sealed) => sealed.replace(/.(.{9})$/, (all) => (all[0] === 'A' ? 'B' : 'A') + all.slice(1)),
    ],
    ['put there under another key', old, (_, other) => other],
    ['that is not sealed', old, () => JSON.stringify({ v: 1 })],
    ['read without a secret', undefined, (sealed) => sealed],
  ])('what lies there %s is a miss', async (_, storeSecret, change) => {
    const cloud = await startCloud();
    const store = createSpyStore();
    const first = join(cloud, { store, storeSecret: old });
    await first.auth.getConsumerJws('c');
    await first.auth.getConsumerJws('d');
    await written(store, 3);
    const keys = [...store.entries.keys()].filter((key) => key.startsWith('consumerJws'));
    const [one = '', two = ''] = keys;
    const changed = change(store.entries.get(one) ?? '', store.entries.get(two) ?? '');
    expect(changed).not.toBe('');
    store.entries.set(one, changed);
    const second = join(cloud, { store, ...(storeSecret && { storeSecret }) });
    await second.auth.getConsumerJws('c');
    await second.auth.getConsumerJws('d');
    expect(second.faults).toContain('get unusable');
    expect(cloud.count('idp')).toBe(storeSecret === old ? 3 : 4);
  });
});

describe('a store that fails', () => {
  it.each<[string, () => unknown, string]>([
    [
      'throws at once',
      () => {
        throw new Error('no');
      },
      'get failed Error',
    ],
    [
      'rejects',
      () => Promise.reject(Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })),
      'get failed ECONNREFUSED',
    ],
    [
      'rejects with an answer of Redis’s',
      () => Promise.reject(new Error('WRONGTYPE Operation against a key')),
      'get failed WRONGTYPE',
    ],
    ['rejects with nothing', () => Promise.reject(), 'get failed undefined'],
    ['never answers', () => never, 'get timeout'],
  ])('(%s) fails no request, and is an event', async (_, bend, fault) => {
    const store = createSpyStore();
    const cloud = await startCloud();
    const { auth, faults, tokens } = join(cloud, { store, storeTimeoutMs: 20 });
    store.bend = bend;
    await auth.getConsumerJws('c');
    expect(tokens).toEqual(['appJwt initial service', 'consumerJws initial service']);
    expect(faults[0]).toBe(fault);
    expect(JSON.stringify(faults)).not.toMatch(/eyJ|signature/);
  });

  it('is asked but once by a request that needs both tokens, and again when it has rested', async () => {
    let now = 1_800_000_000_000;
    const store = createSpyStore();
    const cloud = await startCloud();
    const { auth, faults } = join(cloud, { store, storeTimeoutMs: 20, clock: { now: () => now } });
    store.bend = () => never;
    await auth.getConsumerJws('c');
    expect([store.calls, faults]).toEqual([['get consumerJws'], ['get timeout']]);
    await auth.getConsumerJws('d');
    expect(store.calls).toHaveLength(1);
    now += 2_000;
    store.bend = () => undefined;
    await auth.getConsumerJws('e');
    await written(store, 1);
    expect(counts(cloud)).toEqual([1, 3]);
  });

  it('holds up all who wait for it together for one storeTimeoutMs', async () => {
    const store = createSpyStore();
    const cloud = await startCloud();
    const { auth, faults } = join(cloud, { store, storeTimeoutMs: 50 });
    store.bend = () => never;
    await Promise.all(Array.from({ length: 100 }, (_, index) => auth.getConsumerJws(`c${index}`)));
    expect(faults).toEqual(['get timeout']);
    // The others had not been sent yet.
    expect(store.calls.length).toBeLessThan(100);
  });

  it('that hands a late lock out gets it back', async () => {
    const store = createSpyStore();
    const cloud = await startCloud();
    const { auth } = join(cloud, { store, storeTimeoutMs: 20 });
    const late = defer<() => Promise<void>>();
    let released = 0;
    store.bend = (operation) => (operation === 'lock' ? late.promise : undefined);
    await auth.getAppJwt();
    late.resolve(async () => {
      released += 1;
    });
    await until(() => released === 1);
  });

  it.each<[string, keyof SpyStore, () => Promise<unknown>, string]>([
    ['keeps nothing', 'set', async () => false, 'set failed'],
    ['has a lock that is none', 'lock', async () => 'OK', 'lock unusable'],
    ['has no room', 'set', () => Promise.reject(new Error('OOM command not allowed')), 'set failed OOM'],
  ])('(%s) is an event', async (_, operation, answer, fault) => {
    const store = createSpyStore();
    const cloud = await startCloud();
    const { auth, faults } = join(cloud, { store });
    store.bend = (asked) => (asked === operation ? answer() : undefined);
    await auth.getAppJwt();
    await until(() => faults.length === 1);
    expect(faults).toEqual([fault]);
  });

  it('tells a logger once, and once more when it has recovered', async () => {
    const lines: string[] = [];
    const log = (line: string) => lines.push(line);
    const store = createSpyStore();
    const cloud = await startCloud();
    await join(cloud, { store }).auth.getAppJwt();
    await written(store, 1);
    const logger = { debug: () => {}, info: log, warn: log, error: log };
    const { auth } = join(cloud, { store, logger });
    store.bend = () => Promise.reject(Object.assign(new Error('x'), { code: 'ECONNREFUSED' }));
    await auth.getConsumerJws('c');
    store.bend = () => undefined;
    auth.invalidate({ consumerId: 'c' });
    await join(cloud, { store }).auth.getConsumerJws('d');
    await until(() => store.entries.size === 2);
    await auth.getConsumerJws('d');
    expect(lines).toEqual([
      expect.stringMatching(/token store failed \(get: ECONNREFUSED\)/),
      expect.stringMatching(/token store has recovered/),
    ]);
  });
});

it('a token that is left in the store between the look and the lock is not fetched again', async () => {
  const cloud = await startCloud();
  const store = createSpyStore();
  await join(cloud, { store }).auth.getAppJwt();
  await written(store, 1);
  let looks = 0;
  store.bend = (operation) => {
    if (operation !== 'get') return undefined;
    looks += 1;
    return looks === 1 ? Promise.resolve(null) : undefined;
  };
  const second = join(cloud, { store });
  await second.auth.getAppJwt();
  // The third look shows that the entry was not replaced before its remaining time was read.
  expect([second.tokens, looks]).toEqual([['appJwt initial store'], 3]);
  expect(await store.lock(`lock:${keyIn(store, 'appJwt')}`, 1_000)).toBeDefined();
});

describe('whoever waits for another process', () => {
  it('goes on when that one’s call has failed, and when its lock lapses', async () => {
    const cloud = await startCloud();
    const store = createSpyStore();
    const gate = defer();
    cloud.script.sentinel = (_, count) => (count === 1 ? { after: gate.promise, status: 401, body: {} } : undefined);
    const [first, second] = [join(cloud, { store }), join(cloud, { store })];
    const failed = rejection(first.auth.getAppJwt());
    await until(() => cloud.count('sentinel') === 1);
    const waiting = second.auth.getAppJwt();
    await until(() => store.calls.filter((call) => call === 'lock appJwt').length > 2);
    expect(cloud.count('sentinel')).toBe(1);
    gate.resolve();
    expect(await failed).toMatchObject({ code: 'ERR_APP_JWT', status: 401 });
    await waiting;
    expect(cloud.count('sentinel')).toBe(2);
  });

  it('does so while it retries, too, and has its token then', async () => {
    const cloud = await startCloud();
    const store = createSpyStore();
    const pauses = holdTimers();
    const extensions = holdIntervals();
    /** When the lock lapses, by a clock that the test holds. */
    let [now, end] = [0, 0];
    const lockFor = (ttlMs: number) => {
      end = now + ttlMs;
    };
    const lockMs = 3 * HELD_MS;
    store.bend = (operation) => {
      if (operation !== 'lock') return undefined;
      if (now < end) return Promise.resolve(undefined);
      lockFor(lockMs);
      const release = async () => lockFor(0);
      return Promise.resolve(Object.assign(release, { extend: async (ttlMs: number) => lockFor(ttlMs) }));
    };
    const looks = () => store.calls.filter((call) => call === 'lock appJwt').length;

    const options = { store, tokenTimeoutMs: HELD_MS, retry: { retries: 1, retryDelay: () => HELD_MS } };
    cloud.script.sentinel = (_, count) => (count === 1 ? { status: 503 } : undefined);
    const [first, second] = [join(cloud, options), join(cloud, options)];
    const token = first.auth.getAppJwt();
    await until(() => cloud.count('sentinel') === 1);
    const waiting = second.auth.getAppJwt();
    // The pause takes longer than a lock lives: without its extension the second would ask.
    for (let i = 0; i < 2; i++) {
      now += lockMs - 1;
      extensions.run();
      const before = looks();
      await until(() => looks() > before);
    }
    expect(cloud.count('sentinel')).toBe(1);
    await until(() => pauses.waiting === 1);
    pauses.end();
    expect(await waiting).toBe(await token);
    expect(cloud.count('sentinel')).toBe(2);
  });

  it('waits no longer than two locks live for one that never ends', async () => {
    const cloud = await startCloud();
    const store = createSpyStore();
    store.bend = (operation) => (operation === 'lock' ? Promise.resolve(undefined) : undefined);
    // The calls of the services have all the time that they need.
    holdTimers(50);
    const { auth, tokens } = join(cloud, { store, tokenTimeoutMs: 50 });
    await auth.getAppJwt();
    expect(tokens).toEqual(['appJwt initial service']);
    expect(store.calls.filter((call) => call === 'lock appJwt').length).toBeGreaterThan(1);
  });

  it('looks again after a pause that doubles up to half a second, a little more or less', async () => {
    const cloud = await startCloud();
    const store = createSpyStore();
    store.bend = (operation) => (operation === 'lock' ? Promise.resolve(undefined) : undefined);
    const expected = [15, 30, 60, 120, 240, ...Array(23).fill(375)];
    // A sixth of these: two locks live for as long as the pauses take together.
    const tokenTimeoutMs = expected.reduce((sum, ms) => sum + ms, 0) / 6;
    const { auth, tokens } = join(cloud, { store, tokenTimeoutMs, storeTimeoutMs: 1_000 });
    const pauses: unknown[] = [];
    const startTimer = globalThis.setTimeout;
    const random = jest.spyOn(Math, 'random').mockReturnValue(0.25);
    const timers = jest.spyOn(globalThis, 'setTimeout').mockImplementation(((work: () => void, ms?: number) => {
      // Time limits, which nothing reaches here.
      if (ms === tokenTimeoutMs || ms === 1_000) return startTimer(work, 600_000);
      pauses.push(ms);
      return startTimer(work, 0);
    }) as typeof setTimeout);
    try {
      await auth.getAppJwt();
    } finally {
      timers.mockRestore();
      random.mockRestore();
    }
    expect([tokens, pauses]).toEqual([['appJwt initial service'], expected]);
  });

  it('stops when it is closed, and gives up its locks', async () => {
    const cloud = await startCloud();
    const store = createSpyStore();
    cloud.script.sentinel = () => ({ after: never });
    const [first, second] = [join(cloud, { store }), join(cloud, { store })];
    const holding = rejection(first.auth.getAppJwt());
    await until(() => cloud.count('sentinel') === 1);
    const waiting = rejection(second.auth.getAppJwt());
    await until(() => store.calls.filter((call) => call === 'lock appJwt').length > 1);
    second.auth.close();
    expect(await waiting).toMatchObject({ code: 'ERR_CLOSED' });
    first.auth.close();
    expect(await holding).toMatchObject({ code: 'ERR_CLOSED' });
    delete cloud.script.sentinel;
    await join(cloud, { store }).auth.getAppJwt();
    expect(cloud.count('sentinel')).toBe(2);
  });

  it('whose caller has given up asks for nothing', async () => {
    const cloud = await startCloud();
    const store = createSpyStore();
    const gate = defer();
    cloud.script.sentinel = () => ({ after: gate.promise, body: { access_token: makeToken({ aud: ACCOUNT }) } });
    const [first, second] = [join(cloud, { store }), join(cloud, { store })];
    const token = first.auth.getAppJwt();
    await until(() => cloud.count('sentinel') === 1);
    const giveUp = new AbortController();
    const given = rejection(second.auth.getAppJwt({ signal: giveUp.signal }));
    await until(() => store.calls.filter((call) => call === 'lock appJwt').length > 1);
    giveUp.abort();
    expect(await given).toMatchObject({ code: 'ERR_CANCELED' });
    gate.resolve();
    await token;
    expect(cloud.count('sentinel')).toBe(1);
  });
});

/** A SEND through an instance of its own. @returns the status */
async function sendWith(auth: ReturnType<typeof createAuth>, cloud: Cloud): Promise<number> {
  const { default: axios } = await import('axios');
  const http = axios.create({ baseURL: cloud.origin, validateStatus: () => true });
  const uninstall = auth.install(http);
  const { status } = await http.post(SEND, {}, asC);
  uninstall();
  return status;
}
