import axios from 'axios';
import { type CommonOptions, type ConnectorAuth, getSendApiError } from '../../lib/index.js';
import { ACCOUNT, type Cloud, defer, envelope, makeToken, SEND, until } from '../support/cloud.js';
import { lookedUpBy, rejection, startConnector, stopConnectors } from '../support/connector.js';
import { outcomeOf } from '../support/hostile.js';
import { createSpyStore } from '../support/stores.js';

afterEach(stopConnectors);

const asC = { onBehalfOf: 'c' };
const never = new Promise<never>(() => {});

/** Closes an auth. `isDone` says whether the promise of `close()` has resolved. */
function close(auth: ConnectorAuth): { promise: Promise<unknown>; isDone(): boolean } {
  let done = false;
  const promise = Promise.resolve(auth.close()).then(() => {
    done = true;
  });
  return { promise, isDone: () => done };
}

/** Enough turns of the event loop for all work that does not wait for an answer. */
const turns = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
};

const closed = { code: 'ERR_CLOSED' };

describe('close() returns a promise', () => {
  it('that resolves if nothing is under way, also for an auth that was never used', async () => {
    const { auth, http } = await startConnector();
    const fresh = (await startConnector()).auth;
    await http.post(SEND, {}, asC);
    for (const each of [auth, fresh]) {
      const result: unknown = each.close();
      expect(result).toBeInstanceOf(Promise);
      await expect(result).resolves.toBeUndefined();
    }
  });

  it('each time it is called, before and after it has resolved', async () => {
    const { auth, cloud, http } = await startConnector();
    const gate = defer();
    await auth.getConsumerJws('c');
    cloud.script.send = () => ({ after: gate.promise });
    const sent = http.post(SEND, {}, asC);
    await until(() => cloud.count('send') === 1);
    const [first, second] = [close(auth), close(auth)];
    await turns();
    expect([first.isDone(), second.isDone()]).toEqual([false, false]);
    gate.resolve();
    await sent;
    await Promise.all([first.promise, second.promise, auth.close()]);
    expect(auth.inspect().closed).toBe(true);
  });

  it('and marks the auth as closed at once', async () => {
    const { auth, http, cloud } = await startConnector();
    void auth.close();
    expect(auth.inspect().closed).toBe(true);
    await expect(http.post(SEND, {}, asC)).rejects.toMatchObject(closed);
    expect(cloud.seen).toEqual([]);
  });
});

describe('sends under way finish, and close() waits for them', () => {
  it.each(['http', 'fetch'])('by %s', async (adapter) => {
    const { auth, cloud, http } = await startConnector();
    await auth.getConsumerJws('c');
    const gate = defer();
    cloud.script.send = () => ({ after: gate.promise });
    const sent = Array.from({ length: 5 }, () => http.post(SEND, {}, { ...asC, adapter }));
    await until(() => cloud.count('send') === 5);
    const closing = close(auth);
    await turns();
    expect(closing.isDone()).toBe(false);
    gate.resolve();
    for (const { status } of await Promise.all(sent)) expect(status).toBe(200);
    await closing.promise;
  });

  it('also those that fail or are aborted', async () => {
    const { auth, cloud, http } = await startConnector();
    await auth.getConsumerJws('c');
    const abort = new AbortController();
    cloud.script.send = () => ({ after: never });
    const ends = [
      rejection(http.post(SEND, {}, { ...asC, signal: abort.signal })),
      rejection(http.post(SEND, {}, { ...asC, timeout: 300 })),
    ];
    await until(() => cloud.count('send') === 2);
    const closing = close(auth);
    await turns();
    expect(closing.isDone()).toBe(false);
    abort.abort();
    expect(axios.isCancel(await ends[0])).toBe(true);
    expect(await ends[1]).toMatchObject({ code: 'ECONNABORTED' });
    await closing.promise;
  });

  it('a refusal after close() is final: no renewal, no replay', async () => {
    const { auth, cloud, http } = await startConnector();
    const gate = defer();
    cloud.script.send = () => ({ status: 401, body: envelope(40102), after: gate.promise });
    const sent = rejection(http.post(SEND, {}, asC));
    await until(() => cloud.count('send') === 1);
    const closing = close(auth);
    gate.resolve();
    expect(getSendApiError(await sent)).toMatchObject({ errorCode: 40102, replayed: false });
    await closing.promise;
    expect([cloud.count('send'), cloud.count('sentinel')]).toEqual([1, 1]);
  });

  it('a replay under way finishes', async () => {
    const { auth, cloud, http } = await startConnector();
    const gate = defer();
    cloud.script.send = (_, count) =>
      count === 1 ? { status: 401, body: envelope(40102) } : { status: 200, body: { code: 'OK' }, after: gate.promise };
    const sent = http.post(SEND, {}, asC);
    await until(() => cloud.count('send') === 2);
    const closing = close(auth);
    await turns();
    expect(closing.isDone()).toBe(false);
    gate.resolve();
    expect((await sent).status).toBe(200);
    await closing.promise;
  });

  it('close() does not wait for other requests', async () => {
    const { auth, cloud, http } = await startConnector();
    const gate = defer();
    cloud.script.other = () => ({ after: gate.promise });
    const other = http.get('/other');
    await until(() => cloud.count('other') === 1);
    await close(auth).promise;
    gate.resolve();
    expect((await other).status).toBe(200);
  });
});

