import pMemoize, { type Options } from 'p-memoize';
import { ownOf } from './own.js';

type AsyncFunction = (...args: never[]) => Promise<unknown>;

/**
 * Calls with the same first argument share one call while it is under way. p-memoize reads options through the prototype: with
 * `Object.prototype.cacheKey`, one consumer would get another's token.
 */
export const singleFlight = <F extends AsyncFunction>(call: F): F =>
  pMemoize(call as never, ownOf({ cache: false }) as Options<never, never>) as unknown as F;
