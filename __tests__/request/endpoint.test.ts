import { explainNearMiss, matchEndpoint } from '../../lib/request/endpoint.js';

it.each([
  ['/api/account/1/messaging/consumer/conversation', { name: 'conversation', accountId: '1' }],
  ['/api/account/le1/messaging/consumer/conversation/send', { name: 'send', accountId: 'le1' }],
  ['/api/account/1/messaging/consumer/conversation/', undefined],
  ['/x/api/account/1/messaging/consumer/conversation', undefined],
  ['/api/account/1/messaging/consumer/CONVERSATION', undefined],
  ['/api/account/1/2/messaging/consumer/conversation', undefined],
])('%s', (path, endpoint) => {
  expect(matchEndpoint(path)).toEqual(endpoint);
});

describe('a path that nearly is one of the Send API’s', () => {
  const PATH = '/api/account/7/messaging/consumer/conversation';
  it.each([
    [`${PATH}s`, 'the endpoint is conversation, not conversations'],
    [`${PATH}s/send`, 'the endpoint is conversation, not conversations'],
    [`${PATH}/send/`, 'the path ends with a slash'],
    [`/${PATH}`, 'the path has a double slash'],
    [PATH.replace('api', 'API'), 'the path is case-sensitive'],
    [`${PATH}/Send`, 'the path is case-sensitive'],
    [PATH.replace('/api', ''), 'the path does not begin with /api/account/{accountId}'],
    [PATH.replace('/api/account', ''), 'the path does not begin with /api/account/{accountId}'],
    [PATH.replace('/api/account/7', ''), 'the path does not begin with /api/account/{accountId}'],
    [`/gateway${PATH}/send`, 'there is a prefix before /api'],
    [`/${PATH.toUpperCase()}S/`, 'double slash; the path ends with a slash; the path is case-sensitive; the endpoint'],
  ])('%s is explained', (path, reason) => {
    expect(explainNearMiss(path)).toContain(reason);
  });

  it.each([
    PATH,
    `${PATH}/send`,
    `${PATH}/close`,
    '/conversation',
    '/api/account/7/messaging/conversation',
    '/a'.repeat(5_000),
    `${'/'.repeat(5_000)}api`,
    '',
  ])('but not %.60s', (path) => {
    expect(explainNearMiss(path)).toBeUndefined();
  });
});
