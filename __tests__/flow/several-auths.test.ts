import { inspect } from 'node:util';
import axios, { type AxiosInstance } from 'axios';
import { type CommonOptions, type ConnectorAuth, type Credentials, createConnectorAuth } from '../../lib/index.js';
import { ACCOUNT, type Cloud, defer, envelope, SEND, startCloud, until } from '../support/cloud.js';
import { createAuth, lookedUpBy, rejection, stopConnectors } from '../support/connector.js';
import { outcomeOf } from '../support/hostile.js';

afterEach(stopConnectors);

const asC = { onBehalfOf: 'c' };
const OTHER = '70099999';
const NOBODYS = '70055555';
const sendOf = (account: string) => SEND.replace(ACCOUNT, account);

/** The accounts of the requests to a service, in order. */
const accountsAt = (cloud: Cloud, service: 'sentinel' | 'idp' | 'send') =>
  cloud.seen.filter((seen) => seen.service === service).map(({ url }) => /account\/([^/?]+)/.exec(url)?.[1]);

const createLookup = (cloud: Cloud, accounts: readonly string[], how: 'at once' | 'later' = 'later'): ConnectorAuth => {
  const find = (account: string): Credentials | undefined =>
    accounts.includes(account) ? { clientId: `id-${account}`, clientSecret: `secret-${account}` } : undefined;
  return createAuth(
    cloud,
    lookedUpBy(
      how === 'at once'
        ? find
        : async (account: string) => {
            await new Promise((resolve) => setImmediate(resolve));
            return find(account);
          },
    ),
  );
};

const createFixed = (cloud: Cloud, account: string, options: CommonOptions = {}): ConnectorAuth =>
  createAuth(cloud, { ...options, accountId: account, clientId: `id-${account}` } as CommonOptions);

async function start() {
  const cloud = await startCloud();
  const http = axios.create({ baseURL: cloud.origin });
  return { cloud, http };
}

/** Both orders of installation of two auths. */
const ORDERS = [
  ['one after the other', false],
  ['the other way round', true],
] as const;

function installBoth(http: AxiosInstance, auths: [ConnectorAuth, ConnectorAuth], reversed: boolean): void {
  for (const auth of reversed ? auths.toReversed() : auths) auth.install(http);
}

