import {
  addCommand,
  type Command,
  createProgram,
  type Given,
  runProgram,
  UsageError,
} from '../../lib/cli/command-line.js';
import { resolveSettings as resolveDoctor } from '../../lib/cli/doctor/command.js';
import { resolveSettings as resolveEmulator } from '../../lib/cli/emulator/command.js';
import { resolveSettings as resolveSend } from '../../lib/cli/send/command.js';
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

/** What the command is run with. */
async function read(argv: string[], shape: Command = command): Promise<Given<Command> | undefined> {
  const program = createProgram('1.2.3');
  let given: Given<Command> | undefined;
  addCommand(program, shape, async (values) => {
    given = values;
  });
  await runProgram(program, [shape.name, ...argv]);
  return given;
}

describe('flags', () => {
  it('are read as texts, lists and switches', async () => {
    expect(await read(['--to', '007', '--via=a', '--via', 'b', '--fast'])).toEqual({
      to: '007',
      via: ['a', 'b'],
      fast: true,
    });
    expect(await read([])).toEqual({});
    const speaking = { ...command, argument: { name: 'text', does: 'what' } };
    expect(await read(['--to', 'x', 'Hello there'], speaking)).toEqual({ to: 'x', argument: 'Hello there' });
    expect(await read(['--', '--hello'], speaking)).toEqual({ argument: '--hello' });
  });

  it.each([
    [['--too', 'abc'], /Unknown option '--too' \(Did you mean --to\?\)/],
    [['--secret=abc'], /Unknown option '--secret'\./],
    [['-xabc'], /Unknown option '-x'\./],
    [['--to'], /'--to' argument missing/],
    [['--to', '--fast'], /--to needs a value\./],
    [['--fast=yes'], /--fast takes no value\./],
    [['--to', ''], /--to is empty\. Give it a value, or leave it out\./],
    [['home'], /Too many arguments for 'walk'/],
    [['--client-secret', 'abc'], /Do not pass the secret as a flag/],
  ])('that are wrong are one sentence: %j', async (argv, sentence) => {
    const error = await read(argv).then(
      () => undefined,
      (reason) => reason,
    );
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toMatch(sentence);
    expect(error.message).not.toMatch(/abc|yes|\n/);
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
    [{}, { LP_ACCOUNT_ID: '7 0' }, /The account id is wrong \(LP_ACCOUNT_ID\)/],
    [{}, { LP_DOMAIN_API: 'https://user:pass@x' }, /The Domain API must be an origin .* \(LP_DOMAIN_API\)/],
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

describe('settings of send', () => {
  const env = { LP_ACCOUNT_ID: '1', LP_CLIENT_ID: 'id', LP_CLIENT_SECRET: 'secret' };

  it('are the account, the consumer and the message', () => {
    expect(resolveSend({ consumer: 'sms-1', argument: 'Hello', timeout: '2' }, env)).toEqual({
      accountId: '1',
      clientId: 'id',
      clientSecret: 'secret',
      domainApi: 'https://api.liveperson.net',
      consumerId: 'sms-1',
      conversationId: undefined,
      text: 'Hello',
      timeoutMs: 2_000,
      json: false,
    });
  });

  it.each([
    [{ argument: 'Hello' }, {}, /Which consumer\? Give --consumer ID/],
    [{ consumer: 'c', argument: ' ' }, {}, /The message is empty/],
    [{ consumer: 'c', argument: 'Hello' }, { LP_CLIENT_ID: undefined }, /LP_CLIENT_ID is not set/],
  ])('that are wrong are one sentence: %j %j', (given, changes, sentence) => {
    const resolve = () => resolveSend(given, { ...env, ...changes });
    expect(resolve).toThrow(UsageError);
    expect(resolve).toThrow(sentence);
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
      allowedHosts: [],
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
      retentionMs: 0,
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
    [['--help'], 0, /Usage: npx axios-liveperson-auth[\s\S]*doctor[\s\S]*send[\s\S]*emulator/, /^$/],
    [['help', 'send'], 0, /Usage: npx axios-liveperson-auth send/, /^$/],
    [['doctor', '--help'], 0, /--consumer <ID>[\s\S]*--probe sends a SEND[\s\S]*exit codes/, /^$/],
    [['send', '--help'], 0, /--conversation <ID>[\s\S]*exit codes/, /^$/],
    [['emulator', '-h'], 0, /--webhook <URL>[\s\S]*agent-says[\s\S]*exit codes/, /^$/],
    [['--version'], 0, /^\d+\.\d+\.\d+\n$/, /^$/],
    [[], 2, /^$/, /Which command: doctor, send or emulator\?/],
    [['doktor'], 2, /^$/, /Unknown command 'doktor' \(Did you mean doctor\?\)/],
    [['constructor'], 2, /^$/, /Unknown command 'constructor'/],
    [['help', 'nothing'], 2, /^$/, /There is no command of this name/],
    [['--fast'], 2, /^$/, /Unknown option '--fast'/],
    [['doctor', '--fast'], 2, /^$/, /Unknown option '--fast'\. See npx axios-liveperson-auth doctor --help/],
    [['doctor'], 2, /^$/, /Which account\?/],
    [['send'], 2, /^$/, /Missing required argument 'text'/],
    [['send', 'Hello'], 2, /^$/, /Which consumer\?/],
    [['send', '--consumer', 'c', 'Hello'], 2, /^$/, /LP_ACCOUNT_ID/],
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
    for (const command of ['doctor', 'send']) {
      const { code, stdout, stderr } = await run([command, ...flags]);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(
        /Do not pass the secret as a flag: .* Set LP_CLIENT_SECRET in the environment instead\.\n$/,
      );
      expect(stderr).not.toContain('abc');
    }
  });
});
