import { createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import axios, { type AxiosRequestConfig } from 'axios';
import { http as followRedirects } from 'follow-redirects';
import { isAxiosAtLeast } from '../support/axios-version.js';
import { type Cloud, envelope, SEND, startCloud } from '../support/cloud.js';
import { startConnector, stopConnectors } from '../support/connector.js';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  await stopConnectors();
});

/** The same cloud over HTTP/2, in clear. */
async function listenHttp2(cloud: Cloud): Promise<string> {
  const server = createHttp2Server((request, response) => void cloud.serve(request as never, response as never));
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => sessions.add(session));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => {
    for (const session of sessions) session.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Way {
  config: AxiosRequestConfig;
  listen?: typeof listenHttp2;
}

const WAYS: [string, Way][] = [
  ['the http adapter', { config: { adapter: 'http' } }],
  ['the http adapter, told to follow redirects', { config: { adapter: 'http', maxRedirects: 5 } }],
  [
    'the http adapter over a transport that follows redirects',
    { config: { adapter: 'http', transport: followRedirects } },
  ],
  ['the fetch adapter', { config: { adapter: 'fetch' } }],
  [
    'the fetch adapter, told to follow redirects',
    { config: { adapter: 'fetch', fetchOptions: { redirect: 'follow' } } },
  ],
  ['an adapter function', { config: { adapter: (config) => axios.getAdapter('http')(config) } }],
  ['a list of adapters', { config: { adapter: ['xhr', 'http'] } }],
];
if (isAxiosAtLeast(13))
  WAYS.push(['the http adapter over HTTP/2', { config: { adapter: 'http', httpVersion: 2 }, listen: listenHttp2 }]);

describe.each(WAYS)('by %s', (_, { config, listen }) => {
  async function start(script: (cloud: Cloud) => void) {
    const cloud = await startCloud();
    script(cloud);
    const origin = listen ? await listen(cloud) : cloud.origin;
    const { http } = await startConnector({ domainApi: cloud.origin, trustedOrigins: [origin] }, { baseURL: origin });
    return { cloud, send: () => http.post(SEND, { a: 'ä' }, { onBehalfOf: 'c', ...config }) };
  }

  it.each([40102, 40103])('both tokens arrive, and %i is replayed', async (code) => {
    const { cloud, send } = await start(({ script }) => {
      script.send = (_, count) => (count === 1 ? { status: 401, body: envelope(code) } : undefined);
    });
    await expect(send()).resolves.toMatchObject({ status: 200, data: { code: 'OK' } });
    const sends = cloud.seen.filter(({ service }) => service === 'send');
    expect(sends.map(({ body }) => body)).toEqual(['{"a":"ä"}', '{"a":"ä"}']);
    expect(sends.map(({ headers }) => headers.authorization)).toEqual([
      cloud.issued.appJwt[0],
      cloud.issued.appJwt[code === 40102 ? 1 : 0],
    ]);
    expect(sends.map(({ headers }) => headers['x-lp-on-behalf'])).toEqual([
      cloud.issued.consumerJws.get('c')?.[0],
      cloud.issued.consumerJws.get('c')?.[code === 40103 ? 1 : 0],
    ]);
  });

  it.each([301, 302, 303, 307, 308])('a redirect (%i) is not followed, neither here nor elsewhere', async (status) => {
    const other = await startCloud();
    let location = '';
    const { cloud, send } = await start(({ script }) => {
      script.send = () => ({ status, headers: { location } });
    });
    for (location of [`${other.origin}${SEND}`, `${other.origin}/`, '/elsewhere', SEND]) {
      await expect(send()).rejects.toMatchObject({ response: { status } });
    }
    expect(other.seen).toEqual([]);
    expect([cloud.count('send'), cloud.count('other')]).toEqual([4, 0]);
  });
});
