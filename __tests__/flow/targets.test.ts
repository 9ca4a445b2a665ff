import axios, { AxiosHeaders, type AxiosRequestConfig, type InternalAxiosRequestConfig } from 'axios';
import { createConnectorAuth } from '../../lib/index.js';
import { ACCOUNT, type Cloud, CONVERSATION, SEND, startCloud, until } from '../support/cloud.js';
import { createAuth, lookedUpBy, PATIENT, rejection, startConnector, stopConnectors } from '../support/connector.js';
import { HELD_MS, holdTimers, releaseTimers } from '../support/timers.js';

afterEach(stopConnectors);
afterEach(releaseTimers);

const asC = { onBehalfOf: 'c' };
const tokenCalls = (cloud: Cloud) => cloud.count('sentinel') + cloud.count('idp');

describe('requests that are not ours', () => {
  it.each([
    ['GET', SEND],
    ['PUT', SEND],
    ['POST', `/api/account/${ACCOUNT}/messaging/consumer/conversation/`],
    ['POST', `/api/account/${ACCOUNT}/messaging/consumer/conversation/send/`],
    ['POST', `/api/account/${ACCOUNT}/messaging/consumer/conversation/other`],
    ['POST', `/api/account/${ACCOUNT}/messaging/consumer/Conversation`],
    ['POST', `/prefix${SEND}`],
    ['POST', `/api/account/${ACCOUNT}/messaging/consumer%2Fconversation`],
    ['POST', '/api/account//messaging/consumer/conversation'],
    ['POST', `/anything?x=${SEND}`],
  ])('%s %s reaches its adapter as the very config it would have been', async (method, url) => {
    const { cloud, http } = await startConnector();
    let received: InternalAxiosRequestConfig | undefined;
    const adapter = async (config: InternalAxiosRequestConfig) => {
      received = config;
      return { data: '', status: 200, statusText: '', headers: {}, config };
    };
    const response = await http.request({ method, url, data: {}, ...asC, adapter });
    expect(received).toBe(response.config);
    expect(received?.adapter).toBe(adapter);
    expect(received?.headers).toBeInstanceOf(AxiosHeaders);
    expect(received?.headers.has('authorization')).toBe(false);
    expect(received).not.toHaveProperty('maxRedirects', 0);
    expect(cloud.seen).toHaveLength(0);
  });

  it('are those that say connectorAuth: false, too', async () => {
    const { cloud, http } = await startConnector();
    await http.post(SEND, {}, { ...asC, connectorAuth: false });
    expect(cloud.seen).toHaveLength(1);
    expect(cloud.seen[0]?.headers.authorization).toBeUndefined();
  });
});

