import { createConnectorAuth } from '../lib/index.js';

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
    ['storeSecret must hold at least one', { ...brand, storeSecret: [] }],
    ['storeSecret[1]', { ...brand, storeSecret: [new Uint8Array(32), 'the-secret'] }],
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

it('undefined means the default', () => {
  const options = {
    ...brand,
    onBehalfHeaders: undefined,
    domainApi: undefined,
    retry: undefined,
    clock: undefined,
    maxConsumers: undefined,
  };
  expect(createConnectorAuth(options).inspect()).toEqual({
    closed: false,
    consumers: { count: 0, max: 10_000 },
    accounts: [],
  });
});

describe('says what it must be, and what it was', () => {
  const noBrand = { accountId: undefined, clientId: undefined, clientSecret: undefined };
  it.each<[Record<string, unknown> | undefined, string]>([
    [undefined, 'options must be an object; received undefined.'],
    [
      { accountId: 5 },
      'accountId must be your LivePerson account id as a string (or give credentials instead); received 5.',
    ],
    [{ clientId: null }, 'clientId must be a string that is not empty; received null.'],
    [{ clientSecret: '' }, 'clientSecret must be a string that is not empty; received an empty string.'],
    [{ clientSecret: ['the-secret'] }, 'clientSecret must be a string that is not empty; received an array.'],
    [{ clientSecret: true }, 'clientSecret must be a string that is not empty; received true.'],
    [{ ...noBrand, credentials: 'x' }, 'credentials must be a function of the account id; received "x".'],
    [{ credentials: () => undefined }, 'give either credentials or accountId, not both.'],
    [{ consumerId: 'c' }, 'consumerId must be a function; received "c".'],
    [{ consumerId: undefined, clock: null }, 'clock must be an object with now(); received null.'],
    [{ retry: [] }, 'retry must be an axios-retry configuration or false; received an array.'],
    [{ redact: 'no' }, 'redact must be true or false; received "no".'],
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
    [{ appJwtVersion: '' }, "appJwtVersion must be '1.0' or '2.0'; received \"\"."],
    [{ failureCooldownMs: { min: 10, max: 5 } }, 'failureCooldownMs.max must be at least min (10); received 5.'],
    [{ domains: { ipd: 'https://x' } }, 'domains.ipd is not one of sentinel, idp, asyncMessagingEnt.'],
    [
      { domains: { idp: 5 } },
      "domains.idp must be an origin such as 'https://lo.idp.liveperson.net', with no path; received 5.",
    ],
    [
      { trustedOrigins: [5] },
      "trustedOrigins[0] must be an origin such as 'https://gateway.example', with an optional path; received 5.",
    ],
    [
      { trustedOrigins: ['https://u:p@x'] },
      'trustedOrigins[0] must be an origin such as \'https://gateway.example\', with an optional path; received "https://…@x".',
    ],
    [
      { trustedOrigins: [['https://gateway.example']] },
      "trustedOrigins[0] must be an origin such as 'https://gateway.example', with an optional path; received an array.",
    ],
    [{ tokenTimeoutMs: 0 }, 'tokenTimeoutMs must be milliseconds, more than 0; received 0.'],
    [{ storeTimeoutMs: 0 }, 'storeTimeoutMs must be milliseconds, more than 0; received 0.'],
    [{ maxConcurrentTokenRequests: 0 }, 'maxConcurrentTokenRequests must be a whole number from 1; received 0.'],
    [{ maxConsumers: 1.5 }, 'maxConsumers must be a whole number from 1; received 1.5.'],
    [{ axiosConfig: 'x' }, 'axiosConfig must be an Axios configuration; received "x".'],
    [{ failureCooldownMs: 5 }, 'failureCooldownMs must be an object with min and max; received 5.'],
    [{ failureCooldownMs: { max: -1 } }, 'failureCooldownMs.max must be milliseconds, 0 or more; received -1.'],
    [{ store: 'x' }, 'store must be an object with get(), set() and delete(); received "x".'],
    [{ store: { get() {}, set() {} } }, 'store.delete must be a function; received undefined.'],
    [
      { storeSecret: 'fifteen letters' },
      'storeSecret must be 32 bytes (a Uint8Array) or a passphrase of at least 16 characters; received one of 15.',
    ],
    [{ acountId: '1' }, "there is no option acountId; see the README's options table."],
  ])('%j', (options, message) => {
    const create = () => createConnectorAuth((options && { ...brand, ...options }) as never);
    expect(create).toThrow(new TypeError(`createConnectorAuth: ${message}`));
  });
});

it('takes a passphrase of 16 characters', () => {
  expect(() => createConnectorAuth({ ...brand, storeSecret: 'sixteen letters.' })).not.toThrow();
});

it('takes either version of Sentinel’s endpoint, and fixed origins of some services alone', () => {
  for (const appJwtVersion of ['1.0', '2.0'] as const)
    expect(() => createConnectorAuth({ ...brand, appJwtVersion })).not.toThrow();
  expect(() => createConnectorAuth({ ...brand, domains: { idp: undefined } })).not.toThrow();
});
