import { randomBytes } from 'node:crypto';
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, pipeline, Readable } from 'node:stream';
import axios, { type AxiosRequestConfig } from 'axios';
import LegacyFormData from 'form-data';
import type { CommonOptions } from '../../lib/index.js';
import { ACCOUNT, type Cloud, defer, makeToken, SEND, startCloud, until } from '../support/cloud.js';
import { createAuth, stopConnectors } from '../support/connector.js';
import { outcomeOf } from '../support/hostile.js';
import { closeServers, startServer } from '../support/server.js';

// Jest fails a test during which an uncaught exception or an unhandled rejection occurs. So each of these tests also shows that
// there is none.

afterEach(stopConnectors);
afterEach(closeServers);

const folder = mkdtempSync(join(tmpdir(), 'body-streams-'));
afterAll(() => rmSync(folder, { recursive: true }));

const turns = async (count = 5): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

/** The parts of an error that are the same with and without the package. */
const summaryOf = (error: unknown): object => {
  const { name, code, message } = error as { name?: string; code?: string; message?: string };
  return { name, code, message, canceled: axios.isCancel(error) };
};

/** A body, and what happens to it after dispatch. */
interface Scene {
  readonly body: () => unknown;
  readonly happen?: (body: never) => void;
  readonly request?: AxiosRequestConfig;
}

/** Sends with bare Axios. The server accepts the request and waits for the rest of its body. */
async function sendBare({ body, happen, request }: Scene): Promise<object> {
  const { origin } = await startServer((incoming) => incoming.on('error', () => {}).resume());
  const given = body();
  const sent = outcomeOf(axios.create({ baseURL: origin }).post(SEND, given, request));
  await turns();
  happen?.(given as never);
  return sent;
}

/** Sends with the package, while Sentinel does not answer. */
async function sendWaiting({ body, happen, request }: Scene, options: CommonOptions = {}) {
  const cloud = await startCloud();
  const gate = defer();
  cloud.script.sentinel = () => ({ after: gate.promise, status: 503 });
  const http = axios.create({ baseURL: cloud.origin });
  const auth = createAuth(cloud, options);
  auth.install(http);
  const given = body();
  const sent = outcomeOf(http.post(SEND, given, { onBehalfOf: 'c', ...request }));
  if (happen) {
    // A missing file may fail before Sentinel is called.
    let isOver = false;
    void sent.then(() => {
      isOver = true;
    });
    await until(() => isOver || cloud.count('sentinel') === 1);
    happen(given as never);
  }
  return { cloud, gate, auth, http, outcome: await sent };
}

/** A stream that never ends by itself. */
const endless = (): Readable => new Readable({ read() {} });

const failing = (): Record<string, Scene> => ({
  'a missing file': { body: () => createReadStream(join(folder, 'missing')) },
  'a stream that fails': { body: endless, happen: (body: Readable) => body.destroy(new Error('the disk is gone')) },
  'a stream that fails with a code': {
    body: endless,
    happen: (body: Readable) => body.destroy(Object.assign(new Error('the disk is gone'), { code: 'EIO' })),
  },
  'a stream that fails half way': {
    body: () => {
      const body = endless();
      body.push('{"half":');
      return body;
    },
    happen: (body: Readable) => body.destroy(new Error('the disk is gone')),
  },
  'a stream that is destroyed': { body: endless, happen: (body: Readable) => body.destroy() },
  'a stream that emits its error without being destroyed': {
    body: () => new Readable({ read() {}, autoDestroy: false, emitClose: false }),
    happen: (body: Readable) => body.emit('error', new Error('by hand')),
  },
  'a pipeline whose source fails': {
    body: () => {
      const source = endless();
      const body = pipeline(source, new PassThrough(), () => {});
      return Object.assign(body, { source });
    },
    happen: (body: PassThrough & { source: Readable }) => body.source.destroy(new Error('the source is gone')),
  },
  'a stream that was destroyed just before the call': {
    body: () => {
      const body = endless();
      body.destroy(new Error('gone already'));
      return body;
    },
  },
});

/** A form reads its parts only while it is sent, so it cannot fail earlier. */
const failingForms = (): Record<string, Scene> => ({
  'a form whose part fails': {
    body: () => {
      const form = new LegacyFormData();
      form.append('text', 'hello');
      form.append('file', createReadStream(join(folder, 'missing')));
      return form;
    },
  },
  'a form whose part fails later': {
    body: () => {
      const form = new LegacyFormData();
      const part = endless();
      form.append('file', part, { filename: 'a.txt' });
      return Object.assign(form, { part });
    },
    happen: (form: LegacyFormData & { part: Readable }) => form.part.destroy(new Error('the part is gone')),
  },
});

