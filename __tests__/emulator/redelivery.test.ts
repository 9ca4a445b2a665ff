import { createHmac } from 'node:crypto';
import { type Delivery, signWebhook } from '../../lib/emulator/index.js';
import { resolveWebhook } from '../../lib/emulator/webhook-options.js';
import { until } from '../support/cloud.js';
import { account, closeAll, start, text } from './client.js';
import { consumerOf, startPair } from './connector.js';

afterEach(closeAll);

const TEXT = 'ms.MessagingEventNotification.ContentEvent';
const CHANGE = 'cqm.ExConversationChangeNotification';

/** Says something once a conversation is open. */
async function speak(cloud: Awaited<ReturnType<typeof startPair>>['cloud']): Promise<Delivery> {
  return cloud.agentSays(await (await consumerOf(cloud)).converse(), 'Hi');
}

describe('without retentionMs and maxRetries', () => {
  it('an event is posted once, and dropped at the first failure', async () => {
    const { cloud, posted } = await startPair({}, {}, () => 500);
    expect(await speak(cloud)).toMatchObject({
      state: 'given-up',
      attempts: 1,
      status: 500,
      failure: 'answered 500',
      url: expect.stringMatching(/\/liveperson$/),
    });
    expect(cloud.deliveries.map(({ state, attempts }) => [state, attempts])).toEqual(
      Array.from({ length: 3 }, () => ['given-up', 1]),
    );
    cloud.advanceClock(600_000);
    expect(posted).toHaveLength(3);
  });

  it('agentSays() settles when nobody listens there', async () => {
    const { cloud } = await startPair({}, { url: 'http://127.0.0.1:1/' });
    expect(await speak(cloud)).toMatchObject({ state: 'given-up', attempts: 1, status: 0, failure: 'ECONNREFUSED' });
  });

  it('agentSays() settles when no answer comes in time', async () => {
    const { cloud } = await startPair(
      {},
      (origin) => ({ url: origin, timeoutMs: 50 }),
      () => new Promise(() => {}),
    );
    expect(await speak(cloud)).toMatchObject({ state: 'given-up', status: 0, failure: 'no answer within 50 ms' });
  });
});

describe('with retentionMs', () => {
  it('agentSays() tells at once that the webhook cannot be reached, and the event is delivered later', async () => {
    const retention = { retentionMs: 3_600_000, firstPauseMs: 600_000, maxPauseMs: 600_000 };
    const { cloud, origin, posted } = await startPair({}, { url: 'http://127.0.0.1:1/', ...retention });
    const said = await speak(cloud);
    expect(said).toMatchObject({ state: 'waiting' });
    expect(cloud.deliveries[0]).toMatchObject({ state: 'waiting', attempts: 1, failure: 'ECONNREFUSED' });
    cloud.setWebhook({ url: origin, ...retention });
    await until(() => said.state === 'delivered');
    expect(posted).toHaveLength(3);
  });

  it('follows the emulator’s clock, and ends with it', async () => {
    const failed: Delivery[] = [];
    // Hours, since a busy machine adds seconds of its own.
    const hour = 3_600_000;
    const { cloud, posted } = await startPair(
      { onDelivery: (delivery) => failed.push({ ...delivery }) },
      { retentionMs: 2.5 * hour, firstPauseMs: hour, maxPauseMs: hour },
      () => 503,
    );
    await (await consumerOf(cloud)).converse();
    for (const count of [1, 2, 3]) {
      // A delivery is reported when its pause begins.
      await until(() => failed.length === count);
      expect(posted).toHaveLength(count);
      cloud.advanceClock(hour);
    }
    expect(failed.map(({ state }) => state)).toEqual(['waiting', 'waiting', 'given-up']);
    expect(cloud.deliveries).toMatchObject([{ attempts: 3, state: 'given-up', failure: 'answered 503' }]);
  });
});

