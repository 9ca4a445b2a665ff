import { createReadStream, mkdtempSync, openAsBlob, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import axios, { type AxiosRequestConfig } from 'axios';
import LegacyFormData from 'form-data';
import { getSendApiError } from '../../lib/index.js';
import { type Cloud, defer, envelope, SEND, type Seen } from '../support/cloud.js';
import { rejection, startConnector, stopConnectors } from '../support/connector.js';
import { closeServers, startServer } from '../support/server.js';

afterEach(stopConnectors);
afterEach(closeServers);

const sends = (cloud: Cloud) => cloud.seen.filter(({ service }) => service === 'send');
const refuseFirst = (cloud: Cloud, code = 40102) => {
  cloud.script.send = (_, count) => (count === 1 ? { status: 401, body: envelope(code) } : undefined);
};
/** Every byte there is, of which some are no UTF-8. */
const BYTES = Uint8Array.from({ length: 256 }, (_, index) => index);

function nativeForm(): FormData {
  const form = new FormData();
  form.append('text', 'ä "quoted"\nline');
  form.append('file', new Blob([BYTES], { type: 'image/png' }), 'näme.png');
  return form;
}

const asIs: AxiosRequestConfig = { transformRequest: (data: unknown) => data };

describe.each(['http', 'fetch'])('replayed byte for byte by %s', (adapter) => {
  it.each<[string, () => unknown, AxiosRequestConfig]>([
    ['an object', () => ({ message: 'ä', nested: [1, { two: null }] }), {}],
    ['an array', () => [{ kind: 'req' }], {}],
    ['a string', () => 'just ä string', {}],
    ['an empty string', () => '', {}],
    ['nothing', () => undefined, {}],
    ['a Buffer', () => Buffer.from(BYTES), {}],
    ['a typed array', () => new Uint16Array(BYTES.buffer.slice(0)), {}],
    ['an ArrayBuffer', () => BYTES.buffer.slice(0), {}],
    ['URLSearchParams', () => new URLSearchParams({ a: 'ä&=', b: '' }), {}],
    ['a native FormData', nativeForm, {}],
    [
      'a native FormData with a boundary of the caller’s',
      nativeForm,
      { headers: { 'content-type': 'multipart/form-data; boundary=my-own-boundary' } },
    ],
    ['a Blob', () => new Blob([BYTES], { type: 'application/x-thing' }), {}],
    ['a Buffer past transformRequest', () => Buffer.from(BYTES), asIs],
  ])('%s', async (_, body, config) => {
    const { cloud, http } = await startConnector();
    cloud.script.send = (_, count) => (count === 1 || count === 3 ? { status: 401, body: envelope(40102) } : undefined);
    const request = { onBehalfOf: 'c', adapter, ...config };
    const kept = (seen?: Seen) => {
      const { 'x-on-behalf': _1, 'x-lp-on-behalf': _2, authorization: _3, ...headers } = seen?.headers ?? {};
      return headers;
    };
    // At first with tokens that must be fetched, then with tokens in hand.
    for (const times of [2, 4]) {
      await expect(http.post(SEND, body(), request)).resolves.toMatchObject({ status: 200 });
      const [first, second] = sends(cloud).slice(-2);
      expect(cloud.count('send')).toBe(times);
      expect(second?.bytes.equals(first?.bytes ?? Buffer.from('none'))).toBe(true);
      expect(kept(second)).toEqual(kept(first));
    }
    // And the bytes are those that arrive without us.
    await http.post(SEND, body(), { ...request, connectorAuth: false });
    const [last] = sends(cloud).slice(-1);
    if (!(body() instanceof FormData)) expect(last?.bytes.equals(sends(cloud)[0]?.bytes ?? Buffer.of())).toBe(true);
  });

  it('a native FormData arrives as it was filled', async () => {
    const { cloud, http } = await startConnector();
    refuseFirst(cloud, 40103);
    const response = await http.post(SEND, nativeForm(), { onBehalfOf: 'c', adapter });
    for (const { bytes, headers } of sends(cloud)) {
      const form = await new Response(new Uint8Array(bytes), {
        headers: { 'content-type': String(headers['content-type']) },
      }).formData();
      expect(form.get('text')).toBe('ä "quoted"\r\nline');
      const file = form.get('file') as File;
      expect([file.name, file.type]).toEqual(['näme.png', 'image/png']);
      expect(Buffer.from(await file.arrayBuffer()).equals(BYTES)).toBe(true);
    }
    expect(response.config.data).toBeInstanceOf(FormData);
  });
});

describe('a body that is used up is not replayed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bodies-'));
  const file = join(folder, 'body.json');
  writeFileSync(file, '{"a":1}');
  afterAll(() => rmSync(folder, { recursive: true }));

  const legacyForm = () => {
    const form = new LegacyFormData();
    form.append('a', '1');
    return form;
  };

  it.each<[string, string, () => unknown, AxiosRequestConfig]>([
    ['a Node stream', 'http', () => Readable.from(['{"a":', '1}']), {}],
    ['a file stream', 'http', () => createReadStream(file), {}],
    ['the form-data package', 'http', legacyForm, {}],
    ['the form of postForm', 'http', () => ({ a: 1 }), { headers: { 'content-type': 'multipart/form-data' } }],
    ['a Node stream', 'fetch', () => Readable.from([Buffer.from('{"a":'), Buffer.from('1}')]), {}],
    ['a web stream', 'fetch', () => new Blob(['{"a":1}']).stream(), {}],
  ])('%s by %s', async (_, adapter, body, config) => {
    const { cloud, http } = await startConnector();
    refuseFirst(cloud);
    const error = await rejection(http.post(SEND, body(), { onBehalfOf: 'c', adapter, ...config }));
    expect(error).toMatchObject({ response: { status: 401 } });
    expect(getSendApiError(error)).toMatchObject({ errorCode: 40102, replayed: false, reason: 'body-not-replayable' });
    expect([cloud.count('send'), cloud.count('sentinel')]).toEqual([1, 1]);
    await http.post(SEND, {}, { onBehalfOf: 'c', adapter });
    expect([cloud.count('send'), cloud.count('sentinel')]).toEqual([2, 2]);
    expect(sends(cloud)[1]?.headers.authorization).toBe(cloud.issued.appJwt[1]);
  });

  it('but a file behind a Blob is', async () => {
    const { cloud, http } = await startConnector();
    refuseFirst(cloud);
    await http.post(SEND, await openAsBlob(file), { onBehalfOf: 'c' });
    expect(sends(cloud).map(({ body }) => body)).toEqual(['{"a":1}', '{"a":1}']);
  });

  it('refused while it is still on its way, it arrives once and never as if it were whole', async () => {
    const arrivals: { request: IncomingMessage; size: number; ended: boolean }[] = [];
    const { origin } = await startServer((request, response) => {
      const arrival = { request, size: 0, ended: false };
      arrivals.push(arrival);
      request.on('data', (chunk: Buffer) => {
        // Refused at the first bytes.
        if (arrival.size === 0)
          response.writeHead(401, { 'content-type': 'application/json' }).end(JSON.stringify(envelope(40103)));
        arrival.size += chunk.length;
      });
      request.on('end', () => {
        arrival.ended = true;
      });
      request.on('error', () => {});
    });
    const { cloud, http } = await startConnector({ trustedOrigins: [origin] }, { maxBodyLength: Infinity });
    const whole = 5_000_000;
    const stalled = defer();
    async function* slowly() {
      yield Buffer.alloc(whole / 2);
      await stalled.promise;
      yield Buffer.alloc(whole / 2);
    }
    const error = await rejection(http.post(`${origin}${SEND}`, Readable.from(slowly()), { onBehalfOf: 'c' }));
    expect(getSendApiError(error)).toMatchObject({ errorCode: 40103, reason: 'body-not-replayable' });
    expect(axios.isAxiosError(error)).toBe(true);
    stalled.resolve();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(arrivals).toHaveLength(1);
    for (const { ended, size } of arrivals) expect(ended ? size : whole).toBe(whole);
    expect(cloud.count('send')).toBe(0);
  });
});
