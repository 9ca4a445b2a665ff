import { type Settled, type TokenTraceMessage, tokenTracer } from '../diagnostics.js';
import type { TokenCause } from '../events.js';
import { type Identity, kindOf, subjectOf } from './identity.js';
import type { Token } from './token.js';

/** Follows one fetch for `axios-liveperson-auth:token`. */
export interface FetchTrace {
  /** Sentinel or IDP is called. */
  attempt(url: string): void;
  /** A further caller waits for the same fetch. */
  join(): void;
  run(fetch: () => Promise<Token>): Promise<Token>;
}

/** @returns `undefined` if nobody listens */
export function traceFetch(identity: Identity, cause: TokenCause, isBackground: boolean): FetchTrace | undefined {
  if (!tokenTracer.isOn()) return undefined;
  const message: TokenTraceMessage = {
    kind: kindOf(identity),
    ...subjectOf(identity),
    cause,
    source: undefined,
    attempts: 0,
    outcome: undefined,
  };
  const details = tokenTracer.begin(message, isBackground);

  const finish = ({ isError, value }: Settled<Token>) => {
    message.outcome = isError ? 'failed' : 'succeeded';
    // A store that fails is passed over, so it is the service that has failed.
    message.source = !isError && (value as Token).isShared ? 'store' : 'service';
  };
  return {
    attempt(url) {
      message.attempts += 1;
      if (URL.canParse(url)) details.host = new URL(url).host;
    },
    join() {
      try {
        details.onJoin?.();
      } catch {}
    },
    run: (fetch) => tokenTracer.trace(message, fetch, finish),
  };
}
