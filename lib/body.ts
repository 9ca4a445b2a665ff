/**
 * Whether a request body, as the adapter receives it, can be sent a second time. Streams (Node's, the web's, and the
 * `form-data` package, which is one) and iterators are consumed by the first send; everything else is not.
 */
export function canBeSentTwice(body: unknown): boolean {
  if (typeof body !== 'object' || body === null) return true;
  const stream = body as { pipe?: unknown; getReader?: unknown; next?: unknown; [Symbol.asyncIterator]?: unknown };
  return (
    typeof stream.pipe !== 'function' &&
    typeof stream.getReader !== 'function' &&
    typeof stream.next !== 'function' &&
    stream[Symbol.asyncIterator] === undefined
  );
}
