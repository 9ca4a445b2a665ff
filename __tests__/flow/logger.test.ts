import pino from 'pino';
import winston from 'winston';
import { type CommonOptions, createMemoryTokenStore, type Logger } from '../../lib/index.js';
import { ACCOUNT, envelope, makeToken, SEND } from '../support/cloud.js';
import { lookedUpBy, rejection, startConnector, stopConnectors } from '../support/connector.js';
import { capture } from '../support/printers.js';

afterEach(stopConnectors);

const asC = { onBehalfOf: 'sms-4915550001' };

/** A connector whose log lines are kept, each with its level; those for debugging apart. */
async function startLogged(options: CommonOptions = {}) {
  const lines: string[] = [];
  const debug: string[] = [];
  const write = (level: string) => (line: string) => lines.push(`${level} ${line}`);
  const logger: Logger = {
    debug: (line) => debug.push(line),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  };
  const connector = await startConnector({ logger, ...options });
  const { http } = connector;
  const sendMany = (count: number, request: object = asC) =>
    Promise.all(Array.from({ length: count }, () => http.post(SEND, {}, request).catch(() => {})));
  return { ...connector, lines, debug, sendMany };
}

describe('the logger is told', () => {
  it('of nothing but the tokens, for debugging, while all is well', async () => {
    const { sendMany, lines, debug } = await startLogged();
    await sendMany(100);
    expect(lines).toEqual([]);
    expect(debug).toEqual([
      expect.stringMatching(/New AppJWT for account 70012345 \(initial\) in \d+ ms; it expires \d{4}-.*Z\.$/),
      expect.stringMatching(/New ConsumerJWS for consumer [\da-f]{64} of account 70012345 .*; it does not expire\.$/),
    ]);
  });

  it('once when a service starts to fail, and once when it has recovered', async () => {
    const { cloud, auth, sendMany, lines } = await startLogged();
    cloud.script.sentinel = () => ({ status: 503 });
    for (let i = 0; i < 5; i++) await sendMany(10);
    expect(lines).toEqual([
      `warn axios-liveperson-auth: Sentinel answered 503 for account 70012345. This may pass: a later request tries again. The host was ${cloud.host}.`,
    ]);
    cloud.script.sentinel = () => ({ status: 401, body: { error: 'invalid_client' } });
    for (let i = 0; i < 5; i++) await sendMany(10);
    expect(lines.slice(1)).toEqual([
      expect.stringMatching(/^error .*Sentinel answered 401 \(invalid_client\).* Check clientId and clientSecret/),
    ]);
    delete cloud.script.sentinel;
    for (let i = 0; i < 5; i++) await sendMany(10);
    expect(lines.slice(2)).toEqual(['info axios-liveperson-auth: Sentinel has recovered for account 70012345.']);
    auth.invalidate();
    cloud.script.sentinel = () => ({ status: 503 });
    await sendMany(1);
    expect(lines).toHaveLength(4);
  });

  it.each([
    ['Sentinel', 'sentinel', 401],
    ['IDP', 'idp', 503],
  ] as const)('that %s has recovered, whatever it said before (%s: %i)', async (name, service, status) => {
    const { cloud, sendMany, lines } = await startLogged();
    cloud.script[service] = () => ({ status });
    await sendMany(3);
    delete cloud.script[service];
    await sendMany(3);
    expect(lines).toEqual([
      expect.stringContaining(`${name} answered ${status} for account 70012345. `),
      `info axios-liveperson-auth: ${name} has recovered for account 70012345.`,
    ]);
  });

  it('until when a failure is remembered', async () => {
    const { cloud, sendMany, lines } = await startLogged({
      failureCooldownMs: { min: 5_000, max: 5_000 },
      clock: { now: () => 1_800_000_000_000 },
    });
    cloud.script.idp = () => ({ status: 400 });
    await sendMany(10);
    expect(lines).toEqual([
      expect.stringMatching(
        /^error .*IDP answered 400.* Consumer [\da-f]{64}\. The next try is at 2027-01-15T08:00:05.000Z\.$/,
      ),
    ]);
  });

  it('of hosts that could not be looked up, and that they could again', async () => {
    const { cloud, sendMany, lines } = await startLogged();
    cloud.script.domain = () => ({ status: 500 });
    await sendMany(3);
    delete cloud.script.domain;
    await sendMany(3);
    expect(lines).toEqual([
      expect.stringMatching(/^warn .*The Domain API answered 500/),
      'info axios-liveperson-auth: The Domain API has recovered for account 70012345.',
    ]);
  });

  it('of consumers who are refused: of the first, and of the next after one who was not', async () => {
    const { cloud, sendMany, lines } = await startLogged();
    cloud.script.idp = ({ body }) => (body.includes('bad') ? { status: 400 } : undefined);
    for (let i = 0; i < 10; i++) await sendMany(1, { onBehalfOf: `bad-${i}` });
    expect(lines).toHaveLength(1);
    await sendMany(1);
    await sendMany(3, { onBehalfOf: 'bad' });
    expect(lines).toEqual([expect.stringMatching(/^error .*IDP/), expect.stringMatching(/^error .*IDP/)]);
  });

  it('of a refused AppJWT, once for each that was renewed; of ConsumerJWS for debugging', async () => {
    const { cloud, sendMany, lines, debug } = await startLogged();
    await sendMany(1);
    cloud.refuse(...cloud.issued.appJwt);
    await sendMany(50);
    expect(lines).toEqual([expect.stringMatching(/^info .*New AppJWT for account 70012345 \(refused\)/)]);
    cloud.refuse(...(cloud.issued.consumerJws.get(asC.onBehalfOf) ?? []));
    await sendMany(50);
    expect(lines).toHaveLength(1);
    expect(debug.at(-1)).toMatch(/New ConsumerJWS for consumer .* \(refused\)/);
  });

  it('once of messages that are refused with a new token too, and anew after one went through', async () => {
    const { cloud, sendMany, lines } = await startLogged({ forcedRefreshIntervalMs: 60_000 });
    cloud.script.send = () => ({ status: 401, body: envelope(40103) });
    for (let i = 0; i < 3; i++) await sendMany(10);
    const warned = expect.stringMatching(
      /^warn .*account 70012345 was refused \(40103\), and refused again after its replay \(40103\)/,
    );
    expect(lines).toEqual([warned]);
    cloud.script.send = (_, count) => (count % 2 === 1 ? { status: 401, body: envelope(40103) } : undefined);
    await sendMany(1);
    cloud.script.send = () => ({ status: 401, body: envelope(40103) });
    await sendMany(10);
    expect(lines).toEqual([warned, warned]);
  });

  it('of refused messages once for each error code, and of bodies once for each account', async () => {
    const { cloud, sendMany, lines } = await startLogged();
    const warned = (each: string[]) => each.filter((line) => line.startsWith('warn'));
    for (const errorCode of [40102, 40103]) {
      cloud.script.send = () => ({ status: 401, body: envelope(errorCode) });
      await sendMany(3);
    }
    expect(warned(lines)).toEqual([
      expect.stringMatching(/was refused \(40102\)/),
      expect.stringMatching(/was refused \(40103\)/),
    ]);

    const credentials = () => ({ clientId: 'id', clientSecret: 's' });
    const many = await startLogged(lookedUpBy(credentials));
    many.cloud.script.send = () => ({ status: 401, body: envelope(40102) });
    const { Readable } = await import('node:stream');
    for (const account of [ACCOUNT, '70099999', ACCOUNT]) {
      await rejection(many.http.post(SEND.replace(ACCOUNT, account), Readable.from(['{}']), asC));
    }
    expect(warned(many.lines)).toEqual([
      expect.stringMatching(/^warn .*A refused message of account 70012345 could not be replayed/),
      expect.stringMatching(/^warn .*A refused message of account 70099999 could not be replayed/),
    ]);
  });

  it('of an entry of the store that is of no use, which says nothing of the store’s health', async () => {
    const store = createMemoryTokenStore();
    const first = await startLogged({ store });
    await first.auth.getConsumerJws('c');
    // It is left in the store in the background.
    await new Promise((resolve) => setImmediate(resolve));
    const { get } = store;
    store.get = async (key) => (key.startsWith('appJwt') ? 'rubbish' : get(key));
    const { auth, lines, debug } = await startLogged({ store });
    await auth.getAppJwt();
    await auth.getConsumerJws('c');
    expect(lines).toEqual([
      'warn axios-liveperson-auth: The token store failed (get: unusable). Its entry is not a token of this version and account, or is sealed with another storeSecret. Meanwhile this process fetches its tokens itself.',
    ]);
    expect(debug).toEqual([
      expect.stringMatching(/New AppJWT for account 70012345 \(initial\)/),
      expect.stringMatching(/New ConsumerJWS from the store for consumer [\da-f]{64} of account 70012345 \(initial\)/),
    ]);
  });

  it('once of bodies that cannot be sent again, and once of a memory that is full', async () => {
    const { cloud, http, sendMany, lines } = await startLogged({ maxConsumers: 2 });
    cloud.script.send = () => ({ status: 401, body: envelope(40102) });
    const { Readable } = await import('node:stream');
    for (let i = 0; i < 3; i++) await rejection(http.post(SEND, Readable.from(['{}']), asC));
    delete cloud.script.send;
    for (let i = 0; i < 6; i++) await sendMany(1, { onBehalfOf: `c${i}` });
    const warnings = lines.filter((line) => line.startsWith('warn'));
    expect(warnings).toEqual([expect.stringMatching(/its body is a stream/), expect.stringMatching(/maxConsumers/)]);
  });

  it('of a token that outlives every calendar', async () => {
    const { cloud, sendMany, debug } = await startLogged();
    cloud.script.sentinel = () => ({ body: { access_token: makeToken({ aud: ACCOUNT, iat: 0, exp: 1e18 }) } });
    await sendMany(1);
    expect(debug[0]).toMatch(/it expires \+275760-/);
  });
});

it.each<[string, (stream: NodeJS.WritableStream) => Logger]>([
  ['pino', (stream) => pino({ level: 'debug' }, stream as never)],
  [
    'winston',
    (stream) => winston.createLogger({ level: 'debug', transports: [new winston.transports.Stream({ stream })] }),
  ],
  ['console', (stream) => new console.Console(stream)],
])('%s is a logger as it stands', async (_, create) => {
  const { stream, text } = capture();
  const { http } = await startConnector({ logger: create(stream) });
  await http.post(SEND, {}, asC);
  expect(text()).toContain('New AppJWT for account 70012345');
});

it.each<[string, () => unknown]>([
  [
    'throws',
    () => {
      throw new Error('the disk is full');
    },
  ],
  ['rejects', () => Promise.reject(new Error('the disk is full'))],
])('a logger that %s harms nothing', async (_, fail) => {
  const { http } = await startConnector({ logger: { debug: fail, info: fail, warn: fail, error: fail } });
  const unhandled: unknown[] = [];
  const note = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', note);
  expect((await http.post(SEND, {}, asC)).status).toBe(200);
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});