describe('the URL judged is the one that is sent', () => {
  it.each([
    ['an absolute URL', (cloud: Cloud) => ({ url: `${cloud.origin}${SEND}` })],
    ['dot segments that lead there', (cloud: Cloud) => ({ url: `${cloud.origin}/x/../${SEND.slice(1)}` })],
    ['no baseURL', () => ({ url: SEND, baseURL: '' })],
    ['no baseURL and no leading slash', () => ({ url: SEND.slice(1), baseURL: '' })],
    [
      'a baseURL with half of the path',
      (cloud: Cloud) => ({ baseURL: `${cloud.origin}/api/account/`, url: SEND.slice(13) }),
    ],
    [
      'a baseURL that wins over an absolute URL',
      (cloud: Cloud) => ({ baseURL: cloud.origin, url: SEND, allowAbsoluteUrls: false }),
    ],
  ])('%s', async (_, configFor) => {
    const { cloud, http } = await startConnector();
    await http.post('', {}, { ...asC, ...configFor(cloud) }).catch(() => {});
    const { url, ...config } = configFor(cloud);
    await http.post(url, {}, { ...asC, ...config });
    expect(cloud.seen.at(-1)).toMatchObject({ service: 'send', headers: { authorization: cloud.issued.appJwt[0] } });
  });

  it.each([
    ['a path under an origin stays as written', 'ORIGIN', SEND, { baseURL: 'ORIGIN', url: SEND }],
    ['a path under an origin with a slash, too', 'ORIGIN/', SEND, { baseURL: 'ORIGIN/', url: SEND }],
    ['a path alone gets the messaging host', '', SEND, { baseURL: 'ORIGIN', url: SEND }],
    ['a whole URL needs no base', 'https://elsewhere.example', `ORIGIN${SEND}`, { baseURL: '', url: `ORIGIN${SEND}` }],
    [
      'what might be read in two ways is written out',
      '',
      `ORIGIN/x/../${SEND.slice(1)}`,
      { baseURL: '', url: `ORIGIN${SEND}` },
    ],
    ['a path without a slash, too', 'ORIGIN', SEND.slice(1), { baseURL: '', url: `ORIGIN${SEND}` }],
  ])('at the adapter, %s', async (_, base, written, expected) => {
    const { cloud, http } = await startConnector({}, { baseURL: '' });
    const fill = (text: string) => text.replace('ORIGIN', cloud.origin);
    let received: AxiosRequestConfig = {};
    const adapter = async (config: InternalAxiosRequestConfig) => {
      received = { baseURL: config.baseURL ?? '', url: config.url ?? '' };
      return { data: {}, status: 200, statusText: 'OK', headers: {}, config };
    };
    const { config } = await http.post(fill(written), {}, { ...asC, baseURL: fill(base), adapter });
    expect(received).toEqual({ baseURL: fill(expected.baseURL), url: fill(expected.url) });
    expect([config.baseURL, config.url]).toEqual([fill(base), fill(written)]);
  });

  it('as interceptors that were installed before and after have left it', async () => {
    const { cloud, http, auth } = await startConnector();
    const fresh = axios.create({ baseURL: cloud.origin });
    fresh.interceptors.request.use((config) => Object.assign(config, { url: SEND }));
    auth.install(fresh);
    await fresh.post('/elsewhere', {}, asC);
    expect(cloud.count('send')).toBe(1);
    http.interceptors.request.use((config) => Object.assign(config, { baseURL: 'https://evil.example' }));
    await expect(http.post(SEND, {}, asC)).rejects.toMatchObject({ code: 'ERR_UNTRUSTED_ORIGIN' });
    expect(cloud.count('send')).toBe(1);
  });

  it('a request through a path of a trusted origin', async () => {
    const gateway = await startCloud();
    try {
      const { cloud, http } = await startConnector({ trustedOrigins: [`${gateway.origin}/liveperson`] });
      await http.post(`${gateway.origin}/liveperson${SEND}`, {}, asC);
      expect(gateway.seen[0]?.headers.authorization).toBe(cloud.issued.appJwt[0]);
      await expect(http.post(`${gateway.origin}${SEND}`, {}, asC)).rejects.toMatchObject({
        code: 'ERR_UNTRUSTED_ORIGIN',
      });
      expect(gateway.seen).toHaveLength(1);
    } finally {
      await gateway.close();
    }
  });
});

describe('tokens go to no other place', () => {
  const hostile = (port: string) => [
    `https://evil.example${SEND}`,
    `http://evil.example${SEND}`,
    `http://relative.invalid${SEND}`,
    `//relative.invalid${SEND}`,
    `HTTPS://EVIL.EXAMPLE${SEND}`,
    `https://evil.example:443${SEND}`,
    `https://evil.example/x/..${SEND}`,
    `https:\\\\evil.example${SEND}`,
    `https://evil.example\\${SEND.slice(1)}`,
    `//evil.example${SEND}`,
    `\\\\evil.example${SEND}`,
    `https://evil.example/./${SEND.slice(1)}`,
    `ht\ntps://evil.example${SEND}`,
    `https://127.0.0.1:${port}${SEND}`,
    `http://127.0.0.1:1${SEND}`,
    `http://localhost:${port}${SEND}`,
    `http://127.0.0.1:${port}@evil.example${SEND}`,
    `http://user:password@127.0.0.1:${port}${SEND}`,
    `http://user@127.0.0.1:${port}${SEND}`,
    `http://:password@127.0.0.1:${port}${SEND}`,
  ];

  it.each(hostile('PORT'))('%s', async (template) => {
    const { cloud, http } = await startConnector({}, { baseURL: '' });
    const url = template.replaceAll('PORT', cloud.host.slice(10));
    const adapter = jest.fn();
    const error = await rejection(http.post(url, {}, { ...asC, adapter }));
    expect(error).toMatchObject({ code: 'ERR_UNTRUSTED_ORIGIN', accountId: ACCOUNT });
    expect(String(error)).not.toMatch(/password@|:password|user@/);
    expect(adapter).not.toHaveBeenCalled();
    expect(tokenCalls(cloud)).toBe(0);
  });

  it('a host that the Domain API returns is https, unless all of it is loopback', async () => {
    const { cloud, auth } = await startConnector();
    cloud.script.domain = () => ({ body: { baseURIs: [{ service: 'idp', baseURI: 'lo.idp.liveperson.net' }] } });
    await expect(auth.getOrigin('idp')).resolves.toBe('https://lo.idp.liveperson.net');
  });

  it.each([
    'https://evil.example',
    'evil.example/path',
    'user@evil.example',
    'evil.example:99999',
    '',
    5,
    null,
    'a b',
    '..',
    'evil.example?x',
  ])('a host that is no bare host name (%j) is refused', async (baseURI) => {
    const { cloud, http } = await startConnector();
    cloud.script.domain = () => ({ body: { baseURIs: [{ service: 'asyncMessagingEnt', baseURI }] } });
    await expect(http.post(SEND, {}, asC)).rejects.toMatchObject({ code: 'ERR_DOMAIN_LOOKUP' });
    expect(tokenCalls(cloud)).toBe(0);
  });
});

