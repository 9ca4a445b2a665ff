import type { Delivery, LoggedRequest } from 'axios-liveperson-auth/emulator';
import { type Colors, printable } from '../terminal.js';
import type { EmulatorSettings } from './command.js';

/** What of a request may be printed: its tokens by their last four characters, so that two can be told apart. */
export interface RequestFacts {
  readonly time: string;
  readonly service: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly errorCode: number | undefined;
  readonly appJwt: string | undefined;
  readonly consumerJws: string | undefined;
  /** What a real server might refuse. */
  readonly warnings?: readonly string[];
}

export function factsOf(request: LoggedRequest): RequestFacts {
  const { time, service, method, path, status, errorCode, headers, warnings } = request;
  return {
    time: new Date(time).toISOString(),
    service,
    method: printable(method),
    path: printable(hideSecrets(path)),
    status,
    errorCode,
    appJwt: maskToken(headers.authorization),
    consumerJws: maskToken(headers['x-lp-on-behalf']),
    ...(warnings.length > 0 && { warnings: warnings.map(printable) }),
  };
}

/** The name of a parameter may be encoded in any way. */
const hideSecrets = (path: string): string =>
  path.replace(/([^?&=]+)=[^&]*/g, (pair, name: string) => (/secret/i.test(decode(name)) ? `${name}=…` : pair));

function decode(name: string): string {
  const decoded = name.replace(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return decoded === name ? name : decode(decoded);
}

/** The end of a token's signature alone. A shorter value would be shown by half. */
export function maskToken(value: string | string[] | undefined): string | undefined {
  if (value === undefined) return undefined;
  const token = String(value);
  return token.length < 40 ? '…' : printable(`…${token.slice(-4)}`);
}

export function requestLine(facts: RequestFacts, colors: Colors): string {
  const { time, service, method, path, status, errorCode, appJwt, consumerJws, warnings = [] } = facts;
  const answer = status === 0 ? 'reset' : `${status}${errorCode ? ` ${errorCode}` : ''}`;
  const paint = status > 0 && status < 400 ? colors.green : colors.red;
  const tokens = [appJwt && `AppJWT ${appJwt}`, consumerJws && `ConsumerJWS ${consumerJws}`].filter(Boolean).join(' ');
  const line = `${colors.dim(time.slice(11, 19))} ${paint(answer.padEnd(9))} ${service.padEnd(12)} ${method} ${path} ${colors.dim(tokens)}`;
  return [line.trimEnd(), ...warnings.map((warning) => `         warning: ${warning}`)].join('\n');
}

/** What happened to the webhook since the last line about it: `undefined` for nothing new. */
export function createDeliveryLines(url: () => string): (delivery: Delivery) => string | undefined {
  let isDown = false;
  return ({ state, status, attempts, failure, ...delivery }) => {
    const type = printable(delivery.type);
    if (state === 'delivered') {
      const again = isDown ? `The webhook is well again. ` : '';
      isDown = false;
      return `${again}webhook took ${type}${attempts > 1 ? ` (attempt ${attempts})` : ''}`;
    }
    const what = status === 0 ? 'gives no answer' : `answers ${status}`;
    const news = isDown ? '' : `The webhook ${printable(url())} ${what}, where 200 or 201 is wanted. `;
    isDown = true;
    if (state === 'given-up') {
      const why = failure === undefined ? '' : ` (${printable(failure)})`;
      return `${news}webhook did not take ${type}: given up after ${attempts} attempt${attempts === 1 ? '' : 's'}${why}`;
    }
    return news ? `${news}Events wait and are delivered later.` : undefined;
  };
}

/** What to paste into the connector. */
export function banner(
  origin: string,
  settings: EmulatorSettings,
  certificateFile: string | undefined,
  colors: Colors,
): string {
  const { accountId, clientId, clientSecret, webhook } = settings;
  const rows = { accountId, clientId, clientSecret, domainApi: origin };
  const lines = Object.entries(rows).map(([name, value]) => `  ${name}: ${colors.bold(`'${printable(value)}'`)},`);
  const environment = `LP_ACCOUNT_ID=${accountId} LP_CLIENT_ID=${clientId} LP_CLIENT_SECRET=${clientSecret} LP_DOMAIN_API=${origin}`;
  return [
    `LivePerson’s cloud, emulated, is at ${colors.bold(origin)}. Paste into your connector:`,
    '',
    ...lines,
    '',
    'or set in its environment:',
    '',
    `  ${printable(environment)}`,
    '',
    ...(certificateFile
      ? [
          'Its certificate is self-signed. Have your connector trust it:',
          '',
          `  NODE_EXTRA_CA_CERTS=${printable(certificateFile)}`,
          '',
        ]
      : []),
    webhook
      ? `What the agent says is delivered to ${printable(webhook.url)}.`
      : 'The agent speaks to nobody: give --webhook URL to hear it.',
    `The desk is at ${colors.bold(`${origin}/emulator/desk`)}: play the agent there, and see every request and token.`,
    `The control API is at ${origin}/emulator. Ctrl-C ends.`,
    '',
  ].join('\n');
}
