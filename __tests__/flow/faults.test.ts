import type { CommonOptions } from '../../lib/index.js';
import { FAULTS } from '../../soak/faults.js';
import { type Reply, SEND, type Service, until } from '../support/cloud.js';
import { type Connector, rejection, startConnector, stopConnectors } from '../support/connector.js';
import { HELD_MS, holdTimers, releaseTimers } from '../support/timers.js';

afterEach(stopConnectors);
afterEach(() => void jest.restoreAllMocks());
afterEach(releaseTimers);

const asC = { onBehalfOf: 'c' };
const HOUR = 3_600_000;

const calls = ({ cloud }: Connector) =>
  (['domain', 'sentinel', 'idp', 'send'] as const).map((service) => cloud.count(service));

/** Bends the first answers of a service. */
async function startBent(service: Service, reply: Reply, times: number, options: CommonOptions = {}) {
  const connector = await startConnector(options);
  connector.cloud.script[service] = (_, count) => (count <= times ? reply : undefined);
  return connector;
}

type TokenService = 'domain' | 'sentinel' | 'idp';

/** It passes: nobody notices but by the clock. */
const passes = (service: TokenService, reply: Reply) => async () => {
  const connector = await startBent(service, reply, 2, { retry: { retryDelay: () => 1 } });
  expect((await connector.http.post(SEND, {}, asC)).status).toBe(200);
  expect(connector.cloud.count(service)).toBe(3);
  expect(connector.cloud.count('send')).toBe(1);
};

/** It does not answer, and is asked again each time its time limit ends. */
const timesOut = (service: TokenService) => async () => {
  const limits = holdTimers();
  const options = { retry: { retryDelay: () => 1 }, tokenTimeoutMs: HELD_MS };
  const connector = await startBent(service, { after: new Promise(() => {}) }, 2, options);
  const sent = connector.http.post(SEND, {}, asC);
  for (const calls of [1, 2]) {
    await until(() => connector.cloud.count(service) === calls);
    limits.end();
  }
  expect((await sent).status).toBe(200);
  expect([connector.cloud.count(service), connector.cloud.count('send')]).toEqual([3, 1]);
};

/** It asks for a pause of a second, and gets it. */
const asksForPause = (service: TokenService, reply: Reply) => async () => {
  // Otherwise the pause is up to a tenth longer.
  jest.spyOn(Math, 'random').mockReturnValue(0);
  const connector = await startBent(service, reply, 1, { retry: {} });
  const pauses = holdTimers(1_000);
  const sent = connector.http.post(SEND, {}, asC);
  await until(() => pauses.waiting === 1);
  expect(connector.cloud.count(service)).toBe(1);
  pauses.end();
  await sent;
  expect(connector.cloud.count(service)).toBe(2);
};

/** It does not pass by itself: an error says so at once, and all is well when it is. */
const lasts = (service: TokenService, reply: Reply) => async () => {
  const connector = await startBent(service, reply, 1, { retry: { retryDelay: () => 1 } });
  const code = service === 'idp' ? 'ERR_CONSUMER_JWS' : 'ERR_APP_JWT';
  expect(await rejection(connector.http.post(SEND, {}, asC))).toMatchObject({ code, transient: false });
  expect([connector.cloud.count(service), connector.cloud.count('send')]).toEqual([1, 0]);
  expect((await connector.http.post(SEND, {}, asC)).status).toBe(200);
  expect(connector.cloud.count(service)).toBe(2);
};

/** It is the message’s own: the caller hears of it as without us, and no token is to blame. */
const isTheCallers =
  (reply: Reply, error: object, lookups = 1) =>
  async () => {
    const connector = await startBent('send', reply, 1, { retry: {} });
    expect(await rejection(connector.http.post(SEND, {}, asC))).toMatchObject(error);
    await connector.http.post(SEND, {}, asC);
    expect(calls(connector)).toEqual([lookups, 1, 1, 2]);
  };