describe('a body that fails while the token is fetched rejects its request as bare Axios does, at once', () => {
  it.each(Object.keys(failing()))('%s', async (name) => {
    const scene = (): Scene => failing()[name] ?? { body: () => undefined };
    const bare = (await sendBare(scene())) as { error?: unknown; hangs?: true };
    const { cloud, gate, http, outcome } = await sendWaiting(scene());
    // The request has settled, although Sentinel has not answered.
    expect(outcome.hangs).toBeUndefined();
    expect(outcome.error).toBeInstanceOf(Error);
    if (!bare.hangs) expect(summaryOf(outcome.error)).toEqual(summaryOf(bare.error));
    gate.resolve();
    await turns();
    delete cloud.script.sentinel;
    await http.post(SEND, { text: 'the next one' }, { onBehalfOf: 'c' });
    expect(cloud.seen.filter(({ service }) => service === 'send').map(({ body }) => body)).toEqual([
      '{"text":"the next one"}',
    ]);
  });

  it.each(Object.keys(failingForms()))('%s: at the latest when the token has arrived', async (name) => {
    const scene = (): Scene => failingForms()[name] ?? { body: () => undefined };
    const bare = (await sendBare(scene())) as { error?: unknown; hangs?: true };
    const cloud = await startCloud();
    const gate = defer();
    const token = makeToken({ aud: ACCOUNT });
    cloud.script.sentinel = () => ({ after: gate.promise, body: { access_token: token } });
    const http = axios.create({ baseURL: cloud.origin });
    createAuth(cloud).install(http);
    const { body, happen } = scene();
    const form = body();
    const sent = outcomeOf(http.post(SEND, form, { onBehalfOf: 'c' }));
    await until(() => cloud.count('sentinel') === 1);
    happen?.(form as never);
    await turns();
    gate.resolve();
    const outcome = await sent;
    expect(outcome.hangs).toBe(bare.hangs);
    if (!bare.hangs) expect(summaryOf(outcome.error)).toEqual(summaryOf(bare.error));
    expect(cloud.count('send')).toBe(0);
  });

  it.each([
    ['ENOENT', () => createReadStream(join(folder, 'missing')), () => {}],
    ['ERR_CANCELED', endless, (body: Readable) => body.destroy()],
  ])('with its code: %s', async (code, body, happen) => {
    const { outcome } = await sendWaiting({ body, happen: happen as never });
    expect(outcome.error).toMatchObject({ code });
    expect(axios.isAxiosError(outcome.error)).toBe(true);
  });

  it.each<[string, Scene]>([
    ['a web stream that fails', webStream((controller) => controller.error(new Error('the source is gone')))],
    ['a Node stream that fails', { body: endless, happen: (body: Readable) => body.destroy(new Error('gone')) }],
    ['a Node stream that is destroyed', { body: endless, happen: (body: Readable) => body.destroy() }],
    ['a missing file', { body: () => createReadStream(join(folder, 'missing')) }],
  ])('on the fetch adapter: %s', async (_, scene) => {
    const request = { adapter: 'fetch' };
    const { cloud, gate, outcome } = await sendWaiting({ ...scene, request });
    expect(outcome.hangs).toBeUndefined();
    expect(outcome.error).toBeInstanceOf(Error);
    expect(axios.isAxiosError(outcome.error) || axios.isCancel(outcome.error)).toBe(true);
    gate.resolve();
    await turns();
    expect(cloud.count('send')).toBe(0);
  });

  it('a stream that was destroyed long before the call', async () => {
    for (const error of [undefined, new Error('gone already')]) {
      const body = endless();
      body.on('error', () => {}).destroy(error);
      await turns();
      const { cloud, outcome } = await sendWaiting({ body: () => body });
      expect(outcome.hangs).toBeUndefined();
      expect(outcome.error).toBeInstanceOf(Error);
      expect(cloud.count('send')).toBe(0);
    }
  });

  it('a stream that other code reads to its end meanwhile never hangs', async () => {
    const body = Readable.from([Buffer.from('{}')]);
    const { gate, cloud, outcome } = await sendWaiting({ body: () => body, happen: () => void body.resume() });
    gate.resolve();
    expect(outcome.hangs).toBeUndefined();
    expect(outcome.error).toBeInstanceOf(Error);
    expect(cloud.count('send')).toBe(0);
  });

  it('the upload of a client that disconnects, passed directly and through a pipeline', async () => {
    for (const through of [false, true]) {
      const cloud = await startCloud();
      const never = defer();
      cloud.script.sentinel = () => ({ after: never.promise });
      const http = axios.create({ baseURL: cloud.origin });
      createAuth(cloud).install(http);
      const uploads: ReturnType<typeof outcomeOf>[] = [];
      const { host } = await startServer((incoming) => {
        const body = through ? pipeline(incoming, new PassThrough(), () => {}) : incoming;
        uploads.push(outcomeOf(http.post(SEND, body, { onBehalfOf: 'c' })));
      });
      const [hostname = '', port = ''] = host.split(':');
      const client = httpRequest({ host: hostname, port, method: 'POST', headers: { 'content-length': 1_000 } });
      client.on('error', () => {}).write('half of it');
      await until(() => cloud.count('sentinel') === 1);
      client.destroy();
      const outcome = await uploads[0];
      expect(outcome?.hangs).toBeUndefined();
      expect(outcome?.error).toBeInstanceOf(Error);
      never.resolve();
      await turns();
      expect(cloud.count('send')).toBe(0);
    }
  });

  it('during any of the calls before the send', async () => {
    for (const service of ['domain', 'sentinel', 'idp'] as const) {
      const cloud = await startCloud();
      const never = defer();
      cloud.script[service] = () => ({ after: never.promise });
      const http = axios.create({ baseURL: cloud.origin });
      createAuth(cloud).install(http);
      const body = endless();
      const sent = outcomeOf(http.post(SEND, body, { onBehalfOf: 'c' }));
      await until(() => cloud.count(service) === 1);
      body.destroy(new Error('the disk is gone'));
      expect(await sent).toMatchObject({ error: { message: 'the disk is gone' } });
      never.resolve();
      await turns();
      expect(cloud.count('send')).toBe(0);
    }
  });

  it('while consumerId() or credentials() runs', async () => {
    const never = new Promise<never>(() => {});
    const lookup = { accountId: undefined, clientId: undefined, clientSecret: undefined, credentials: () => never };
    for (const options of [{ consumerId: () => never }, lookup]) {
      const cloud = await startCloud();
      const http = axios.create({ baseURL: cloud.origin });
      createAuth(cloud, options as CommonOptions).install(http);
      const body = endless();
      const sent = outcomeOf(http.post(SEND, body, 'consumerId' in options ? {} : { onBehalfOf: 'c' }));
      await turns();
      body.destroy(new Error('the disk is gone'));
      expect(await sent).toMatchObject({ error: { message: 'the disk is gone' } });
      expect(cloud.count('send')).toBe(0);
    }
  });

  it('many at once: each fails alone, and no other message is lost', async () => {
    const cloud = await startCloud();
    const gate = defer();
    cloud.script.sentinel = () => {
      delete cloud.script.sentinel;
      return { after: gate.promise, status: 200, body: { access_token: makeToken({ aud: ACCOUNT }) } };
    };
    const http = axios.create({ baseURL: cloud.origin });
    createAuth(cloud).install(http);
    const bodies = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? endless() : Readable.from(['{}'])));
    const sent = bodies.map((body) => outcomeOf(http.post(SEND, body, { onBehalfOf: 'c' })));
    await until(() => cloud.count('sentinel') === 1);
    bodies.forEach((body, index) => {
      if (index % 2 === 0) body.destroy(new Error(`gone ${index}`));
    });
    await turns();
    gate.resolve();
    const outcomes = await Promise.all(sent);
    outcomes.forEach((outcome, index) => {
      if (index % 2 === 0) expect(outcome).toMatchObject({ error: { message: `gone ${index}` } });
      else expect(outcome).toMatchObject({ value: { status: 200 } });
    });
    expect(cloud.count('send')).toBe(10);
  });
});

