import axios, { type AxiosInstance } from 'axios';
import {
  type CommonOptions,
  type ConnectorAuth,
  type ConnectorAuthEventName,
  createConnectorAuth,
} from 'axios-liveperson-auth';
import type { History, Message } from './history.js';
import type { Network } from './network.js';
import type { Owner, Scheduler } from './scheduler.js';
import type { SharedStore } from './store.js';

/** One process of a connector: an Axios instance with the package installed. */
export class SimulatedProcess implements Owner {
  frozenUntil = 0;
  /** How far its clock is from the real time. */
  skewMs = 0;
  state: 'running' | 'closing' | 'closed' | 'crashed' = 'running';
  /** How its clock was at the start decides nothing; a step while it runs may cost calls. */
  hasSteppedClock = false;
  readonly auth: ConnectorAuth;
  readonly #http: AxiosInstance;
  readonly #parts: ProcessParts;

  constructor(
    readonly name: string,
    parts: ProcessParts,
  ) {
    this.#parts = parts;
    const { scheduler, history, network, store, options } = parts;
    this.skewMs = parts.skewMs;
    this.auth = createConnectorAuth({
      ...options(this),
      // Room for 10,000 consumers would take most of a run's time.
      maxConsumers: 100,
      clock: { now: () => scheduler.now + this.skewMs },
      axiosConfig: { adapter: network.adapterFor(this) },
      ...(store && { store: store.for(this), storeSecret: false as const }),
    } as never);
    for (const name of EVENTS)
      this.auth.on(name, (told) => history.record({ type: 'event', process: this, name, told }));
    this.#http = axios.create({ adapter: network.adapterFor(this) });
    this.auth.install(this.#http);
  }

  get isUp(): boolean {
    return this.state === 'running';
  }

  /** @param abortAfterMs when the caller gives up */
  send(message: Message, abortAfterMs: number | undefined): void {
    const { history, scheduler } = this.#parts;
    const { number, accountId, consumerId, timeoutMs } = message;
    const controller = new AbortController();
    history.record({ type: 'message', message });
    if (abortAfterMs !== undefined)
      scheduler.after(abortAfterMs, this, () => {
        if (message.outcome) return;
        message.isAborted = true;
        controller.abort();
      });
    const end = (outcome: Message['outcome']) => {
      message.outcome = outcome;
      history.record({ type: 'outcome', message });
    };
    this.#http
      .post(
        `/api/account/${accountId}/messaging/consumer/conversation/send?v=3`,
        { message: number, from: consumerId },
        { onBehalfOf: consumerId, timeout: timeoutMs, signal: controller.signal },
      )
      .then(
        () => end({ isDelivered: true }),
        (error: unknown) => end({ isDelivered: false, error }),
      );
  }

  invalidate(accountId: string): void {
    this.auth.invalidate({ accountId });
    this.#parts.history.record({ type: 'invalidated', process: this, accountId });
  }

  close(): void {
    if (!this.isUp) return;
    this.state = 'closing';
    this.#note('closes');
    this.auth.close().then(
      () => {
        this.state = 'closed';
        this.#note('is closed');
      },
      (error: unknown) => this.#parts.history.fail(`close() of ${this.name} failed: ${error}`),
    );
  }

  /** The process ends without a word. */
  crash(): void {
    this.state = 'crashed';
    this.#parts.scheduler.drop(this);
    this.#parts.network.drop(this);
    this.#note('crashes');
  }

  freeze(ms: number): void {
    this.frozenUntil = this.#parts.scheduler.now + ms;
    this.#note(`is frozen for ${ms} ms`);
  }

  stepClock(ms: number): void {
    this.skewMs += ms;
    this.hasSteppedClock = true;
    this.#note(`steps its clock by ${ms} ms`);
  }

  #note(what: string): void {
    this.#parts.history.record({ type: 'process', process: this, what });
  }
}

export interface ProcessParts {
  readonly scheduler: Scheduler;
  readonly history: History;
  readonly network: Network;
  readonly store: SharedStore | undefined;
  readonly skewMs: number;
  /** The options apart from clock, store and adapter. */
  options(process: SimulatedProcess): CommonOptions;
}

const EVENTS: readonly ConnectorAuthEventName[] = ['token', 'replay', 'failure', 'evict', 'store-error'];
