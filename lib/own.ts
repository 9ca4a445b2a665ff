/** A copy without a prototype: whatever stands on `Object.prototype` is not in it (design A10). */
export const ownOf = <T extends object>(value: T | undefined): Partial<T> => Object.assign(Object.create(null), value);

/** An object's own property, or `undefined`. */
export const ownValue = (value: object, name: string): unknown =>
  Object.hasOwn(value, name) ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