describe('the account in the URL picks the credentials', () => {
  it('an account without any is refused before anything is sent', async () => {
    const { cloud, http } = await startConnector();
    const error = await rejection(http.post(SEND.replace(ACCOUNT, '999'), {}, asC));
    expect(error).toMatchObject({ code: 'ERR_UNKNOWN_ACCOUNT', accountId: '999' });
    expect(cloud.seen).toHaveLength(0);
  });

  it('many brands: each its own tokens, looked up once', async () => {
    const cloud = await startCloud();
    try {
      const credentials = jest.fn(async (id: string) =>
        id.startsWith('brand') ? { clientId: id, clientSecret: `${id}-secret` } : undefined,
      );
      const auth = createConnectorAuth({ credentials, domainApi: cloud.origin, retry: false, ...PATIENT });
      const http = axios.create({ baseURL: cloud.origin });
      auth.install(http);
      for (const account of ['brand1', 'brand2', 'brand1'])
        await http.post(CONVERSATION.replace(ACCOUNT, account), [], asC);
      await expect(http.post(CONVERSATION.replace(ACCOUNT, 'other'), [], asC)).rejects.toMatchObject({
        code: 'ERR_UNKNOWN_ACCOUNT',
      });
      await expect(auth.getAppJwt()).rejects.toMatchObject({ code: 'ERR_UNKNOWN_ACCOUNT' });
      expect(credentials.mock.calls.flat()).toEqual(['brand1', 'brand2', 'other']);
      expect([cloud.count('domain'), cloud.count('sentinel'), cloud.count('idp')]).toEqual([2, 2, 2]);
      const [first, second, third] = cloud.seen.filter(({ service }) => service === 'conversation');
      expect(first?.headers.authorization).not.toBe(second?.headers.authorization);
      expect(first?.headers.authorization).toBe(third?.headers.authorization);
      auth.close();
    } finally {
      await cloud.close();
    }
  });

  it('a lookup of credentials that hangs ends after tokenTimeoutMs, and the next request asks again', async () => {
    const cloud = await startCloud();
    const found = { clientId: 'id', clientSecret: 'secret' };
    const credentials = jest.fn(async () => found).mockReturnValueOnce(new Promise(() => {}));
    const limits = holdTimers();
    const auth = createAuth(cloud, { ...lookedUpBy(credentials), tokenTimeoutMs: HELD_MS });
    const http = axios.create({ baseURL: cloud.origin });
    auth.install(http);
    const failed = rejection(http.post(SEND, {}, { onBehalfOf: 'c' }));
    await until(() => limits.waiting > 0);
    limits.end();
    expect(await failed).toMatchObject({
      code: 'ERR_CREDENTIALS',
      transient: true,
      message: expect.stringContaining('no answer in time'),
    });
    expect((await http.post(SEND, {}, { onBehalfOf: 'c' })).status).toBe(200);
    expect(credentials).toHaveBeenCalledTimes(2);
  });

  it.each([
    [400, { clientId: 'id', clientSecret: 'new' }, 2],
    [401, { clientId: 'other', clientSecret: 'old' }, 2],
    [401, { clientId: 'id', clientSecret: 'old' }, 1],
    [403, { clientId: 'id', clientSecret: 'new' }, 1],
    [503, { clientId: 'id', clientSecret: 'new' }, 1],
  ])('after a %i, with %j at the second look, Sentinel is asked %i times', async (status, second, calls) => {
    const cloud = await startCloud();
    const lookups = [{ clientId: 'id', clientSecret: 'old' }, second];
    const auth = createAuth(
      cloud,
      lookedUpBy(() => lookups.shift()),
    );
    cloud.script.sentinel = () => ({ status });
    await expect(auth.getAppJwt({ accountId: ACCOUNT })).rejects.toMatchObject({ code: 'ERR_APP_JWT', status });
    expect(cloud.count('sentinel')).toBe(calls);
    expect(lookups).toHaveLength(status === 400 || status === 401 ? 0 : 1);
  });

  it('credentials that Sentinel refuses are looked up again once', async () => {
    const cloud = await startCloud();
    const secrets = ['old', 'new'];
    const auth = createConnectorAuth({
      credentials: () => ({ clientId: 'id', clientSecret: secrets.shift() ?? 'none' }),
      domainApi: cloud.origin,
      retry: false,
      ...PATIENT,
    });
    cloud.script.sentinel = ({ body }) =>
      body.includes('old') ? { status: 401, body: { error: 'invalid_client' } } : undefined;
    const jwt = await auth.getAppJwt({ accountId: ACCOUNT });
    expect(jwt).toBe(cloud.issued.appJwt[0]);
    expect(cloud.count('sentinel')).toBe(2);
    auth.close();
    await cloud.close();
  });
});

