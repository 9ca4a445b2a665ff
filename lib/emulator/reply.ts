import type { Writable } from 'node:stream';

/** An answer, before it is sent. */
export interface Reply {
  readonly status: number;
  /** Bytes and text are sent as they are, anything else as JSON. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** What a real server might have refused, for the request log. */
  readonly warnings?: readonly string[];
  /** Runs once the answer is on its way. */
  readonly after?: () => void;
  /** Writes the body piece by piece, instead of `body`, until the client goes away. */
  readonly stream?: (client: Writable) => void;
}

/** A request that was read to its end. */
export interface Incoming {
  /** In capitals. */
  readonly method: string;
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The body as text. */
  readonly body: string;
  /** The body as it came. */
  readonly bytes: Buffer;
  /** Whether it came over TLS. */
  readonly isSecure: boolean;
  /** Whether it came from this process, through `adapter`. */
  readonly isInProcess: boolean;
}

export const notFound: Reply = { status: 404, body: { error: 'not found' } };

/** The body as it is sent, and its media type. */
export function encodeBody(body: unknown): { bytes: Buffer; type: string } {
  if (Buffer.isBuffer(body)) return { bytes: body, type: 'application/octet-stream' };
  const isText = typeof body === 'string';
  const text = isText ? body : (JSON.stringify(body) ?? '');
  const type = isText && text.trimStart().startsWith('<') ? 'text/html' : 'application/json';
  return { bytes: Buffer.from(text), type };
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
