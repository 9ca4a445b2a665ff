import { isIP } from 'node:net';
import { type Command, type Given, UsageError } from '../command-line.js';

/** A fixed one, so that a connector's settings outlive a restart. */
const DEFAULT_PORT = 4790;

export const emulatorCommand = {
  name: 'emulator',
  does: 'LivePerson’s Domain API, Sentinel, IDP and Send API on this machine, for connectors in any language.',
  flags: {
    port: { value: 'PORT', does: `where it listens (${DEFAULT_PORT}); 0 is any free one` },
    host: { value: 'ADDRESS', does: 'the address that it listens on (127.0.0.1)' },
    'allow-host': {
      value: 'NAME',
      multiple: true,
      does: 'a further host name that the control API answers to, such as a container’s; may be given again',
    },
    account: { value: 'ID', does: 'the account that it knows (70012345)' },
    'client-id': { value: 'ID', does: 'its client id (emulator-app)' },
    'client-secret': { value: 'SECRET', does: 'its client secret (emulator-secret): make one up, not a real one' },
    tls: { does: 'speaks https with a certificate made for the occasion; plain http for the Domain API alone' },
    'tls-name': {
      value: 'NAME',
      multiple: true,
      does: 'a further host name for that certificate, such as *.liveperson.net; may be given again',
    },
    'tls-cert': { value: 'FILE', does: 'where the certificate is written, for clients that are to trust it' },
    webhook: { value: 'URL', does: 'your connector’s webhook: what the agent says is delivered there' },
    'webhook-signature': { value: 'HASH', does: 'sha1 (the default) or sha256' },
    'webhook-retention': {
      value: 'SECONDS',
      does: 'how long a refused event is delivered again, 2 to 259200 (a refused event is dropped)',
    },
    echo: { does: 'the agent repeats what the consumer says' },
    quiet: { does: 'no line per request; of the banner the origin alone' },
    json: { does: 'lines of JSON instead of text' },
  },
  notes: `
Open http://localhost:${DEFAULT_PORT}/emulator/desk to play the agent in a browser, and to see requests, replays and tokens.

The control API bends it while it runs, from tests in any language (GET /emulator lists the whole of it):

  curl -X POST localhost:${DEFAULT_PORT}/emulator/revoke-app-jwts
  curl -X POST localhost:${DEFAULT_PORT}/emulator/fail-next  -d '{"service":"sentinel","status":503,"times":2}'
  curl -X POST localhost:${DEFAULT_PORT}/emulator/agent-says -d '{"text":"Hello, how can I help?"}'
  curl localhost:${DEFAULT_PORT}/emulator/requests?service=send

It ends with Ctrl-C (SIGINT) or SIGTERM. docs/emulator.md tells the rest.

exit codes: 0 ended when asked to, 1 could not start, 2 used wrongly`,
} as const satisfies Command;

export interface EmulatorSettings {
  readonly port: number;
  readonly host: string;
  readonly accountId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** The names of the certificate; `undefined` for plain http. */
  readonly tlsNames: readonly string[] | undefined;
  readonly certificateFile: string | undefined;
  readonly webhook: { url: string; signature: 'sha1' | 'sha256'; retentionMs: number } | undefined;
  /** Further names that the control API answers to. */
  readonly allowedHosts: readonly string[];
  readonly echo: boolean;
  readonly quiet: boolean;
  readonly json: boolean;
}

/** @throws UsageError naming the flag that is wrong */
export function resolveSettings(given: Given<typeof emulatorCommand>): EmulatorSettings {
  const { host = '127.0.0.1', account = '70012345', webhook } = given;
  const port = Number(given.port ?? DEFAULT_PORT);
  if (!/^\d+$/.test(given.port ?? '0') || port > 65_535)
    throw new UsageError('--port must be a number from 0 (any free one) to 65535.');
  if (!/^[a-z\d][\w.~-]*$/i.test(account))
    throw new UsageError('--account must be digits, or letters and digits, as LivePerson’s are.');
  if (webhook !== undefined && (!URL.canParse(webhook) || !/^https?:$/.test(new URL(webhook).protocol)))
    throw new UsageError('--webhook must be the http or https URL of your connector’s webhook.');
  const signature = given['webhook-signature'] ?? 'sha1';
  if (signature !== 'sha1' && signature !== 'sha256')
    throw new UsageError('--webhook-signature must be sha1 or sha256.');
  for (const flag of ['tls-name', 'tls-cert'] as const) {
    if (given[flag] !== undefined && !given.tls) throw new UsageError(`--${flag} goes with --tls: give that too.`);
  }
  const retention = given['webhook-retention'];
  const seconds = Number(retention ?? 0);
  if (retention !== undefined && !(/^\d+$/.test(retention) && seconds >= 2 && seconds <= 259_200))
    throw new UsageError('--webhook-retention must be whole seconds from 2 to 259200 (3 days).');
  if (retention !== undefined && webhook === undefined)
    throw new UsageError('--webhook-retention goes with --webhook: give that too.');
  const allowedHosts = given['allow-host'] ?? [];
  if (!allowedHosts.every(isHostName))
    throw new UsageError('--allow-host must be a host name or an IP address, without scheme or port.');
  const names = given['tls-name'] ?? [];
  if (names.some((name) => !isHostName(name)))
    throw new UsageError('--tls-name must be a host name or an IP address, without scheme or port.');
  return {
    port,
    host,
    accountId: account,
    clientId: given['client-id'] ?? 'emulator-app',
    clientSecret: given['client-secret'] ?? 'emulator-secret',
    tlsNames: given.tls
      ? [...new Set(['localhost', '127.0.0.1', '::1', ...(isAnywhere(host) ? [] : [host]), ...names])]
      : undefined,
    certificateFile: given['tls-cert'],
    webhook: webhook === undefined ? undefined : { url: webhook, signature, retentionMs: seconds * 1_000 },
    allowedHosts,
    echo: given.echo ?? false,
    quiet: given.quiet ?? false,
    json: given.json ?? false,
  };
}

const isAnywhere = (host: string): boolean => host === '0.0.0.0' || host === '::';

const isHostName = (name: string): boolean =>
  (isIP(name) !== 0 && !name.includes('%')) || /^[a-z\d*-][\w-]*(\.[\w-]+)*$/i.test(name);
