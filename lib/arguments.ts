/** Checks of what plain JavaScript may pass to the methods. TypeScript refuses most of it. */

/** Names a wrong value without showing it: it may be a secret, or the id of a consumer. */
export function nameOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (value === '') return 'an empty string';
  if (isPromise(value)) return 'a promise';
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`;
}

/** A `then` of a polluted `Object.prototype` makes no promise. */
export function isPromise(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { then } = value as { then?: unknown };
  return typeof then === 'function' && then !== Reflect.get(Object.prototype, 'then');
}

type Check = readonly [expected: string, isRight: (value: unknown) => boolean];

const TEXT: Check = ['a string', (value) => typeof value === 'string'];
const SIGNAL: Check = [
  'an AbortSignal',
  (value) => typeof (value as Partial<AbortSignal>)?.addEventListener === 'function',
];

/** @throws TypeError if it is not an object of these properties. `undefined` is allowed, for it and for each of them. */
function assertObject(method: string, value: unknown, properties: Readonly<Record<string, Check>>): void {
  if (value === undefined) return;
  const names = Object.keys(properties);
  const shape = `{ ${names.map((name) => `${name}?`).join(', ')} }`;
  if (typeof value !== 'object' || value === null || Array.isArray(value) || isPromise(value))
    throw new TypeError(`${method} takes ${shape} or nothing; received ${nameOf(value)}.`);
  for (const [name, property] of Object.entries(value)) {
    const check = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (!check)
      throw new TypeError(`${method} takes ${shape}; there is no ${/^\w{1,40}$/.test(name) ? name : 'such name'}.`);
    const [expected, isRight] = check;
    if (property !== undefined && !isRight(property))
      throw new TypeError(`${method}: ${name} must be ${expected}; received ${nameOf(property)}.`);
  }
}

/** A misspelt name would drop the tokens of all accounts. @throws TypeError */
export function assertInvalidateTarget(target: unknown): void {
  assertObject('invalidate()', target, { accountId: TEXT, consumerId: TEXT });
}

/** @throws TypeError */
export function assertGetTokenOptions(method: string, options: unknown): void {
  assertObject(method, options, { accountId: TEXT, signal: SIGNAL });
}

/** @throws TypeError */
export function assertService(service: unknown): void {
  if (typeof service === 'string' && service !== '') return;
  throw new TypeError(
    `getOrigin() takes the name of a LivePerson service, such as 'asyncMessagingEnt'; received ${nameOf(service)}.`,
  );
}
