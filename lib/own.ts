// Whatever somebody puts on `Object.prototype` decides nothing here (design A10).

/** A copy without a prototype, with the object's own properties. */
export const ownOf = <T extends object>(value: T | undefined): Partial<T> => Object.assign(Object.create(null), value);

/** An object's own property, or `undefined`. */
export const ownValue = (value: object, name: string): unknown =>
  Object.hasOwn(value, name) ? (value as Readonly<Record<string, unknown>>)[name] : undefined;

/** Defines a property. An object that cannot have it stays as it is. */
export function define(object: object, name: PropertyKey, descriptor: PropertyDescriptor): void {
  Reflect.defineProperty(object, name, ownOf(descriptor));
}

/** Defines a property that neither a loop over the object nor a copy of the object has. */
export function defineHidden(object: object, name: PropertyKey, value: unknown): void {
  define(object, name, { value, enumerable: false, configurable: true, writable: true });
}
