import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import axios, { type AxiosInstance } from 'axios';
import axiosRetry from 'axios-retry';
import { type Cloud, envelope, SEND, startCloud } from '../support/cloud.js';
import { createAuth, rejection, stopConnectors } from '../support/connector.js';
import { attach } from './usual-way.js';

// Measures the two ways that docs/design.md compares, and fails if the page says otherwise.

afterEach(stopConnectors);

const PAGE = readFileSync(resolve(__dirname, '../../docs/design.md'), 'utf8');

type Authenticate = (http: AxiosInstance, cloud: Cloud) => void;

const WAYS: readonly Authenticate[] = [
  // Both ways get their tokens from the same source, so only the place differs where they are attached.
  (http, cloud) => {
    const auth = createAuth(cloud);
    attach(http, {
      appJwt: () => auth.getAppJwt(),
      consumerJws: (consumer) => auth.getConsumerJws(consumer),
      drop: () => auth.invalidate(),
    });
  },
  (http, cloud) => void createAuth(cloud).install(http),
];

/** What SEND answers, send by send; then it accepts. */
function answer(cloud: Cloud, plan: readonly number[]): void {
  cloud.script.send = (_seen, count) => {
    const code = plan[count - 1];
    if (code === undefined) return undefined;
    return code > 40_000 ? { status: 401, body: envelope(code) } : { status: code, body: {} };
  };
}

const send = (http: AxiosInstance): Promise<unknown> => http.post(SEND, { text: 'Hello' }, { onBehalfOf: 'c' });
const outcomeOf = (sent: Promise<unknown>, cloud: Cloud): Promise<string> =>
  sent.then(
    () => `delivered, sent ${times(cloud)}`,
    ({ response }) => `lost to status ${response?.status}, sent ${times(cloud)}`,
  );
const unwrap = (http: AxiosInstance) => void http.interceptors.response.use(({ data }) => data);
const isReply = (value: unknown): string =>
  JSON.stringify(value) === JSON.stringify({ reqId: '1', code: 'OK', body: { sequence: 0 } })
    ? 'the reply'
    : `\`${value}\``;

interface Trial {
  readonly name: string;
  measure(authenticate: Authenticate, cloud: Cloud, http: AxiosInstance): Promise<string>;
}

/** Each begins with a refused AppJWT, unless it says otherwise. */
const TRIALS: readonly Trial[] = [
  {
    name: '`transformRequest`',
    async measure(authenticate, cloud, http) {
      let runs = 0;
      http.defaults.transformRequest = [
        (data) => {
          runs += 1;
          return typeof data === 'string' ? data : JSON.stringify(data);
        },
      ];
      authenticate(http, cloud);
      await send(http);
      return `runs ${runs === 1 ? 'once' : `${runs} times`}`;
    },
  },
  {
    name: 'a `transformRequest` that wraps the body in an object',
    async measure(authenticate, cloud, http) {
      http.defaults.transformRequest = [(data) => JSON.stringify({ wrapped: data })];
      authenticate(http, cloud);
      return outcomeOf(send(http), cloud);
    },
  },
  {
    name: 'a request interceptor that counts messages',
    async measure(authenticate, cloud, http) {
      let count = 0;
      authenticate(http, cloud);
      http.interceptors.request.use((config) => {
        count += 1;
        return config;
      });
      await send(http);
      return `counts ${count}`;
    },
  },
  ...(['before', 'after'] as const).map((order) => ({
    name: `\`response => response.data\`, installed ${order}`,
    async measure(authenticate: Authenticate, cloud: Cloud, http: AxiosInstance) {
      if (order === 'before') unwrap(http);
      authenticate(http, cloud);
      if (order === 'after') unwrap(http);
      return `the caller gets ${isReply(await send(http))}`;
    },
  })),
  {
    name: '`validateStatus: () => true`',
    async measure(authenticate, cloud, http) {
      http.defaults.validateStatus = () => true;
      authenticate(http, cloud);
      const { status } = (await send(http)) as { status: number };
      return `the caller gets status ${status}; sent ${times(cloud)}`;
    },
  },
  {
    name: 'an error interceptor that reports failures, installed before',
    async measure(authenticate, cloud, http) {
      let alarms = 0;
      http.interceptors.response.use(undefined, (error) => {
        alarms += 1;
        throw error;
      });
      authenticate(http, cloud);
      await send(http);
      return `alarms for a delivered message: ${alarms}`;
    },
  },
  ...(['before', 'after'] as const).map((order) => ({
    name: `axios-retry, installed ${order}; then 503, and the ConsumerJWS refused`,
    async measure(authenticate: Authenticate, cloud: Cloud, http: AxiosInstance) {
      answer(cloud, [40102, 503, 40103]);
      const retry = () => axiosRetry(http, { retries: 3, retryDelay: () => 1, retryCondition: isUnavailable });
      if (order === 'before') retry();
      authenticate(http, cloud);
      if (order === 'after') retry();
      return outcomeOf(send(http), cloud);
    },
  })),
  {
    name: 'a request interceptor that changes the host, installed before',
    async measure(authenticate, cloud, http) {
      const stranger = await startCloud();
      http.interceptors.request.use((config) => ({ ...config, baseURL: stranger.origin }));
      authenticate(http, cloud);
      const outcome = await send(http).then(
        () => 'the caller gets no error',
        ({ code }) => `the caller gets \`${code}\``,
      );
      return `${tokensAt(stranger)}; ${outcome}`;
    },
  },
  {
    name: 'a redirect (307) to another host',
    async measure(authenticate, cloud, http) {
      const stranger = await startCloud();
      cloud.script.send = () => ({ status: 307, headers: { location: `http://localhost:${portOf(stranger)}${SEND}` } });
      authenticate(http, cloud);
      await send(http).catch(() => {});
      return tokensAt(stranger);
    },
  },
  {
    name: '`JSON.stringify(error)` of a message refused for good',
    async measure(authenticate, cloud, http) {
      answer(cloud, [40102, 40102]);
      authenticate(http, cloud);
      const text = JSON.stringify(await rejection(send(http)));
      const tokens = [...cloud.issued.appJwt, ...(cloud.issued.consumerJws.get('c') ?? [])];
      return `contains ${tokens.filter((token) => text.includes(token)).length} tokens`;
    },
  },
];

