// A polluted `Object.prototype` has no effect on these functions.

/** A copy without a prototype, with the object's own properties. */
export const ownOf = <T extends object>(value: T | undefined): Partial<T> => Object.assign(Object.create(null), value);

/** An object's own property, or `undefined`. */
export const ownValue = (value: object, name: string): unknown =>
  Object.hasOwn(value, name) ? (value as Readonly<Record<string, unknown>>)[name] : undefined;

/** Defines a property. A frozen object stays as it is. */
export function define(object: object, name: PropertyKey, descriptor: PropertyDescriptor): void {
  Reflect.defineProperty(object, name, ownOf(descriptor));
}

/** Defines a property that loops over the object and copies of it leave out. */
export function defineHidden(object: object, name: PropertyKey, value: unknown): void {
  define(object, name, { value, enumerable: false, configurable: true, writable: true });
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
