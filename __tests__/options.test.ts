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
