import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDeliveryLines, factsOf, maskToken } from '../../lib/cli/emulator/lines.js';
import type { LoggedRequest } from '../../lib/emulator/index.js';
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
  expect(stdout).toContain('All steps passed');
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

it.each(['client_secret', 'client%5Fsecret', '%63lient%255fsecret', 'CLIENT_SECRET'])(
  'does not print the value of %s in a path',
  (name) => {
    const request = { time: 0, service: 'sentinel', method: 'POST', headers: {}, status: 200, warnings: [] } as never;
    const { path } = factsOf({ ...(request as LoggedRequest), path: `/token?v=1&${name}=s3%26cret&x=1` });
    expect(path).toBe(`/token?v=1&${name}=…&x=1`);
  },
);

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
    desk: `${emulator.origin}/emulator/desk`,
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
    expect(stdout).toContain('All steps passed');
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

describe('--tls-cert', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'emulator-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const runWith = (file: string) => run(['emulator', '--port', '0', '--tls', '--tls-cert', file]);

  it('replaces an older certificate of the emulator', async () => {
    const file = join(folder, 'own.pem');
    const certificates = [];
    for (const _ of [1, 2]) {
      const emulator = await startEmulator('--tls', '--tls-cert', file, '--quiet');
      certificates.push(readFileSync(file, 'utf8'));
      emulator.child.kill('SIGTERM');
      await emulator.ended;
    }
    expect(certificates[1]).toMatch(/^-----BEGIN CERTIFICATE-----/);
    expect(certificates[0]).not.toBe(certificates[1]);
  });

  it.each([
    ['another file', 'my thesis'],
    ['an empty file', ''],
    ['a foreign certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'],
  ])('leaves %s as it is', async (_, text) => {
    const file = join(folder, 'file');
    writeFileSync(file, text);
    const { code, stderr } = await runWith(file);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/exists and is not a certificate of the emulator/)]);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('follows no link, to an own certificate or to nothing', async () => {
    const [target, link, dangling] = ['target.pem', 'link.pem', 'dangling.pem'].map((name) => join(folder, name));
    const emulator = await startEmulator('--tls', '--tls-cert', String(target), '--quiet');
    emulator.child.kill('SIGTERM');
    await emulator.ended;
    const before = readFileSync(String(target), 'utf8');
    symlinkSync(String(target), String(link));
    symlinkSync(join(folder, 'nothing'), String(dangling));
    for (const each of [link, dangling]) expect((await runWith(String(each))).code).toBe(1);
    expect(readFileSync(String(target), 'utf8')).toBe(before);
    expect(existsSync(join(folder, 'nothing'))).toBe(false);
  });
});

it('--allow-host lets the control API answer to a further name', async () => {
  const emulator = await startEmulator('--allow-host', 'cloud.test', '--quiet');
  const statusFor = (host: string) =>
    new Promise((resolve) => {
      get(`${emulator.origin}/emulator/health`, { headers: { host } }, (response) =>
        resolve(response.resume().statusCode),
      );
    });
  expect(await statusFor('cloud.test:1')).toBe(200);
  expect(await statusFor('other.test')).toBe(403);
});

it('beyond loopback it warns who can reach it, and only then', async () => {
  const emulator = await startEmulator('--host', '0.0.0.0', '--json');
  await until(() => emulator.stderr.includes('\n'));
  expect(emulator.stderr).toMatch(/^axios-liveperson-auth: warning: The emulator listens on 0\.0\.0\.0: every machine/);
  expect(JSON.parse(emulator.stdout).event).toBe('listening');
  const quiet = await startEmulator('--quiet');
  quiet.child.kill('SIGTERM');
  await quiet.ended;
  expect(quiet.stderr).toBe('');
});

it.each([[[]], [['--json']]])('no escape sequence of a client reaches the terminal (%j)', async (flags) => {
  const emulator = await startEmulator('--webhook', 'http://127.0.0.1:1/\u009b', ...account, ...flags);
  await control(emulator.origin, '/webhook', { endpoints: {}, url: 'http://127.0.0.1:1/' });
  const { send, id } = await converse(emulator);
  await send({ type: 'Evil\u001b]0;title\u0007\u009b31m' });
  await control(emulator.origin, '/agent-sends', { conversationId: id, event: { type: 'X\u001b[2J\u009b2J' } });
  await fetch(`${emulator.origin}/%1b[2J\u009b`);
  await emulator.printed(
    flags.length > 0 ? '"type":"ms.MessagingEventNotification.X' : 'not take ms.MessagingEventNotification.X',
  );
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  expect(emulator.stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  expect(emulator.stdout).toContain('event.type must be one of ContentEvent');
});

it('delivers a refused event again where it has a retention', async () => {
  let status = 500;
  const { origin } = await startServer((request, response) => {
    request.resume();
    response.writeHead(status).end();
  });
  const emulator = await startEmulator('--webhook', origin, '--webhook-retention', '600', ...account);
  await converse(emulator);
  await emulator.printed('Events wait and are delivered later.');
  status = 200;
  await control(emulator.origin, '/advance-clock', { ms: 2_000 });
  await emulator.printed('(attempt 2)');
  const once = await startEmulator('--webhook', 'http://127.0.0.1:1/', ...account);
  await converse(once);
  await once.printed('given up after 1 attempt (ECONNREFUSED)');
});

it.each([
  [['--webhook-retention', '5'], '--webhook-retention goes with --webhook'],
  [['--webhook', 'http://c', '--webhook-retention', '1'], '--webhook-retention must be whole seconds from 2 to 259200'],
  [['--webhook', 'http://c', '--webhook-retention', 'x'], '--webhook-retention must be whole seconds'],
  [['--allow-host', 'http://x'], '--allow-host must be a host name or an IP address'],
])('%j is wrong use', async (flags, sentence) => {
  const { code, stderr } = await run(['emulator', ...flags]);
  expect([code, stderr]).toEqual([2, expect.stringContaining(sentence)]);
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
