import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  type CallFailure,
  type Diagnosis,
  diagnoseAppJwt,
  diagnoseCall,
  diagnoseClock,
  KINDS,
} from '../../lib/cli/doctor/diagnosis.js';
import {
  type CommonOptions,
  type ConnectorAuthErrorCode,
  type CredentialsLookup,
  createConnectorAuth,
  getSendApiError,
  isConnectorAuthError,
  SendApiErrorCode,
} from '../../lib/index.js';
import { envelope, makeToken, type Reply, SEND, type Service, until } from '../support/cloud.js';
import {
  type Connector,
  createAuth,
  PATIENT,
  rejection,
  startConnector,
  stopConnectors,
} from '../support/connector.js';
import { HELD_MS, holdTimers, releaseTimers } from '../support/timers.js';

afterEach(stopConnectors);
afterEach(releaseTimers);

const PAGE = readFileSync(resolve(__dirname, '../../docs/errors.md'), 'utf8');
const sections = new Map(
  PAGE.split(/^### /m)
    .slice(1)
    .map((section) => [/^`?(\w+)/.exec(section)?.[1] ?? '', section]),
);

const CODES: Record<ConnectorAuthErrorCode, true> = {
  ERR_NO_CONSUMER: true,
  ERR_UNTRUSTED_ORIGIN: true,
  ERR_UNKNOWN_ACCOUNT: true,
  ERR_CREDENTIALS: true,
  ERR_DOMAIN_LOOKUP: true,
  ERR_APP_JWT: true,
  ERR_CONSUMER_JWS: true,
  ERR_CLOSED: true,
};

it('docs/errors.md has a section for every code, of ours and of LivePerson', () => {
  const codes = [...Object.keys(CODES), ...Object.values(SendApiErrorCode).map(String)];
  expect([...sections.keys()].filter((name) => name !== 'Others')).toEqual(codes);
});

type Provoke = (connector: Connector) => Promise<unknown>;

const send: Provoke = ({ http }) => http.post(SEND, {}, { onBehalfOf: 'c' });
const to =
  (url: string): Provoke =>
  ({ http }) =>
    http.post(url, {}, { onBehalfOf: 'c', baseURL: '' });
const answering =
  (service: Service, reply: Reply): Provoke =>
  (connector) => {
    connector.cloud.script[service] = () => reply;
    return send(connector);
  };
/** The time limit of the call ends once the call has arrived. */
const silent =
  (service: Service): Provoke =>
  async (connector) => {
    const limits = holdTimers();
    const sent = answering(service, { after: new Promise(() => {}) })(connector);
    await until(() => connector.cloud.count(service) === 1);
    limits.end();
    return sent;
  };
const fails = (): never => {
  throw new Error('out of order');
};

const UNUSABLE: Reply[] = [{ body: '<html>' }, { body: '' }, { body: { padding: 'x'.repeat(70_000) } }];
const TROUBLE: Reply[] = [
  ...[400, 401, 429, 503].map((status) => ({ status, body: { error: 'invalid_client' } })),
  { break: 'at-once' },
  ...UNUSABLE,
];
const services: Service[] = ['domain', 'sentinel', 'idp'];

/** All the ways to fail that the page has a row for. */
const FAILURES: readonly [Provoke, CommonOptions?][] = [
  [({ http }) => http.post(SEND, {})],
  [({ http }) => http.post(SEND, {}, { onBehalfOf: '' })],
  [({ http }) => http.post(SEND, {}), { consumerId: fails }],
  [to(`http://elsewhere.invalid${SEND}`)],
  [to(`http://user:password@elsewhere.invalid${SEND}`)],
  [({ http }) => http.post(SEND, {}, { onBehalfOf: 'c', socketPath: '/tmp/any.sock' })],
  [to(SEND.replace(/account\/\d+/, 'account/other'))],
  ...[async () => ({}) as never, fails].map((credentials): [Provoke] => [
    ({ cloud }) => bySecrets(cloud, credentials).getAppJwt({ accountId: 'any' }),
  ]),
  [({ cloud }) => bySecrets(cloud, fails).getAppJwt()],
  ...services.flatMap((service) => TROUBLE.map((reply): [Provoke] => [answering(service, reply)])),
  ...services.map((service): [Provoke, CommonOptions] => [silent(service), { tokenTimeoutMs: HELD_MS }]),
  [
    (connector) =>
      createAuth(connector.cloud, { domains: { sentinel: `https://${connector.cloud.host}` } }).getAppJwt(),
  ],
  [answering('domain', { body: { baseURIs: [] } })],
  [answering('domain', { body: { baseURIs: [{ service: 'asyncMessagingEnt', baseURI: 'https://host/path' }] } })],
  [answering('sentinel', { body: { access_token: 'none' } })],
  [answering('sentinel', { body: { access_token: makeToken({ aud: 'other' }) } })],
  [answering('idp', { body: { token: 'none' } })],
  [answering('idp', { body: { token: makeToken({ account_id: 'other' }) } })],
  [
    async (connector) => {
      await connector.auth.close();
      return send(connector);
    },
  ],
];

const bySecrets = ({ origin }: Connector['cloud'], credentials: CredentialsLookup) =>
  createConnectorAuth({ credentials, domainApi: origin, ...PATIENT });

it('every message that it quotes is one that the package gives, under that code', async () => {
  const messages = new Map<string, string>();
  for (const [provoke, options] of FAILURES) {
    const error = await rejection(provoke(await startConnector(options)));
    if (!isConnectorAuthError(error)) throw error;
    messages.set(error.code, `${messages.get(error.code) ?? ''}${error.message}\n`);
    await stopConnectors();
  }
  for (const code of Object.keys(CODES)) {
    const quotes = (sections.get(code) ?? '')
      .split('\n')
      .filter((line) => line.startsWith('| ') && !/^\| (the message says|-)/.test(line))
      .flatMap((line) => [...(line.split(' | ')[0] ?? '').matchAll(/`([^`]+)`/g)].map(([, quote]) => quote));
    expect(quotes.length).toBeGreaterThan(0);
    for (const quote of quotes) expect(messages.get(code)).toContain(quote);
  }
});

it('what it says the package did with the codes of LivePerson is what it does', async () => {
  for (const code of Object.values(SendApiErrorCode)) {
    const connector = await startConnector();
    connector.cloud.script.send = () => ({ status: 401, body: envelope(code) });
    const replayed = getSendApiError(await rejection(send(connector)))?.replayed;
    const section = sections.get(String(code));
    expect(section).toContain(replayed ? 'sent the message once more' : 'passed it through');
    await stopConnectors();
  }
});

/** What the doctor says of every sort of failure that it can meet. */
function everyDiagnosis(): Diagnosis[] {
  const claims = { iss: 'Sentinel', azp: 'id', scope: 'msg.consumer' };
  const tokens = [{}, { ...claims, azp: 'other' }, { ...claims, scope: 'other' }, { ...claims, exp: 1 }];
  const failures: Partial<CallFailure>[] = [
    ...[200, 302, 400, 401, 403, 404, 407, 429, 503].map((status) => ({ status })),
    { status: 200, isWebPage: true },
    { status: 200, hasNoHosts: true },
    ...['invalid_client', 'invalid_scope', 'unauthorized_client'].map((oauthError) => ({ status: 400, oauthError })),
    ...Object.values(SendApiErrorCode).map((errorCode) => ({ status: 401, errorCode })),
    ...['ENOTFOUND', 'ECONNREFUSED', 'SELF_SIGNED_CERT_IN_CHAIN', 'CERT_HAS_EXPIRED', 'EPROTO'].map((fault) => ({
      fault,
    })),
    { fault: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    { proxyVariable: 'HTTPS_PROXY' },
    {},
  ];
  const common = { accountId: '70012345', host: 'host', status: undefined, timeoutMs: 1 };
  const diagnoses = [
    ...(['domain', 'sentinel', 'idp', 'send'] as const).flatMap((service) =>
      failures.map((failure) => diagnoseCall({ ...common, service, ...failure })),
    ),
    ...tokens.map((token) => diagnoseAppJwt(token, 'id', 2_000)),
    diagnoseClock(3_600_000),
  ];
  return diagnoses.filter((diagnosis) => diagnosis !== undefined);
}

it("its table of the doctor's words has every kind, in words that the doctor uses", () => {
  const rows = PAGE.slice(PAGE.indexOf('## Findings of the doctor'))
    .split('\n')
    .flatMap((line) => {
      const [, kind, words] = /^\| `([\w-]+)` +\| (.+?) +\|/.exec(line) ?? [];
      return kind !== undefined && words !== undefined && kind !== 'kind' ? [{ kind, words }] : [];
    });
  expect(rows.map(({ kind }) => kind)).toEqual([...KINDS]);
  const said = everyDiagnosis();
  for (const { kind, words } of rows) {
    const causes = said.filter((diagnosis) => diagnosis.kind === kind).map(({ cause }) => cause);
    expect({ kind, causes: causes.join('\n') }).toEqual({ kind, causes: expect.stringContaining(words) });
  }
});
