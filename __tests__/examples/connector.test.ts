import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { resolve } from 'node:path';
import { createOnce } from '../../examples/connector/once.js';
import { isSigned } from '../../examples/connector/signature.js';
import { type Notification, readClosed, readReplies, readStandings } from '../../examples/connector/webhook.js';
import { type Emulator, startEmulator } from '../../lib/emulator/index.js';

const ROOT = resolve(__dirname, '../..');
const account = { accountId: '70012345', clientId: 'emulator-app', clientSecret: 'emulator-secret' };

describe('the connector as a process', () => {
  let cloud: Emulator | undefined;
  let connector: ChildProcess | undefined;

  afterEach(async () => {
    connector?.kill();
    await cloud?.close();
  });

  /** Starts it, and gives what it prints up to a line that matches. */
  function start(env: Record<string, string | undefined>): (line: RegExp) => Promise<string> {
    const child = spawn(process.execPath, ['node_modules/tsx/dist/cli.mjs', 'examples/connector/server.ts'], {
      cwd: ROOT,
      env: { ...process.env, ...env },
    });
    connector = child;
    let output = '';
    let heard = () => {};
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => {
        output += data;
        heard();
      });
    }
    child.on('close', (code) => {
      output += `ended with ${code}`;
      heard();
    });
    return (line) =>
      new Promise((found, failed) => {
        heard = () => {
          if (line.test(output)) found(output);
          else if (/ended with/.test(output)) failed(new Error(output));
        };
        heard();
      });
  }

  it('carries a message to the agent and the answer back, with the settings that the emulator prints', async () => {
    cloud = await startEmulator({ accounts: [account], autoReply: 'echo' });
    const { accountId, clientId, clientSecret } = account;
    const until = start({
      LP_ACCOUNT_ID: accountId,
      LP_CLIENT_ID: clientId,
      LP_CLIENT_SECRET: clientSecret,
      LP_DOMAIN_API: cloud.origin,
      CHANNEL_URL: '',
      PORT: '0',
    });
    const [, origin] = /brings messages to (\S+)\/channel/.exec(await until(/\/liveperson\.\n/)) ?? [];
    cloud.setWebhook(`${origin}/liveperson`);
    const post = (body: object) =>
      fetch(`${origin}/channel`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    expect((await post({ from: '4915550001', text: 'no id' })).status).toBe(400);
    expect((await post({ id: '1', from: '4915550001', text: 'Grüße 👋' })).status).toBe(200);
    const output = await until(/reads:.*\n/);
    expect(output).toContain('4915550001 reads: Grüße 👋');
    expect(output).not.toMatch(/eyJ|emulator-secret/);
  });

  it('says what it lacks, in one sentence', async () => {
    const until = start({ LP_ACCOUNT_ID: '', LP_CLIENT_ID: 'id', LP_CLIENT_SECRET: 'secret' });
    expect(await until(/ended with/)).toBe(
      'Set LP_ACCOUNT_ID, LP_CLIENT_ID and LP_CLIENT_SECRET; for the emulator, LP_DOMAIN_API too.\nended with 2',
    );
  });
});

describe('its signature check', () => {
  const body = Buffer.from('{"message":"Grüße 👋"}');
  const sign = (algorithm: string, encoding: 'base64' | 'hex', key = 'secret') =>
    `${algorithm}=${createHmac(algorithm, key).update(body).digest(encoding)}`;

  it.each([
    ['SHA-1 in base64', sign('sha1', 'base64'), true],
    ['SHA-1 in hex', sign('sha1', 'hex'), true],
    ['SHA-256 in base64', sign('sha256', 'base64'), true],
    ['SHA-256 in hex', sign('sha256', 'hex'), true],
    ['another key', sign('sha1', 'base64', 'other'), false],
    ['another hash', sign('md5', 'base64'), false],
    ['another length', sign('sha1', 'base64').slice(0, -8), false],
    ['none', undefined, false],
    ['an empty one', 'sha1=', false],
  ])('%s', (_, signature, isRight) => {
    expect(isSigned(body, signature, 'secret')).toBe(isRight);
    expect(isSigned(Buffer.from(body.toString().replace('👋', '\\ud83d\\udc4b')), signature, 'secret')).toBe(false);
  });
});

