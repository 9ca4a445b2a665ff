import { systemClock } from '../lib/clock.js';
import { createConnectorAuth, createMemoryTokenStore } from '../lib/index.js';
import { isAccountId, isCredentials, resolveOptions } from '../lib/resolve-options.js';

const brand = { accountId: '70012345', clientId: 'id', clientSecret: 'the-secret' };

describe('a bad option is thrown at once, and named', () => {
  it.each<[string, unknown]>([
    ['options', undefined],
    ['accountId', { ...brand, accountId: undefined }],
    ['accountId', { ...brand, accountId: 70012345 }],
    ['accountId', { ...brand, accountId: 'a/b' }],
    ['accountId', { ...brand, accountId: '..' }],
    ['clientId', { ...brand, clientId: '' }],
    ['clientSecret', { ...brand, clientSecret: undefined }],
    ['clientSecret', { ...brand, clientSecret: '' }],
    ['credentials', { credentials: {} }],
    ['clientSecret', { clientSecret: 'the-secret', credentials: () => undefined }],
    ['consumerId', { ...brand, consumerId: 'c' }],
    ['onBehalfHeaders', { ...brand, onBehalfHeaders: [] }],
    ['onBehalfHeaders', { ...brand, onBehalfHeaders: ['a b'] }],
    ['onBehalfHeaders', { ...brand, onBehalfHeaders: ['authorization'] }],
    ['authorizationPrefix', { ...brand, authorizationPrefix: 'a\nb' }],
    ['domainApi', { ...brand, domainApi: 'api.liveperson.net' }],
    ['domainApi', { ...brand, domainApi: 'https://api.liveperson.net/path' }],
    ['domainTtlMs', { ...brand, domainTtlMs: -1 }],
    ['domains', { ...brand, domains: 'idp' }],
    ['domains.idp', { ...brand, domains: { idp: 'lo.idp.liveperson.net' } }],
    ['domains.ipd', { ...brand, domains: { ipd: 'https://lo.idp.liveperson.net' } }],
    ['trustedOrigins', { ...brand, trustedOrigins: 'https://gateway.example' }],
    [
      'trustedOrigins[1]',
      { ...brand, trustedOrigins: ['https://gateway.example', 'https://user:pass@gateway.example'] },
    ],
    ['appJwtVersion', { ...brand, appJwtVersion: '3.0' }],
    ['expiryMarginMs', { ...brand, expiryMarginMs: Number.NaN }],
    ['tokenTimeoutMs', { ...brand, tokenTimeoutMs: 0 }],
    ['retry', { ...brand, retry: true }],
    ['maxConsumers', { ...brand, maxConsumers: 1.5 }],
    ['axiosConfig', { ...brand, axiosConfig: null }],
    ['clock', { ...brand, clock: {} }],
    ['store', { ...brand, store: 'redis://localhost' }],
    ['store', { ...brand, store: null }],
    ['store.get', { ...brand, store: { set: () => {}, delete: () => {} } }],
    ['store.set', { ...brand, store: { get: () => {}, delete: () => {} } }],
    ['store.delete', { ...brand, store: { get: () => {}, set: () => {} } }],
    ['store.lock', { ...brand, store: { get: () => {}, set: () => {}, delete: () => {}, lock: true } }],
    ['store.getTtl', { ...brand, store: { get: () => {}, set: () => {}, delete: () => {}, getTtl: 5 } }],
    ['storeSecret must be 32 bytes', { ...brand, storeSecret: 'the-secret' }],
    ['storeSecret must be 32 bytes', { ...brand, storeSecret: '' }],
    ['storeSecret must be 32 bytes', { ...brand, storeSecret: 5 }],
    ['received 31 bytes', { ...brand, storeSecret: new Uint8Array(31) }],
    ['received 64 bytes', { ...brand, storeSecret: new Uint8Array(64) }],
    ['received an empty array', { ...brand, storeSecret: [] }],
    ['storeSecret[1]', { ...brand, storeSecret: [new Uint8Array(32), 'the-secret'] }],
    ['storeSecret must be 32 bytes', { ...brand, store: createMemoryTokenStore(), storeSecret: true }],
    ['or false to store tokens in clear; received undefined', { ...brand, store: createMemoryTokenStore() }],
    ['storeSecret has no effect without store', { ...brand, storeSecret: 'sixteen letters.' }],
    ['storeSecret has no effect without store', { ...brand, storeSecret: false }],
    ['storeTimeoutMs', { ...brand, storeTimeoutMs: 0 }],
    ['acountId', { ...brand, acountId: '1' }],
  ])('%s', (name, options) => {
    let thrown: unknown;
    try {
      createConnectorAuth(options as never);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(TypeError);
    expect((thrown as Error).message).toContain(name);
    expect((thrown as Error).message).not.toMatch(/the-secret|pass@/);
  });
});

const DEFAULTS = {
  accountId: '70012345',
  credentials: expect.any(Function),
  consumerId: undefined,
  onBehalfHeaders: ['X-On-Behalf', 'X-LP-On-Behalf'],
  authorizationPrefix: '',
  domainApi: 'https://api.liveperson.net',
  domainTtlMs: 600_000,
  domains: new Map(),
  trustedOrigins: [],
  appJwtVersion: '1.0',
  refreshAheadMs: 300_000,
  expiryMarginMs: 30_000,
  forcedRefreshIntervalMs: 5_000,
  tokenTimeoutMs: 10_000,
  retry: undefined,
  failureCooldownMs: { min: 5_000, max: 120_000 },
  maxConcurrentTokenRequests: 16,
  maxConsumers: 10_000,
  store: undefined,
  storeSecret: undefined,
  storeTimeoutMs: 250,
  axiosConfig: {},
  redact: true,
  logger: undefined,
  clock: systemClock,
};
const NAMES = [...Object.keys(DEFAULTS), 'clientId', 'clientSecret'];
const resolve = (options: object) => resolveOptions({ ...brand, ...options } as never);

describe('the resolved options', () => {
  it('have all defaults, as own properties, and are frozen', () => {
    const resolved = resolveOptions(brand);
    expect(resolved).toEqual(DEFAULTS);
    expect(Object.keys(resolved).sort()).toEqual(Object.keys(DEFAULTS).sort());
    expect(Object.isFrozen(resolved)).toBe(true);
  });

  it.each(Object.keys(DEFAULTS))('%s: undefined means the default', (name) => {
    const { accountId, ...given } = brand;
    expect(resolveOptions({ [name]: undefined, accountId, ...given } as never)).toEqual(DEFAULTS);
  });

  it('have the values that were given', () => {
    const consumerId = () => 'c';
    const store = createMemoryTokenStore();
    const clock = { now: () => 0 };
    const given = {
      consumerId,
      store,
      storeSecret: false,
      clock,
      logger: console,
      redact: false,
      retry: false,
      maxConsumers: 1,
      domainTtlMs: 0,
      tokenTimeoutMs: 1,
      storeTimeoutMs: 0.5,
      authorizationPrefix: 'Bearer ',
      appJwtVersion: '2.0',
    };
    expect(resolve(given)).toEqual({ ...DEFAULTS, ...given });
    expect(resolve(given).store).toBe(store);
  });

  it('have normalized origins, and the path of a trusted origin as its prefix', () => {
    const { domainApi, domains, trustedOrigins } = resolve({
      domainApi: 'HTTPS://API.example:443/',
      domains: { idp: 'https://IDP.example', sentinel: undefined },
      trustedOrigins: ['https://gateway.example/lp/'],
    });
    expect(domainApi).toBe('https://api.example');
    expect([...domains]).toEqual([['idp', 'https://idp.example']]);
    expect(trustedOrigins).toEqual([{ origin: 'https://gateway.example', pathPrefix: '/lp' }]);
  });

  it.each([
    [{ min: 7 }, { min: 7, max: 120_000 }],
    [{ min: 200_000 }, { min: 200_000, max: 200_000 }],
    [{ max: 9_000 }, { min: 5_000, max: 9_000 }],
    [
      { min: undefined, max: undefined },
      { min: 5_000, max: 120_000 },
    ],
  ])('failureCooldownMs %j', (failureCooldownMs, expected) => {
    expect(resolve({ failureCooldownMs }).failureCooldownMs).toEqual(expected);
  });

  it('have copies of lists and secrets, so that later changes have no effect', () => {
    const onBehalfHeaders = ['X-A'];
    const key = new Uint8Array(32);
    const resolved = resolve({ onBehalfHeaders, store: createMemoryTokenStore(), storeSecret: key });
    onBehalfHeaders.push('Authorization');
    key.fill(1);
    expect(resolved.onBehalfHeaders).toEqual(['X-A']);
    expect(resolved.storeSecret).toEqual([new Uint8Array(32)]);
    const list = resolve({ store: createMemoryTokenStore(), storeSecret: ['sixteen letters.', key] });
    expect(list.storeSecret).toEqual(['sixteen letters.', key]);
  });

  it('have the credentials of one brand only for its own account', async () => {
    const { credentials } = resolveOptions(brand);
    expect(await credentials('70012345')).toEqual({ clientId: 'id', clientSecret: 'the-secret' });
    expect(await credentials('1')).toBeUndefined();
  });

  it('have no account when there are many', () => {
    const credentials = () => undefined;
    expect(resolveOptions({ credentials })).toEqual({ ...DEFAULTS, accountId: undefined, credentials });
  });
});

describe('only own properties count', () => {
  const plain = (options: object) => JSON.stringify(options, (_, value) => (value instanceof Map ? [...value] : value));
  /** Calls `act` with a polluted `Object.prototype`. Keep assertions out of `act`, because the pollution also affects Jest. */
  function whilePolluted<T>(name: string, value: unknown, act: () => T): T {
    const { prototype } = Object;
    Object.defineProperty(prototype, name, { value, configurable: true, enumerable: true, writable: true });
    try {
      return act();
    } finally {
      delete (prototype as Record<string, unknown>)[name];
    }
  }

  const VALID: Record<string, unknown> = {
    accountId: '666',
    clientId: 'evil',
    clientSecret: 'evil',
    credentials: () => ({ clientId: 'evil', clientSecret: 'evil' }),
    consumerId: () => 'evil',
    onBehalfHeaders: ['X-Evil'],
    authorizationPrefix: 'Evil ',
    domainApi: 'https://evil.example',
    domains: { idp: 'https://evil.example' },
    trustedOrigins: ['https://evil.example'],
    appJwtVersion: '2.0',
    retry: false,
    failureCooldownMs: { min: 1, max: 1 },
    store: createMemoryTokenStore(),
    storeSecret: 'sixteen letters.',
    axiosConfig: { proxy: { host: 'evil.example', port: 1 } },
    redact: false,
    logger: console,
    clock: { now: () => 0 },
  };
  const INNER = ['min', 'max', 'sentinel', 'idp', 'asyncMessagingEnt', 'headers', 'proxy', 'adapter', 'retries'];
  const ROW = ['fallback', 'default', 'check', 'expected', 'convert', 'transform', 'pathPrefix', 'origin', 'length'];
  const METHODS = ['lock', 'getTtl', 'now', 'debug', 'toJSON'];

  it.each([...NAMES, ...INNER, ...ROW, ...METHODS])('Object.prototype.%s changes nothing', (name) => {
    const given = {
      domains: {},
      failureCooldownMs: {},
      axiosConfig: {},
      retry: {},
      store: { get: async () => undefined, set: async () => undefined, delete: async () => undefined },
      storeSecret: false,
    };
    const expected = { ...DEFAULTS, ...given, domains: new Map(), failureCooldownMs: DEFAULTS.failureCooldownMs };
    for (const value of [VALID[name] ?? 1, 'https://evil.example', () => 'evil', Symbol('bad')]) {
      const [bare, full] = whilePolluted(name, value, () => [resolveOptions(brand), resolve(given)]);
      expect(bare).toEqual(DEFAULTS);
      expect(full).toEqual(expected);
      expect(bare.credentials('70012345')).toEqual({ clientId: 'id', clientSecret: 'the-secret' });
      expect(bare.accountId).toBe('70012345');
    }
  });

  it.each(Object.keys(DEFAULTS))('an accessor on Object.prototype is not called: %s', (name) => {
    const access = jest.fn();
    const { prototype } = Object;
    let resolved: unknown;
    Object.defineProperty(prototype, name, { get: access, set: access, configurable: true });
    try {
      resolved = resolveOptions(brand);
    } finally {
      delete (prototype as Record<string, unknown>)[name];
    }
    expect(resolved).toEqual(DEFAULTS);
    expect(Object.keys(resolved as object)).toContain(name);
    expect(access).not.toHaveBeenCalled();
  });

  it.each(['accountId', 'clientId', 'clientSecret'] as const)(
    'an inherited %s does not stand for a missing one',
    (name) => {
      const { [name]: _, ...others } = brand;
      const act = () => whilePolluted(name, 'evil', () => resolveOptions(others as never));
      expect(act).toThrow(`createConnectorAuth: ${name} must be`);
    },
  );

  it.each([
    ['clock', 'now', {}],
    ['logger', 'error', { debug() {}, info() {}, warn() {} }],
    ['store.delete', 'delete', { get() {}, set() {} }],
  ])('%s needs a %s() that Object.prototype does not have', (option, method, value) => {
    const [name = ''] = option.split('.');
    const act = () =>
      whilePolluted(
        method,
        () => 0,
        () => resolve({ [name]: value }),
      );
    expect(act).toThrow(`createConnectorAuth: ${option} must be`);
  });

  it('isCredentials ignores Object.prototype, and accepts an own value that is equal to the inherited one', () => {
    const check = (value: object) => whilePolluted('clientSecret', 's', () => isCredentials(value));
    expect(check({ clientId: 'c' })).toBe(false);
    expect(check({ clientId: 'c', clientSecret: 's' })).toBe(true);
  });

  it('copies of axiosConfig and retry inherit nothing', () => {
    class Config {
      declare proxy: unknown;
      timeout = 5;
      retries = 2;
    }
    Config.prototype.proxy = { host: 'evil.example' };
    const { axiosConfig, retry } = resolve({ axiosConfig: new Config(), retry: new Config() });
    for (const copy of [axiosConfig, retry]) {
      expect(plain(copy as object)).toBe('{"timeout":5,"retries":2}');
      expect(Object.getPrototypeOf(copy)).toBeNull();
    }
  });

  it('members of the class of the options object are ignored', () => {
    class Options {
      accountId = '1';
      clientId = 'c';
      clientSecret = 's';
      get domainApi() {
        return 'https://evil.example';
      }
    }
    expect(resolveOptions(new Options())).toEqual({ ...DEFAULTS, accountId: '1' });
    expect(resolveOptions(Object.assign(Object.create(null), brand))).toEqual(DEFAULTS);
    expect(() => resolveOptions(Object.create(brand))).toThrow('accountId must be');
  });

  it('methods of a store, a logger and a clock may come from their class', () => {
    class Everything {
      get = undefined as never;
      now = () => 0;
      debug() {}
      info() {}
      warn() {}
      error() {}
    }
    const all = new Everything();
    expect(resolve({ logger: all, clock: all })).toMatchObject({ logger: all, clock: all });
    class Store {
      async get() {}
      async set() {}
      async delete() {}
    }
    const store = new Store();
    expect(resolve({ store, storeSecret: false }).store).toBe(store);
    const proxy = new Proxy({}, { get: (_, name) => Reflect.get(store, name) });
    expect(resolve({ store: proxy, storeSecret: false }).store).toBe(proxy);
  });
});

describe('what the options object may be', () => {
  it.each([
    [null, 'null'],
    ['the-secret', 'a string of length 10'],
    [[], 'an empty array'],
    [[brand], 'an array'],
    [() => brand, 'a value of type function'],
  ])('not %p', (options, received) => {
    expect(() => resolveOptions(options as never)).toThrow(
      new TypeError(`createConnectorAuth: options must be an object; received ${received}.`),
    );
  });

  it.each([
    ['acountId', 'acountId'],
    ['__proto__', '__proto__'],
    ['toString', 'toString'],
    ['hasOwnProperty', 'hasOwnProperty'],
    ['', '(an empty string)'],
    ['https://u:the-secret@x', '(a string of length 22)'],
  ])('unknown names are refused: %j', (name, shown) => {
    const options = JSON.parse(`{ ${JSON.stringify(name)}: 1 }`);
    const message = `createConnectorAuth: there is no option ${shown}; see the README's options table.`;
    expect(() => resolveOptions(options)).toThrow(new TypeError(message));
  });

  it.each(['__proto__', 'toString', 'https://u:the-secret@x'])('unknown services are refused: %j', (name) => {
    const domains = JSON.parse(`{ ${JSON.stringify(name)}: "https://x" }`);
    const act = () => resolve({ domains });
    expect(act).toThrow('is not one of sentinel, idp, asyncMessagingEnt.');
    expect(act).not.toThrow('the-secret');
  });

  it.each(['onBehalfHeaders', 'trustedOrigins', 'storeSecret'])('%s has no holes', (name) => {
    expect(() => resolve({ [name]: new Array(1) })).toThrow(name);
  });
});

describe('a missing environment variable', () => {
  const { NOPE } = process.env;
  const HINT = 'received undefined. Is an environment variable missing?';
  it.each([
    [{ accountId: NOPE }, `accountId must be your LivePerson account id as a string (or give credentials instead)`],
    [{ clientId: NOPE }, 'clientId must be a string that is not empty'],
    [{ clientSecret: NOPE }, 'clientSecret must be a string that is not empty'],
    [
      { trustedOrigins: [NOPE] },
      "trustedOrigins[0] must be an origin such as 'https://gateway.example', with an optional path, without user info, query or fragment",
    ],
    [
      { storeSecret: ['sixteen letters.', NOPE] },
      'storeSecret[1] must be 32 bytes (a Uint8Array) or a passphrase of at least 16 characters',
    ],
  ])('%j', (options, message) => {
    expect(() => resolve(options)).toThrow(new TypeError(`createConnectorAuth: ${message}; ${HINT}`));
  });
});

describe('durations that a timer cannot hold are refused', () => {
  const LONGEST = 2_147_483_647;
  const NAMES_OF_DURATIONS = [
    'domainTtlMs',
    'refreshAheadMs',
    'expiryMarginMs',
    'forcedRefreshIntervalMs',
    'tokenTimeoutMs',
    'storeTimeoutMs',
  ];
  const asOption = (name: string, ms: unknown) => {
    const [outer = '', inner] = name.split('.');
    return { [outer]: inner ? { [inner]: ms } : ms };
  };

  it.each([...NAMES_OF_DURATIONS, 'failureCooldownMs.min', 'failureCooldownMs.max'])('%s', (name) => {
    expect(resolve(asOption(name, LONGEST))).toBeDefined();
    for (const ms of [LONGEST + 1, 3e9, 1e12, Number.MAX_SAFE_INTEGER, Infinity, -Infinity, Number.NaN, -1, -0.5])
      expect(() => resolve(asOption(name, ms))).toThrow(
        expect.objectContaining({
          name: 'TypeError',
          message: expect.stringMatching(
            `^createConnectorAuth: ${name} must be .*milliseconds, .*2147483647; received ${ms}\\.$`.replace('+', '.'),
          ),
        }),
      );
    for (const ms of ['5', 5n, null, new Date(5), [5]]) expect(() => resolve(asOption(name, ms))).toThrow(name);
  });

  it('tokenTimeoutMs is whole', () => {
    expect(() => resolve({ tokenTimeoutMs: 0.5 })).toThrow('tokenTimeoutMs must be whole milliseconds');
  });
});

describe('no message contains a secret', () => {
  const URLS = [
    'https://u:the-secret@x',
    'https://the-secret@x',
    'https://x@the-secret@y',
    'https://u:p@the-secret@host',
    'https://u:the-secret@',
    'HTTPS://u:the-secret@x/path',
    'https:u:the-secret@x',
    'https:/u:the-secret@x',
    'https:///u:the-secret@x',
    'https:\\\\u:the-secret@x',
    'https://x\\u:the-secret@y',
    'https://the-secret\\@host',
    'https://u%3Athe-secret%40x',
    'https%3A%2F%2Fu:the-secret@x',
    'https://u:the-secret%40x',
    '//u:the-secret@x',
    'u:the-secret@x',
    ' https://u:the-secret@x',
    'https://u:the-secret@x:99999',
    'https://u:the\n-secret@x',
    'ftp://u:the-secret@x',
    'redis://:the-secret@x',
    'https://gw/?apikey=the-secret',
    'https://gw?the-secret',
    'https://gw/path?the-secret#x',
    'https://gw/#the-secret',
    'https://gw#the-secret',
    'https://gw/%3Fapikey=the-secret%zz#',
    'gw/?apikey=the-secret',
    '?the-secret',
    '#the-secret',
    'the-secret',
    'Bearer the-secret',
    'data:the-secret',
    'https://',
    'https://[the-secret]',
    'https://x:the-secret',
    'https://x the-secret',
    'https://ü:the-secret@x',
  ];
  const PLACES: Record<string, (text: string) => object> = {
    domainApi: (text) => ({ domainApi: text }),
    'domains.idp': (text) => ({ domains: { idp: text } }),
    'trustedOrigins[0]': (text) => ({ trustedOrigins: [text] }),
  };
  const messageOf = (options: object): string => {
    try {
      resolve(options);
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error('was accepted');
  };

  it.each(URLS.flatMap((url) => Object.keys(PLACES).map((place) => [place, url] as const)))('%s: %j', (place, url) => {
    const message = messageOf(PLACES[place]?.(url) ?? {});
    expect(message).toContain(`createConnectorAuth: ${place} must be an origin such as`);
    expect(message).not.toMatch(/the\s*-secret|apikey/i);
    expect(message).toMatch(new RegExp(`received a string of length ${url.length}\\.$`));
  });

  it.each([
    ['https://api.liveperson.net/path', "'https://api.liveperson.net' with a path"],
    ['http://127.0.0.1:4790/a/b.c', "'http://127.0.0.1:4790' with a path"],
    ['https://api.liveperson.net/the=secret', 'a string of length 37'],
    ['api.liveperson.net', 'a string of length 18'],
    ['', 'an empty string'],
  ])('the origin of a plain URL is shown: %j', (domainApi, received) => {
    expect(messageOf({ domainApi })).toMatch(new RegExp(`fragment; received ${received.replaceAll('.', '\\.')}\\.$`));
  });

  /** Values that may be or contain a secret. Each option gets those that it does not accept. */
  const WRONG = ['the-secret', 8_105_108, { secret: 'the-secret' }, ['the-secret'], Symbol('the-secret'), 8_105_108n];
  const TAKES_TEXT = ['accountId', 'clientId', 'clientSecret', 'authorizationPrefix'];
  const TAKES_NUMBER = /Ms$|^max/;
  const TAKES_OBJECT = ['domains', 'axiosConfig', 'retry', 'failureCooldownMs'];

  it.each(NAMES)('%s', (name) => {
    for (const value of WRONG) {
      if (typeof value === 'string' && TAKES_TEXT.includes(name)) continue;
      if (typeof value === 'number' && TAKES_NUMBER.test(name) && name !== 'failureCooldownMs') continue;
      if (typeof value === 'object' && !Array.isArray(value) && TAKES_OBJECT.includes(name)) continue;
      if (Array.isArray(value) && name === 'onBehalfHeaders') continue;
      const message = messageOf({ [name]: value });
      expect(message).toContain(`createConnectorAuth: ${name}`);
      expect(message).not.toMatch(/the-secret|8105108/);
    }
  });

  it.each([
    [
      { authorizationPrefix: 'the-secret\n' },
      'authorizationPrefix must be printable text; received a string of length 11.',
    ],
    [{ accountId: 'the-secret!' }, 'received a string of length 11.'],
    [{ storeSecret: 'the-secret' }, 'received a string of length 10.'],
    [{ storeSecret: new Uint8Array(5) }, 'received 5 bytes.'],
    [
      { store: { get() {}, set() {}, delete: 'the-secret' } },
      'store.delete must be a function; received a string of length 10.',
    ],
    [{ appJwtVersion: 'the-secret' }, 'received a string of length 10.'],
  ])('%j', (options, message) => {
    expect(messageOf(options)).toContain(message);
    expect(messageOf(options)).not.toContain('the-secret');
  });
});

it.each([
  ['le12345678', true],
  ['70012345', true],
  ['', false],
  ['..', false],
  ['a/b', false],
  [70012345, false],
])('isAccountId(%j) is %p', (value, expected) => {
  expect(isAccountId(value)).toBe(expected);
});

it.each([
  [{ clientId: 'c', clientSecret: 's' }, true],
  [{ clientId: 'c', clientSecret: '' }, false],
  [{ clientId: 'c' }, false],
  [{ clientId: 5, clientSecret: 's' }, false],
  [[], false],
  [null, false],
  ['c', false],
])('isCredentials(%j) is %p', (value, expected) => {
  expect(isCredentials(value)).toBe(expected);
});

describe('says what it must be, and what it was', () => {
  const noBrand = { accountId: undefined, clientId: undefined, clientSecret: undefined };
  it.each<[Record<string, unknown> | undefined, string]>([
    [undefined, 'options must be an object; received undefined.'],
    [
      { accountId: 5 },
      'accountId must be your LivePerson account id as a string (or give credentials instead); received a value of type number.',
    ],
    [{ clientId: null }, 'clientId must be a string that is not empty; received null.'],
    [{ clientSecret: '' }, 'clientSecret must be a string that is not empty; received an empty string.'],
    [{ clientSecret: ['the-secret'] }, 'clientSecret must be a string that is not empty; received an array.'],
    [{ clientSecret: true }, 'clientSecret must be a string that is not empty; received true.'],
    [
      { ...noBrand, credentials: 'x' },
      'credentials must be a function of the account id; received a string of length 1.',
    ],
    [{ credentials: () => undefined }, 'give either credentials or accountId, not both.'],
    [{ consumerId: 'c' }, 'consumerId must be a function; received a string of length 1.'],
    [{ consumerId: undefined, clock: null }, 'clock must be an object with now(); received null.'],
    [{ retry: [] }, 'retry must be an axios-retry configuration or false; received an empty array.'],
    [{ redact: 'no' }, 'redact must be true or false; received a string of length 2.'],
    [{ logger: null }, 'logger must be an object with debug(), info(), warn() and error(); received null.'],
    [
      { logger: { debug() {} } },
      'logger must be an object with debug(), info(), warn() and error(); received a value of type object.',
    ],
    [{ authorizationPrefix: ['Bearer '] }, 'authorizationPrefix must be printable text; received an array.'],
    [
      { onBehalfHeaders: ['X-On-Behalf', 'a b'] },
      'onBehalfHeaders must be a list of at least one header name, none of them Authorization; received an array.',
    ],
    [
      { onBehalfHeaders: [5] },
      'onBehalfHeaders must be a list of at least one header name, none of them Authorization; received an array.',
    ],
    [{ appJwtVersion: '' }, "appJwtVersion must be '1.0' or '2.0'; received an empty string."],
    [{ failureCooldownMs: { min: 10, max: 5 } }, 'failureCooldownMs.max must be at least min (10); received 5.'],
    [{ domains: { ipd: 'https://x' } }, 'domains.ipd is not one of sentinel, idp, asyncMessagingEnt.'],
    [
      { domains: { idp: 5 } },
      "domains.idp must be an origin such as 'https://lo.idp.liveperson.net', without path, user info, query or fragment; received a value of type number.",
    ],
    [
      { trustedOrigins: [5] },
      "trustedOrigins[0] must be an origin such as 'https://gateway.example', with an optional path, without user info, query or fragment; received a value of type number.",
    ],
    [
      { trustedOrigins: ['https://u:p@x'] },
      "trustedOrigins[0] must be an origin such as 'https://gateway.example', with an optional path, without user info, query or fragment; received a string of length 13.",
    ],
    [
      { trustedOrigins: [['https://gateway.example']] },
      "trustedOrigins[0] must be an origin such as 'https://gateway.example', with an optional path, without user info, query or fragment; received an array.",
    ],
    [
      { tokenTimeoutMs: 0 },
      'tokenTimeoutMs must be whole milliseconds, more than 0 and at most 2147483647; received 0.',
    ],
    [{ storeTimeoutMs: 0 }, 'storeTimeoutMs must be milliseconds, more than 0 and at most 2147483647; received 0.'],
    [{ maxConcurrentTokenRequests: 0 }, 'maxConcurrentTokenRequests must be a whole number from 1; received 0.'],
    [{ maxConsumers: 1.5 }, 'maxConsumers must be a whole number from 1; received 1.5.'],
    [{ axiosConfig: 'x' }, 'axiosConfig must be an Axios configuration; received a string of length 1.'],
    [
      { failureCooldownMs: 5 },
      'failureCooldownMs must be an object with min and max; received a value of type number.',
    ],
    [
      { failureCooldownMs: { max: -1 } },
      'failureCooldownMs.max must be milliseconds, from 0 to 2147483647; received -1.',
    ],
    [{ store: 'x' }, 'store must be an object with get(), set() and delete(); received a string of length 1.'],
    [{ store: { get() {}, set() {} } }, 'store.delete must be a function; received undefined.'],
    [
      { storeSecret: 'fifteen letters' },
      'storeSecret must be 32 bytes (a Uint8Array) or a passphrase of at least 16 characters, or a list of these; received a string of length 15.',
    ],
    [{ acountId: '1' }, "there is no option acountId; see the README's options table."],
  ])('%j', (options, message) => {
    const create = () => createConnectorAuth((options && { ...brand, ...options }) as never);
    expect(create).toThrow(new TypeError(`createConnectorAuth: ${message}`));
  });
});

it('takes a passphrase of 16 characters', () => {
  expect(() =>
    createConnectorAuth({ ...brand, store: createMemoryTokenStore(), storeSecret: 'sixteen letters.' }),
  ).not.toThrow();
});

it('takes either version of Sentinel’s endpoint, and fixed origins of some services alone', () => {
  for (const appJwtVersion of ['1.0', '2.0'] as const)
    expect(() => createConnectorAuth({ ...brand, appJwtVersion })).not.toThrow();
  expect(() => createConnectorAuth({ ...brand, domains: { idp: undefined } })).not.toThrow();
});
