import { type Channel, channel as openChannel } from 'node:diagnostics_channel';
import {
  type ConnectorAuthEvents,
  callHarmlessly,
  type ReplayEvent,
  type TokenCause,
  type TokenKind,
} from './events.js';
import { defineHidden } from './own.js';

// APM tools subscribe to these channels of `node:diagnostics_channel`. Without a subscriber, no message is built.

/** The tracing channels: `tracing:<name>:start`, `:end`, `:asyncStart`, `:asyncEnd` and `:error`. */
export const REQUEST_CHANNEL = 'axios-liveperson-auth:request';
export const TOKEN_CHANNEL = 'axios-liveperson-auth:token';
/** A channel with the messages of the event `store-error`. */
export const STORE_ERROR_CHANNEL = 'axios-liveperson-auth:store-error';
/** A channel on which a subscriber asks for the snapshots of all ConnectorAuths. Its message has `add(snapshot)`. */
export const INSPECT_CHANNEL = 'axios-liveperson-auth:inspect';

const kept = new Map<string, Channel>();

/**
 * A channel by its name. It is kept: if Node collects a channel, it may drop a later channel of the same name too, and
 * publishers and subscribers would then have different ones.
 */
export function channelNamed(name: string): Channel {
  const channel = kept.get(name) ?? openChannel(name);
  kept.set(name, channel);
  return channel;
}

/** An error without its message, config and response, which hold the consumer. */
export interface TracedError {
  /** Such as `ConnectorAuthError` or `AxiosError`. */
  name: string;
  /** Such as `ERR_APP_JWT` or `ECONNREFUSED`. */
  code: string | undefined;
}

interface Traced {
  /** The account. */
  accountId: string;
  /** SHA-256 of account and consumer id, in hex, as in the events. */
  consumer?: string;
  /** Only if the work failed. */
  error?: TracedError;
}

/** The message of `axios-liveperson-auth:request`. One object per request: later values are set on it. */
export interface RequestTraceMessage extends Traced {
  /** The endpoint of the request. */
  endpoint: ReplayEvent['endpoint'];
  /** How many times the request was sent again. */
  replays: number;
  /** The last error code of the Send API. */
  errorCode: number | undefined;
  /** How the request ended, in the words of the event `replay`. Set at its end. */
  outcome: ReplayEvent['outcome'] | undefined;
  /** How long the request waited for tokens, in whole milliseconds. */
  waitedMs: number;
}

/** The message of `axios-liveperson-auth:token`. One object per fetch: later values are set on it. */
export interface TokenTraceMessage extends Traced {
  /** The kind of token. */
  kind: TokenKind;
  /** Why it is fetched. */
  cause: TokenCause;
  /** Where the token is from. Set at the end. */
  source: 'service' | 'store' | undefined;
  /** How many calls Sentinel or IDP got, retries included. 0 for a token of the store. */
  attempts: number;
  /** Set at the end. */
  outcome: 'succeeded' | 'failed' | undefined;
}

/** What a bridge to an APM tool needs beside a message. */
export interface TraceDetails {
  /** Host and port of the service. */
  host: string | undefined;
  /** A token is renewed, and no request waits for it. */
  isBackground: boolean;
  /** The replays of a request. */
  replays: Pick<ReplayEvent, 'errorCode' | 'outcome'>[];
  /** Set by a bridge in `start`: runs the work, for example inside a span's context. */
  run?: (work: () => void) => void;
  /** Set by a bridge in `start`: called by each further caller that waits for the same fetch. */
  onJoin?: () => void;
}

// A process may load the ESM and the CommonJS build. The bridge reads the messages of both.
const DETAILS = Symbol.for('axios-liveperson-auth.trace.1');

/** @returns `undefined` for the message of another version */
export const detailsOf = (message: object): TraceDetails | undefined =>
  (message as { [DETAILS]?: TraceDetails })[DETAILS];

/** A tracing channel of the package. */
export interface Tracer<Message extends Traced> {
  readonly isOn: () => boolean;
  /** Adds the details. They are not enumerable, so that tools that print messages leave them out. */
  begin(message: Message, isBackground?: boolean): TraceDetails;
  /**
   * Runs work between the messages `start` and `asyncEnd`, as `tracePromise` of Node does. Unlike `tracePromise`, it puts neither
   * the result nor the error on the message, because both hold the consumer.
   *
   * @param finish sets the last values
   */
  trace<T>(message: Message, work: () => Promise<T>, finish: (settled: Settled<T>) => void): Promise<T>;
}

