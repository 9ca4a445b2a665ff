import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createSelfSignedCertificate,
  type Emulator,
  type EmulatorOptions,
  startEmulator,
} from '../../lib/emulator/index.js';
import {
  ACCOUNT,
  type Cloud,
  closeClouds,
  envelope,
  makeToken,
  type Reply,
  type Service,
  startCloud,
} from '../support/cloud.js';
import { CLIENT_ID, CLIENT_SECRET } from '../support/connector.js';
import { closeServers, startServer } from '../support/server.js';
import { DOCTOR, endRuns, run } from './run.js';

const emulators: Emulator[] = [];

afterEach(async () => {
  await endRuns();
  await closeClouds();
  await closeServers();
  await Promise.all(emulators.splice(0).map((cloud) => cloud.close()));
});

async function startEmulated(options: Partial<EmulatorOptions> = {}): Promise<Emulator> {
  const account = { accountId: ACCOUNT, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET };
  const cloud = await startEmulator({ accounts: [account], ...options });
  emulators.push(cloud);
  return cloud;
}

/** A cloud whose AppJWTs have every claim that a right one has. */
async function startWell(aheadMs = 0): Promise<Cloud> {
  const cloud = await startCloud();
  cloud.script.sentinel = () => ({ body: { access_token: makeToken(claims({}, aheadMs)) } });
  return cloud;
}

const claims = (changes: object, aheadMs = 0): object => {
  const iat = Math.floor((Date.now() + aheadMs) / 1_000);
  return { aud: ACCOUNT, azp: CLIENT_ID, iss: 'Sentinel', scope: 'msg.consumer', iat, exp: iat + 3_600, ...changes };
};

const envFor = (origin: string): NodeJS.ProcessEnv => ({
  LP_ACCOUNT_ID: ACCOUNT,
  LP_CLIENT_ID: CLIENT_ID,
  LP_CLIENT_SECRET: CLIENT_SECRET,
  LP_DOMAIN_API: origin,
});

interface Report {
  ok: boolean;
  steps: {
    name: string;
    state: string;
    kind?: string;
    cause?: string;
    cure?: string;
    found: Record<string, unknown>;
  }[];
}

async function examine(origin: string, flags: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const { code, stdout, stderr } = await run([...DOCTOR, '--json', ...flags], { ...envFor(origin), ...env });
  expect(stderr).toBe('');
  expect(stdout).not.toMatch(/eyJ/);
  expect(stdout).not.toContain(CLIENT_SECRET);
  const report: Report = JSON.parse(stdout);
  expect(code).toBe(report.ok ? 0 : 1);
  const broken = report.steps.filter(({ state }) => state === 'failed');
  return { report, broken, states: report.steps.map(({ name, state }) => `${name} ${state}`) };
}

it('finds all well: every step, its time, and one harmless SEND', async () => {
  const cloud = await startEmulated();
  const flags = ['--consumer', 'sms-4915550001', '--probe'];
  const { code, stdout, stderr } = await run([...DOCTOR, ...flags], envFor(cloud.origin));
  expect([code, stderr]).toEqual([0, '']);
  expect(
    stdout.replace(/\d+ ms/g, 'N ms'),
  ).toBe(`account ${ACCOUNT}, consumer sms-4915550001, Domain API ${cloud.origin}

✓ hosts               ${cloud.host} (N ms)
✓ clock               agrees with LivePerson’s (N ms)
✓ AppJWT              issued by Sentinel (N ms)
✓ AppJWT claims       issuer Sentinel, scope msg.consumer, 1 h left (N ms)
✓ ConsumerJWS         issued by IDP for sms-4915550001 (N ms)
✓ ConsumerJWS claims  for this account and consumer, does not expire (N ms)
✓ SEND                accepted both tokens, and answered 400 (40001) to the empty message (N ms)

All steps passed: the Send API accepts both tokens.
`);
  expect(cloud.requests.map(({ service, status }) => `${service} ${status}`)).toEqual([
    'domain 200',
    'sentinel 200',
    'idp 201',
    'send 400',
  ]);
  expect(JSON.parse(cloud.requests[3]?.body ?? '')).toEqual({
    kind: 'req',
    id: 'axios-liveperson-auth-doctor',
    type: 'ms.PublishEvent',
    body: {},
  });
  expect(cloud.messages).toEqual([]);
});

it('is one JSON document with --json, and sends nothing without --probe', async () => {
  const cloud = await startEmulated();
  const { report, states } = await examine(cloud.origin);
  expect(states).toEqual([
    'hosts passed',
    'clock passed',
    'appJwt passed',
    'appJwtClaims passed',
    'consumerJws passed',
    'consumerJwsClaims passed',
    'send untried',
  ]);
  expect(report).toMatchObject({ ok: true, accountId: ACCOUNT, domainApi: cloud.origin });
  expect(report.steps[3]?.found).toMatchObject({
    iss: 'Sentinel',
    scope: 'msg.consumer',
    isOurApp: true,
    lifetimeSeconds: 3_600,
  });
  expect(cloud.requests.map(({ service }) => service)).toEqual(['domain', 'sentinel', 'idp']);
});

