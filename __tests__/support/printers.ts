import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { inspect } from 'node:util';
import pino from 'pino';
import winston from 'winston';

/** Everything that somebody may print a value with, as the text that comes of it. */
export const PRINTERS: Readonly<Record<string, (value: unknown) => string>> = {
  'util.inspect': (value) => inspect(value),
  'util.inspect at any depth': (value) =>
    inspect(value, { depth: Number.POSITIVE_INFINITY, maxStringLength: null, maxArrayLength: null }),
  'console.error': (value) => written((stream) => new Console(stream).error(value)),
  'console.error, formatted': (value) => written((stream) => new Console(stream).error('failed: %o %O', value, value)),
  'JSON.stringify': (value) => JSON.stringify(value) ?? '',
  structuredClone: (value) => inspect(structuredClone(value), { depth: Number.POSITIVE_INFINITY }),
  'string and stack': (value) => `${value} ${(value as Error | undefined)?.stack}`,
  pino: (value) => written((stream) => pino(stream).error(value as object)),
  'pino, as err': (value) => written((stream) => pino(stream).error({ err: value }, 'failed')),
  'pino, under another name': (value) => written((stream) => pino(stream).error({ value }, 'failed')),
  winston: (value) => winstonWith(winston.format.json(), value),
  'winston with errors()': (value) =>
    winstonWith(
      winston.format.combine(winston.format.errors({ stack: true, cause: true }), winston.format.json()),
      value,
    ),
  'winston with prettyPrint()': (value) =>
    winstonWith(winston.format.prettyPrint({ depth: Number.POSITIVE_INFINITY }), value),
};

/** A stream that keeps what is written to it. */
export function capture(): { stream: Writable; text(): string } {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  return { stream, text: () => chunks.join('') };
}

function written(print: (stream: Writable) => void): string {
  const { stream, text } = capture();
  print(stream);
  return text();
}

function winstonWith(format: winston.Logform.Format, value: unknown): string {
  return written((stream) => {
    const logger = winston.createLogger({ format, transports: [new winston.transports.Stream({ stream })] });
    logger.error(value as object);
    logger.error('failed', value);
    logger.error('failed', { value });
  });
}

/** What a printer makes of a value; a printer that cannot print it (a circle, a function to be cloned) gives its own words. */
export function print(printer: (value: unknown) => string, value: unknown): string {
  try {
    return printer(value);
  } catch (error) {
    return inspect(error);
  }
}

/** The forms in which a secret may stand in a text. */
export function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const hex = bytes.toString('hex');
  return [
    secret,
    encodeURIComponent(secret),
    new URLSearchParams({ '': secret }).toString().slice(1),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
    hex,
    hex.replace(/(..)(?=.)/g, '$1 '),
  ];
}
