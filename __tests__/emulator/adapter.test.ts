import { Readable } from 'node:stream';
import axios, { AxiosError, type AxiosInstance, type AxiosRequestConfig } from 'axios';
import { type Emulator, type Fault, startEmulator } from '../../lib/emulator/index.js';
import { createConnectorAuth, isConnectorAuthError } from '../../lib/index.js';
import { until } from '../support/cloud.js';
import { ACCOUNT, account, bearing, closeAll, event, opening, SEND, start, text } from './client.js';
import { startPair } from './connector.js';

afterEach(async () => {
  jest.useRealTimers();
  await closeAll();
});

/** A connector's instance whose requests, token calls included, stay in this process. */
function connect(cloud: Emulator, options: object = {}) {
  const http = axios.create({ adapter: cloud.adapter });
  const auth = createConnectorAuth({
    ...account,
    domainApi: cloud.origin,
    axiosConfig: { adapter: cloud.adapter },
    retry: false,
    ...options,
  });
  auth.install(http);
  return { http, auth, send: () => http.post(SEND, event('d', text('Grüße 👋🏽')), { onBehalfOf: 'c' }) };
}

const services = ({ requests }: Emulator) => requests.map(({ service }) => service);

describe('an auth on the adapter', () => {
  it('gets its tokens, sends and replays; all of it shows in requests', async () => {
    const cloud = await start();
    const { auth, send } = connect(cloud);
    const first = await send();
    expect([first.status, first.data]).toEqual([200, { reqId: '7', code: 'OK', body: { sequence: 0 } }]);
    cloud.revokeAppJwts();
    expect((await send()).data.body).toEqual({ sequence: 1 });
    expect(services(cloud)).toEqual(['domain', 'sentinel', 'idp', 'send', 'send', 'sentinel', 'send']);
    expect(cloud.requests.map(({ status, errorCode }) => errorCode ?? status)).toEqual([
      200, 200, 201, 200, 40102, 200, 200,
    ]);
    expect(cloud.messages.at(-1)?.body).toMatchObject({ event: { message: 'Grüße 👋🏽' } });
    await auth.close();
  });

  it('opens no socket', async () => {
    const cloud = await start();
    const { auth, send } = connect(cloud, { domainApi: 'https://api.liveperson.net' });
    const used = process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    await send();
    expect(process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap')).toHaveLength(used);
    expect(cloud.requests.map(({ headers }) => headers.host)).toEqual(
      Array.from({ length: 4 }, () => 'api.liveperson.net'),
    );
    await auth.close();
  });

  it('works under Jest’s default fake timers', async () => {
    const cloud = await start();
    jest.useFakeTimers();
    const { auth, send } = connect(cloud);
    expect((await send()).status).toBe(200);
    cloud.revokeAppJwts();
    cloud.revokeConsumerJws();
    expect((await send()).status).toBe(200);
    expect(cloud.messages).toHaveLength(2);
    await auth.close();
  });

  it('starts under fake timers, delivers to a webhook and hears of requests', async () => {
    jest.useFakeTimers();
    const told: string[] = [];
    const { cloud, posted } = await startPair({ onRequest: ({ service }) => told.push(service), autoReply: 'echo' });
    const { auth, http } = connect(cloud);
    const path = SEND.replace('/send', '');
    const { data } = await http.post(path, opening, { onBehalfOf: 'c' });
    await cloud.agentSays(data[1].body.conversationId, 'Hi');
    expect(posted.at(-1)?.change.event.message).toBe('Hi');
    expect(told).toContain('conversation');
    await auth.close();
    await cloud.close();
  });

  it('is held to tokenTimeoutMs', async () => {
    const cloud = await start();
    const { auth, send } = connect(cloud, { tokenTimeoutMs: 30 });
    // The first call, so that no other one can be too slow.
    cloud.failNext('domain', { delayMs: 3_600_000 });
    const error = await send().catch((reason) => reason);
    expect(isConnectorAuthError(error) && [error.code, error.transient]).toEqual(['ERR_DOMAIN_LOOKUP', true]);
    expect(error.message).toContain('did not answer in time');
    await auth.close();
  });

  it('refuses an answer that is too long, as over http', async () => {
    const cloud = await start();
    const { auth, send } = connect(cloud);
    cloud.failNext('sentinel', { status: 200, body: 'x'.repeat(100_000) });
    await expect(send()).rejects.toMatchObject({ code: 'ERR_APP_JWT', message: expect.stringContaining('more than') });
    await auth.close();
  });
});

describe('the adapter does as Axios’s own over http', () => {
  const domain = `/api/account/${ACCOUNT}/service/baseURI.json`;
  const shown = (error: unknown) => {
    if (!(error instanceof AxiosError)) return error;
    const { name, code, message, status, response } = error;
    return { name, code, message, status, data: response?.data, isAxiosError: axios.isAxiosError(error) };
  };
  /** The outcome of the same request over http and in process. */
  async function compare(
    ask: (http: AxiosInstance, cloud: Emulator) => Promise<unknown>,
    fault?: Fault,
  ): Promise<unknown[]> {
    const outcomes = [];
    for (const isInProcess of [false, true]) {
      const cloud = await start();
      if (fault) cloud.failNext('domain', fault);
      const http = axios.create({
        baseURL: cloud.origin,
        proxy: false,
        ...(isInProcess && { adapter: cloud.adapter }),
      });
      const outcome = await ask(http, cloud).catch(shown);
      outcomes.push(JSON.parse(JSON.stringify(outcome).replaceAll(cloud.host, 'HOST')));
    }
    return outcomes;
  }

  it.each<[string, Fault | undefined, AxiosRequestConfig]>([
    ['a true answer', undefined, {}],
    ['params', undefined, { params: { version: '1.0' } }],
    ['responseType text', undefined, { responseType: 'text' }],
    ['a status that is refused', { status: 503, body: { error: 'down' } }, {}],
    ['a status of the caller', { status: 401, body: { error: 'no' } }, {}],
    ['a status that is taken', { status: 503, body: '<html>' }, { validateStatus: null }],
    ['a reset', { reset: true }, {}],
    ['an answer that is lost', { afterAcceptance: true }, {}],
    ['a cut', { cutOff: true }, {}],
    ['a timeout', { delayMs: 600_000 }, { timeout: 20 }],
    ['a timeout in other words', { delayMs: 600_000 }, { timeout: 20, timeoutErrorMessage: 'late' }],
    ['an answer that is too long', undefined, { maxContentLength: 10 }],
    ['an empty answer', { status: 204, body: '' }, {}],
  ])('with %s', async (_, fault, config) => {
    const [over, inside] = await compare(async (http) => {
      const { status, data, headers } = await http.get(domain, config);
      return { status, data, type: headers['content-type'], length: headers['content-length'] };
    }, fault);
    if (fault?.reset || fault?.afterAcceptance || fault?.cutOff) {
      // Words and codes of Node, which differ from version to version.
      for (const key of ['name', 'message', 'code']) for (const each of [over, inside]) delete (each as never)[key];
    }
    expect(inside).toEqual(over);
  });

  it.each<[string, () => unknown]>([
    ['text', () => '{"ext_consumer_id":"c"}'],
    ['an object', () => ({ ext_consumer_id: 'c' })],
    ['a Buffer', () => Buffer.from('{"ext_consumer_id":"c"}')],
    ['a Uint8Array', () => new Uint8Array(Buffer.from('{"ext_consumer_id":"ü"}'))],
    ['a stream', () => Readable.from(['{"ext_consumer', '_id":"c"}'])],
    ['a form', () => new URLSearchParams({ a: 'b c' })],
    ['nothing', () => undefined],
  ])('with %s as the body', async (_, body) => {
    const [over, inside] = await compare(async (http, cloud) => {
      const path = `/api/account/${ACCOUNT}/consumer?v=1.0`;
      const { status } = await http.post(path, body(), { validateStatus: null });
      const [{ headers, ...request } = {} as Emulator['requests'][number]] = cloud.requests;
      return { status, body: request.body, path: request.path, type: headers['content-type'] };
    });
    expect(inside).toEqual(over);
  });

  it('with bytes as the answer, whole or as a stream', async () => {
    const cloud = await start();
    const http = axios.create({ adapter: cloud.adapter });
    cloud.failNext('domain', { status: 200, body: 'Grüße', times: 2 });
    const bytes = await http.get(cloud.origin + domain, { responseType: 'arraybuffer' });
    expect(Buffer.from(bytes.data).toString()).toBe('Grüße');
    const stream = await http.get(cloud.origin + domain, { responseType: 'stream' });
    const chunks = [];
    for await (const chunk of stream.data) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe('Grüße');
  });

  it('with an abort before and during the request', async () => {
    const cloud = await start();
    const http = axios.create({ adapter: cloud.adapter, baseURL: cloud.origin });
    const during = new AbortController();
    cloud.failNext('domain', { delayMs: 600_000 });
    const asked = http.get(domain, { signal: during.signal });
    await until(() => cloud.requests.length === 1);
    during.abort();
    await expect(asked).rejects.toMatchObject({ code: 'ERR_CANCELED' });
    await expect(http.get(domain, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ERR_CANCELED' });
    const source = axios.CancelToken.source();
    cloud.failNext('domain', { delayMs: 600_000 });
    const again = http.get(domain, { cancelToken: source.token });
    await until(() => cloud.requests.length === 2);
    source.cancel('enough');
    await expect(again).rejects.toMatchObject({ message: 'enough' });
    expect(cloud.requests).toHaveLength(2);
  });
});

it('reaches the control API where there is one, and nothing once the emulator is closed', async () => {
  const cloud = await startEmulator({ accounts: [account], controlApi: true });
  const http = axios.create({ adapter: cloud.adapter, baseURL: 'http://any.host' });
  expect((await http.post('/emulator/advance-clock', { ms: 1 })).data).toEqual({ ok: true });
  expect((await http.get('/nowhere', { validateStatus: null })).status).toBe(404);
  expect(cloud.requests.map(({ service }) => service)).toEqual(['unknown']);
  await cloud.close();
  await expect(http.get('/emulator')).rejects.toMatchObject({ code: 'ECONNRESET' });
});

it('sends files too', async () => {
  const cloud = await start();
  const http = axios.create({ adapter: cloud.adapter, baseURL: cloud.origin });
  const headers = await bearing(cloud);
  const item = { kind: 'req', id: '1', type: 'ms.GenerateURLForUploadFile', body: { fileSize: '3', fileType: 'GIF' } };
  const { relativePath, queryParams } = (await http.post(SEND, item, { headers })).data.body;
  const bytes = Buffer.from([0, 255, 254]);
  expect((await http.put(relativePath, bytes, { params: queryParams })).status).toBe(201);
  const ask = { ...item, type: 'ms.GenerateURLForDownloadFile', body: { relativePath } };
  const signed = (await http.post(SEND, ask, { headers })).data.body;
  const got = await http.get(relativePath, { params: signed.queryParams, responseType: 'arraybuffer' });
  expect(Buffer.from(got.data)).toEqual(bytes);
});
