import type { Answer, IssuedToken } from './cloud.js';
import type { SimulatedProcess } from './process.js';

export type Service = 'domain' | 'sentinel' | 'idp' | 'send';

/** One attempt of a process at a service. */
export interface Call {
  readonly number: number;
  readonly process: SimulatedProcess;
  readonly service: Service;
  readonly accountId: string;
  readonly consumerId: string | undefined;
  /** The message of a SEND. */
  readonly message: Message | undefined;
  readonly appJwt: IssuedToken | undefined;
  readonly consumerJws: IssuedToken | undefined;
}

export interface Message {
  readonly number: number;
  readonly process: SimulatedProcess;
  readonly accountId: string;
  readonly consumerId: string;
  /** Sent when all faults are over: it must be delivered. */
  readonly isProbe: boolean;
  isAborted: boolean;
  readonly timeoutMs: number;
  outcome: { readonly isDelivered: true } | { readonly isDelivered: false; readonly error: unknown } | undefined;
}

/** Everything that happens in a run. The checks judge it, and the trace prints it. */
export type Happening =
  | { readonly type: 'process'; readonly process: SimulatedProcess; readonly what: string }
  | { readonly type: 'scenario'; readonly what: string }
  | { readonly type: 'invalidated'; readonly process: SimulatedProcess; readonly accountId: string }
  | { readonly type: 'message'; readonly message: Message }
  | { readonly type: 'outcome'; readonly message: Message }
  | { readonly type: 'call'; readonly call: Call }
  | { readonly type: 'arrival'; readonly call: Call; readonly answer: Answer }
  | { readonly type: 'answer'; readonly call: Call; readonly answer: Answer }
  | { readonly type: 'broken'; readonly call: Call; readonly code: string }
  | { readonly type: 'event'; readonly process: SimulatedProcess; readonly name: string; readonly told: unknown }
  | { readonly type: 'store'; readonly process: SimulatedProcess; readonly what: string }
  | LockHappening;

/** A lock operation that took effect in the store. */
export interface LockHappening {
  readonly type: 'lock';
  readonly process: SimulatedProcess;
  readonly operation: 'take' | 'extend' | 'release' | 'found free';
  readonly key: string;
  /** One taking of a lock. */
  readonly grant: object | undefined;
  readonly ttlMs: number;
}

/** One guarantee. */
export interface Check {
  /** Judges one happening. @returns what is wrong */
  see(happening: Happening, now: number): string | undefined;
  /** Judges the whole run, when every process is closed. */
  end?(messages: readonly Message[]): string | undefined;
}

export interface History {
  record(happening: Happening): void;
  /** Ends the run as a failure. */
  fail(violation: string): void;
}
