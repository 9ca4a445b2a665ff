import { isRecord } from './reply.js';

/** Each kind of value: its name in a sentence, and its check. */
const FIELD_TYPES = {
  text: ['a text', (value: unknown) => typeof value === 'string' && value !== ''],
  texts: [
    'a list of texts',
    (value: unknown) => Array.isArray(value) && value.every((each) => typeof each === 'string'),
  ],
  number: ['a number', (value: unknown) => typeof value === 'number' && !Number.isNaN(value)],
  flag: ['true or false', (value: unknown) => typeof value === 'boolean'],
  object: ['an object', isRecord],
  list: ['a list', (value: unknown) => Array.isArray(value)],
  objects: ['a list of objects', (value: unknown) => Array.isArray(value) && value.every(isRecord)],
  function: ['a function', (value: unknown) => typeof value === 'function'],
  anything: ['anything', () => true],
} as const satisfies Record<string, readonly [string, (value: unknown) => boolean]>;

export type FieldType = keyof typeof FIELD_TYPES;

/** The fields that an object may have, each with the kind of its value. */
export type Fields = Readonly<Record<string, FieldType>>;

/** The first fault of an object's fields, as a sentence; `undefined` if there is none. A field that is `undefined` is not given. */
export function findFieldFault(given: object, fields: Fields, noun = 'field'): string | undefined {
  for (const [name, value] of Object.entries(given)) {
    const type = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!type) {
      const known = Object.keys(fields);
      return `There is no ${noun} ${name} here; ${known.length ? `use ${known.join(', ')}` : 'leave it out'}.`;
    }
    const [expected, isRight] = FIELD_TYPES[type];
    if (value !== undefined && !isRight(value)) return `${name} must be ${expected}.`;
  }
  return undefined;
}

/**
 * Checks the options of a library call.
 *
 * @param caller names the call in the message, such as `failNext`
 * @throws TypeError for an option that does not exist, or that has another kind of value
 */
export function assertFields(caller: string, given: unknown, fields: Fields, noun = 'field'): void {
  if (!isRecord(given)) throw new TypeError(`${caller}: give an object with ${Object.keys(fields).join(', ')}.`);
  const fault = findFieldFault(given, fields, noun);
  if (fault) throw new TypeError(`${caller}: ${fault}`);
}

/** @throws TypeError unless it is a text that is not empty */
export function assertText(caller: string, name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string' || value === '') throw new TypeError(`${caller}: ${name} must be a text.`);
}

export const isWholeNumber = (value: unknown, min: number, max = Number.MAX_SAFE_INTEGER): boolean =>
  Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
