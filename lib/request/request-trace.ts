import type { AsyncLocalStorage } from 'node:async_hooks';
import { type RequestTraceMessage, requestTracer, type Settled } from '../diagnostics.js';
import { isConnectorAuthError } from '../errors.js';
import type { ConnectorAuthEventName, ConnectorAuthEvents, EventHub, ReplayEvent } from '../events.js';
import type { Pending } from '../pending.js';
import type { ResolvedOptions } from '../resolve-options.js';
import { consumerJwsOf, hashOf } from '../tokens/identity.js';
import type { Waits } from '../wait.js';
import type { Answer } from './answer.js';
import { knownConsumer } from './consumer.js';
import type { OutgoingRequest } from './outgoing-config.js';
import { outcomeOf } from './replay-event.js';
import type { Target } from './target.js';

/** Follows one request for `axios-liveperson-auth:request`. */
export interface RequestTrace {
  /** The consumer is known. */
  named(consumerId: string): void;
  /** A send was answered, and its body is read. */
  answered(answer: Answer): void;
}

interface TracedParts {
  readonly options: ResolvedOptions;
  readonly context: AsyncLocalStorage<string>;
  readonly waits: Waits;
  readonly events: EventHub;
  readonly sends: Pending;
  readonly trace?: RequestTrace;
}

/** Runs one request with parts and a target that tell its trace of each wait, send and replay. */
export function traceRequest<Parts extends TracedParts, T>(
  parts: Parts,
  request: OutgoingRequest,
  target: Target,
  run: (parts: Parts, target: Target) => Promise<T>,
): Promise<T> {
  const { options, context, waits, events, sends } = parts;
  const { accountId, name } = target;
  const message: RequestTraceMessage = {
    accountId,
    endpoint: name,
    replays: 0,
    errorCode: undefined,
    outcome: undefined,
    waitedMs: 0,
  };
  const details = requestTracer.begin(message);
  let sent = 0;
  let waitedMs = 0;
  let last: Answer | undefined;

  const trace: RequestTrace = {
    named(consumerId) {
      message.consumer ??= hashOf(consumerJwsOf(accountId, consumerId));
    },
    answered(answer) {
      last = answer;
      message.errorCode = answer.fault?.errorCode ?? message.errorCode;
    },
  };
  const known = knownConsumer(request, options.consumerId, context);
  if (known !== undefined) trace.named(known);

  const traced: Parts = {
    ...parts,
    trace,
    waits: {
      get isClosed() {
        return waits.isClosed;
      },
      close: waits.close,
      async waitFor(...args: Parameters<typeof waits.waitFor>) {
        const since = options.clock.now();
        try {
          return await waits.waitFor(...args);
        } finally {
          waitedMs += Math.max(0, options.clock.now() - since);
          message.waitedMs = waitedMs;
        }
      },
    },
    sends: {
      ...sends,
      begin() {
        message.replays = sent;
        sent += 1;
        sends.begin();
      },
    },
    events: {
      ...events,
      emit<Name extends ConnectorAuthEventName>(event: Name, build: () => ConnectorAuthEvents[Name]) {
        if (event === 'replay') {
          const { errorCode, outcome } = build() as ReplayEvent;
          details.replays.push({ errorCode, outcome });
        }
        events.emit(event, build);
      },
    },
  };

  const tracedTarget: Target = {
    ...target,
    routeTo(messagingOrigin) {
      const route = target.routeTo(messagingOrigin);
      details.host = route.host;
      return route;
    },
  };

  const finish = (settled: Settled<unknown>) => {
    message.outcome =
      details.replays.at(-1)?.outcome === 'body-not-replayable' ? 'body-not-replayable' : endOf(settled, last);
  };
  return requestTracer.trace(message, () => run(traced, tracedTarget), finish);
}

/** How a request ended. @param last the answer to its last send */
function endOf({ isError, value }: Settled<unknown>, last: Answer | undefined): ReplayEvent['outcome'] {
  if (last && (!isError || last.value === value)) return outcomeOf(last);
  return isConnectorAuthError(value) && !IS_CALLERS_FAULT.has(value.code) ? 'no-token' : 'failed';
}

/** Errors for which no token would have been attached. */
const IS_CALLERS_FAULT: ReadonlySet<string> = new Set(['ERR_NO_CONSUMER', 'ERR_UNTRUSTED_ORIGIN']);
