import diagnostics from 'node:diagnostics_channel';
import { Readable } from 'node:stream';
import { inspect } from 'node:util';
import type { RequestTraceMessage, TokenTraceMessage } from '../../lib/index.js';
import { createMemoryTokenStore } from '../../lib/index.js';
import { ACCOUNT, CONVERSATION, defer, envelope, SEND, until } from '../support/cloud.js';
import { CLIENT_SECRET, createAuth, rejection, startConnector, stopConnectors } from '../support/connector.js';
import { formsOf, PRINTERS, print } from '../support/printers.js';

afterEach(stopConnectors);

const PARTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const;
type Part = (typeof PARTS)[number];

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

function subscribe(name: string, listener: (message: unknown) => unknown): void {
  const subscriber = (message: unknown) => void listener(message);
  diagnostics.subscribe(name, subscriber);
  ends.push(() => diagnostics.unsubscribe(name, subscriber));
}

interface Heard<Message> {
  /** The steps in order. */
  steps: Part[];
  /** A copy of the message at each `asyncEnd`. */
  ended: Message[];
  messages: Message[];
}

function listen<Message>(channel: 'request' | 'token'): Heard<Message> {
  const heard: Heard<Message> = { steps: [], ended: [], messages: [] };
  for (const part of PARTS) {
    subscribe(`tracing:axios-liveperson-auth:${channel}:${part}`, (message) => {
      heard.steps.push(part);
      heard.messages.push(message as Message);
      if (part === 'asyncEnd') heard.ended.push({ ...(message as Message) });
    });
  }
  return heard;
}

const HASH = expect.stringMatching(/^[\da-f]{64}$/);

