import { type Command, helpFor, readFlags, UsageError } from '../../lib/cli/command-line.js';
import { resolveSettings as resolveDoctor } from '../../lib/cli/doctor/command.js';
import { resolveSettings as resolveEmulator } from '../../lib/cli/emulator/command.js';
import { colorsFor, printable } from '../../lib/cli/terminal.js';
import { run } from './run.js';

const command = {
  name: 'walk',
  does: 'Walks.',
  flags: {
    to: { value: 'PLACE', does: 'where' },
    via: { value: 'PLACE', multiple: true, does: 'by which way' },
    fast: { does: 'in haste' },
  },
  notes: '\nMind the gap.',
} as const satisfies Command;

describe('flags', () => {
  it('are read as texts, lists and switches', () => {
    expect(readFlags(command, ['--to', '007', '--via=a', '--via', 'b', '--fast'])).toEqual({
      to: '007',
      via: ['a', 'b'],
      fast: true,
    });
    expect(readFlags(command, [])).toEqual({});
  });

  it.each([
    [['--too', 'x'], 'There is no flag --too of walk.'],
    [['--secret=abc'], 'There is no flag --secret of walk.'],
    [['-x'], 'There is no flag -x of walk.'],
    [['--to'], '--to needs a value.'],
    [['--to', '--fast'], '--to needs a value.'],
    [['--fast=yes'], '--fast takes no value.'],
    [['--to', ''], '--to is empty: give it a value, or leave it out.'],
    [['home'], 'walk takes flags alone, and one argument is none.'],
  ])('that are wrong are one sentence: %j', (argv, sentence) => {
    const read = () => readFlags(command, argv);
    expect(read).toThrow(UsageError);
    expect(read).toThrow(sentence);
    expect(read).not.toThrow(/abc|yes/);
  });

  it('are all in the help', () => {
    expect(helpFor(command)).toBe(`Walks.

usage: npx axios-liveperson-auth walk [flags]

  --to PLACE   where
  --via PLACE  by which way
  --fast       in haste
  --help       shows this

Mind the gap.
`);
  });
});

describe('settings of the doctor', () => {
  const env = {
    LP_ACCOUNT_ID: '1',
    LP_DOMAIN_API: 'https://one.example',
    LP_CLIENT_ID: 'id',
    LP_CLIENT_SECRET: 'secret',
  };

  it('come from flags, then from the environment, then from defaults', () => {
    const defaults = { probe: false, json: false, timeoutMs: 10_000, clientId: 'id', clientSecret: 'secret' };
    expect(resolveDoctor({}, env)).toEqual({
      accountId: '1',
      consumerId: 'axios-liveperson-auth-doctor',
      domainApi: 'https://one.example',
      ...defaults,
    });
    const given = {
      account: 'le2',
      consumer: 'sms-1',
      'domain-api': 'http://127.0.0.1:1/',
      probe: true,
      timeout: '0.5',
    };
    expect(resolveDoctor(given, env)).toMatchObject({
      accountId: 'le2',
      consumerId: 'sms-1',
      domainApi: 'http://127.0.0.1:1',
      probe: true,
      timeoutMs: 500,
    });
    expect(resolveDoctor({}, { ...env, LP_DOMAIN_API: '' }).domainApi).toBe('https://api.liveperson.net');
  });

  it.each([
    [{}, { LP_ACCOUNT_ID: undefined }, /Which account\? Give --account ID, or set LP_ACCOUNT_ID/],
    [{ account: '7/0' }, {}, /The account id is wrong/],
    [{}, { LP_CLIENT_ID: undefined }, /LP_CLIENT_ID is not set/],
    [{}, { LP_CLIENT_SECRET: '' }, /LP_CLIENT_SECRET is not set/],
    [{}, { LP_CLIENT_SECRET: 'secret\n' }, /LP_CLIENT_SECRET begins or ends with a blank or a line break/],
    [{ 'domain-api': 'api.liveperson.net' }, {}, /The Domain API must be an origin/],
    [{ 'domain-api': 'https://api.liveperson.net/api' }, {}, /The Domain API must be an origin/],
    [{ 'domain-api': 'https://user:pass@api.liveperson.net' }, {}, /The Domain API must be an origin/],
    [{ timeout: '0' }, {}, /--timeout must be seconds/],
    [{ timeout: 'soon' }, {}, /--timeout must be seconds/],
  ])('that are wrong are one sentence, which shows no secret: %j %j', (given, changes, sentence) => {
    const resolve = () => resolveDoctor(given, { ...env, ...changes });
    expect(resolve).toThrow(UsageError);
    expect(resolve).toThrow(sentence);
    expect(resolve).not.toThrow(/pass@|secret\s*\n/);
  });
});