async function expectEndedByClose(
  auth: ConnectorAuth,
  cloud: Cloud,
  waiting: readonly ReturnType<typeof outcomeOf>[],
): Promise<void> {
  const closing = close(auth);
  for (const { error, hangs } of await Promise.all(waiting)) {
    expect(hangs).toBeUndefined();
    expect(error).toMatchObject(closed);
  }
  expect(await outcomeOf(closing.promise)).not.toHaveProperty('hangs');
  expect(cloud.count('send')).toBe(0);
}

describe('waits end at once with ERR_CLOSED, and close() does not wait for the call that they waited for', () => {
  it.each(['domain', 'sentinel', 'idp'] as const)('for an answer of %s that never comes', async (service) => {
    const { auth, cloud, http } = await startConnector();
    cloud.script[service] = () => ({ after: never });
    const waiting = [
      http.post(SEND, {}, asC),
      http.post(SEND, {}, { onBehalfOf: 'd', timeout: 60_000 }),
      auth.getConsumerJws('c'),
      ...(service === 'idp' ? [] : [auth.getAppJwt()]),
    ].map((promise) => outcomeOf(promise));
    await until(() => cloud.count(service) > 0);
    await expectEndedByClose(auth, cloud, waiting);
  });

  it.each<[string, CommonOptions, object]>([
    ['consumerId()', { consumerId: () => never }, {}],
    ['credentials()', lookedUpBy(() => never), asC],
  ])('in a %s that never settles', async (_, options, request) => {
    const { auth, cloud, http } = await startConnector(options);
    const waiting = [outcomeOf(http.post(SEND, {}, request))];
    if (!('consumerId' in options)) waiting.push(outcomeOf(auth.getAppJwt({ accountId: ACCOUNT })));
    await turns();
    await expectEndedByClose(auth, cloud, waiting);
  });

  it('in a consumerId() or credentials() that settles afterwards, and nothing is sent', async () => {
    for (const [optionsWith, request] of [
      [(answer: Promise<unknown>) => ({ consumerId: () => answer as Promise<string> }), {}],
      [(answer: Promise<unknown>) => lookedUpBy(() => answer), asC],
    ] as const) {
      const gate = defer<unknown>();
      const options = optionsWith(gate.promise);
      const { auth, cloud, http } = await startConnector(options);
      const waiting = outcomeOf(http.post(SEND, {}, request));
      await turns();
      const closing = close(auth);
      expect(await waiting).toMatchObject({ error: closed });
      await closing.promise;
      gate.resolve('c');
      await turns();
      expect([cloud.count('sentinel'), cloud.count('send')]).toEqual([0, 0]);
    }
  });

  it('for a turn among the open calls', async () => {
    const { auth, cloud, http } = await startConnector({ maxConcurrentTokenRequests: 1 });
    await auth.getAppJwt();
    cloud.script.idp = () => ({ after: never });
    const waiting = Array.from({ length: 10 }, (_, index) =>
      outcomeOf(http.post(SEND, {}, { onBehalfOf: `c${index}` })),
    );
    await until(() => cloud.count('idp') === 1);
    const closing = close(auth);
    for (const outcome of await Promise.all(waiting)) expect(outcome).toMatchObject({ error: closed });
    expect(await outcomeOf(closing.promise)).not.toHaveProperty('hangs');
    await turns();
    expect(cloud.count('idp')).toBe(1);
  });

  it('for the pause before a retry', async () => {
    const { auth, cloud, http } = await startConnector({ retry: { retries: 3, retryDelay: () => 60_000 } });
    cloud.script.sentinel = () => ({ status: 503 });
    const waiting = outcomeOf(http.post(SEND, {}, asC));
    await until(() => cloud.count('sentinel') === 1);
    await turns();
    const closing = close(auth);
    expect(await waiting).toMatchObject({ error: closed });
    expect(await outcomeOf(closing.promise)).not.toHaveProperty('hangs');
    expect(cloud.count('sentinel')).toBe(1);
  });

  it('for the renewal of a refused token: the error has the refusal', async () => {
    const { auth, cloud, http } = await startConnector();
    cloud.script.send = () => ({ status: 401, body: envelope(40103) });
    cloud.script.idp = (_, count) => (count === 1 ? undefined : { after: never });
    const waiting = outcomeOf(http.post(SEND, {}, asC));
    await until(() => cloud.count('idp') === 2);
    const closing = close(auth);
    const { error } = await waiting;
    expect(error).toMatchObject(closed);
    expect(getSendApiError(error)).toMatchObject({ errorCode: 40103, replayed: false });
    expect(await outcomeOf(closing.promise)).not.toHaveProperty('hangs');
    expect(cloud.count('send')).toBe(1);
  });

  it('close() does not wait for a renewal in the background', async () => {
    let now = 1_800_000_000_000;
    const { auth, cloud } = await startConnector({ clock: { now: () => now } });
    const iat = 1_800_000_000;
    cloud.script.sentinel = (_, count) => ({
      body: { access_token: makeToken({ aud: ACCOUNT, iat, exp: iat + 3_600 }) },
      ...(count > 1 && { after: never }),
    });
    await auth.getAppJwt();
    now += 3_400_000;
    await auth.getAppJwt();
    await until(() => cloud.count('sentinel') === 2);
    expect(await outcomeOf(close(auth).promise)).not.toHaveProperty('hangs');
  });

  it('for a lock or an entry of a store that never answers', async () => {
    for (const operation of ['get', 'lock'] as const) {
      const store = createSpyStore();
      store.bend = (asked) => (asked === operation ? never : undefined);
      const options = { store, storeSecret: Buffer.alloc(32, 7), storeTimeoutMs: 60_000 };
      const { auth, http, cloud } = await startConnector(options as CommonOptions);
      const waiting = outcomeOf(http.post(SEND, {}, asC));
      await until(() => store.calls.some((call) => call.startsWith(operation)));
      const closing = close(auth);
      expect(await waiting).toMatchObject({ error: closed });
      void closing;
      expect(cloud.count('send')).toBe(0);
    }
  });
});

