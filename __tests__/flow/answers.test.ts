import { Agent } from 'node:http';
import { Readable } from 'node:stream';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import type { AxiosRequestConfig } from 'axios';
import { getSendApiError } from '../../lib/index.js';
import { CONVERSATION, envelope, type Script, SEND, until } from '../support/cloud.js';
import { rejection, startConnector, stopConnectors } from '../support/connector.js';
import { closeServers, startServer } from '../support/server.js';
import { HELD_MS, holdTimers, releaseTimers } from '../support/timers.js';

afterEach(stopConnectors);
afterEach(releaseTimers);
afterEach(closeServers);

const asC: AxiosRequestConfig = { onBehalfOf: 'c' };
const refuseFirst =
  (body: unknown, headers = {}): Script =>
  (_, count) =>
    count === 1 ? { status: 401, body, headers } : undefined;

/** What a caller reads in an answer's data, whichever form it has. */
async function textOf(data: unknown): Promise<string> {
  if (typeof data === 'string') return data;
  if (Buffer.isBuffer(data)) return data.toString();
  if (data instanceof Readable) {
    const chunks: Buffer[] = [];
    for await (const chunk of data) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString();
  }
  return Object.getPrototypeOf(data) === Object.prototype ? JSON.stringify(data) : new Response(data as Blob).text();
}

const FORMS: [string, NonNullable<AxiosRequestConfig['responseType']>][] = [
  ['http', 'json'],
  ['http', 'text'],
  ['http', 'arraybuffer'],
  ['http', 'stream'],
  ['fetch', 'json'],
  ['fetch', 'text'],
  ['fetch', 'arraybuffer'],
  ['fetch', 'blob'],
  ['fetch', 'stream'],
];