const times = (cloud: Cloud): string =>
  ['never', 'once', 'twice'][cloud.count('send')] ?? `${cloud.count('send')} times`;
const isUnavailable = (error: { response?: { status: number } }): boolean => error.response?.status === 503;
const portOf = ({ host }: Cloud): string => host.split(':')[1] ?? '';

function tokensAt(stranger: Cloud): string {
  const names = ['Authorization', 'X-LP-On-Behalf'].filter((name) =>
    stranger.seen.some(({ headers }) => headers[name.toLowerCase()]),
  );
  return names.length
    ? `the other host gets ${names.map((name) => `\`${name}\``).join(' and ')}`
    : 'the other host gets nothing';
}

it.each(TRIALS)('docs/design.md has the measured result of $name', async ({ name, measure }) => {
  const cells: string[] = [name];
  for (const authenticate of WAYS) {
    const cloud = await startCloud();
    answer(cloud, [40102]);
    cells.push(await measure(authenticate, cloud, axios.create({ baseURL: cloud.origin })));
  }
  expect(rows).toContain(cells.join(' | '));
});

const table = PAGE.slice(PAGE.indexOf('## What was measured'), PAGE.indexOf('## One dispatch'));
const rows = table
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .slice(2)
  .map((line) => line.replace(/^\| | +\|$/g, '').replace(/ +\| /g, ' | '));

it('and nothing else', () => {
  expect(rows).toHaveLength(TRIALS.length);
});

it('the usual way that is measured is the one that the page shows', () => {
  const source = readFileSync(join(__dirname, 'usual-way.ts'), 'utf8');
  expect(PAGE).toContain(source.slice(source.indexOf('export function attach')).replace('export ', '').trim());
});

it('every module of lib/ is in its list, and nothing else is', () => {
  const list = PAGE.slice(PAGE.indexOf('## Modules'), PAGE.indexOf('In `lib/request/`:'));
  const named = [...list.matchAll(/`lib\/([\w.-]+)\/?`/g)].map(([, name]) => name);
  expect(named.sort()).toEqual(readdirSync(join(__dirname, '../../lib')).sort());
});

it('every module of lib/request/ is in its list, and nothing else is', () => {
  const list = PAGE.slice(PAGE.indexOf('In `lib/request/`:'));
  const named = [...list.matchAll(/`([\w-]+\.ts)`/g)].map(([, name]) => name);
  expect(named.sort()).toEqual(readdirSync(join(__dirname, '../../lib/request')).sort());
});

it('every file that it names exists', () => {
  for (const [, path = ''] of PAGE.matchAll(/`(lib\/[\w./-]+)`/g))
    expect({ path, exists: existsSync(join(__dirname, '../..', path)) }).toEqual({ path, exists: true });
});
