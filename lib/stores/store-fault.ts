import type { StoreErrorEvent } from '../events.js';

/** Why an operation of the store failed. `resting`: it was not tried, because the store did not answer lately. */
export class StoreFault extends Error {
  constructor(
    readonly operation: StoreErrorEvent['operation'],
    readonly reason: StoreErrorEvent['reason'] | 'resting',
    /** The store's own code, such as `ECONNREFUSED` or `OOM`. The rest of its error may contain the value. */
    readonly code: string | undefined = undefined,
  ) {
    super(`${operation}: ${code ?? reason}`);
  }

  static of(operation: StoreErrorEvent['operation'], error: unknown): StoreFault {
    return error instanceof StoreFault ? error : new StoreFault(operation, 'failed', codeOf(error));
  }
}

/** Such as `ECONNREFUSED` of a socket, or `WRONGTYPE` of an answer of Redis; else the error's class. */
function codeOf(error: unknown): string {
  const { code, message, name } = (error ?? {}) as { code?: unknown; message?: unknown; name?: unknown };
  if (typeof code === 'string' && /^\w{1,40}$/.test(code)) return code;
  const word = typeof message === 'string' ? /^[A-Z]{2,20}(?= )/.exec(message)?.[0] : undefined;
  return word ?? (typeof name === 'string' && /^\w{1,40}$/.test(name) ? name : typeof error);
}
