import axios, { type AxiosAdapter } from 'axios';
import { ACCOUNT, CONVERSATION, defer, makeToken, SEND, startCloud, until } from '../support/cloud.js';
import {
  CLIENT_ID,
  CLIENT_SECRET,
  createAuth,
  lookedUpBy,
  rejection,
  startConnector,
  stopConnectors,
} from '../support/connector.js';
import { effort } from '../support/effort.js';

const CROWD = effort(10_000);

afterEach(stopConnectors);

describe('both tokens are attached to CONVERSATION and SEND', () => {
  it.each([SEND, CONVERSATION])('on POST %s', async (url) => {
    const { cloud, http } = await startConnector();
    const { status } = await http.post(url, { id: 1 }, { onBehalfOf: 'sms-1' });
    expect(status).toBe(200);
    const [request] = cloud.seen.filter(({ service }) => service === 'send' || service === 'conversation');
    expect(request?.headers.authorization).toBe(cloud.issued.appJwt[0]);
    expect(request?.headers['x-on-behalf']).toBe(cloud.issued.consumerJws.get('sms-1')?.[0]);
    expect(request?.headers['x-lp-on-behalf']).toBe(cloud.issued.consumerJws.get('sms-1')?.[0]);
    expect(request?.body).toBe('{"id":1}');
  });

  it('under the header names and with the prefix that the options give, replacing what was there in any spelling', async () => {
    const { cloud, http } = await startConnector({ onBehalfHeaders: ['LP-On-Behalf'], authorizationPrefix: 'Bearer ' });
    const headers = { AUTHORIZATION: 'mine', 'lp-ON-behalf': 'mine', 'X-On-Behalf': 'kept' };
    await http.post(SEND, {}, { onBehalfOf: 'c', headers, auth: { username: 'u', password: 'p' } });
    const sent = cloud.seen.find(({ service }) => service === 'send')?.headers;
    expect(sent?.authorization).toBe(`Bearer ${cloud.issued.appJwt[0]}`);
    expect(sent?.['lp-on-behalf']).toBe(cloud.issued.consumerJws.get('c')?.[0]);
    expect(sent?.['x-on-behalf']).toBe('kept');
    expect(sent?.['x-lp-on-behalf']).toBeUndefined();
  });

  it('without leaving them on the config of the answer', async () => {
    const { http } = await startConnector();
    const { config } = await http.post(SEND, {}, { onBehalfOf: 'c' });
    expect(JSON.stringify(config)).not.toContain('signature');
    expect(config.adapter).toEqual(http.defaults.adapter);
  });
});

describe('lazy and single flight', () => {
  it('fetches nothing before the first request', async () => {
    const { cloud, auth } = await startConnector();
    auth.inspect();
    expect(cloud.seen).toHaveLength(0);
  });

  it(`${CROWD} first requests at once for one consumer cost one call each of Domain API, Sentinel and IDP`, async () => {
    const { cloud, http, auth } = await startConnector(
      {},
      { adapter: async (config) => ({ data: '', status: 200, statusText: '', headers: {}, config }) },
    );
    await Promise.all(Array.from({ length: CROWD }, () => http.post(SEND, {}, { onBehalfOf: 'one' })));
    expect(cloud.seen.map(({ service }) => service)).toEqual(['domain', 'sentinel', 'idp']);
    expect(auth.inspect().consumers.count).toBe(1);
  });

  it('later requests reuse the tokens', async () => {
    const { cloud, http } = await startConnector();
    for (let i = 0; i < 3; i++) await http.post(SEND, {}, { onBehalfOf: 'c' });
    await http.post(SEND, {}, { onBehalfOf: 'd' });
    expect([cloud.count('domain'), cloud.count('sentinel'), cloud.count('idp'), cloud.count('send')]).toEqual([
      1, 1, 2, 4,
    ]);
  });

  it('after a failure the next request tries again', async () => {
    const { cloud, http } = await startConnector();
    cloud.script.sentinel = (_, count) => (count === 1 ? { status: 503 } : undefined);
    await expect(http.post(SEND, {}, { onBehalfOf: 'c' })).rejects.toMatchObject({
      code: 'ERR_APP_JWT',
      status: 503,
      transient: true,
    });
    await expect(http.post(SEND, {}, { onBehalfOf: 'c' })).resolves.toMatchObject({ status: 200 });
  });
});