describe('with maxRetries', () => {
  it('an event is posted again so often, and the next events do not wait for it', async () => {
    const failed: Delivery[] = [];
    const hour = 3_600_000;
    const { cloud, posted } = await startPair(
      { onDelivery: (delivery) => delivery.status === 500 && failed.push({ ...delivery }) },
      { maxRetries: 2, firstPauseMs: hour },
      ({ change }) => (change.event?.message === 'lost' ? 500 : 200),
    );
    const id = await (await consumerOf(cloud)).converse();
    const lost = cloud.agentSays(id, 'lost');
    expect((await cloud.agentSays(id, 'next')).state).toBe('delivered');
    const count = () => posted.filter(({ change }) => change.event?.message === 'lost').length;
    for (const attempts of [1, 2]) {
      await until(() => failed.length === attempts);
      expect(count()).toBe(attempts);
      cloud.advanceClock(hour);
    }
    expect(await lost).toMatchObject({ state: 'given-up', attempts: 3, failure: 'answered 500' });
    expect(count()).toBe(3);
  });

  it('has pauses of 30 s by default, and retentionMs of 2 s at first', () => {
    const url = 'http://c';
    expect(resolveWebhook({ url, maxRetries: 1 })).toMatchObject({ firstPauseMs: 30_000, maxRetries: 1 });
    expect(resolveWebhook({ url, retentionMs: 60_000 })).toMatchObject({ firstPauseMs: 2_000, maxPauseMs: 300_000 });
  });
});

it('the webhook may be taken away while it is answering', async () => {
  let take: (status: number) => void = () => {};
  const answered = new Promise<number>((resolve) => {
    take = resolve;
  });
  const { cloud, posted } = await startPair({}, { retentionMs: 600_000 }, () => answered);
  const id = await (await consumerOf(cloud)).converse();
  const saying = cloud.agentSays(id, 'Hi');
  await until(() => posted.length === 1);
  cloud.setWebhook(undefined);
  take(500);
  expect((await saying).state).toBe('given-up');
  expect(cloud.deliveries.map(({ attempts }) => attempts)).toEqual([1, 0, 0]);
});

it('no more than 10,000 events, or 64 MB, wait for a webhook that is down', async () => {
  const retention = { retentionMs: 3_600_000, firstPauseMs: 3_600_000 };
  const { cloud } = await startPair({}, { url: 'http://127.0.0.1:1/', ...retention });
  const id = await (await consumerOf(cloud)).converse();
  await until(() => cloud.deliveries[0]?.attempts === 1);
  const big = text('x'.repeat(7 * 2 ** 20));
  for (let index = 0; index < 10; index++) void cloud.agentSends(id, big);
  expect(await cloud.agentSends(id, big)).toMatchObject({ state: 'given-up', failure: 'too many events wait' });
  for (let index = 0; index < 10_000; index++) void cloud.agentSays(id, 'Hi');
  expect(await cloud.agentSays(id, 'Hi')).toMatchObject({ state: 'given-up', failure: 'too many events wait' });
  cloud.reset();
  const next = await (await consumerOf(cloud)).converse();
  void cloud.agentSays(next, 'Hi');
  await until(() => cloud.deliveries[0]?.failure === 'ECONNREFUSED');
});

describe('a URL for each event type', () => {
  it('gets its events alone, with its headers; the rest goes to the common one', async () => {
    const { cloud, posted, origin } = await startPair({}, (url) => ({
      url: `${url}/rest`,
      headers: { 'x-all': 'a', 'x-liveperson-account-id': 'forged' },
      endpoints: { [TEXT]: { url: `${url}/texts`, headers: { 'x-only': 'b' } } },
    }));
    expect((await speak(cloud)).url).toBe(`${origin}/texts`);
    expect(posted.map(({ url, headers }) => [url, headers['x-all'], headers['x-only']])).toEqual([
      ['/rest', 'a', undefined],
      ['/rest', 'a', undefined],
      ['/texts', 'a', 'b'],
    ]);
    expect(posted[0]?.headers['x-liveperson-account-id']).toBe(account.accountId);
  });

  it('alone leaves the other types out', async () => {
    const { cloud, posted } = await startPair({}, (url) => ({ endpoints: { [TEXT]: { url } } }));
    const id = await (await consumerOf(cloud)).converse();
    expect((await cloud.agentSays(id, 'Hi')).state).toBe('delivered');
    expect(await cloud.closeConversation(id)).toMatchObject({ type: CHANGE, state: 'not-subscribed', attempts: 0 });
    expect(posted.map(({ type }) => type)).toEqual(['ms.MessagingEventNotification']);
    expect(cloud.deliveries).toHaveLength(1);
  });
});