describe('what it hands to the customer', () => {
  const said = (change: object) =>
    ({
      type: 'ms.MessagingEventNotification',
      body: {
        changes: [
          {
            sequence: 4,
            originatorMetadata: { role: 'ASSIGNED_AGENT' },
            messageAudience: 'ALL',
            conversationId: 'c',
            event: { type: 'ContentEvent', message: 'Hi' },
            ...change,
          },
        ],
      },
    }) as unknown as Notification;

  it.each([
    ['what an agent says', {}, ['Hi']],
    ['what a bot says', { originatorMetadata: { role: 'CONTROLLER' } }, ['Hi']],
    ['in an older form, where the dialog names the conversation', { conversationId: undefined, dialogId: 'c' }, ['Hi']],
    ['not his own words', { originatorMetadata: { role: 'CONSUMER' } }, []],
    ['not what agents and managers say among themselves', { messageAudience: 'AGENTS_AND_MANAGERS' }, []],
    ['not that somebody is writing', { event: { type: 'ChatStateEvent', chatState: 'COMPOSING' } }, []],
    ['not a file, which is no text', { event: { type: 'ContentEvent', message: { relativePath: '/a' } } }, []],
  ])('%s', (_, change, texts) => {
    expect(readReplies(said(change)).map(({ text }) => text)).toEqual(texts);
    expect(readClosed(said(change))).toEqual([]);
  });

  it('a survey’s message is told apart from the agent’s of the same number', () => {
    const keys = ['c', 's'].flatMap((dialogId) => readReplies(said({ dialogId })).map(({ key }) => key));
    expect(keys).toEqual(['c:4', 's:4']);
  });

  it.each([
    ['an open conversation', { state: 'OPEN', stage: 'OPEN', dialogs: [{ dialogId: 'c', state: 'OPEN' }] }, 'c'],
    [
      'an open survey',
      {
        state: 'CLOSE',
        stage: 'OPEN',
        dialogs: [
          { dialogId: 'c', state: 'CLOSE' },
          { dialogId: 's', state: 'OPEN' },
        ],
      },
      's',
    ],
    ['the end', { state: 'CLOSE', stage: 'CLOSE', dialogs: [{ dialogId: 'c', state: 'CLOSE' }] }, undefined],
    ['an older event that is open', { state: 'OPEN' }, 'c'],
    ['an older event that is closed', { state: 'CLOSE' }, undefined],
  ])('of %s, the next message goes to the right dialog', (_, conversationDetails, openDialog) => {
    const changes = [{ type: 'UPSERT', result: { convId: 'c', conversationDetails } }];
    const notification = { type: 'cqm.ExConversationChangeNotification', body: { changes } } as unknown as Notification;
    expect(readStandings(notification)).toEqual([{ conversationId: 'c', openDialog }]);
    expect(readClosed(notification)).toEqual(openDialog ? [] : ['c']);
  });

  it('nothing of what it cannot read', () => {
    for (const notification of [{}, { type: 'other' }, { type: 'ms.MessagingEventNotification' }] as Notification[]) {
      expect(readReplies(notification)).toEqual([]);
      expect(readStandings(notification)).toEqual([]);
    }
  });
});

it('does the work of a key once, and again after a failure', async () => {
  const once = createOnce<number>();
  let count = 0;
  const work = async () => {
    count += 1;
    if (count === 1) throw new Error('down');
    return count;
  };
  await expect(once('a', work)).rejects.toThrow('down');
  expect(await Promise.all([once('a', work), once('a', work)])).toEqual([2, 2]);
  once.forget('a');
  expect(await once('a', work)).toBe(3);
});
