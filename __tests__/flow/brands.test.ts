import axios from 'axios';
import { startEmulator } from '../../lib/emulator/index.js';
import type { Credentials } from '../../lib/index.js';
import { createConnectorAuth, createMemoryTokenStore } from '../../lib/index.js';
import { type Cloud, startCloud, until } from '../support/cloud.js';
import { PATIENT, rejection, stopConnectors } from '../support/connector.js';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  await stopConnectors();
});

const never = new Promise<never>(() => {});
const sendOf = (accountId: string) => `/api/account/${accountId}/messaging/consumer/conversation/send?v=3`;
const BRANDS = Array.from({ length: 24 }, (_, index) => String(70_000_000 + index));

function startBrands(cloud: Pick<Cloud, 'origin'>, credentials: (accountId: string) => unknown) {
  const auth = createConnectorAuth({
    credentials: credentials as () => Credentials,
    domainApi: cloud.origin,
    retry: false,
    store: createMemoryTokenStore(),
    storeSecret: false,
    ...PATIENT,
  });
  ends.push(() => auth.close());
  const http = axios.create({ baseURL: cloud.origin });
  auth.install(http);
  return { auth, http };
}

it.each([
  ['at once', (accountId: string) => ({ clientId: `id-${accountId}`, clientSecret: `secret-${accountId}` })],
  ['later', async (accountId: string) => ({ clientId: `id-${accountId}`, clientSecret: `secret-${accountId}` })],
])('dozens of brands, their credentials given %s, are wholly apart', async (_, credentials) => {
  const accounts = BRANDS.map((accountId) => ({
    accountId,
    clientId: `id-${accountId}`,
    clientSecret: `secret-${accountId}`,
  }));
  const cloud = await startEmulator({ accounts });
  ends.push(() => cloud.close());
  const { auth } = startBrands(cloud, credentials);
  const tokens = await Promise.all(BRANDS.map((accountId) => auth.getConsumerJws('the same', { accountId })));
  expect(new Set(tokens).size).toBe(BRANDS.length);
  // The emulator takes a ConsumerJWS for its own account alone.
  const count = (service: string) => cloud.requests.filter((request) => request.service === service).length;
  expect([count('sentinel'), count('idp')]).toEqual([BRANDS.length, BRANDS.length]);
});

it('one brand’s hanging Sentinel and IDP, wrong secret or unknown account hold up no other', async () => {
  const cloud = await startCloud();
  const [hung = '', slow = '', wrong = '', ...well] = BRANDS;
  cloud.script.sentinel = ({ url }) => {
    if (url.includes(hung)) return { after: never };
    return url.includes(wrong) ? { status: 401, body: { error: 'invalid_client' } } : undefined;
  };
  cloud.script.idp = ({ url }) => (url.includes(slow) ? { after: never } : undefined);
  const { auth, http } = startBrands(cloud, (accountId) =>
    accountId === 'unknown' ? undefined : { clientId: accountId, clientSecret: 's' },
  );
  const waiting = [http.post(sendOf(hung), {}, { onBehalfOf: 'c' })];
  // More than maxConcurrentTokenRequests, which is 16.
  for (let i = 0; i < 50; i++) waiting.push(http.post(sendOf(slow), {}, { onBehalfOf: `c${i}` }));
  const failures = Promise.all(waiting.map(rejection));
  await until(() => cloud.count('idp') === 16);
  await expect(http.post(sendOf(wrong), {}, { onBehalfOf: 'c' })).rejects.toMatchObject({ code: 'ERR_APP_JWT' });
  await expect(http.post(sendOf('unknown'), {}, { onBehalfOf: 'c' })).rejects.toMatchObject({
    code: 'ERR_UNKNOWN_ACCOUNT',
  });
  await Promise.all(well.map((accountId) => http.post(sendOf(accountId), {}, { onBehalfOf: 'c' })));
  expect(cloud.count('send')).toBe(well.length);
  auth.close();
  for (const failure of await failures) expect(failure).toMatchObject({ code: 'ERR_CLOSED' });
});

it('a brand’s rotated installation is picked up, and its tokens are not the old one’s', async () => {
  const cloud = await startCloud();
  let clientId = 'old';
  cloud.script.sentinel = ({ body }) =>
    body.includes(`client_id=${clientId}`) ? undefined : { status: 401, body: { error: 'invalid_client' } };
  const { auth } = startBrands(cloud, () => ({ clientId, clientSecret: 's' }));
  const [accountId = ''] = BRANDS;
  await auth.getAppJwt({ accountId });
  clientId = 'new';
  auth.invalidate({ accountId });
  await auth.getAppJwt({ accountId });
  await auth.getConsumerJws('c', { accountId });
  expect([cloud.count('sentinel'), cloud.count('idp')]).toEqual([2, 1]);
});
