import { createHash } from 'node:crypto';
import { keepNewest } from '../bounded-log.js';
import { isRecord, parseJson } from '../reply.js';
import type { LoggedRequest } from '../request-log.js';

/** Finds the requests that were sent again after a token was renewed. */
export interface Replays {
  /** Takes the requests in the order in which they arrived, each as often as you like. */
  observe(requests: readonly LoggedRequest[]): void;
  /** The refused request that a request repeats. */
  originalOf(request: LoggedRequest): LoggedRequest | undefined;
}

const MOST_TEXTS = 2_000;
/** So many requests with the same text may be under way at once. */
const MOST_CANDIDATES = 100;

export function createReplays(onBehalfHeader: string): Replays {
  const header = onBehalfHeader.toLowerCase();
  const originals = new WeakMap<LoggedRequest, LoggedRequest>();
  const seen = new WeakSet<LoggedRequest>();
  /** By path and body: those that a later request may repeat. */
  const candidates = new Map<string, LoggedRequest[]>();

  function find(request: LoggedRequest, earlier: readonly LoggedRequest[]): LoggedRequest | undefined {
    const consumer = consumerOf(request.headers[header]);
    return earlier.findLast((candidate) => {
      if (!wasRenewedAfter(candidate, request)) return false;
      const other = consumerOf(candidate.headers[header]);
      // A token that is no token at all was refused too.
      return consumer === undefined || other === undefined || consumer === other;
    });
  }

  function wasRenewedAfter(refused: LoggedRequest, request: LoggedRequest): boolean {
    if (refused.errorCode === 40102) return refused.headers.authorization !== request.headers.authorization;
    return refused.errorCode === 40103 && refused.headers[header] !== request.headers[header];
  }

  function observe(request: LoggedRequest): void {
    seen.add(request);
    if (request.service !== 'send' && request.service !== 'conversation') return;
    const key = createHash('sha256').update(`${request.path}\n${request.body}`).digest('base64');
    const earlier = candidates.get(key) ?? [];
    const original = find(request, earlier);
    if (original) {
      originals.set(request, original);
      earlier.splice(earlier.indexOf(original), 1);
    }
    earlier.push(request);
    if (earlier.length > MOST_CANDIDATES) earlier.shift();
    candidates.delete(key);
    candidates.set(key, earlier);
    keepNewest(candidates, MOST_TEXTS);
  }

  return {
    observe(requests) {
      const firstNew = requests.findLastIndex((request) => seen.has(request)) + 1;
      for (const request of requests.slice(firstNew)) observe(request);
    },
    originalOf: (request) => originals.get(request),
  };
}

/** The consumer that a ConsumerJWS names, valid or not. */
function consumerOf(jws: string | string[] | undefined): string | undefined {
  const payload = String(jws ?? '').split('.')[1] ?? '';
  const claims = parseJson(Buffer.from(payload, 'base64url').toString());
  return isRecord(claims) && typeof claims.ext_consumer_id === 'string' ? claims.ext_consumer_id : undefined;
}