describe.each(ORDERS)('two auths on one instance, installed %s', (_, reversed) => {
  it('each serve their own account', async () => {
    const { cloud, http } = await start();
    installBoth(http, [createFixed(cloud, ACCOUNT), createFixed(cloud, OTHER)], reversed);
    for (const account of [ACCOUNT, OTHER, ACCOUNT, OTHER]) {
      await expect(http.post(sendOf(account), { account }, asC)).resolves.toMatchObject({ status: 200 });
    }
    expect(accountsAt(cloud, 'sentinel')).toEqual([ACCOUNT, OTHER]);
    expect(accountsAt(cloud, 'idp')).toEqual([ACCOUNT, OTHER]);
    expect(accountsAt(cloud, 'send')).toEqual([ACCOUNT, OTHER, ACCOUNT, OTHER]);
    expect(cloud.seen.filter(({ service }) => service === 'sentinel').map(({ body }) => body)).toEqual([
      expect.stringContaining(`id-${ACCOUNT}`),
      expect.stringContaining(`id-${OTHER}`),
    ]);
  });

  it('each with its own options: they share no token, consumer or header', async () => {
    const { cloud, http } = await start();
    const consumers = { [ACCOUNT]: jest.fn(() => 'first'), [OTHER]: jest.fn(() => 'second') };
    const first = createFixed(cloud, ACCOUNT, { consumerId: consumers[ACCOUNT] });
    const second = createFixed(cloud, OTHER, {
      consumerId: consumers[OTHER],
      authorizationPrefix: 'Bearer ',
      onBehalfHeaders: ['X-Other'],
    });
    installBoth(http, [first, second], reversed);
    await http.post(sendOf(ACCOUNT), {});
    await http.post(sendOf(OTHER), {});
    const [one, two] = cloud.seen.filter(({ service }) => service === 'send').map(({ headers }) => headers);
    expect(one).toMatchObject({
      authorization: await first.getAppJwt(),
      'x-lp-on-behalf': await first.getConsumerJws('first'),
    });
    expect(one).not.toHaveProperty('x-other');
    expect(two).toMatchObject({
      authorization: `Bearer ${await second.getAppJwt()}`,
      'x-other': await second.getConsumerJws('second'),
    });
    expect(two).not.toHaveProperty('x-lp-on-behalf');
    expect([consumers[ACCOUNT]?.mock.calls.length, consumers[OTHER]?.mock.calls.length]).toEqual([1, 1]);
  });

  it.each(['at once', 'later'] as const)(
    'one with credentials() that answers %s, one with a fixed account',
    async (how) => {
      const { cloud, http } = await start();
      installBoth(http, [createLookup(cloud, [OTHER], how), createFixed(cloud, ACCOUNT)], reversed);
      const accounts = [OTHER, ACCOUNT, OTHER, ACCOUNT];
      await Promise.all(accounts.map((account) => http.post(sendOf(account), {}, asC)));
      expect(accountsAt(cloud, 'send').toSorted()).toEqual(accounts.toSorted());
      expect(accountsAt(cloud, 'sentinel').toSorted()).toEqual([ACCOUNT, OTHER]);
    },
  );

  it('exactly one serves an account that both have', async () => {
    const { cloud, http } = await start();
    installBoth(http, [createFixed(cloud, ACCOUNT), createLookup(cloud, [ACCOUNT])], reversed);
    await http.post(SEND, {}, asC);
    await http.post(SEND, {}, asC);
    expect(['sentinel', 'idp', 'send'].map((service) => cloud.count(service as 'send'))).toEqual([1, 1, 2]);
  });

  it('an account that neither has gives one ERR_UNKNOWN_ACCOUNT, and nothing is sent', async () => {
    const { cloud, http } = await start();
    const errors: unknown[] = [];
    http.interceptors.response.use(undefined, (error) => {
      errors.push(error.code);
      return Promise.reject(error);
    });
    installBoth(http, [createLookup(cloud, [OTHER]), createFixed(cloud, ACCOUNT)], reversed);
    const error = await rejection(http.post(sendOf(NOBODYS), {}, asC));
    expect(error).toMatchObject({ code: 'ERR_UNKNOWN_ACCOUNT', accountId: NOBODYS });
    expect(errors).toEqual(['ERR_UNKNOWN_ACCOUNT']);
    expect(cloud.seen).toEqual([]);
  });

  it('a lasting refusal is sent twice, and renewed only by the auth of its account', async () => {
    const { cloud, http } = await start();
    const [first, second] = [createFixed(cloud, ACCOUNT), createFixed(cloud, OTHER)];
    const replays: string[] = [];
    first.on('replay', () => replays.push('first'));
    second.on('replay', () => replays.push('second'));
    installBoth(http, [first, second], reversed);
    cloud.script.send = () => ({ status: 401, body: envelope(40102) });
    await rejection(http.post(sendOf(OTHER), {}, asC));
    expect(accountsAt(cloud, 'send')).toEqual([OTHER, OTHER]);
    expect(accountsAt(cloud, 'sentinel')).toEqual([OTHER, OTHER]);
    expect(replays).toEqual(['second']);
  });

  it('a closed auth gives ERR_CLOSED for its own account, and the other goes on', async () => {
    const { cloud, http } = await start();
    const [first, second] = [createFixed(cloud, ACCOUNT), createFixed(cloud, OTHER)];
    installBoth(http, [first, second], reversed);
    await http.post(sendOf(ACCOUNT), {}, asC);
    void first.close();
    await expect(http.post(sendOf(ACCOUNT), {}, asC)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await expect(http.post(sendOf(OTHER), {}, asC)).resolves.toMatchObject({ status: 200 });
    expect(accountsAt(cloud, 'send')).toEqual([ACCOUNT, OTHER]);
  });

  it.each(['fixed', 'looked up'])('a new auth takes over the account of a closed auth (%s)', async (kind) => {
    const { cloud, http } = await start();
    const create = () => (kind === 'fixed' ? createFixed(cloud, ACCOUNT) : createLookup(cloud, [ACCOUNT]));
    const [old, fresh] = [create(), create()];
    old.install(http);
    await http.post(SEND, {}, asC);
    await old.close();
    installBoth(http, [old, fresh], reversed);
    await expect(http.post(SEND, {}, asC)).resolves.toMatchObject({ status: 200 });
    expect([cloud.count('sentinel'), cloud.count('send')]).toEqual([2, 2]);
  });

  it('after one is uninstalled, its account gets no tokens, and the other goes on', async () => {
    const { cloud, http } = await start();
    const [first, second] = [createFixed(cloud, ACCOUNT), createFixed(cloud, OTHER)];
    const uninstalls = (reversed ? [second, first] : [first, second]).map((auth) => auth.install(http));
    (reversed ? uninstalls[1] : uninstalls[0])?.();
    await expect(http.post(sendOf(OTHER), {}, asC)).resolves.toMatchObject({ status: 200 });
    await rejection(http.post(sendOf(ACCOUNT), {}, asC));
    expect(cloud.seen.filter(({ service, url }) => service === 'send' && url.includes(ACCOUNT))).toEqual([]);
    await expect(http.post(sendOf(OTHER), {}, asC)).resolves.toMatchObject({ status: 200 });
  });

  it('requests with connectorAuth: false and other requests are unchanged', async () => {
    const { cloud, http } = await start();
    installBoth(http, [createFixed(cloud, ACCOUNT), createFixed(cloud, OTHER)], reversed);
    await http.post(sendOf(NOBODYS), {}, { ...asC, connectorAuth: false });
    await http.get('/other');
    expect(cloud.seen.map(({ service, headers }) => [service, headers.authorization])).toEqual([
      ['send', undefined],
      ['other', undefined],
    ]);
  });
});

it('five auths, each with an account of its own, in flight together', async () => {
  const { cloud, http } = await start();
  const accounts = Array.from({ length: 5 }, (_, index) => String(70_000_000 + index));
  for (const account of accounts) createFixed(cloud, account).install(http);
  const sent = accounts.flatMap((account) => Array.from({ length: 10 }, () => http.post(sendOf(account), {}, asC)));
  for (const { status } of await Promise.all(sent)) expect(status).toBe(200);
  expect(accountsAt(cloud, 'sentinel').toSorted()).toEqual(accounts);
  expect(cloud.count('send')).toBe(50);
});

it('a credentials() that hangs for one account does not delay the account of another auth', async () => {
  const { cloud, http } = await start();
  const never = new Promise<never>(() => {});
  createFixed(cloud, ACCOUNT).install(http);
  const asked: string[] = [];
  createAuth(
    cloud,
    lookedUpBy((account: string) => {
      asked.push(account);
      return never;
    }),
  ).install(http);
  const abort = new AbortController();
  const waiting = rejection(http.post(sendOf(OTHER), {}, { ...asC, signal: abort.signal }));
  await until(() => asked.includes(OTHER));
  await expect(http.post(SEND, {}, asC)).resolves.toMatchObject({ status: 200 });
  abort.abort();
  expect(axios.isCancel(await waiting)).toBe(true);
  expect(accountsAt(cloud, 'send')).toEqual([ACCOUNT]);
});

it('an auth that is closed during its lookup leaves the request to the auth that has the account', async () => {
  const { cloud, http } = await start();
  const never = new Promise<never>(() => {});
  const asked: string[] = [];
  const hanging = createAuth(
    cloud,
    lookedUpBy((account: string) => {
      asked.push(account);
      return never;
    }),
  );
  hanging.install(http);
  createLookup(cloud, [ACCOUNT]).install(http);
  const sent = http.post(SEND, {}, asC);
  await until(() => asked.length === 1);
  await hanging.close();
  await expect(sent).resolves.toMatchObject({ status: 200 });
  expect(accountsAt(cloud, 'send')).toEqual([ACCOUNT]);
});

it('the config of a request that ends while its account is looked up prints no consumer', async () => {
  const { cloud, http } = await start();
  const never = new Promise<never>(() => {});
  for (const auth of [
    createAuth(
      cloud,
      lookedUpBy(() => never),
    ),
    createFixed(cloud, OTHER),
  ])
    auth.install(http);
  const error = await rejection(http.post(SEND, {}, { onBehalfOf: 'sms-4915550001', timeout: 30 }));
  expect(error).toMatchObject({ code: 'ECONNABORTED' });
  expect(inspect(error, { depth: 10 }) + JSON.stringify(error)).not.toContain('4915550001');
});

describe('install', () => {
  /** How often a message whose token is refused for good is sent: twice with one install, four times with two. */
  async function sendsOfARefusal(cloud: Cloud, http: AxiosInstance): Promise<number> {
    cloud.script.send = () => ({ status: 401, body: envelope(40102) });
    const before = cloud.count('send');
    await outcomeOf(http.post(SEND, {}, asC));
    delete cloud.script.send;
    return cloud.count('send') - before;
  }

  /** Whether a message is sent with tokens. */
  async function isAuthenticated(cloud: Cloud, http: AxiosInstance): Promise<boolean> {
    await http.post(SEND, {}, asC);
    return cloud.seen.at(-1)?.headers.authorization !== undefined;
  }

  it('works after interceptors.request.clear()', async () => {
    const { cloud, http } = await start();
    const auth = createAuth(cloud);
    for (let i = 0; i < 3; i++) {
      auth.install(http);
      expect(await isAuthenticated(cloud, http)).toBe(true);
      expect(await sendsOfARefusal(cloud, http)).toBe(2);
      http.interceptors.request.clear();
      expect(await isAuthenticated(cloud, http)).toBe(false);
    }
  });

  it('works after clear() with two auths', async () => {
    const { cloud, http } = await start();
    const auths = [createFixed(cloud, ACCOUNT), createFixed(cloud, OTHER)];
    for (const auth of auths) auth.install(http);
    http.interceptors.request.clear();
    for (const auth of auths) auth.install(http);
    for (const account of [ACCOUNT, OTHER]) {
      await http.post(sendOf(account), {}, asC);
      expect(cloud.seen.at(-1)?.headers.authorization).toBeDefined();
    }
    expect(await sendsOfARefusal(cloud, http)).toBe(2);
  });

  it('twice installs once', async () => {
    const { cloud, http } = await start();
    const auth = createAuth(cloud);
    const uninstalls = Array.from({ length: 5 }, () => auth.install(http));
    expect(await sendsOfARefusal(cloud, http)).toBe(2);
    uninstalls.at(-1)?.();
    expect(await isAuthenticated(cloud, http)).toBe(false);
  });

  it('after an old uninstall installs once', async () => {
    const { cloud, http } = await start();
    const auth = createAuth(cloud);
    const first = auth.install(http);
    first();
    auth.install(http);
    first();
    auth.install(http);
    expect(await sendsOfARefusal(cloud, http)).toBe(2);
  });

  it('is not undone by an old uninstall function, however often that is called', async () => {
    const { cloud, http } = await start();
    const auth = createAuth(cloud);
    const stale = auth.install(http);
    stale();
    const latest = auth.install(http);
    for (let i = 0; i < 3; i++) stale();
    expect(await isAuthenticated(cloud, http)).toBe(true);
    latest();
    latest();
    expect(await isAuthenticated(cloud, http)).toBe(false);
    auth.install(http);
    latest();
    stale();
    expect(await isAuthenticated(cloud, http)).toBe(true);
    expect(await sendsOfARefusal(cloud, http)).toBe(2);
  });

  it('is not undone by an uninstall function from before clear()', async () => {
    const { cloud, http } = await start();
    const auth = createAuth(cloud);
    const stale = auth.install(http);
    http.interceptors.request.clear();
    auth.install(http);
    stale();
    expect(await isAuthenticated(cloud, http)).toBe(true);
    expect(await sendsOfARefusal(cloud, http)).toBe(2);
  });

  it('undone late never removes another interceptor', async () => {
    const { cloud, http } = await start();
    const auth = createAuth(cloud);
    const stale = auth.install(http);
    http.interceptors.request.clear();
    // Axios restarts its ids after clear(), so this interceptor has the id that ours had.
    const ran = jest.fn((config) => config);
    http.interceptors.request.use(ran);
    stale();
    await http.post('/other', {});
    expect(ran).toHaveBeenCalledTimes(1);
    expect(cloud.count('other')).toBe(1);
  });

  it('undone after somebody has moved the interceptors removes no other interceptor', async () => {
    const { cloud, http } = await start();
    const uninstall = createFixed(cloud, ACCOUNT).install(http);
    let calls = 0;
    http.interceptors.request.use((config) => {
      calls += 1;
      return config;
    });
    http.interceptors.request.handlers?.reverse();
    uninstall();
    await http.post(SEND, {}, asC);
    expect([calls, cloud.count('sentinel'), cloud.count('send')]).toEqual([1, 0, 1]);
  });

  it('of one auth on two instances can be undone on one of them', async () => {
    const { cloud, http } = await start();
    const second = axios.create({ baseURL: cloud.origin });
    const auth = createAuth(cloud);
    const uninstall = auth.install(http);
    auth.install(second);
    uninstall();
    expect([await isAuthenticated(cloud, http), await isAuthenticated(cloud, second)]).toEqual([false, true]);
  });

  it('undone by one auth leaves the other’s interceptor, in any order', async () => {
    for (const [kept, gone] of [
      [0, 1],
      [1, 0],
    ] as const) {
      const { cloud, http } = await start();
      const accounts = [ACCOUNT, OTHER];
      const uninstalls = accounts.map((account) => createFixed(cloud, account).install(http));
      uninstalls[gone]?.();
      uninstalls[gone]?.();
      await http.post(sendOf(accounts[kept] ?? ''), {}, asC);
      expect(cloud.seen.at(-1)).toMatchObject({ service: 'send', headers: { authorization: expect.any(String) } });
    }
  });

  it('can be done and undone while requests are under way: each finishes, none is wrapped twice', async () => {
    const { cloud, http } = await start();
    const auth = createAuth(cloud);
    const gate = defer();
    cloud.script.sentinel = () => {
      delete cloud.script.sentinel;
      return { after: gate.promise, status: 503 };
    };
    let uninstall = auth.install(http);
    const first = outcomeOf(http.post(SEND, {}, asC));
    await until(() => cloud.count('sentinel') === 1);
    for (let i = 0; i < 3; i++) {
      uninstall();
      uninstall = auth.install(http);
    }
    gate.resolve();
    expect(await first).toMatchObject({ error: { code: 'ERR_APP_JWT' } });
    expect(await isAuthenticated(cloud, http)).toBe(true);
    expect(await sendsOfARefusal(cloud, http)).toBe(2);
  });

  it('of a closed auth gives ERR_CLOSED, not a message without tokens', async () => {
    const { cloud, http } = await start();
    const auth = createConnectorAuth({
      accountId: ACCOUNT,
      clientId: 'id',
      clientSecret: 's',
      domainApi: cloud.origin,
    });
    void auth.close();
    const outcome = await outcomeOf((async () => auth.install(http))());
    const sent = await outcomeOf(http.post(SEND, {}, asC));
    // Either install() throws, or each request fails.
    expect([outcome.error, sent.error]).toContainEqual(expect.objectContaining({ code: 'ERR_CLOSED' }));
    if (!outcome.error) expect(cloud.seen).toEqual([]);
  });
});