describe('writes to the store finish first', () => {
  const secret = { storeSecret: Buffer.alloc(32, 7), storeTimeoutMs: 20_000 };

  it('the writes of tokens that were just fetched, however slow the store is', async () => {
    const store = createSpyStore();
    const gate = defer();
    let writes = 0;
    store.bend = (operation, key) => {
      if (operation !== 'set') return undefined;
      writes += 1;
      return gate.promise.then(() => {
        store.entries.set(key, 'written');
      });
    };
    const { auth } = await startConnector({ store, ...secret } as CommonOptions);
    await auth.getConsumerJws('c');
    await until(() => writes > 0);
    const closing = close(auth);
    await turns();
    expect(closing.isDone()).toBe(false);
    gate.resolve();
    await closing.promise;
    // Everything is in the store now, so the process may end.
    expect([store.entries.size, writes]).toEqual([2, 2]);
  });

  it('the deletion of a refused token, and the release of a lock', async () => {
    const store = createSpyStore();
    const gate = defer();
    const { auth, cloud, http } = await startConnector({ store, ...secret } as CommonOptions);
    await http.post(SEND, {}, asC);
    await until(() => store.entries.size === 2);
    let begun = 0;
    let finished = 0;
    store.bend = (operation) => {
      if (operation !== 'delete') return undefined;
      begun += 1;
      return gate.promise.then(() => {
        finished += 1;
      });
    };
    cloud.script.send = () => ({ status: 401, body: envelope(40103) });
    const refused = outcomeOf(http.post(SEND, {}, asC));
    await until(() => begun > 0);
    const closing = close(auth);
    await turns();
    expect(closing.isDone()).toBe(false);
    gate.resolve();
    await refused;
    await closing.promise;
    expect(finished).toBe(begun);
  });

  it('a write that fails or never ends delays close() by at most storeTimeoutMs', async () => {
    for (const write of [() => never, () => Promise.reject(new Error('the store is down'))]) {
      const store = createSpyStore();
      store.bend = (operation) => (operation === 'set' ? write() : undefined);
      const { auth } = await startConnector({ store, ...secret, storeTimeoutMs: 100 } as CommonOptions);
      await auth.getConsumerJws('c');
      expect(await outcomeOf(close(auth).promise)).not.toHaveProperty('hangs');
    }
  });
});