describe.each(FORMS)('by %s, asked for as %s, an answer', (adapter, responseType) => {
  const config = { ...asC, adapter, responseType };

  it('that refuses a token is replayed', async () => {
    const { cloud, http } = await startConnector();
    cloud.script.send = refuseFirst(envelope(40103));
    const { status, data } = await http.post(SEND, {}, config);
    expect(status).toBe(200);
    expect(JSON.parse(await textOf(data))).toMatchObject({ code: 'OK' });
    expect([cloud.count('send'), cloud.count('idp'), cloud.count('sentinel')]).toEqual([2, 2, 1]);
  });

  it('that refuses the replay too reaches the caller in that form, and is understood', async () => {
    const { cloud, http } = await startConnector();
    cloud.script.send = () => ({ status: 401, body: envelope(40102) });
    const error = (await rejection(http.post(SEND, {}, config))) as { response: { data: unknown } };
    expect(getSendApiError(error)).toMatchObject({ errorCode: 40102, replayed: true, status: 401 });
    expect(JSON.parse(await textOf(error.response.data))).toEqual(envelope(40102));
    expect(cloud.count('send')).toBe(2);
  });

  it('that is no refusal reaches the caller whole', async () => {
    const { cloud, http } = await startConnector();
    const body = JSON.stringify({ code: 'OK', padding: 'é'.repeat(300_000) });
    cloud.script.conversation = () => ({ body });
    const { data } = await http.post(CONVERSATION, [], config);
    expect(await textOf(data)).toBe(body);
    expect(cloud.count('conversation')).toBe(1);
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('compressed by %s is read all the same', async (encoding, compress) => {
    const { cloud, http } = await startConnector();
    const headers = { 'content-encoding': encoding };
    cloud.script.send = (_, count) =>
      count === 1
        ? { status: 401, body: compress(JSON.stringify(envelope(40102))), headers }
        : { body: compress(JSON.stringify({ code: 'OK', padding: 'é'.repeat(100_000) })), headers };
    const { data } = await http.post(SEND, {}, config);
    expect(JSON.parse(await textOf(data))).toMatchObject({ code: 'OK' });
    expect([cloud.count('send'), cloud.count('sentinel')]).toEqual([2, 2]);
  });
});

describe('an answer that is a stream', () => {
  it('of another type is handed over unread', async () => {
    const { cloud, http } = await startConnector();
    cloud.script.send = () => ({
      status: 200,
      body: JSON.stringify(envelope(40102)),
      headers: { 'content-type': 'text/plain' },
    });
    const { data } = await http.post(SEND, {}, { ...asC, responseType: 'stream' });
    expect(data.statusCode).toBe(200);
    expect(JSON.parse(await textOf(data))).toEqual(envelope(40102));
    expect(cloud.count('send')).toBe(1);
  });

  it('that breaks off gives the caller what came, and then the error', async () => {
    const { cloud, http } = await startConnector();
    cloud.script.send = () => ({ body: { padding: 'x'.repeat(1_000) }, break: 'half-way' });
    const { data } = await http.post(SEND, {}, { ...asC, responseType: 'stream' });
    await expect(textOf(data)).rejects.toThrow();
  });

  it.each([
    ['the timeout', { timeout: HELD_MS }, {}],
    ['tokenTimeoutMs, for a request without a timeout,', {}, { tokenTimeoutMs: HELD_MS }],
  ])('that stalls is handed over when %s is up', async (_, request, options) => {
    const { http, cloud } = await startConnector(options);
    const limits = holdTimers();
    let isStalling = false;
    const adapter: AxiosRequestConfig['adapter'] = async (config) => {
      isStalling = true;
      return {
        data: new Readable({ read() {} }),
        status: 200,
        statusText: 'OK',
        headers: { 'content-type': 'application/json' },
        config,
      };
    };
    const answered = http.post(SEND, {}, { ...asC, adapter, responseType: 'stream', ...request });
    await until(() => isStalling && limits.waiting === 1);
    limits.end();
    const { data } = await answered;
    expect(data).toBeInstanceOf(Readable);
    data.destroy();
    expect(cloud.count('sentinel')).toBe(1);
  });

  it.each(['http', 'fetch'])(
    'comes once it cannot be a refusal, and no faster than it is read (%s)',
    async (adapter) => {
      let written = 0;
      let closed = false;
      const { origin } = await startServer((request, response) => {
        request.resume();
        response.writeHead(200, { 'content-type': 'application/json' });
        response.on('close', () => {
          closed = true;
        });
        const chunk = Buffer.alloc(16_384, ' ');
        const pour = () => {
          do written += chunk.length;
          while (!closed && response.write(chunk) && written < 200_000_000);
        };
        response.on('drain', pour);
        pour();
      });
      const { http } = await startConnector({ trustedOrigins: [origin] });
      const { data } = await http.post(origin + SEND, {}, { ...asC, adapter, responseType: 'stream' });
      await new Promise((resolve) => setTimeout(resolve, 100));
      // What was written waits in the sockets of either side; the rest was never asked for.
      expect(written).toBeLessThan(50_000_000);
      // Given up unread, it frees the connection.
      if (data instanceof Readable) data.destroy();
      else await data.cancel();
      await until(() => closed);
    },
  );

  it.each(['http', 'fetch'])('ends with the caller’s abort, even after it was handed over (%s)', async (adapter) => {
    const { origin } = await startServer((request, response) => {
      request.resume();
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write(Buffer.alloc(100_000, ' '));
    });
    const { http } = await startConnector({ trustedOrigins: [origin] });
    const abort = new AbortController();
    const { signal } = abort;
    const { data } = await http.post(origin + SEND, {}, { ...asC, adapter, responseType: 'stream', signal });
    const read = rejection(textOf(data));
    setTimeout(() => abort.abort(), 20);
    expect(await read).toBeInstanceOf(Error);
  });

  it('that was a refusal does not keep the only socket from the replay', async () => {
    const httpAgent = new Agent({ keepAlive: true, maxSockets: 1 });
    const { cloud, http } = await startConnector();
    cloud.script.send = refuseFirst(envelope(40103));
    await http.post(SEND, {}, { ...asC, adapter: 'http', responseType: 'stream', httpAgent, timeout: 60_000 });
    expect(cloud.count('send')).toBe(2);
    httpAgent.destroy();
  });
});
