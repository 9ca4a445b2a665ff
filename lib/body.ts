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

/** A body as bytes, and the Content-Type that goes with them. */
export interface FixedBody {
  readonly data: Uint8Array;
  readonly contentType: string;
}

/** Whether a body is otherwise written anew for each send, with a boundary drawn by lot. */
export function isFormData(body: unknown): body is FormData {
  return typeof body === 'object' && body instanceof FormData;
}

/** The bytes of a native `FormData`. */
export async function fixBody(body: FormData): Promise<FixedBody> {
  const written = new Response(body);
  return {
    data: Buffer.from(await written.arrayBuffer()),
    contentType: written.headers.get('content-type') ?? 'multipart/form-data',
  };
}