/** Tokens are refused, each with the code that is its own. */
const refused = (kinds: ('appJwt' | 'consumerJws')[]) => async () => {
  const connector = await startConnector();
  const { cloud, http } = connector;
  await http.post(SEND, {}, asC);
  if (kinds.includes('appJwt')) cloud.refuse(...cloud.issued.appJwt);
  if (kinds.includes('consumerJws')) cloud.refuse(...(cloud.issued.consumerJws.get('c') ?? []));
  await http.post(SEND, {}, asC);
  const renewed = (kind: 'appJwt' | 'consumerJws') => (kinds.includes(kind) ? 2 : 1);
  expect(calls(connector)).toEqual([1, renewed('appJwt'), renewed('consumerJws'), kinds.length + 2]);
};

const clockJumps = (ms: number, expectedSentinelCalls: number) => async () => {
  let time = 1_800_000_000_000;
  const connector = await startConnector({ clock: { now: () => time } });
  await connector.http.post(SEND, {}, asC);
  time += ms;
  for (let i = 0; i < 10; i++) await connector.http.post(SEND, {}, asC);
  expect(calls(connector)).toEqual([expect.any(Number), expectedSentinelCalls, 1, 11]);
};

const cutOff: Reply = { body: { padding: 'x'.repeat(1_000) }, break: 'half-way' };

const tokenService = (service: 'sentinel' | 'idp') => ({
  [`${service}: status 503`]: passes(service, { status: 503 }),
  [`${service}: status 429 with Retry-After`]: asksForPause(service, { status: 429, headers: { 'retry-after': '1' } }),
  [`${service}: connection reset`]: passes(service, { break: 'at-once' }),
  [`${service}: no answer in time`]: timesOut(service),
  [`${service}: answer cut off`]: passes(service, cutOff),
  [`${service}: answer too long`]: lasts(service, { body: { padding: 'x'.repeat(100_000) } }),
  [`${service}: HTML with status 200`]: lasts(service, { body: '<html>Welcome</html>' }),
  [`${service}: refused for good`]: lasts(service, { status: 400, body: { error: 'invalid_client' } }),
});

/** What becomes of each fault in the soak's schedule, by itself. */
const FATES: Readonly<Record<string, () => Promise<void>>> = {
  nothing: async () => {
    const connector = await startConnector();
    for (let i = 0; i < 10; i++) await connector.http.post(SEND, {}, asC);
    expect(calls(connector)).toEqual([1, 1, 1, 10]);
  },
  'AppJWT revoked': refused(['appJwt']),
  'every ConsumerJWS revoked': refused(['consumerJws']),
  'both revoked': refused(['appJwt', 'consumerJws']),
  ...tokenService('sentinel'),
  ...tokenService('idp'),
  'domain: status 500': passes('domain', { status: 500 }),
  'domain: connection reset': passes('domain', { break: 'at-once' }),
  'send: status 503': isTheCallers({ status: 503 }, { response: { status: 503 } }),
  'send: status 429': isTheCallers({ status: 429, headers: { 'retry-after': '1' } }, { response: { status: 429 } }),
  'send: connection reset': isTheCallers({ break: 'at-once' }, { code: 'ECONNRESET' }, 2),
  'send: slow': async () => {
    const connector = await startBent('send', { after: new Promise((resolve) => setTimeout(resolve, 50)) }, 1);
    expect((await connector.http.post(SEND, {}, asC)).status).toBe(200);
    expect(calls(connector)).toEqual([1, 1, 1, 1]);
  },
  'send: answer cut off': isTheCallers(cutOff, { code: expect.any(String) }),
  'clock two hours forward': clockJumps(2 * HOUR, 2),
  'clock two hours back': clockJumps(-2 * HOUR, 1),
};

it.each(FAULTS.map(({ name }) => name))('under the fault: %s', async (name) => {
  expect(Object.keys(FATES)).toContain(name);
  await FATES[name]?.();
});