describe('settings of the emulator', () => {
  it('have defaults for a first try', () => {
    expect(resolveEmulator({})).toEqual({
      port: 4790,
      host: '127.0.0.1',
      accountId: '70012345',
      clientId: 'emulator-app',
      clientSecret: 'emulator-secret',
      tlsNames: undefined,
      certificateFile: undefined,
      webhook: undefined,
      echo: false,
      quiet: false,
      json: false,
    });
    const { tlsNames } = resolveEmulator({ tls: true, host: '0.0.0.0', 'tls-name': ['cloud.test', 'localhost'] });
    expect(tlsNames).toEqual(['localhost', '127.0.0.1', '::1', 'cloud.test']);
    expect(resolveEmulator({ tls: true, host: '10.0.0.1' }).tlsNames).toContain('10.0.0.1');
    expect(resolveEmulator({ webhook: 'http://c/w', 'webhook-signature': 'sha256' }).webhook).toEqual({
      url: 'http://c/w',
      signature: 'sha256',
    });
  });

  it.each([
    [{ port: '65536' }, /--port must be a number/],
    [{ port: '80a' }, /--port must be a number/],
    [{ account: 'a b' }, /--account must be/],
    [{ webhook: 'localhost:3000' }, /--webhook must be the http or https URL/],
    [{ 'webhook-signature': 'md5' }, /--webhook-signature must be sha1 or sha256/],
    [{ 'tls-cert': 'c.pem' }, /--tls-cert goes with --tls/],
    [{ 'tls-name': ['a'] }, /--tls-name goes with --tls/],
    [{ tls: true, 'tls-name': ['https://a'] }, /--tls-name must be a host name/],
  ])('that are wrong are one sentence: %j', (given, sentence) => {
    expect(() => resolveEmulator(given)).toThrow(UsageError);
    expect(() => resolveEmulator(given)).toThrow(sentence);
  });
});

it.each([
  [{}, {}, false],
  [{ isTTY: true }, {}, true],
  [{ isTTY: true }, { NO_COLOR: '1' }, false],
  [{ isTTY: true }, { NO_COLOR: '' }, true],
  [{ isTTY: true }, { TERM: 'dumb' }, false],
  [{}, { FORCE_COLOR: '1' }, true],
  [{}, { FORCE_COLOR: '1', NO_COLOR: '1' }, false],
  [{ isTTY: true }, { FORCE_COLOR: '0' }, false],
  [{}, { CI: 'true' }, false],
])('colours on %j with %j: %s', (stream, env, has) => {
  expect(colorsFor(stream, env).red('text')).toBe(has ? '\u001b[31mtext\u001b[39m' : 'text');
});

it('what others said cannot steer a terminal', () => {
  expect(printable('a\u001b[2Jb\r\nc\u009b\u202ed')).toBe('a·[2Jb··c··d');
  expect(printable('Grüße, 東京')).toBe('Grüße, 東京');
});

describe('the executable', () => {
  it.each([
    [['--help'], 0, /usage: npx axios-liveperson-auth COMMAND[\s\S]*doctor[\s\S]*emulator/, /^$/],
    [['doctor', '--help'], 0, /--consumer ID[\s\S]*--probe sends a SEND[\s\S]*exit codes/, /^$/],
    [['emulator', '-h'], 0, /--webhook URL[\s\S]*agent-says[\s\S]*exit codes/, /^$/],
    [['--version'], 0, /^\d+\.\d+\.\d+\n$/, /^$/],
    [[], 2, /^$/, /Which command: doctor or emulator\?/],
    [['doktor'], 2, /^$/, /There is no command "doktor": use doctor or emulator\./],
    [['constructor'], 2, /^$/, /There is no command "constructor"/],
    [['doctor', '--fast'], 2, /^$/, /There is no flag --fast of doctor/],
    [['doctor'], 2, /^$/, /Which account\?/],
    [['emulator', '--port', 'x'], 2, /^$/, /--port must be a number/],
  ])('%j ends with %i', async (args, code, stdout, stderr) => {
    const ended = await run(args);
    expect(ended).toEqual({ code, stdout: expect.stringMatching(stdout), stderr: expect.stringMatching(stderr) });
    expect(ended.stderr.split('\n').length).toBeLessThanOrEqual(2);
  });

  it.each([
    [['--client-secret', 'abc']],
    [['--client-secret=abc']],
    [['--account', '1', '--client-secret=abc', '--json']],
  ])('takes no secret as a flag: %j', async (flags) => {
    const { code, stdout, stderr } = await run(['doctor', ...flags]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/A secret is no flag: .* Set LP_CLIENT_SECRET in the environment instead\.\n$/);
    expect(stderr).not.toContain('abc');
  });
});
