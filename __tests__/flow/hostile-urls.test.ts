import { Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { connect } from 'node:net';
import axios, { type AxiosRequestConfig } from 'axios';
import fc from 'fast-check';
import { ACCOUNT, type Cloud, type Seen, startCloud } from '../support/cloud.js';
import { createAuth, stopConnectors } from '../support/connector.js';
import { effort } from '../support/effort.js';
import { pollute } from '../support/hostile.js';
import { closeServers, startServer } from '../support/server.js';

afterEach(stopConnectors);
afterEach(closeServers);

/** How many URLs; the matrix asks each Axios for as many. */
const URLS = effort(100_000);
const BATCH = 250;

const PATH = `/api/account/${ACCOUNT}/messaging/consumer/conversation`;
const ENDPOINT = new RegExp(`^${PATH}(/send)?(\\?|$)`);

/**
 * All that is dialled ends at one of two servers: the trusted one where host and port are exactly its own, and the hostile
 * one for every other name, address, port and scheme in the world.
 */
function createDialler(trusted: string, hostile: string) {
  interface Place {
    host?: string;
    port?: number | string;
  }
  const getName = ({ host, port }: Place) => (`${host}:${port}` === trusted ? trusted : hostile);
  const createConnection = (place: Place) => {
    const [name, port] = getName(place).split(':');
    return connect(Number(port), name);
  };
  // All names that end at one server share its connections, which makes the test several times faster.
  const settings = { keepAlive: true, maxSockets: 32 };
  const httpAgent = Object.assign(new HttpAgent(settings), { createConnection, getName });
  const httpsAgent = Object.assign(new HttpsAgent(settings), { createConnection, getName });
  return { httpAgent, httpsAgent };
}

/** The parts that hostile URLs are made of. TRUSTED stands for host and port of the messaging host, PORT for its port. */
const WHOLE_PATHS = [PATH, `${PATH}/send`];
const SCHEMES = [
  'http://',
  'https://',
  'HTTP://',
  'http:',
  'http:/',
  'http:\\\\',
  'http:///',
  '//',
  '\\\\',
  '/\\',
  '///',
  'ht\ntp://',
  ' http://',
  'ftp://',
  'data:',
  'file://',
  '',
];
const USERS = [
  '',
  'user@',
  'user:pass@',
  ':pass@',
  'TRUSTED@',
  'TRUSTED%40',
  '@',
  '%20@',
  'TRUSTED\\@',
  'TRUSTED#@',
  'TRUSTED/@',
  'TRUSTED?@',
];
const HOSTS = [
  'TRUSTED',
  'evil.example',
  'evil.example:PORT',
  'EVIL.EXAMPLE',
  '127.0.0.1',
  '127.1:PORT',
  '0x7f.1:PORT',
  '2130706433:PORT',
  '0177.0.0.1:PORT',
  '127.0.0.2:PORT',
  'localhost:PORT',
  'LOCALHOST:PORT',
  '[::1]:PORT',
  '[::ffff:127.0.0.1]:PORT',
  '127.0.0.1:443',
  '127.0.0.1:0PORT',
  '127.0.0.1:',
  '127.0.0.1.:PORT',
  'TRUSTED.evil.example',
  '127。0。0。1:PORT',
  '１２７.0.0.1:PORT',
  'TRUSTED%00.evil.example',
  'TRUSTED%2eevil.example',
  'relative.invalid',
  '',
];
const JOINTS = [
  '',
  '/',
  '//',
  '\\',
  '/./',
  '/x/../',
  '/x/%2e%2e/',
  '/%2e/',
  '/%2f',
  '/..;/',
  '\t',
  '?',
  '#',
  '/?',
  '/#',
  '@evil.example',
  ':80',
  ';',
  '%5c',
];
const TAILS = [
  '',
  '?v=3',
  '/',
  '#x',
  '%20',
  '/..',
  '/../conversation/send',
  '/send/../send',
  '?/../..',
  '\\..\\send',
  ';x',
  '%2fsend',
  '\n',
  ' ',
];

/** The plainest, which comes first, is as likely as all the others together. */
const anyOf = ([plainest = '', ...others]: readonly string[]) =>
  fc.oneof(fc.constant(plainest), fc.constantFrom(...others));
const path = fc.oneof(
  { weight: 4, arbitrary: anyOf(WHOLE_PATHS) },
  { weight: 1, arbitrary: anyOf(WHOLE_PATHS).map((whole) => whole.slice(1)) },
  { weight: 1, arbitrary: fc.tuple(anyOf(WHOLE_PATHS), fc.nat(60)).map(([whole, index]) => whole.slice(index)) },
  { weight: 1, arbitrary: anyOf(WHOLE_PATHS).map((whole) => whole.replaceAll('/', '\\')) },
  { weight: 1, arbitrary: anyOf(WHOLE_PATHS).map((whole) => whole.replace('api', '%61pi')) },
  { weight: 1, arbitrary: anyOf(['/other', '', '/api', 'x']) },
);
const origin = fc.tuple(anyOf(SCHEMES), anyOf(USERS), anyOf(HOSTS)).map((parts) => parts.join(''));
const absolute = fc.tuple(origin, anyOf(JOINTS), path, anyOf(TAILS)).map((parts) => parts.join(''));
const relative = fc.tuple(anyOf(JOINTS), path, anyOf(TAILS)).map((parts) => parts.join(''));
/** Any URL with some letters put in, taken out or changed. */
const mutated = fc
  .tuple(
    absolute,
    fc.array(fc.tuple(fc.nat(120), anyOf(['', '/', '\\', '@', ':', '#', '?', '%', '.', '\t', '\0', 'ı', '。'])), {
      minLength: 1,
      maxLength: 3,
    }),
  )
  .map(([url, edits]) => edits.reduce((text, [at, put]) => text.slice(0, at) + put + text.slice(at + 1), url));

const baseURL = fc.oneof(
  { weight: 3, arbitrary: fc.constant('http://TRUSTED') },
  { weight: 2, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.constant('') },
  { weight: 3, arbitrary: origin },
  { weight: 2, arbitrary: fc.tuple(origin, anyOf(JOINTS), path).map((parts) => parts.join('')) },
  { weight: 1, arbitrary: relative },
);

interface Generated {
  url: string | undefined;
  baseURL: string | undefined;
  allowAbsoluteUrls: boolean | undefined;
  params: Record<string, string> | undefined;
  /** When the config is changed to lead to the hostile server. */
  changed: 'never' | 'in a microtask' | 'by consumerId';
}

const generated: fc.Arbitrary<Generated> = fc.record({
  url: fc.oneof(
    { weight: 5, arbitrary: absolute },
    { weight: 4, arbitrary: relative },
    { weight: 3, arbitrary: mutated },
    { weight: 1, arbitrary: fc.webUrl() },
    { weight: 1, arbitrary: fc.constant(undefined) },
  ),
  baseURL,
  allowAbsoluteUrls: fc.constantFrom(undefined, true, false),
  params: fc.constantFrom(undefined, { v: '3' }, { 'a/../b': '@evil.example/' }, { '': '#' }),
  changed: fc.oneof(
    { weight: 4, arbitrary: fc.constant('never' as const) },
    { weight: 1, arbitrary: fc.constant('in a microtask' as const) },
    { weight: 1, arbitrary: fc.constant('by consumerId' as const) },
  ),
});

/** What somebody has put on Object.prototype while a batch is sent. EVIL stands for the hostile server. */
const inherited = fc.constantFrom<Record<string, unknown>>(
  {},
  { url: `EVIL${PATH}/send` },
  { baseURL: 'EVIL' },
  { url: `EVIL${PATH}`, baseURL: 'EVIL', allowAbsoluteUrls: false },
  { onBehalfOf: 'evil', connectorAuth: false, method: 'get' },
);

it('no URL whatsoever brings a token to a place that is not trusted', async () => {
  const cloud: Cloud = await startCloud();
  const arrivals: IncomingMessage[] = [];
  const hostile = await startServer((request, response) => {
    arrivals.push(request);
    request.resume().on('end', () => response.end('{}'));
  });
  const evilUrl = `${hostile.origin}${PATH}/send`;
  const auth = createAuth(cloud, {
    consumerId: async (config) => {
      Object.assign(config, { url: evilUrl, baseURL: hostile.origin });
      return 'c';
    },
  });
  const tokens = [await auth.getAppJwt(), await auth.getConsumerJws('c')];
  const hasToken = ({ headers, url = '' }: Pick<IncomingMessage, 'headers' | 'url'>): boolean => {
    const text = JSON.stringify(headers) + url;
    return tokens.some((token) => text.includes(token));
  };

  const agents = createDialler(cloud.host, hostile.host);
  const http = axios.create({ ...agents, proxy: false, validateStatus: () => true });
  http.interceptors.request.use(
    (config) => {
      // Interceptors run in the same turn as the dispatch.
      if (config.headers['x-changed']) queueMicrotask(() => Object.assign(config, { url: evilUrl, baseURL: '' }));
      return config;
    },
    null,
    { synchronous: true },
  );
  auth.install(http);
  const fill = (text: string) => text.replaceAll('TRUSTED', cloud.host).replaceAll('PORT', cloud.host.slice(10));
  const toConfig = (
    { url, baseURL: base, allowAbsoluteUrls, params, changed }: Generated,
    index: number,
  ): AxiosRequestConfig => ({
    method: 'post',
    data: {},
    ...(changed !== 'by consumerId' && { onBehalfOf: 'c' }),
    headers: { 'x-case': index, ...(changed === 'in a microtask' && { 'x-changed': 1 }) },
    ...(url !== undefined && { url: fill(url) }),
    ...(base !== undefined && { baseURL: fill(base) }),
    ...(allowAbsoluteUrls !== undefined && { allowAbsoluteUrls }),
    ...(params && { params }),
  });

  let count = 0;
  let delivered = 0;
  let strays = 0;
  const batches = fc.array(generated, { minLength: BATCH, maxLength: BATCH });
  const property = fc.asyncProperty(batches, inherited, async (batch, onPrototype) => {
    cloud.seen.length = 0;
    arrivals.length = 0;
    const configs = batch.map(toConfig);
    const text = JSON.stringify(onPrototype).replaceAll('EVIL', hostile.origin);
    const undo = pollute(JSON.parse(text));
    try {
      await Promise.all(configs.map((config) => http.request(config).catch(() => {})));
    } finally {
      undo();
    }
    const named = ({ headers, url }: Pick<IncomingMessage, 'headers' | 'url'>) =>
      `${JSON.stringify(configs[Number(headers['x-case'])])} arrived as ${headers.host} ${url}`;
    const withToken = cloud.seen
      .filter(({ service }) => !['domain', 'sentinel', 'idp'].includes(service))
      .filter(hasToken);

    expect(arrivals.filter(hasToken).map(named)).toEqual([]);
    // At the host that was dialled, what bears a token is one of the two endpoints to the letter.
    const isStrange = ({ url, headers }: Seen) => headers.host !== cloud.host || !ENDPOINT.test(url);
    expect(withToken.filter(isStrange).map(named)).toEqual([]);
    count += batch.length;
    delivered += withToken.length;
    strays += arrivals.length;
  });
  const { failed, seed, errorInstance } = await fc.check(property, {
    numRuns: Math.ceil(URLS / BATCH),
    endOnFailure: true,
  });
  if (failed) throw new Error(`With seed ${seed}: ${errorInstance}`);

  expect(count).toBeGreaterThanOrEqual(URLS);
  // The generator does its work: many arrive where they may, many where they may not.
  expect(delivered).toBeGreaterThan(count / 50);
  expect(strays).toBeGreaterThan(count / 50);
  agents.httpAgent.destroy();
  agents.httpsAgent.destroy();
}, 1_800_000);