function webStream(fail: (controller: ReadableStreamDefaultController) => void): Scene {
  let controller: ReadableStreamDefaultController | undefined;
  return {
    body: () =>
      new ReadableStream({
        start: (its) => {
          controller = its;
        },
      }),
    happen: () => {
      if (controller) fail(controller);
    },
  };
}

describe('a request that ends for another reason', () => {
  it.each<[string, AxiosRequestConfig, (abort: AbortController) => void, string]>([
    ['an abort', {}, (abort) => abort.abort(), 'ERR_CANCELED'],
    ['a timeout', { timeout: 20 }, () => {}, 'ECONNABORTED'],
  ])('%s: the stream may fail afterwards without harm', async (_, config, end, code) => {
    const cloud = await startCloud();
    const never = defer();
    cloud.script.sentinel = () => ({ after: never.promise });
    const http = axios.create({ baseURL: cloud.origin });
    createAuth(cloud).install(http);
    const abort = new AbortController();
    const body = endless();
    const sent = outcomeOf(http.post(SEND, body, { onBehalfOf: 'c', signal: abort.signal, ...config }));
    await until(() => cloud.count('sentinel') === 1);
    end(abort);
    expect(await sent).toMatchObject({ error: { code } });
    body.destroy(new Error('too late for anybody'));
    await turns();
    never.resolve();
    expect(cloud.count('send')).toBe(0);
  });

  it('a message without a consumer: the stream may fail afterwards without harm', async () => {
    const cloud = await startCloud();
    const http = axios.create({ baseURL: cloud.origin });
    createAuth(cloud).install(http);
    const body = createReadStream(join(folder, 'missing'));
    expect(await outcomeOf(http.post(SEND, body))).toMatchObject({ error: { code: expect.any(String) } });
    await until(() => body.closed);
    await turns();
    expect(cloud.seen).toHaveLength(0);
  });
});

