import { AsyncResource } from 'node:async_hooks';
import { EventEmitter, on, once } from 'node:events';
import { Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { AxiosInstance } from 'axios';
import { SEND } from '../support/cloud.js';
import { startConnector, stopConnectors } from '../support/connector.js';
import { effort } from '../support/effort.js';

afterEach(stopConnectors);

const CONSUMERS = Array.from({ length: effort(300) }, (_, index) => `consumer-${index}`);

/** Old code that knows of no consumer, and by what detour it comes to send. */
type Detour = (send: () => Promise<unknown>) => Promise<unknown>;

/** One worker for all, started before anybody speaks for anyone. */
function startQueue() {
  const jobs: (() => Promise<unknown>)[] = [];
  const bell = new EventEmitter();
  let working = false;
  async function work() {
    if (working) return;
    working = true;
    for (let job = jobs.shift(); job; job = jobs.shift()) await job();
    working = false;
  }
  bell.on('job', () => void work());
  return (job: () => Promise<unknown>): Promise<unknown> =>
    new Promise((resolve, reject) => {
      // What a queue does that keeps contexts. async-context.test.ts has the queues that do not.
      const bound = AsyncResource.bind(job);
      jobs.push(() => bound().then(resolve, reject));
      bell.emit('job');
    });
}
const enqueue = startQueue();

const DETOURS: [string, Detour][] = [
  ['at once', (send) => send()],
  ['after a timer', (send) => sleep(Math.random() * 20).then(send)],
  ['after a callback timer', (send) => new Promise((resolve) => setTimeout(() => resolve(send()), Math.random() * 20))],
  ['in a microtask', (send) => new Promise((resolve) => queueMicrotask(() => resolve(send())))],
  ['on the next tick', (send) => new Promise((resolve) => process.nextTick(() => resolve(send())))],
  [
    'in a listener of an emitter',
    async (send) => {
      const emitter = new EventEmitter();
      const sent = new Promise((resolve) => emitter.on('message', () => resolve(send())));
      await nextTurn();
      emitter.emit('message');
      await sent;
    },
  ],
  [
    'after an event that was awaited',
    async (send) => {
      const emitter = new EventEmitter();
      setTimeout(() => emitter.emit('message'), Math.random() * 10);
      await once(emitter, 'message');
      await send();
    },
  ],
  [
    'in a loop over events',
    async (send) => {
      const emitter = new EventEmitter();
      setTimeout(() => emitter.emit('message'), 1);
      for await (const _ of on(emitter, 'message')) {
        await send();
        return;
      }
    },
  ],
  [
    'at the end of a pipeline of streams',
    async (send) => {
      const source = Readable.from(
        (async function* () {
          await sleep(Math.random() * 5);
          yield 'message';
        })(),
      );
      const through = new Transform({ transform: (chunk, _, done) => setImmediate(done, null, chunk) });
      const sink = new Writable({ write: (_, __, done) => void send().then(() => done(), done) });
      await pipeline(source, through, sink);
    },
  ],
  ['through a queue with one worker for all', (send) => enqueue(send)],
];

it.each(DETOURS)(
  'hundreds of consumers at once, each message sent %s, speak for themselves alone',
  async (_, detour) => {
    const { cloud, http, auth } = await startConnector();
    // As a call site that was never touched: it has the message, and no idea of a consumer.
    const sendMessage = (instance: AxiosInstance, from: string) => instance.post(SEND, { from });
    await Promise.all(
      CONSUMERS.map((consumer) => auth.runOnBehalfOf(consumer, () => detour(() => sendMessage(http, consumer)))),
    );
    const sends = cloud.seen.filter(({ service }) => service === 'send');
    expect(sends).toHaveLength(CONSUMERS.length);
    for (const { body, headers } of sends) {
      expect(cloud.issued.consumerJws.get(JSON.parse(body).from)).toEqual([headers['x-lp-on-behalf']]);
    }
    await expect(http.post(SEND, {})).rejects.toMatchObject({ code: 'ERR_NO_CONSUMER' });
  },
);

it('a context within a context is the inner one, and the outer again after it', async () => {
  const { cloud, http, auth } = await startConnector();
  await auth.runOnBehalfOf('outer', async () => {
    await auth.runOnBehalfOf('inner', () => http.post(SEND, 'inner'));
    await http.post(SEND, 'outer');
  });
  for (const { body, headers } of cloud.seen.filter(({ service }) => service === 'send')) {
    expect(cloud.issued.consumerJws.get(body)).toEqual([headers['x-lp-on-behalf']]);
  }
});

it('of a consumer whom the request names itself, or the option consumerId, never comes first', async () => {
  for (const withOption of [false, true]) {
    const { cloud, http, auth } = await startConnector(withOption ? { consumerId: () => 'inner' } : {});
    const config = withOption ? {} : { onBehalfOf: 'inner' };
    await auth.getConsumerJws('outer');
    // The second time all tokens are in hand, and nothing is waited for.
    for (let i = 0; i < 2; i++) await auth.runOnBehalfOf('outer', () => http.post(SEND, {}, config));
    const spoke = cloud.seen.filter(({ service }) => service === 'send').map(({ headers }) => headers['x-on-behalf']);
    expect(spoke).toEqual(Array(2).fill(cloud.issued.consumerJws.get('inner')?.[0]));
  }
});

it('a number is no consumer, though one of the same digits has its token in hand', async () => {
  const { cloud, http } = await startConnector();
  await http.post(SEND, {}, { onBehalfOf: '5' });
  await expect(http.post(SEND, {}, { onBehalfOf: 5 as never })).rejects.toMatchObject({ code: 'ERR_NO_CONSUMER' });
  expect(cloud.count('send')).toBe(1);
});

it('gives what the function gives, and throws what it throws', async () => {
  const { auth } = await startConnector();
  expect(auth.runOnBehalfOf('c', () => 5)).toBe(5);
  expect(() =>
    auth.runOnBehalfOf('c', () => {
      throw new RangeError('mine');
    }),
  ).toThrow(RangeError);
});

it.each([[''], [undefined], [5]])('%j is no consumer: nothing is run', async (consumer) => {
  const { auth } = await startConnector();
  const fn = jest.fn();
  expect(() => auth.runOnBehalfOf(consumer as string, fn)).toThrow(/onBehalfOf/);
  expect(fn).not.toHaveBeenCalled();
});

it('two auths have each their own context', async () => {
  const one = await startConnector();
  const two = await startConnector();
  await one.auth.runOnBehalfOf('c', async () => {
    await expect(two.http.post(SEND, {})).rejects.toMatchObject({ code: 'ERR_NO_CONSUMER' });
    await one.http.post(SEND, {});
  });
  expect([one.cloud.count('send'), two.cloud.seen.length]).toEqual([1, 0]);
});

describe('the option consumerId', () => {
  it.each<[string, () => string | Promise<string>]>([
    [
      'throws',
      () => {
        throw new RangeError('no such channel');
      },
    ],
    ['rejects', () => Promise.reject(new RangeError('no such channel'))],
  ])('that %s fails that request alone, with the cause', async (_, fail) => {
    const { cloud, http } = await startConnector({
      consumerId: ({ data }) => (data === '"bad"' ? fail() : 'good'),
    });
    const [bad, good] = await Promise.allSettled([http.post(SEND, '"bad"'), http.post(SEND, '"good"')]);
    expect(good).toMatchObject({ status: 'fulfilled' });
    expect(bad).toMatchObject({
      status: 'rejected',
      reason: {
        code: 'ERR_NO_CONSUMER',
        message: 'The option consumerId failed for this request; its error is the cause. Nothing was sent.',
        accountId: '70012345',
        cause: { name: 'RangeError', message: 'no such channel' },
      },
    });
    expect(cloud.seen.filter(({ service }) => service === 'send').map(({ body }) => body)).toEqual(['"good"']);
    expect(cloud.count('idp')).toBe(1);
  });

  it('that is never done ends with the request’s own timeout', async () => {
    const { cloud, http } = await startConnector({ consumerId: () => new Promise(() => {}) });
    await expect(http.post(SEND, {}, { timeout: 20 })).rejects.toMatchObject({ code: 'ECONNABORTED' });
    expect(cloud.seen).toHaveLength(0);
  });
});
