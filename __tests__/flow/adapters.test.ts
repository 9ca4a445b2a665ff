import { request } from 'node:http';
import axios, { type AxiosRequestConfig } from 'axios';
import { http as followRedirects } from 'follow-redirects';
import { type Cloud, envelope, SEND, startCloud } from '../support/cloud.js';
import { startConnector, stopConnectors } from '../support/connector.js';
import { closeServers, startHttp2Server } from '../support/server.js';

afterEach(closeServers);
afterEach(stopConnectors);

interface Way {
  config: AxiosRequestConfig;
  /** Where the cloud is heard too. */
  over?: typeof startHttp2Server;
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
  ['the http adapter over HTTP/2', { config: { adapter: 'http', httpVersion: 2 }, over: startHttp2Server }],
];

describe.each(WAYS)('by %s', (_, { config, over }) => {
  async function start(script: (cloud: Cloud) => void) {
    const cloud = await startCloud();
    script(cloud);
    const { origin } = over ? await over(cloud.serve) : cloud;
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

it('an adapter is given all that its config has, whatever the config before it had', async () => {
  const { http } = await startConnector();
  const mark = Symbol('of a user');
  const given: object[] = [];
  http.interceptors.request.use((config) => Object.assign(config, config.params, config.params && { [mark]: 1 }));
  const adapter: AxiosRequestConfig['adapter'] = (sent) => {
    given.push(sent);
    return axios.getAdapter('http')(sent);
  };
  const kinds = [{ decompress: false }, undefined, { decompress: true }, { maxRate: 9_999_999 }, undefined];
  for (const params of kinds) await http.post(SEND, {}, { onBehalfOf: 'c', adapter, ...(params && { params }) });

  const own = { decompress: undefined, maxRate: undefined, [mark]: undefined };
  expect(given.map((sent) => ({ ...own, ...sent }))).toEqual(
    kinds.map((params) => expect.objectContaining({ ...own, ...params, ...(params && { [mark]: 1, params }) })),
  );
  expect(Object.keys(given[1] ?? {})).not.toContain('decompress');
});

it('an adapter is given the caller’s fetchOptions, but for what is to be done with a redirect', async () => {
  const { http } = await startConnector();
  const given: unknown[] = [];
  const adapter: AxiosRequestConfig['adapter'] = (sent) => {
    given.push(sent.fetchOptions);
    return axios.getAdapter('http')(sent);
  };
  const fetchOptions = { redirect: 'follow', cache: 'no-store' } as const;
  const { config } = await http.post(SEND, {}, { onBehalfOf: 'c', adapter, fetchOptions });
  expect(given).toEqual([{ redirect: 'manual', cache: 'no-store' }]);
  expect(config.fetchOptions).toEqual(fetchOptions);
});

it('an adapter that throws at once fails its request, and holds no token in what it threw', async () => {
  const { http } = await startConnector();
  const adapter = (config: AxiosRequestConfig) => {
    expect(config.headers?.Authorization).toMatch(/^eyJ/);
    throw Object.assign(new Error('no network'), { config });
  };
  // One that waits for its tokens, and one that has them.
  for (let times = 0; times < 2; times += 1) {
    const error = await http.post(SEND, {}, { onBehalfOf: 'c', adapter }).catch((thrown) => thrown);
    expect(error).toMatchObject({ message: 'no network', config: { onBehalfOf: 'c' } });
    expect(error.config.headers.Authorization).toBeUndefined();
  }
});

it.each([undefined, null, false, '', 0])('an adapter that is %p is Axios’s default', async (adapter) => {
  const { cloud, http } = await startConnector({}, { adapter: adapter as never });
  await http.post(SEND, {}, { onBehalfOf: 'c' });
  await http.get('/other');
  expect([cloud.count('send'), cloud.count('other')]).toEqual([1, 1]);
});

describe('an object in the config that is changed between refusal and replay changes nothing', () => {
  class Params {
    q = '1';
  }
  const params = new Params();
  const when = new Date(0);
  const transport = { request };
  it.each<[string, AxiosRequestConfig, () => void]>([
    [
      'params of a class',
      { params },
      () => {
        params.q = 'changed';
      },
    ],
    ['a date in params', { params: { when } }, () => when.setTime(1e12)],
    [
      'a transport',
      { transport },
      () => {
        transport.request = () => {
          throw new Error('another transport');
        };
      },
    ],
  ])('%s', async (_, config, change) => {
    const { cloud, http } = await startConnector();
    cloud.script.send = (_seen, count) => {
      if (count > 1) return undefined;
      change();
      return { status: 401, body: envelope(40102) };
    };
    await http.post(SEND, {}, { onBehalfOf: 'c', ...config });
    const urls = cloud.seen.filter(({ service }) => service === 'send').map(({ url }) => url);
    expect(urls).toEqual([urls[0], urls[0]]);
    expect(urls[0]).not.toMatch(/changed|2001/);
  });
});
