import axios, { AxiosError } from 'axios';
import { ConnectorAuthError, isConnectorAuthError } from '../lib/index.js';

const BRAND = Symbol.for('axios-liveperson-auth.ConnectorAuthError');

it.each<[string, unknown, boolean]>([
  ['one of ours', new ConnectorAuthError('ERR_CLOSED', 'closed'), true],
  ['one of another build of ours', Object.assign(new Error('closed'), { [BRAND]: true }), true],
  ['Axios’s', new AxiosError('no', 'ERR_CLOSED'), false],
  ['an object of the same shape', { name: 'ConnectorAuthError', code: 'ERR_CLOSED' }, false],
  ['null', null, false],
  ['nothing', undefined, false],
  ['a function', Object.assign(() => {}, { [BRAND]: true }), false],
  ['text', 'ERR_CLOSED', false],
])('%s is a ConnectorAuthError: %s', (_, error, isOurs) => {
  expect(isConnectorAuthError(error)).toBe(isOurs);
});

it('is an AxiosError without a config, and has what is known and nothing else', () => {
  const bare = new ConnectorAuthError('ERR_CLOSED', 'closed');
  expect(axios.isAxiosError(bare)).toBe(true);
  expect(bare).toMatchObject({ name: 'ConnectorAuthError', code: 'ERR_CLOSED', message: 'closed', transient: false });
  expect(Object.hasOwn(bare, 'cause')).toBe(false);
  expect(Object.keys(bare)).not.toContain('status');
  expect(bare.config).toBeUndefined();
});

it('keeps the user’s own error as its cause, where neither loops nor JSON find it', () => {
  const cause = new RangeError('vault');
  const error = new ConnectorAuthError('ERR_NO_CONSUMER', 'failed', { accountId: '1', cause });
  expect(error.cause).toBe(cause);
  expect(Object.keys(error)).not.toContain('cause');
  expect(Object.getOwnPropertyDescriptor(error, 'cause')).toMatchObject({ writable: true, configurable: true });
});