it('has colours where they are wanted, and none in a pipe', async () => {
  const cloud = await startEmulated();
  const colourful = await run(DOCTOR, { ...envFor(cloud.origin), FORCE_COLOR: '1' });
  const plain = await run(DOCTOR, { ...envFor(cloud.origin), FORCE_COLOR: '1', NO_COLOR: '1' });
  expect(colourful.stdout).toContain('\u001b[32m✓');
  expect(plain.stdout).not.toContain('\u001b');
});

describe('says which step failed and why:', () => {
  const html: Reply = { body: '<!DOCTYPE html><p>Sign in</p>', headers: { 'content-type': 'text/html' } };
  const anHour = 3_600_000;
  const dated = (ms: number): Reply => ({ headers: { date: new Date(Date.now() + ms).toUTCString() } });
  const hosts = (cloud: Cloud, changes: Record<string, string> = {}): Reply => ({
    body: {
      baseURIs: Object.entries({
        sentinel: cloud.host,
        idp: cloud.host,
        asyncMessagingEnt: cloud.host,
        ...changes,
      }).map(([service, baseURI]) => ({ service, account: ACCOUNT, baseURI })),
    },
  });

  it.each<[string, Service, (cloud: Cloud) => Reply, string, string, RegExp]>([
    [
      'a wrong secret',
      'sentinel',
      () => ({ status: 401, body: { error: 'invalid_client' } }),
      'appJwt',
      'wrong-secret',
      /Compare both/,
    ],
    [
      'an app without the grant',
      'sentinel',
      () => ({ status: 400, body: { error: 'unauthorized_client' } }),
      'appJwt',
      'wrong-grant',
      /client_credentials/,
    ],
    [
      'an account that does not exist',
      'domain',
      () => ({ status: 401, body: { error: 'unknown' } }),
      'hosts',
      'unknown-account',
      /Check the account id/,
    ],
    [
      'an account without hosts',
      'domain',
      () => ({ body: { baseURIs: [] } }),
      'hosts',
      'unknown-account',
      /Check the account id/,
    ],
    [
      'a clock that is 3 h behind',
      'domain',
      (cloud) => ({ ...hosts(cloud), ...dated(3 * anHour) }),
      'clock',
      'clock',
      /^Set it by NTP/,
    ],
    [
      'a missing scope',
      'sentinel',
      () => ({ body: { access_token: makeToken(claims({ scope: 'other' })) } }),
      'appJwtClaims',
      'missing-scope',
      /msg\.consumer/,
    ],
    [
      'a wrong issuer',
      'sentinel',
      () => ({ body: { access_token: makeToken(claims({ iss: 'x' })) } }),
      'appJwtClaims',
      'wrong-issuer',
      /Sentinel/,
    ],
    [
      'another app',
      'sentinel',
      () => ({ body: { access_token: makeToken(claims({ azp: 'x' })) } }),
      'appJwtClaims',
      'wrong-app',
      /LP_CLIENT_ID/,
    ],
    [
      'a token for another account',
      'sentinel',
      () => ({ body: { access_token: makeToken(claims({ aud: 'x' })) } }),
      'appJwt',
      'unusable-answer',
      /in its place/,
    ],
    [
      'too many calls',
      'idp',
      () => ({ status: 429, headers: { 'retry-after': '9' } }),
      'consumerJws',
      'rate-limited',
      /^Wait 9 s, as it asks for/,
    ],
    ['a service out of order', 'idp', () => ({ status: 503 }), 'consumerJws', 'service-down', /status page/],
    ['an AppJWT that IDP refuses', 'idp', () => ({ status: 401 }), 'consumerJws', 'app-jwt-refused', /msg\.consumer/],
    ['a sign-in page', 'sentinel', () => html, 'appJwt', 'web-page', /sign-in/],
    [
      'a redirect',
      'domain',
      () => ({ status: 302, headers: { location: 'http://127.0.0.1:1/' } }),
      'hosts',
      'web-page',
      /NO_PROXY/,
    ],
    ['the host of another service', 'idp', () => ({ status: 404 }), 'consumerJws', 'wrong-host', /region/],
    [
      'a host that nobody listens at',
      'domain',
      (cloud) => hosts(cloud, { sentinel: '127.0.0.1:1' }),
      'appJwt',
      'unreachable',
      /firewall/,
    ],
    [
      'a name that there is not',
      'domain',
      (cloud) => hosts(cloud, { idp: 'idp.invalid' }),
      'consumerJws',
      'dns',
      /DNS/,
    ],
    [
      'an answer that breaks off',
      'sentinel',
      () => ({ body: { access_token: 'x' }, break: 'half-way' }),
      'appJwt',
      'no-answer',
      /Try again/,
    ],
    [
      'an AppJWT that SEND refuses',
      'send',
      () => ({ status: 401, body: envelope(40102) }),
      'send',
      'app-jwt-refused',
      /installed/,
    ],
    [
      'a ConsumerJWS that SEND refuses',
      'send',
      () => ({ status: 401, body: envelope(40103) }),
      'send',
      'consumer-jws-refused',
      /region/,
    ],
    [
      'a header that got lost',
      'send',
      () => ({ status: 401, body: envelope(40104) }),
      'send',
      'header-dropped',
      /drops it/,
    ],
    ['a gateway before SEND', 'send', () => ({ status: 401, body: 'no' }), 'send', 'app-jwt-refused', /headers/],
    [
      'a SEND that is out of order',
      'send',
      () => ({ status: 502, body: envelope(50201, 502) }),
      'send',
      'service-down',
      /status page/,
    ],
  ])('%s', async (_, service, reply, name, kind, cure) => {
    const cloud = await startWell(kind === 'clock' ? 3 * anHour : 0);
    cloud.script[service] = () => reply(cloud);
    const { broken, states } = await examine(cloud.origin, ['--probe']);
    expect(broken).toEqual([expect.objectContaining({ name, kind, cure: expect.stringMatching(cure) })]);
    const later = states.slice(states.indexOf(`${name} failed`) + 1).filter((state) => state.endsWith('passed'));
    if (kind === 'clock' || name === 'appJwtClaims') expect(later).toContain('send passed');
    else expect(later.filter((state) => !state.startsWith('clock'))).toEqual([]);
  });

  it('an answer that does not come', async () => {
    const cloud = await startWell();
    cloud.script.idp = () => ({ after: new Promise(() => {}) });
    const within = (seconds: number) => examine(cloud.origin, ['--probe', '--timeout', String(seconds)]);
    const isFound = ({ broken: [step] }: typeof report) => step?.name === 'consumerJws' && step.kind === 'no-answer';
    let report = await within(1);
    // On a busy machine, the services that do answer need a longer time limit.
    for (let seconds = 2; seconds < 300 && !isFound(report); seconds *= 2) report = await within(seconds);
    const cure = expect.stringMatching(/--timeout/);
    expect(report.broken).toEqual([expect.objectContaining({ name: 'consumerJws', kind: 'no-answer', cure })]);
    expect(report.states.at(-1)).toBe('send untried');
  });

  it.each<[string, (response: ServerResponse) => unknown]>([
    [
      'a page of another application',
      (response) => response.writeHead(404, { 'content-type': 'text/html' }).end('<pre>Cannot GET /'),
    ],
    ['a single-page application', (response) => response.end('<!doctype html><div id="app"></div>')],
    ['another JSON API', (response) => response.writeHead(404).end('{"message":"Not Found","statusCode":404}')],
    ['another JSON API that answers 200', (response) => response.end('{"status":"ok"}')],
  ])('%s in place of the Domain API', async (_, answer) => {
    const other = await startServer((_request, response) => void answer(response));
    const { broken, states } = await examine(other.origin, ['--probe']);
    expect(broken).toEqual([
      expect.objectContaining({
        name: 'hosts',
        kind: 'not-liveperson',
        cause: expect.stringContaining('is not LivePerson'),
        cure: expect.stringContaining('LP_DOMAIN_API'),
      }),
    ]);
    expect(JSON.stringify(broken)).not.toMatch(/proxy/i);
    expect(states).toContain('clock untried');
    const { code, stdout } = await run(DOCTOR, envFor(other.origin));
    expect(code).toBe(1);
    expect(stdout).toMatch(/\nFailed: hosts\.\n$/);
    expect(stdout).not.toMatch(/agrees with LivePerson/);
  });

  it('the internal code of a fault at LivePerson', async () => {
    const cloud = await startWell();
    cloud.script.idp = () => ({ status: 500, body: { internalErrorCode: '9007' } });
    const { broken } = await examine(cloud.origin);
    expect(broken).toEqual([
      expect.objectContaining({
        name: 'consumerJws',
        cause: expect.stringContaining('internal code 9007'),
        found: expect.objectContaining({ internalCode: '9007' }),
      }),
    ]);
  });

  it('a Domain API that nobody listens at', async () => {
    const { broken } = await examine('http://127.0.0.1:1');
    expect(broken).toEqual([expect.objectContaining({ name: 'hosts', kind: 'unreachable' })]);
  });

  it('https where plain http is spoken', async () => {
    const cloud = await startWell();
    const { broken } = await examine(cloud.origin.replace('http:', 'https:'));
    expect(broken).toEqual([expect.objectContaining({ name: 'hosts', kind: 'no-tls' })]);
  });

  it.each([
    [
      'that answers in LivePerson’s place',
      (response: { end(text: string): unknown }) => response.end('<html>'),
      'web-page',
    ],
    ['that does not answer', (response: { destroy(): unknown }) => response.destroy(), 'proxy'],
    [
      'that wants a password',
      (response: { writeHead(status: number): { end(): unknown } }) => response.writeHead(407).end(),
      'proxy',
    ],
  ])('a proxy %s', async (_, answer, kind) => {
    const cloud = await startWell();
    const proxy = await startServer((_request, response) => void answer(response));
    const { broken } = await examine(cloud.origin, [], { HTTP_PROXY: proxy.origin });
    expect(broken).toEqual([
      expect.objectContaining({ name: 'hosts', kind, cause: expect.stringContaining('HTTP_PROXY') }),
    ]);
    const past = await examine(cloud.origin, [], { HTTP_PROXY: proxy.origin, NO_PROXY: '127.0.0.1' });
    expect(past.broken).toEqual([]);
  });
});