export interface Settled<T> {
  readonly isError: boolean;
  /** The result or the error. */
  readonly value: T | unknown;
}

export const requestTracer = createTracer<RequestTraceMessage>(REQUEST_CHANNEL);
export const tokenTracer = createTracer<TokenTraceMessage>(TOKEN_CHANNEL);

function createTracer<Message extends Traced>(name: string): Tracer<Message> {
  const channels = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((part) =>
    harmless(channelNamed(`tracing:${name}:${part}`)),
  );
  const [start, end, asyncStart, asyncEnd, failed] = channels as [Channel, Channel, Channel, Channel, Channel];

  return {
    isOn: () => channels.some(hasSubscribers),
    begin(message, isBackground = false) {
      const details: TraceDetails = { host: undefined, isBackground, replays: [] };
      defineHidden(message, DETAILS, details);
      return details;
    },
    trace(message, work, finish) {
      const settle = (isError: boolean, value: unknown) => {
        finish({ isError, value });
        if (isError) {
          message.error = { name: wordOf(value, 'name') ?? typeof value, code: wordOf(value, 'code') };
          failed.publish(message);
        }
        asyncStart.publish(message);
        asyncEnd.publish(message);
      };
      return start.runStores(message, () => {
        const done = runWithin(detailsOf(message)?.run, work).then(
          (result) => {
            settle(false, result);
            return result;
          },
          (error: unknown) => {
            settle(true, error);
            throw error;
          },
        );
        end.publish(message);
        return done;
      });
    },
  };
}

/** Runs the work, inside the bridge's `run` if there is one. The work runs once, whatever `run` does. */
function runWithin<T>(run: TraceDetails['run'], work: () => Promise<T>): Promise<T> {
  let begun: Promise<T> | undefined;
  const begin = () => {
    begun ??= (async () => work())();
    return begun;
  };
  try {
    run?.(begin);
  } catch {}
  return begin();
}

const hasSubscribers = (channel: Channel): boolean => channel.hasSubscribers;

/** A word of an error. Anything longer may hold a secret. */
function wordOf(error: unknown, name: 'name' | 'code'): string | undefined {
  try {
    const value = (error as Record<string, unknown>)[name];
    if (typeof value === 'string' && /^[\w$.-]{1,80}$/.test(value)) return value;
  } catch {}
  return undefined;
}

/**
 * A channel whose subscribers cannot harm. Node ends the process if a subscriber throws. Where Node keeps its subscribers
 * elsewhere, its own `publish` is used.
 */
function harmless(channel: Channel): Channel {
  const publish = (message: unknown) => {
    const subscribers = (channel as { _subscribers?: unknown })._subscribers;
    if (!Array.isArray(subscribers)) return channel.publish(message);
    for (const subscriber of [...subscribers])
      callHarmlessly((heard) => subscriber(heard, channel.name), message as never);
  };
  return Object.create(channel, { publish: { value: publish } });
}

const storeErrors = harmless(channelNamed(STORE_ERROR_CHANNEL));

/** @param build is called only if the channel has a subscriber */
export function publishStoreError(build: () => ConnectorAuthEvents['store-error']): void {
  if (storeErrors.hasSubscribers) storeErrors.publish(build());
}

/** The message of `axios-liveperson-auth:inspect`. */
export interface InspectMessage<Snapshot> {
  add(snapshot: Snapshot): void;
}

const unsubscribers = new FinalizationRegistry<() => void>((unsubscribe) => unsubscribe());

/** Answers questions for snapshots. It does not keep the owner in memory. @returns a function that ends it */
export function answerInspections<Owner extends { inspect(): unknown }>(owner: Owner): () => void {
  const ref = new WeakRef(owner);
  const answer = (message: unknown) => {
    const snapshot = ref.deref()?.inspect();
    if (snapshot) (message as InspectMessage<unknown>).add(snapshot);
  };
  const inspections = channelNamed(INSPECT_CHANNEL);
  const unsubscribe = () => void inspections.unsubscribe(answer);
  inspections.subscribe(answer);
  unsubscribers.register(owner, unsubscribe);
  return unsubscribe;
}
