import type { InternalAxiosRequestConfig } from 'axios';
import { getSendApiError } from '../../lib/index.js';
import { ACCOUNT, envelope, makeToken, SEND } from '../support/cloud.js';
import { rejection, startConnector, stopConnectors } from '../support/connector.js';

/** Call sites that pass their own tokens: docs/migrating.md has this `consumerId`. */
function consumerId(config: InternalAxiosRequestConfig): string | undefined {
  const [, claims] = String(config.headers.get('X-LP-ON-BEHALF')).split('.');
  return claims && JSON.parse(Buffer.from(claims, 'base64url').toString()).ext_consumer_id;
}

afterEach(stopConnectors);

const ownTokens = (consumer: string) => ({
  headers: {
    Authorization: 'the-own-app-jwt',
    'x-lp-on-behalf': makeToken({ account_id: ACCOUNT, ext_consumer_id: consumer }),
  },
});

it('the consumer is read from the ConsumerJWS of the caller, and the tokens are the own ones of the package', async () => {
  const { cloud, http } = await startConnector({ consumerId });
  await http.post(SEND, {}, ownTokens('sms-1'));
  await http.post(SEND, {}, ownTokens('sms-2'));
  await http.post(SEND, {}, ownTokens('sms-1'));
  const asked = cloud.seen.filter(({ service }) => service === 'idp').map(({ body }) => JSON.parse(body));
  expect(asked).toEqual([{ ext_consumer_id: 'sms-1' }, { ext_consumer_id: 'sms-2' }]);
  for (const { headers } of cloud.seen.filter(({ service }) => service === 'send'))
    expect(headers.authorization).not.toBe('the-own-app-jwt');
});

it('a refused token of the package is renewed and the request replayed', async () => {
  const { cloud, http } = await startConnector({ consumerId });
  let refusals = 1;
  cloud.script.send = () => (refusals-- > 0 ? { status: 401, body: envelope(40103) } : { status: 200, body: {} });
  const { status } = await http.post(SEND, {}, ownTokens('sms-1'));
  expect([status, cloud.count('send'), cloud.count('idp')]).toEqual([200, 2, 2]);
});

it.each([
  ['no ConsumerJWS', {}],
  ['one that is no JWT', { headers: { 'X-LP-On-Behalf': 'not-a-jwt' } }],
  ['one with broken claims', { headers: { 'X-LP-On-Behalf': 'a.%%%.c' } }],
  ['one without the claim', { headers: { 'X-LP-On-Behalf': makeToken({ sub: 'x' }) } }],
])('with %s, nothing is sent', async (_, config) => {
  const { cloud, http } = await startConnector({ consumerId });
  const error = await rejection(http.post(SEND, {}, config));
  expect(error).toMatchObject({ code: 'ERR_NO_CONSUMER' });
  expect(getSendApiError(error)).toBeUndefined();
  expect(cloud.count('send')).toBe(0);
});