describe('the calls for tokens', () => {
  it('V1: grant_type in the query, id and secret in the form body', async () => {
    const { cloud, auth } = await startConnector();
    await auth.getAppJwt();
    const call = cloud.seen.find(({ service }) => service === 'sentinel');
    expect(call?.method).toBe('POST');
    expect(call?.url).toBe(`/sentinel/api/account/${ACCOUNT}/app/token?v=1.0&grant_type=client_credentials`);
    expect(call?.headers['content-type']).toMatch(/^application\/x-www-form-urlencoded/);
    expect(Object.fromEntries(new URLSearchParams(call?.body))).toEqual({
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
    });
  });

  it('V2: all three in the form body', async () => {
    const { cloud, auth } = await startConnector({ appJwtVersion: '2.0' });
    await auth.getAppJwt();
    const call = cloud.seen.find(({ service }) => service === 'sentinel');
    expect(call?.url).toBe(`/sentinel/api/v2/account/${ACCOUNT}/app/token`);
    expect(Object.fromEntries(new URLSearchParams(call?.body))).toEqual({
      grant_type: 'client_credentials',
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
    });
  });

  it('IDP: the raw AppJWT and ext_consumer_id', async () => {
    const { cloud, auth } = await startConnector({ authorizationPrefix: 'Bearer ' });
    const jws = await auth.getConsumerJws('ünï "c"');
    const call = cloud.seen.find(({ service }) => service === 'idp');
    expect(call?.url).toBe(`/api/account/${ACCOUNT}/consumer?v=1.0`);
    expect(call?.headers.authorization).toBe(cloud.issued.appJwt[0]);
    expect(JSON.parse(call?.body ?? '')).toEqual({ ext_consumer_id: 'ünï "c"' });
    expect(jws).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
  });

  it('are retried by the policy that the option gives', async () => {
    const { cloud, auth } = await startConnector({ retry: { retries: 2, retryDelay: () => 0 } });
    cloud.script.sentinel = (_, count) => (count < 3 ? { break: 'at-once' } : undefined);
    await expect(auth.getAppJwt()).resolves.toEqual(expect.any(String));
    expect(cloud.count('sentinel')).toBe(3);
  });

  it('never follow a redirect, nor take what the static axios has among its defaults', async () => {
    axios.defaults.headers.common.Authorization = 'leak';
    try {
      const { cloud, auth } = await startConnector();
      cloud.script.sentinel = () => ({ status: 302, headers: { location: `${cloud.origin}/elsewhere` } });
      await expect(auth.getAppJwt()).rejects.toMatchObject({ code: 'ERR_APP_JWT', status: 302 });
      expect(cloud.count('other')).toBe(0);
      expect(cloud.seen.some(({ headers }) => headers.authorization === 'leak')).toBe(false);
    } finally {
      delete axios.defaults.headers.common.Authorization;
    }
  });

  it('take the extra headers of axiosConfig', async () => {
    const { cloud, auth } = await startConnector({ axiosConfig: { headers: { 'X-Gateway': 'g' } } });
    await auth.getConsumerJws('c');
    expect(cloud.seen.map(({ headers }) => headers['x-gateway'])).toEqual(['g', 'g', 'g']);
  });

  it('go through the adapter of axiosConfig', async () => {
    const urls: (string | undefined)[] = [];
    const send = axios.getAdapter('http');
    const adapter: AxiosAdapter = (config) => {
      urls.push(config.url);
      return send(config);
    };
    const { cloud, auth } = await startConnector({ axiosConfig: { adapter } });
    await auth.getConsumerJws('c');
    expect(urls).toEqual(cloud.seen.map(({ url }) => cloud.origin + url));
    expect(urls).toHaveLength(3);
  });

  it('end at tokenTimeoutMs also if that adapter never settles, and are retried', async () => {
    let calls = 0;
    const adapter = () => {
      calls += 1;
      return new Promise<never>(() => {});
    };
    const retry = { retries: 1, retryDelay: () => 0 };
    const { auth } = await startConnector({ axiosConfig: { adapter }, tokenTimeoutMs: 5, retry });
    await expect(auth.getAppJwt()).rejects.toMatchObject({ code: 'ERR_DOMAIN_LOOKUP', transient: true });
    expect(calls).toBe(2);
  });

  it('pass no interceptor that other code puts on each instance of axios.create()', async () => {
    const seen: unknown[] = [];
    const create = axios.create;
    axios.create = (config) => {
      const instance = create(config);
      instance.interceptors.request.use((request) => {
        seen.push(request.data);
        return request;
      });
      return instance;
    };
    try {
      const { auth } = await startConnector();
      await auth.getConsumerJws('c');
    } finally {
      axios.create = create;
    }
    expect(seen).toEqual([]);
  });

  it('end with close(), and so do those who wait', async () => {
    const { cloud, http, auth } = await startConnector();
    const never = defer();
    cloud.script.sentinel = () => ({ after: never.promise });
    const waiting = rejection(http.post(SEND, {}, { onBehalfOf: 'c' }));
    await until(() => cloud.count('sentinel') > 0);
    auth.close();
    expect(await waiting).toMatchObject({ code: 'ERR_CLOSED' });
    await expect(http.post(SEND, {}, { onBehalfOf: 'c' })).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await expect(auth.getAppJwt()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    never.resolve();
  });

  it('are not even needed for tokens and hosts in hand, which close() lets nobody have', async () => {
    const { cloud, auth } = await startConnector();
    const asks = [
      () => auth.getAppJwt(),
      () => auth.getConsumerJws('c'),
      () => auth.getOrigin('idp'),
      () => auth.getAppJwt({ accountId: ACCOUNT }),
    ];
    for (const ask of asks) await ask();
    const before = cloud.seen.length;
    auth.close();
    for (const ask of asks) {
      expect(await rejection(ask())).toMatchObject({ code: 'ERR_CLOSED', accountId: ACCOUNT });
    }
    expect(cloud.seen).toHaveLength(before);
  });

  it('after close() are not made, nor is it asked who a message is for', async () => {
    const consumerId = jest.fn(() => 'c');
    const { cloud, http, auth } = await startConnector({ consumerId });
    auth.close();
    expect(await rejection(http.post(SEND))).toMatchObject({ code: 'ERR_CLOSED', accountId: ACCOUNT });
    expect(cloud.seen).toEqual([]);
    expect(consumerId).not.toHaveBeenCalled();
  });

  it('to IDP are made but once with an AppJWT that it refuses and that may not be renewed yet', async () => {
    const { cloud, auth } = await startConnector({ forcedRefreshIntervalMs: 60_000 });
    cloud.script.idp = () => ({ status: 401, body: {} });
    for (const [consumer, idpCalls] of [
      ['a', 2],
      ['b', 3],
    ] as const) {
      expect(await rejection(auth.getConsumerJws(consumer))).toMatchObject({ code: 'ERR_CONSUMER_JWS', status: 401 });
      expect([cloud.count('sentinel'), cloud.count('idp')]).toEqual([2, idpCalls]);
    }
  });

  it('renew no AppJWT when it is the Domain API that says 401', async () => {
    const { cloud, auth } = await startConnector();
    const services = ['sentinel', 'asyncMessagingEnt'].map((service) => ({ service, baseURI: cloud.host }));
    cloud.script.domain = ({ url }) =>
      url.includes('/service/idp/') ? { status: 401 } : { body: { baseURIs: services } };
    expect(await rejection(auth.getConsumerJws('c'))).toMatchObject({ code: 'ERR_DOMAIN_LOOKUP', status: 401 });
    expect([cloud.count('sentinel'), cloud.count('idp')]).toEqual([1, 0]);
  });
});

describe('the life of a token', () => {
  const HOUR = 3_600_000;

  it.each([
    ['exp - iat, whatever the local clock says', { aud: ACCOUNT, iat: 5, exp: 605 }, {}, 600_000],
    ['expires_in as a number', { aud: ACCOUNT }, { expires_in: 900 }, 900_000],
    ['expires_in as a string', { aud: ACCOUNT }, { expires_in: '900' }, 900_000],
    ['one hour without either', { aud: ACCOUNT }, {}, HOUR],
  ])('is %s', async (_, claims, answer, lifetimeMs) => {
    let now = 1_700_000_000_000;
    const { cloud, auth } = await startConnector({ clock: { now: () => now }, domainTtlMs: 100 * HOUR });
    cloud.script.sentinel = () => ({ body: { access_token: makeToken(claims), ...answer } });
    await auth.getAppJwt();
    now += lifetimeMs - 30_001;
    await auth.getAppJwt();
    expect(cloud.count('sentinel')).toBe(1);
    now += 1;
    await auth.getAppJwt();
    expect(cloud.count('sentinel')).toBe(2);
  });

  it('of a ConsumerJWS has no end, unless it has an exp', async () => {
    let now = 1_700_000_000_000;
    const { cloud, auth } = await startConnector({ clock: { now: () => now }, domainTtlMs: 500 * HOUR });
    const expiring = makeToken({ ext_consumer_id: 'b', exp: now / 1_000 + 600 });
    cloud.script.idp = ({ body }) => (body.includes('"b"') ? { status: 201, body: { token: expiring } } : undefined);
    await auth.getConsumerJws('a');
    await auth.getConsumerJws('b');
    now += 400 * HOUR;
    await auth.getConsumerJws('a');
    expect(cloud.count('idp')).toBe(2);
    await auth.getConsumerJws('b');
    expect(cloud.count('idp')).toBe(3);
  });

  it('ends in memory when more consumers come than maxConsumers, the least recently used first', async () => {
    const { cloud, auth } = await startConnector({ maxConsumers: 2 });
    const evicted: unknown[] = [];
    const hashes: unknown[] = [];
    auth.on('evict', (event) => evicted.push(event));
    auth.on('token', ({ consumer }) => consumer && hashes.push(consumer));
    for (const consumer of ['a', 'b', 'a', 'c', 'a']) await auth.getConsumerJws(consumer);
    expect(cloud.count('idp')).toBe(3);
    expect(evicted).toEqual([{ kind: 'consumerJws', accountId: ACCOUNT, consumer: hashes[1] }]);
    await auth.getConsumerJws('b');
    expect(cloud.count('idp')).toBe(4);
  });
});

describe('invalidate', () => {
  it('drops one consumer, one account or all', async () => {
    const { cloud, auth } = await startConnector();
    const causes: string[] = [];
    auth.on('token', ({ kind, cause }) => causes.push(`${kind} ${cause}`));
    await auth.getConsumerJws('a');
    await auth.getConsumerJws('b');
    auth.invalidate({ consumerId: 'a' });
    await auth.getConsumerJws('a');
    await auth.getConsumerJws('b');
    expect([cloud.count('sentinel'), cloud.count('idp')]).toEqual([1, 3]);
    auth.invalidate({ accountId: 'other' });
    await auth.getConsumerJws('b');
    expect(cloud.count('idp')).toBe(3);
    auth.invalidate();
    await auth.getConsumerJws('b');
    expect([cloud.count('sentinel'), cloud.count('idp')]).toEqual([2, 4]);
    expect(causes.slice(-2)).toEqual(['appJwt invalidated', 'consumerJws invalidated']);
  });

  it.each([
    ['all', undefined, [2, 3]],
    ['an account', { accountId: ACCOUNT }, [1, 2]],
    ['a consumer of any account', { consumerId: 'a' }, [0, 2]],
    ['a consumer of one account', { accountId: ACCOUNT, consumerId: 'a' }, [0, 1]],
    ['an account that is not ours', { accountId: '70000000' }, [0, 0]],
    ['a consumer who never was', { consumerId: 'd' }, [0, 0]],
  ])('of %s has its own tokens fetched anew, and no others', async (_, target, calls) => {
    const cloud = await startCloud();
    const credentials = () => ({ clientId: 'id', clientSecret: 's' });
    const auth = createAuth(cloud, lookedUpBy(credentials));
    const other = '70099999';
    const useAll = async () => {
      for (const accountId of [ACCOUNT, other]) await auth.getAppJwt({ accountId });
      for (const consumer of ['a', 'b']) await auth.getConsumerJws(consumer, { accountId: ACCOUNT });
      await auth.getConsumerJws('a', { accountId: other });
    };
    await useAll();
    auth.invalidate(target);
    await useAll();
    expect([cloud.count('sentinel') - 2, cloud.count('idp') - 3]).toEqual(calls);
  });

  it('leaves a call for another consumer, and the failure of another, as they are', async () => {
    const { cloud, auth } = await startConnector({
      failureCooldownMs: { min: 5_000, max: 5_000 },
      clock: { now: () => 1_800_000_000_000 },
    });
    const gate = defer();
    cloud.script.idp = ({ body }) => {
      if (body.includes('bad')) return { status: 400 };
      return { after: gate.promise, status: 201, body: { token: makeToken({}) } };
    };
    const [slow, bad] = [auth.getConsumerJws('slow'), rejection(auth.getConsumerJws('bad'))];
    await until(() => cloud.count('idp') === 2);
    await bad;
    auth.invalidate({ consumerId: 'other' });
    await rejection(auth.getConsumerJws('bad'));
    const joined = auth.getConsumerJws('slow');
    gate.resolve();
    expect(await joined).toBe(await slow);
    expect(cloud.count('idp')).toBe(2);
  });

  it('disowns an answer that is under way: who waits gets it, who comes later gets another', async () => {
    const { cloud, auth } = await startConnector();
    const gate = defer();
    cloud.script.sentinel = (_, count) =>
      count === 1
        ? { after: gate.promise, body: { access_token: makeToken({ aud: ACCOUNT, sub: 'old' }) } }
        : undefined;
    const early = auth.getAppJwt();
    await until(() => cloud.count('sentinel') > 0);
    auth.invalidate();
    const late = await auth.getAppJwt();
    gate.resolve();
    expect(await early).not.toBe(late);
    expect(await auth.getAppJwt()).toBe(late);
    expect(cloud.count('sentinel')).toBe(2);
  });
});