describe('axios-liveperson-auth:request', () => {
  it('tells of a message: whose, and that it succeeded', async () => {
    const { http, auth } = await startConnector();
    const consumers: unknown[] = [];
    auth.on('token', ({ consumer }) => consumers.push(consumer));
    const heard = listen<RequestTraceMessage>('request');
    await http.post(CONVERSATION, {}, { onBehalfOf: 'consumer-5550001' });
    expect(heard.steps).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
    expect(heard.ended).toEqual([
      {
        accountId: ACCOUNT,
        endpoint: 'conversation',
        consumer: consumers[1],
        replays: 0,
        errorCode: undefined,
        outcome: 'succeeded',
        waitedMs: expect.any(Number),
      },
    ]);
    expect(new Set(heard.messages).size).toBe(1);
  });

  const refused = { status: 401, body: envelope(40103) };
  it.each([
    ['succeeded', 1, 40103, [refused], {}],
    ['refused', 1, 40103, [refused, refused], {}],
    ['refused', 2, 40103, [{ status: 401, body: envelope(40102) }, refused, refused], {}],
    ['succeeded', 2, 40102, [refused, { status: 401, body: envelope(40102) }], {}],
    ['failed', 1, 40103, [refused, { status: 503 }], {}],
    ['failed', 1, 40001, [refused, { status: 400, body: envelope(40001) }], {}],
    ['failed', 0, 40001, [{ status: 400, body: envelope(40001) }], {}],
    ['failed', 0, 40001, [{ status: 400, body: envelope(40001) }], { validateStatus: () => true }],
    ['failed', 0, undefined, [{ status: 503 }], {}],
    ['failed', 0, undefined, [{ break: 'at-once' as const }], {}],
    ['failed', 0, 40104, [{ status: 401, body: envelope(40104) }], { responseType: 'stream' as const }],
  ])('tells of a message that %s after %i replays: code %s', async (outcome, replays, errorCode, replies, config) => {
    const { cloud, http, auth } = await startConnector();
    await auth.getConsumerJws('c');
    cloud.script.send = (_, count) => replies[count - 1];
    const heard = listen<RequestTraceMessage>('request');
    await http.post(SEND, {}, { onBehalfOf: 'c', ...config }).catch(() => {});
    expect(heard.ended).toMatchObject([{ endpoint: 'send', outcome, replays, errorCode }]);
    expect(heard.ended[0]).toHaveProperty('errorCode', errorCode);
    expect(cloud.count('send')).toBe(replays + 1);
  });

  it('tells of a refused message that could not be sent again, by its body or for want of a token', async () => {
    const { cloud, http, auth } = await startConnector();
    await Promise.all([auth.getConsumerJws('c'), auth.getConsumerJws('d')]);
    cloud.script.send = () => refused;
    const heard = listen<RequestTraceMessage>('request');
    await rejection(http.post(SEND, Readable.from(['{}']), { onBehalfOf: 'd' }));
    cloud.script.idp = () => ({ status: 400 });
    await rejection(http.post(SEND, {}, { onBehalfOf: 'c' }));
    expect(heard.ended).toMatchObject([
      { outcome: 'body-not-replayable', errorCode: 40103, replays: 0 },
      {
        outcome: 'no-token',
        errorCode: 40103,
        replays: 0,
        error: { name: 'ConnectorAuthError', code: 'ERR_CONSUMER_JWS' },
      },
    ]);
    expect(heard.steps).toEqual([
      ...['start', 'end', 'error', 'asyncStart', 'asyncEnd'],
      ...['start', 'end', 'error', 'asyncStart', 'asyncEnd'],
    ]);
  });

  it('tells of a message that was never sent', async () => {
    const { cloud, http, auth } = await startConnector({ consumerId: () => 'derived' });
    const heard = listen<RequestTraceMessage>('request');
    cloud.script.sentinel = () => ({ status: 401 });
    await rejection(http.post(SEND, {}));
    await rejection(http.post(SEND, {}, { onBehalfOf: '' }));
    await rejection(http.post(`https://elsewhere.example${SEND}`, {}, { onBehalfOf: 'c' }));
    await rejection(http.post(SEND, {}, { onBehalfOf: 'c', signal: AbortSignal.abort() }));
    await auth.close();
    await rejection(http.post(SEND, {}, { onBehalfOf: 'c' }));
    expect(heard.ended.map(({ outcome, error, consumer }) => [outcome, error, consumer])).toEqual([
      ['no-token', { name: 'ConnectorAuthError', code: 'ERR_APP_JWT' }, HASH],
      ['failed', { name: 'ConnectorAuthError', code: 'ERR_NO_CONSUMER' }, undefined],
      ['failed', { name: 'ConnectorAuthError', code: 'ERR_UNTRUSTED_ORIGIN' }, HASH],
      ['no-token', { name: 'ConnectorAuthError', code: 'ERR_CLOSED' }, HASH],
    ]);
    expect(cloud.count('send')).toBe(0);
  });

  it('an abort while a token is renewed: the last code, and that it failed', async () => {
    const { cloud, http, auth } = await startConnector();
    await auth.getConsumerJws('c');
    const heard = listen<RequestTraceMessage>('request');
    const gate = defer();
    cloud.script.idp = () => ({ after: gate.promise });
    cloud.script.send = () => refused;
    const abort = new AbortController();
    const ended = rejection(http.post(SEND, {}, { onBehalfOf: 'c', signal: abort.signal }));
    await until(() => cloud.count('idp') === 2);
    abort.abort();
    await ended;
    gate.resolve();
    expect(heard.ended).toMatchObject([
      { outcome: 'failed', errorCode: 40103, replays: 0, error: { code: 'ERR_CANCELED' } },
    ]);
  });

  it('counts the waits for tokens, also within a replay, and no send', async () => {
    let now = 1_700_000_000_000;
    const { cloud, http } = await startConnector({ clock: { now: () => now } });
    const heard = listen<RequestTraceMessage>('request');
    const takes = (ms: number, reply?: object) => () => {
      now += ms;
      return reply;
    };
    cloud.script.sentinel = takes(100);
    cloud.script.idp = takes(20);
    cloud.script.send = (_, count) => takes(5_000, count === 1 ? refused : undefined)();
    await http.post(SEND, {}, { onBehalfOf: 'c' });
    await http.post(SEND, {}, { onBehalfOf: 'c' });
    expect(heard.ended.map(({ waitedMs }) => waitedMs)).toEqual([140, 0]);
  });

  it('lets APM tools bind a store, which the send sees', async () => {
    const { AsyncLocalStorage } = await import('node:async_hooks');
    const store = new AsyncLocalStorage<string>();
    const start = diagnostics.channel('tracing:axios-liveperson-auth:request:start');
    start.bindStore(store as never, ((message: RequestTraceMessage) => message.endpoint) as never);
    ends.push(() => start.unbindStore(store as never));
    const seen: unknown[] = [];
    const { http } = await startConnector();
    http.interceptors.request.use((config) => {
      const adapter = http.defaults.adapter as never;
      config.adapter = async (sent) => {
        seen.push(store.getStore());
        const { default: axios } = await import('axios');
        return axios.getAdapter(adapter)(sent);
      };
      return config;
    });
    await http.post(SEND, {}, { onBehalfOf: 'c' });
    expect(seen).toEqual(['send']);
  });
});

