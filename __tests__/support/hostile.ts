import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { inspect } from 'node:util';
import { type Cloud, type Seen, startCloud } from './cloud.js';
import { CLIENT_SECRET } from './connector.js';
import { formsOf } from './printers.js';

/** A second server that no token, secret or message may reach. It answers as LivePerson does, so that an attack goes on. */
export interface Evil {
  readonly cloud: Cloud;
  readonly origin: string;
  readonly host: string;
  readonly port: number;
  /** What functions of the attacker's were called with. */
  readonly overheard: string[];
  /** A function of the attacker's: writes its arguments down, and returns the result or throws it if it is an error. */
  spy(result?: unknown): (...args: unknown[]) => unknown;
  /** A transport and an agent of the attacker's: both lead to the second server. */
  readonly transport: { request: (options: object, onResponse: never) => unknown };
  readonly agent: Agent;
  /** All that it has seen and heard, as one text. */
  text(): string;
}

export async function startEvil(): Promise<Evil> {
  const cloud = await startCloud();
  const port = Number(cloud.host.split(':')[1]);
  const overheard: string[] = [];
  const hear = (args: unknown[]): void => {
    overheard.push(inspect(args, { depth: 6, maxStringLength: null, maxArrayLength: null, getters: false }));
  };
  return {
    cloud,
    origin: cloud.origin,
    host: cloud.host,
    port,
    overheard,
    spy:
      (result) =>
      (...args) => {
        hear(args);
        if (result instanceof Error) throw result;
        return result;
      },
    transport: {
      request: (options, onResponse) => {
        hear([options]);
        return httpRequest({ ...options, host: '127.0.0.1', hostname: '127.0.0.1', port }, onResponse);
      },
    },
    agent: Object.assign(new Agent(), { createConnection: () => connect(port, '127.0.0.1') }),
    text: () => [...cloud.seen.map(textOf), ...overheard].join('\n'),
  };
}

const textOf = ({ method, url, headers, body }: Seen): string =>
  [method, url, ...Object.entries(headers).flat(), body].join('\n');

/** The tokens and the secret of a cloud that stand in a text, by what they are. */
export function secretsIn(text: string, cloud: Cloud): string[] {
  const secrets: [string, string][] = [
    ...cloud.issued.appJwt.map((token): [string, string] => ['an AppJWT', token]),
    ...[...cloud.issued.consumerJws.values()].flat().map((token): [string, string] => ['a ConsumerJWS', token]),
    ['the client secret', CLIENT_SECRET],
  ];
  const found = secrets.filter(([, secret]) => formsOf(secret).some((form) => text.includes(form)));
  return [...new Set(found.map(([name]) => name))];
}

/** Node's own modules have another `Object.prototype` than the tests have, because Jest runs them in a context of their own. */
const PROTOTYPES = [...new Set([Object.prototype, Object.getPrototypeOf(process.memoryUsage()) as object])];

/** Names that break Node's own modules, or Jest, or the tests' own servers: these go on the tests' `Object.prototype` alone. */
const TOO_MUCH_FOR_NODE = ['get', 'set', 'value', 'writable', 'host', 'response', 'signal', 'timeout'];

/** Puts properties on `Object.prototype`, as an attack by prototype pollution does; returns what takes them off again. */
export function pollute(properties: Readonly<Record<string, unknown>>): () => void {
  const undo: (() => void)[] = [];
  for (const [name, value] of Object.entries(properties)) {
    for (const prototype of TOO_MUCH_FOR_NODE.includes(name) ? [Object.prototype] : PROTOTYPES) {
      if (Object.hasOwn(prototype, name)) throw new Error(`Object.prototype.${name} is not free`);
      (prototype as Record<string, unknown>)[name] = value;
      undo.push(() => {
        delete (prototype as Record<string, unknown>)[name];
      });
    }
  }
  return () => {
    for (const takeOff of undo.splice(0)) takeOff();
  };
}

/** What a promise comes to, as values; `hangs` if it does not settle within a minute, which a busy machine does not need. */
export async function outcomeOf(
  promise: Promise<unknown>,
): Promise<{ value?: unknown; error?: unknown; hangs?: true }> {
  const hangs = new AbortController();
  const late = new Promise<{ hangs: true }>((resolve) => {
    const timer = setTimeout(() => resolve({ hangs: true }), 60_000);
    hangs.signal.addEventListener('abort', () => clearTimeout(timer));
  });
  const settled = promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  try {
    return await Promise.race([settled, late]);
  } finally {
    hangs.abort();
  }
}
