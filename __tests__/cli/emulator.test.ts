import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDeliveryLines, maskToken } from '../../lib/cli/emulator/lines.js';
import { converse, text } from '../emulator/client.js';
import { until } from '../support/cloud.js';
import { closeServers, startServer } from '../support/server.js';
import { DOCTOR, endRuns, type Run, run, start } from './run.js';

afterEach(async () => {
  await endRuns();
  await closeServers();
});

/** The account of the emulator's test client. */
const account = ['--client-id', 'id', '--client-secret', 'secret'];

async function startEmulator(...flags: string[]): Promise<Run & { origin: string }> {
  const started = start(['emulator', '--port', '0', ...flags]);
  await started.printed('\n');
  await until(() => /https?:\/\/[\w.[\]:]+:\d+/.test(started.stdout) || started.child.exitCode !== null);
  const origin = /https?:\/\/[\w.[\]:]+:\d+/.exec(started.stdout)?.[0] ?? '';
  return Object.assign(started, { origin });
}

const control = (origin: string, path: string, body: object = {}) =>
  fetch(`${origin}/emulator${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

it('says what to paste into the connector, and the doctor finds it well', async () => {
  const emulator = await startEmulator();
  await emulator.printed('Ctrl-C ends.');
  const settings = /accountId: '(\d+)',\s+clientId: '(.+)',\s+clientSecret: '(.+)',\s+domainApi: '(.+)',/.exec(
    emulator.stdout,
  );
  expect(settings?.slice(1)).toEqual(['70012345', 'emulator-app', 'emulator-secret', emulator.origin]);
  const environment = /LP_ACCOUNT_ID.*/.exec(emulator.stdout)?.[0] ?? '';
  const env = Object.fromEntries(environment.split(' ').map((pair) => pair.split(/=(.*)/).slice(0, 2)));
  const { code, stdout } = await run([...DOCTOR, '--probe'], env);
  expect(stdout).toContain('All well');
  expect(code).toBe(0);
});

it('tells of each request in one line, with the ends of its tokens alone', async () => {
  const emulator = await startEmulator(...account);
  const { send } = await converse(emulator);
  await control(emulator.origin, '/revoke-app-jwts');
  await send(text('Hello'));
  await emulator.printed('40102');
  const lines = emulator.stdout.split('\n').filter((line) => /^\d\d:\d\d:\d\d /.test(line));
  expect(lines.map((line) => line.slice(9).replace(/….{4}/g, '…****'))).toEqual([
    '200       sentinel     POST /sentinel/api/account/70012345/app/token?v=1.0&grant_type=client_credentials&client_id=id&client_secret=…',
    '201       idp          POST /api/account/70012345/consumer?v=1.0 AppJWT …****',
    '200       conversation POST /api/account/70012345/messaging/consumer/conversation?v=3 AppJWT …**** ConsumerJWS …****',
    '401 40102 send         POST /api/account/70012345/messaging/consumer/conversation/send?v=3 AppJWT …**** ConsumerJWS …****',
  ]);
  expect(emulator.stdout).not.toMatch(/eyJ|client_secret=secret/);
});

it('tells the same in JSON, a line each', async () => {
  const emulator = await startEmulator('--json', ...account);
  await converse(emulator);
  await emulator.printed('"conversation"');
  const events = emulator.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events[0]).toEqual({
    event: 'listening',
    accountId: '70012345',
    clientId: 'id',
    domainApi: emulator.origin,
    controlApi: `${emulator.origin}/emulator`,
  });
  expect(events.slice(1).map(({ event, service, status }) => [event, service, status])).toEqual([
    ['request', 'sentinel', 200],
    ['request', 'idp', 201],
    ['request', 'conversation', 200],
  ]);
  expect(emulator.stdout).not.toMatch(/eyJ/);
});

it('is quiet when it should be: the origin, and no more', async () => {
  const emulator = await startEmulator('--quiet', ...account);
  await converse(emulator);
  expect(emulator.stdout).toBe(`${emulator.origin}\n`);
});

it('brings what the agent says to the webhook, and tells once that it is down', async () => {
  let status = 503;
  const posted: string[] = [];
  const { origin } = await startServer(async (request, response) => {
    for await (const chunk of request) posted.push(JSON.parse(String(chunk)).body.changes[0].event?.message);
    response.writeHead(status).end();
  });
  const emulator = await startEmulator('--echo', ...account);
  await control(emulator.origin, '/webhook', {
    url: origin,
    timeoutMs: 600_000,
    retentionMs: 600_000,
    firstPauseMs: 20,
    maxPauseMs: 20,
  });
  const { send } = await converse(emulator);
  await send(text('Hello'));
  await until(() => posted.length > 3);
  status = 200;
  await until(() => posted.filter((message) => message === 'Hello').length === 2);
  await until(() => emulator.stdout.split('webhook took').length === 5);
  expect(emulator.stdout.match(/answers 503, where 200 or 201 is wanted\. Events wait/g)).toHaveLength(1);
  expect(emulator.stdout).toMatch(
    /The webhook is well again\. webhook took cqm\.ExConversationChangeNotification \(attempt \d+\)/,
  );
});

it.each(['SIGINT', 'SIGTERM'] as const)('ends well with %s, in the middle of everything', async (signal) => {
  const emulator = await startEmulator('--webhook', 'http://127.0.0.1:1/', ...account);
  await converse(emulator);
  await control(emulator.origin, '/fail-next', { service: 'domain', delayMs: 60_000 });
  const hanging = fetch(`${emulator.origin}/api/account/70012345/service/baseURI.json`).catch(() => 'broken');
  await emulator.printed('gives no answer');
  emulator.child.kill(signal);
  expect(await emulator.ended).toBe(0);
  await hanging;
  expect(emulator.stderr).toBe('');
});

describe('with --tls', () => {
  it('makes a certificate that clients can be given, for the time being', async () => {
    const emulator = await startEmulator('--tls', '--tls-name', 'cloud.test');
    await emulator.printed('Ctrl-C ends.');
    const file = /NODE_EXTRA_CA_CERTS=(.*)/.exec(emulator.stdout)?.[1] ?? '';
    expect(emulator.origin).toMatch(/^https:/);
    const env = {
      LP_ACCOUNT_ID: '70012345',
      LP_CLIENT_ID: 'emulator-app',
      LP_CLIENT_SECRET: 'emulator-secret',
      LP_DOMAIN_API: emulator.origin,
      NODE_EXTRA_CA_CERTS: file,
    };
    const { stdout } = await run([...DOCTOR, '--probe'], env);
    expect(stdout).toContain('All well');
    const names = execFileSync('openssl', ['x509', '-in', file, '-noout', '-ext', 'subjectAltName']).toString();
    expect(names).toMatch(/DNS:localhost.*IP Address:127\.0\.0\.1.*DNS:cloud\.test/);
    // The control API is reached by plain http, too.
    expect((await control(emulator.origin.replace('https', 'http'), '/clear')).status).toBe(200);
    emulator.child.kill('SIGTERM');
    expect(await emulator.ended).toBe(0);
    expect(existsSync(file)).toBe(false);
  });

  it('writes it where it is told to', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'emulator-'));
    try {
      const file = join(folder, 'cloud.pem');
      const emulator = await startEmulator('--tls', '--tls-cert', file, '--json');
      expect(JSON.parse(emulator.stdout)).toMatchObject({ certificate: file });
      expect(readFileSync(file, 'utf8')).toMatch(/^-----BEGIN CERTIFICATE-----/);
      emulator.child.kill('SIGTERM');
      await emulator.ended;
      expect(existsSync(file)).toBe(true);
      const { code, stderr } = await run([
        'emulator',
        '--port',
        '0',
        '--tls',
        '--tls-cert',
        join(folder, 'no', 'where'),
      ]);
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^axios-liveperson-auth: The certificate could not be written to .* \(ENOENT\): choose another/,
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('what cannot be done is one sentence:', () => {
  it('a port in use', async () => {
    const { origin } = await startEmulator();
    const port = new URL(origin).port;
    const { code, stderr } = await run(['emulator', '--port', port]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `axios-liveperson-auth: Port ${port} of 127.0.0.1 is in use: choose another with --port, or --port 0 for any free one.\n`,
    );
  });

  it.each(['203.0.113.9', 'no-such-host.invalid'])('an address that is not this machine’s (%s)', async (host) => {
    const { code, stderr } = await run(['emulator', '--port', '0', '--host', host]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^axios-liveperson-auth: .* is no address of this machine: choose another --host.*\n$/);
  });
});

it.each([
  ['header.claims.signature-of-a-token-that-is-long-Ab12', '…Ab12'],
  ['Bearer short', '…'],
  [['a'.repeat(40), 'b'], '…aa,b'],
  [undefined, undefined],
])('of the token %j it shows %j', (value, shown) => expect(maskToken(value)).toBe(shown));

it('tells of a webhook when it goes and when it comes back', () => {
  const line = createDeliveryLines(() => 'http://c/');
  const at = (state: 'waiting' | 'delivered' | 'given-up', status: number, attempts: number) =>
    line({
      type: 'x',
      accountId: 'a',
      conversationId: 'c',
      body: '',
      url: '',
      state,
      status,
      attempts,
      failure: undefined,
    });
  expect(at('delivered', 200, 1)).toBe('webhook took x');
  expect(at('waiting', 0, 1)).toMatch(/^The webhook http:\/\/c\/ gives no answer/);
  expect([at('waiting', 0, 2), at('waiting', 500, 3)]).toEqual([undefined, undefined]);
  expect(at('given-up', 500, 4)).toBe('webhook did not take x: given up after 4 attempts');
  expect(at('delivered', 201, 2)).toBe('The webhook is well again. webhook took x (attempt 2)');
  expect(at('waiting', 500, 1)).toMatch(/answers 500/);
});