describe('axios-liveperson-auth:token', () => {
  it('tells of each fetch: which, why, from where and with how many calls', async () => {
    const { cloud, http } = await startConnector({ retry: { retries: 2, retryDelay: () => 0 } });
    const heard = listen<TokenTraceMessage>('token');
    cloud.script.sentinel = (_, count) => (count < 3 ? { status: 503 } : undefined);
    await http.post(SEND, {}, { onBehalfOf: 'c' });
    cloud.script.idp = () => ({ status: 400 });
    cloud.refuse(...(cloud.issued.consumerJws.get('c') ?? []));
    await rejection(http.post(SEND, {}, { onBehalfOf: 'c' }));
    const common = { accountId: ACCOUNT, source: 'service' };
    expect(heard.ended).toEqual([
      { ...common, kind: 'appJwt', cause: 'initial', attempts: 3, outcome: 'succeeded' },
      { ...common, kind: 'consumerJws', consumer: HASH, cause: 'initial', attempts: 1, outcome: 'succeeded' },
      {
        ...common,
        ...{ kind: 'consumerJws', consumer: HASH, cause: 'refused', attempts: 1, outcome: 'failed' },
        error: { name: 'ConnectorAuthError', code: 'ERR_CONSUMER_JWS' },
      },
    ]);
    expect(cloud.count('sentinel')).toBe(3);
  });

  it('tells of a token of the store: no call', async () => {
    const store = createMemoryTokenStore();
    const { cloud, auth } = await startConnector({ store, storeSecret: 'a passphrase of the fleet' });
    await auth.getConsumerJws('c');
    await auth.close();
    const heard = listen<TokenTraceMessage>('token');
    await createAuth(cloud, { store, storeSecret: 'a passphrase of the fleet' }).getConsumerJws('c');
    expect(heard.ended).toMatchObject([{ kind: 'consumerJws', source: 'store', attempts: 0, outcome: 'succeeded' }]);
    expect(cloud.count('idp')).toBe(1);
  });

  it('tells of one fetch that many wait for, and nothing of a failure that is remembered', async () => {
    const { cloud, auth } = await startConnector({ failureCooldownMs: { min: 60_000, max: 60_000 } });
    const heard = listen<TokenTraceMessage>('token');
    cloud.script.sentinel = () => ({ status: 401 });
    const failures = [1, 2, 3].map(() => rejection(auth.getAppJwt()));
    await Promise.all(failures);
    await rejection(auth.getAppJwt());
    expect(heard.ended).toHaveLength(1);
  });
});

it('axios-liveperson-auth:store-error has the messages of the event', async () => {
  const broken = async () => {
    throw Object.assign(new Error('down'), { code: 'ECONNREFUSED' });
  };
  const store = { get: broken, set: broken, delete: broken };
  const { auth } = await startConnector({ store, storeSecret: 'a passphrase of the fleet' });
  const messages: unknown[] = [];
  const events: unknown[] = [];
  subscribe('axios-liveperson-auth:store-error', (message) => messages.push(message));
  auth.on('store-error', (event) => events.push(event));
  await auth.getAppJwt();
  await auth.close();
  expect(messages).toEqual(events);
  expect(messages[0]).toMatchObject({ operation: 'get', reason: 'failed', code: 'ECONNREFUSED', kind: 'appJwt' });
});

it('axios-liveperson-auth:inspect gets the snapshots of all auths that are open', async () => {
  const ask = () => {
    const snapshots: unknown[] = [];
    diagnostics.channel('axios-liveperson-auth:inspect').publish({ add: (one: unknown) => snapshots.push(one) });
    return snapshots.filter((one) => JSON.stringify(one).includes(ACCOUNT));
  };
  const clock = { now: () => 1_700_000_000_000 };
  const { cloud, auth } = await startConnector({ clock });
  const other = createAuth(cloud, { clock });
  await Promise.all([auth.getAppJwt(), other.getAppJwt()]);
  expect(ask()).toEqual([auth.inspect(), other.inspect()]);
  await other.close();
  expect(ask()).toEqual([auth.inspect()]);
});