describe('who opens the traffic', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'doctor-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is named, until its certificate is trusted', async () => {
    const tls = createSelfSignedCertificate();
    const cloud = await startEmulated({ tls });
    const { broken } = await examine(cloud.origin);
    expect(broken).toEqual([
      expect.objectContaining({
        kind: 'tls-interception',
        cause: expect.stringMatching(/axios-liveperson-auth emulator.*DEPTH_ZERO_SELF_SIGNED_CERT/),
        cure: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
      }),
    ]);
    const file = join(folder, 'cert.pem');
    writeFileSync(file, tls.cert);
    expect((await examine(cloud.origin, ['--probe'], { NODE_EXTRA_CA_CERTS: file })).broken).toEqual([]);
  });

  it('is named by the top of its chain, as a company’s proxy is', async () => {
    const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
    const key = ['-newkey', 'rsa:2048', '-nodes'];
    openssl(
      'req',
      '-x509',
      ...key,
      '-days',
      '2',
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
      '-subj',
      '/O=Acme Ltd/CN=Acme Inspection Root',
    );
    openssl('req', ...key, '-keyout', 'key.pem', '-out', 'leaf.csr', '-subj', '/CN=127.0.0.1');
    writeFileSync(join(folder, 'ext'), 'subjectAltName=IP:127.0.0.1\n');
    openssl(
      'x509',
      '-req',
      '-in',
      'leaf.csr',
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '1',
      '-extfile',
      'ext',
      '-out',
      'leaf.pem',
    );
    const read = (name: string) => readFileSync(join(folder, name), 'utf8');
    const cloud = await startEmulated({ tls: { key: read('key.pem'), cert: read('leaf.pem') + read('ca.pem') } });
    const { broken } = await examine(cloud.origin);
    expect(broken[0]?.cause).toMatch(/signed by Acme Ltd, Acme Inspection Root, .*SELF_SIGNED_CERT_IN_CHAIN/);
  });

  it('is told from a certificate for another name', async () => {
    const tls = createSelfSignedCertificate(['elsewhere.test']);
    const cloud = await startEmulated({ tls });
    const file = join(folder, 'cert.pem');
    writeFileSync(file, tls.cert);
    const { broken } = await examine(cloud.origin, [], { NODE_EXTRA_CA_CERTS: file });
    expect(broken).toEqual([expect.objectContaining({ kind: 'tls-name' })]);
  });
});

it('does not repeat a secret that Sentinel echoes', async () => {
  const cloud = await startWell();
  cloud.script.sentinel = () => ({ status: 400, body: { error: 'topsecret', error_description: 'topsecret' } });
  const { stdout, stderr } = await run(DOCTOR, { ...envFor(cloud.origin), LP_CLIENT_SECRET: 'topsecret' });
  expect(stdout).toContain('Compare both');
  expect(stdout + stderr).not.toContain('topsecret');
});

it('prints no token, no secret and no id of LivePerson’s own, well or not', async () => {
  for (const env of [{}, { LP_CLIENT_SECRET: 'wrong-Se.cret' }]) {
    const cloud = await startEmulated();
    const { stdout, stderr } = await run([...DOCTOR, '--probe'], { ...envFor(cloud.origin), ...env });
    const { stdout: json } = await run([...DOCTOR, '--probe', '--json'], { ...envFor(cloud.origin), ...env });
    for (const text of [stdout, stderr, json]) {
      expect(text).not.toMatch(/eyJ|[\da-f]{64}|wrong-Se/);
      expect(text).not.toContain(CLIENT_SECRET);
    }
  }
});
