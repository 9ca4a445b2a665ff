import { type ConnectorAuthOptions, createConnectorAuth } from '../../lib/index.js';
import { ACCOUNT } from '../support/cloud.js';

const account = { accountId: ACCOUNT, clientId: 'id', clientSecret: 'the-secret' };
const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
afterEach(() => emitWarning.mockClear());

function createLogger() {
  const lines: string[] = [];
  const add = (line: string) => void lines.push(line);
  return { lines, debug: add, info: add, warn: add, error: add };
}

const create = (options: Partial<ConnectorAuthOptions>) =>
  createConnectorAuth({ ...account, ...options } as ConnectorAuthOptions);

it.each<[string, Partial<ConnectorAuthOptions>, string]>([
  ['domainApi', { domainApi: 'http://api.example' }, 'domainApi'],
  ['a host of domains', { domains: { idp: 'http://idp.example:8080' } }, 'domains.idp'],
  ['an address of the network', { domainApi: 'http://10.0.0.1' }, 'domainApi'],
  [
    'several',
    { domainApi: 'http://api.example', domains: { sentinel: 'http://s.example', idp: 'https://i.example' } },
    'domainApi, domains.sentinel',
  ],
])('http:// in %s is warned of once, and goes on', (_, options, names) => {
  const line = `axios-liveperson-auth: http:// in ${names} sends secrets and tokens in clear. Use https://.`;
  const logger = createLogger();
  create({ ...options, logger });
  expect(logger.lines).toEqual([line]);
  expect(emitWarning).not.toHaveBeenCalled();
  create(options);
  expect(emitWarning.mock.calls).toEqual([[line]]);
});

it.each<Partial<ConnectorAuthOptions>>([
  {},
  { domainApi: 'http://127.0.0.1:4790' },
  { domainApi: 'http://localhost:4790', domains: { idp: 'http://[::1]:4790' } },
  { domains: { idp: 'https://idp.example' } },
])('%j is not warned of', (options) => {
  const logger = createLogger();
  create({ ...options, logger });
  create(options);
  expect([logger.lines, emitWarning.mock.calls]).toEqual([[], []]);
});

it.each([
  () => {
    throw new Error('a broken logger');
  },
  () => Promise.reject(new Error('a broken logger')),
])('a broken logger changes nothing', (warn) => {
  expect(() => create({ domainApi: 'http://api.example', logger: { ...createLogger(), warn } })).not.toThrow();
});