describe('a subscriber', () => {
  it('that throws or rejects changes nothing, and others are still called', async () => {
    for (const channel of ['request', 'token'] as const) {
      for (const part of PARTS) {
        const name = `tracing:axios-liveperson-auth:${channel}:${part}`;
        subscribe(name, () => {
          throw new Error('mine');
        });
        const later = async () => {
          throw new Error('mine, later');
        };
        diagnostics.subscribe(name, later);
        ends.push(() => diagnostics.unsubscribe(name, later));
      }
    }
    const heard = listen<RequestTraceMessage>('request');
    const uncaught = jest.fn();
    process.on('uncaughtException', uncaught);
    const { cloud, http } = await startConnector();
    cloud.script.send = (_, count) => (count === 1 ? { status: 401, body: envelope(40102) } : undefined);
    const { data } = await http.post(SEND, {}, { onBehalfOf: 'c' });
    await new Promise((resolve) => setImmediate(resolve));
    process.off('uncaughtException', uncaught);
    expect(data).toMatchObject({ code: 'OK' });
    expect(uncaught).not.toHaveBeenCalled();
    expect(heard.steps).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
  });

  it('that changes the message changes no request', async () => {
    for (const part of PARTS) {
      subscribe(`tracing:axios-liveperson-auth:request:${part}`, (message) => {
        const fields = message as Record<string, unknown>;
        for (const key of Object.keys(fields)) delete fields[key];
      });
    }
    const { cloud, http } = await startConnector();
    cloud.script.send = (_, count) => (count === 1 ? { status: 401, body: envelope(40102) } : undefined);
    await http.post(SEND, {}, { onBehalfOf: 'c' });
    expect(cloud.count('send')).toBe(2);
  });

  it('is not needed: without one, nothing is published, and no consumer is hashed', async () => {
    const { http } = await startConnector();
    await http.post(SEND, {}, { onBehalfOf: 'c' });
    const crypto = jest.requireActual<typeof import('node:crypto')>('node:crypto');
    const createHash = jest.spyOn(crypto, 'createHash');
    const publish = jest.spyOn(diagnostics.channel('tracing:axios-liveperson-auth:request:start'), 'publish');
    await http.post(SEND, {}, { onBehalfOf: 'c' });
    expect([createHash.mock.calls, publish.mock.calls]).toEqual([[], []]);
    listen('request');
    await http.post(SEND, {}, { onBehalfOf: 'c' });
    expect(createHash).toHaveBeenCalled();
    jest.restoreAllMocks();
  });
});

it('no message holds a token, a secret, a consumer, a response or an error, however it is printed', async () => {
  const consumer = 'sms-4915550001';
  const { cloud, http } = await startConnector();
  const requests = listen<RequestTraceMessage>('request');
  const tokens = listen<TokenTraceMessage>('token');
  const send = () => http.post(`${SEND}&secret=${CLIENT_SECRET}`, {}, { onBehalfOf: consumer }).catch(() => {});
  await send();
  cloud.script.send = (_, count) => (count === 2 ? { status: 401, body: envelope(40103) } : undefined);
  await send();
  cloud.script.send = ({ headers, body }) => ({ status: 503, body: { headers, body } });
  await send();
  cloud.script.idp = ({ headers, body }) => ({ status: 400, body: { headers, body } });
  cloud.script.send = () => ({ status: 401, body: envelope(40103) });
  await send();
  const messages = [...requests.messages, ...tokens.messages];
  expect(messages.length).toBeGreaterThan(20);
  const secrets = [CLIENT_SECRET, consumer, ...cloud.issued.appJwt, ...[...cloud.issued.consumerJws.values()].flat()];
  const printers = { ...PRINTERS, hidden: (value: unknown) => inspect(value, { depth: 20, showHidden: true }) };
  for (const printer of Object.values(printers)) {
    for (const message of messages) {
      const text = print(printer as never, message);
      expect(secrets.flatMap(formsOf).filter((form) => text.includes(form))).toEqual([]);
      expect(text).not.toMatch(/signature\d|\?v=3/);
    }
  }
  for (const message of messages) {
    expect(message).not.toHaveProperty('result');
    expect((message as { error?: unknown }).error).not.toBeInstanceOf(Error);
  }
});