it.each<[object, string]>([
  [{ url: 'http://c', retentionMs: 60_000, maxRetries: 1 }, 'retentionMs or maxRetries, not both'],
  [{ url: 'http://c', maxRetries: 6 }, 'maxRetries must be a whole number from 0 to 5; received 6'],
  [{ url: 'http://c', maxRetries: 1.5 }, 'maxRetries must be a whole number'],
  [{ url: 'http://c', retentionMs: 259_200_001 }, 'at most 259200000'],
  [{ url: 'http://c', retention: 1 }, 'There is no option retention here'],
  [{ url: 'http://c', headers: { 'x y': 'z' } }, '"x y"'],
  [{ url: 'http://c', headers: { x: 'a\r\nb' } }, '"x"'],
  [{ url: 'http://c', headers: { x: 1 } }, 'x must be a text'],
  [{ endpoints: { ContentEvent: { url: 'http://c' } } }, 'there is no event type ContentEvent'],
  [{ endpoints: { [TEXT]: { url: 'c' } } }, `endpoint for ${TEXT} must be an http or https URL`],
  [{ endpoints: { [TEXT]: 'http://c' } }, `endpoint for ${TEXT}: give an object with url, headers`],
  [{ endpoints: {} }, 'http or https URL'],
])('a webhook that is none is refused: %j', async (webhook, message) => {
  await expect(start({ webhook: webhook as never })).rejects.toThrow(message);
  const cloud = await start();
  expect(() => cloud.setWebhook(webhook as never)).toThrow(message);
});

it('signWebhook() signs as the emulator does, for a connector’s own tests', async () => {
  const { cloud, posted } = await startPair({}, { signature: 'sha256', encoding: 'hex' });
  await speak(cloud);
  const [first] = posted;
  const { clientSecret } = account;
  const own = signWebhook(first?.bytes ?? '', clientSecret, { signature: 'sha256', encoding: 'hex' });
  expect(own).toBe(first?.headers['x-liveperson-signature']);
  const body = '{"text":"Grüße 👋🏽"}';
  const hmac = createHmac('sha1', clientSecret).update(Buffer.from(body)).digest('base64');
  expect(signWebhook(body, clientSecret)).toBe(`sha1=${hmac}`);
  expect(signWebhook(Buffer.from(body), clientSecret)).toBe(`sha1=${hmac}`);
  expect(() => signWebhook({} as never, clientSecret)).toThrow(/JSON\.stringify/);
  expect(() => signWebhook(body, undefined as never)).toThrow(/secret/);
});

it('observers that throw change nothing', async () => {
  const warnings: string[] = [];
  const fail = () => {
    throw new Error('on purpose');
  };
  const { cloud } = await startPair({
    onRequest: fail,
    onDelivery: fail,
    autoReply: fail,
    onWarning: (sentence) => warnings.push(sentence),
  });
  const consumer = await consumerOf(cloud);
  const id = await consumer.converse();
  expect((await consumer.say(id, text('Hi'))).status).toBe(200);
  expect((await cloud.agentSays(id, 'Hi')).state).toBe('delivered');
  await until(() => warnings.some((sentence) => sentence.includes('autoReply')));
  expect(warnings).toContain('The option onRequest threw: Error: on purpose');
});
