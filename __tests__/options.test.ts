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

it('tunings of later releases may be given already, a store may not', () => {
  expect(() => createConnectorAuth({ ...brand, refreshAheadMs: 1 } as never)).not.toThrow();
  expect(() => createConnectorAuth({ ...brand, store: new Map() } as never)).toThrow(/store/);
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