describe('the consumer', () => {
  it('is that of the request, then of the option, then of the async context; only undefined falls through', async () => {
    const consumerId = jest.fn(async ({ data }: InternalAxiosRequestConfig) => JSON.parse(data).from);
    const { cloud, http, auth } = await startConnector({ consumerId });
    await auth.runOnBehalfOf('context', async () => {
      await http.post(SEND, { from: 'option' }, { onBehalfOf: 'request' });
      await http.post(SEND, { from: 'option' });
      await http.post(SEND, {});
    });
    expect(
      cloud.seen.filter(({ service }) => service === 'idp').map(({ body }) => JSON.parse(body).ext_consumer_id),
    ).toEqual(['request', 'option', 'context']);
  });

  it.each([[undefined], [''], [null], [5], [{}]])('%j is none: nothing is sent', async (consumer) => {
    const { cloud, http } = await startConnector();
    await expect(http.post(SEND, {}, { onBehalfOf: consumer as never })).rejects.toMatchObject({
      code: 'ERR_NO_CONSUMER',
    });
    expect(cloud.seen).toHaveLength(0);
  });
});

describe('install', () => {
  it('twice is once; uninstalled, requests go as they are, and those under way finish', async () => {
    const { cloud, http, auth } = await startConnector();
    const uninstall = auth.install(http);
    expect(auth.install(http)).toBe(uninstall);
    const underWay = http.post(SEND, {}, asC);
    await new Promise((resolve) => setImmediate(resolve));
    uninstall();
    await http.post(SEND, {}, asC);
    await underWay;
    expect(cloud.seen.filter(({ service, headers }) => service === 'send' && headers.authorization)).toHaveLength(1);
    auth.install(http);
    await http.post(SEND, {}, asC);
    expect(cloud.seen.filter(({ service, headers }) => service === 'send' && headers.authorization)).toHaveLength(2);
  });

  it('shares one auth among several instances, the static axios too', async () => {
    const { cloud, auth } = await startConnector();
    const uninstall = auth.install(axios);
    try {
      await axios.post(cloud.origin + SEND, {}, asC);
      expect([cloud.count('sentinel'), cloud.count('send')]).toEqual([1, 1]);
    } finally {
      uninstall();
    }
  });

  it.each([[undefined], [{}], [{ interceptors: {} }], ['axios']])(
    'refuses what is no instance: %j',
    async (instance) => {
      const { auth } = await startConnector();
      expect(() => auth.install(instance as never)).toThrow(/takes an Axios instance/);
    },
  );

  it('two auths never share a token', async () => {
    const { cloud, auth } = await startConnector();
    const other = createAuth(cloud);
    expect(await auth.getConsumerJws('c')).not.toBe(await other.getConsumerJws('c'));
    expect([cloud.count('domain'), cloud.count('sentinel'), cloud.count('idp')]).toEqual([2, 2, 2]);
    other.close();
  });
});