describe('after close()', () => {
  it('every request and every method that needs a token gives ERR_CLOSED, and no service is called', async () => {
    const { auth, cloud, http } = await startConnector();
    await http.post(SEND, {}, asC);
    await auth.close();
    const before = cloud.seen.length;
    for (const promise of [
      http.post(SEND, {}, asC),
      auth.getAppJwt(),
      auth.getConsumerJws('c'),
      auth.getConsumerJws('new'),
      auth.getOrigin('idp'),
    ]) {
      expect(await rejection(promise)).toMatchObject(closed);
    }
    expect(cloud.seen).toHaveLength(before);
  });

  it('other requests of the instance go on', async () => {
    const { auth, cloud, http } = await startConnector();
    await auth.close();
    await http.get('/other');
    await http.post(SEND, {}, { connectorAuth: false });
    expect(cloud.seen.map(({ service }) => service)).toEqual(['other', 'send']);
  });

  it('a message is refused before consumerId() is called', async () => {
    const consumerId = jest.fn(() => 'c');
    const { auth, http } = await startConnector({ consumerId });
    await auth.close();
    await expect(http.post(SEND, {})).rejects.toMatchObject(closed);
    expect(consumerId).not.toHaveBeenCalled();
  });

  it('no request, answer or write is under way any more', async () => {
    const store = createSpyStore();
    const { auth, cloud, http } = await startConnector({ store, storeSecret: Buffer.alloc(32, 7) } as CommonOptions);
    const sent = Array.from({ length: 100 }, (_, index) =>
      outcomeOf(http.post(SEND, {}, { onBehalfOf: `c${index % 30}` })),
    );
    await until(() => cloud.count('send') > 5);
    await auth.close();
    const [requests, calls] = [cloud.seen.length, store.calls.length];
    const outcomes = await Promise.all(sent);
    await turns();
    // A call for a token that is under way may still arrive; no message does.
    expect(cloud.seen.slice(requests).filter(({ service }) => service === 'send')).toEqual([]);
    expect(store.calls).toHaveLength(calls);
    const delivered = outcomes.filter(({ value }) => value).length;
    expect(delivered).toBe(cloud.count('send'));
    for (const { error } of outcomes) if (error) expect(error).toMatchObject(closed);
  });
});