describe('a good stream arrives complete, however long its token takes', () => {
  const bytes = randomBytes(1_000_000);
  const file = join(folder, 'file.bin');
  writeFileSync(file, bytes);

  const chunks = (): Buffer[] =>
    Array.from({ length: 100 }, (_, index) => bytes.subarray(index * 10_000, (index + 1) * 10_000));

  it.each<[string, string, () => unknown]>([
    ['a file', 'http', () => createReadStream(file)],
    ['a generator', 'http', () => Readable.from(chunks())],
    [
      'a stream that is full already',
      'http',
      () => {
        const body = new PassThrough({ highWaterMark: bytes.length + 1 });
        body.end(bytes);
        return body;
      },
    ],
    [
      'a stream that is written to meanwhile',
      'http',
      () => {
        const body = new PassThrough();
        void (async () => {
          for (const chunk of chunks()) {
            if (!body.write(chunk)) await new Promise((resolve) => body.once('drain', resolve));
            await new Promise((resolve) => setImmediate(resolve));
          }
          body.end();
        })();
        return body;
      },
    ],
    ['an incoming pipeline', 'http', () => pipeline(createReadStream(file), new PassThrough(), () => {})],
    ['a file', 'fetch', () => createReadStream(file)],
    ['a web stream', 'fetch', () => new Blob([new Uint8Array(bytes)]).stream()],
  ])('%s by %s', async (_, adapter, body) => {
    const cloud: Cloud = await startCloud();
    const gate = defer();
    cloud.script.idp = () => {
      delete cloud.script.idp;
      return {
        after: gate.promise,
        status: 201,
        body: { token: makeToken({ account_id: ACCOUNT, ext_consumer_id: 'c' }) },
      };
    };
    const http = axios.create({ baseURL: cloud.origin });
    createAuth(cloud).install(http);
    const request = { onBehalfOf: 'c', adapter, maxBodyLength: Number.POSITIVE_INFINITY, maxRedirects: 0 };
    const sent = outcomeOf(http.post(SEND, body(), request));
    await until(() => cloud.count('idp') === 1);
    await turns(50);
    gate.resolve();
    expect(await sent).toMatchObject({ value: { status: 200 } });
    const [seen, ...more] = cloud.seen.filter(({ service }) => service === 'send');
    expect(more).toEqual([]);
    expect(seen?.bytes.equals(bytes)).toBe(true);
  });

  it('a form of text and file', async () => {
    const cloud = await startCloud();
    const http = axios.create({ baseURL: cloud.origin });
    createAuth(cloud).install(http);
    const form = new LegacyFormData();
    form.append('text', 'hello');
    form.append('file', createReadStream(file));
    await http.post(SEND, form, { onBehalfOf: 'c' });
    const [seen] = cloud.seen.filter(({ service }) => service === 'send');
    const parts = await new Response(new Uint8Array(seen?.bytes ?? Buffer.of()), {
      headers: { 'content-type': String(seen?.headers['content-type']) },
    }).formData();
    expect(parts.get('text')).toBe('hello');
    expect(Buffer.from(await (parts.get('file') as File).arrayBuffer()).equals(bytes)).toBe(true);
  });

  it('and only the error listener stays on the stream', async () => {
    const cloud = await startCloud();
    const bare = new PassThrough();
    await Promise.all([axios.post(cloud.origin + SEND, bare), bare.end('{}')]);
    const http = axios.create({ baseURL: cloud.origin });
    createAuth(cloud).install(http);
    const body = new PassThrough();
    body.end('{}');
    await http.post(SEND, body, { onBehalfOf: 'c' });
    await turns();
    const counts = (stream: PassThrough) => ['close', 'end'].map((event) => stream.listenerCount(event));
    expect(counts(body)).toEqual(counts(bare));
  });
});
