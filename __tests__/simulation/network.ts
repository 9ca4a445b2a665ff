import {
  type AxiosAdapter,
  AxiosError,
  AxiosHeaders,
  type AxiosResponse,
  CanceledError,
  type InternalAxiosRequestConfig,
} from 'axios';
import type { Answer, Cloud } from './cloud.js';
import type { Call, History, Message, Service } from './history.js';
import type { SimulatedProcess } from './process.js';
import type { Random } from './random.js';
import type { Scheduler } from './scheduler.js';

/** How a service behaves for a while. */
export type Weather = 'fine' | 'status 503' | 'status 400' | 'unreachable' | 'silent' | 'answers lost' | 'garbage';

/** What a 429 asks for. */
export type RetryAfter = 'nothing' | 'two seconds' | 'a date' | 'a past date' | 'a year' | 'garbage';

export interface RateLimit {
  /** Calls per account and 5 seconds. */
  readonly calls: number;
  readonly retryAfter: RetryAfter;
}

/** The way between the processes and the services. */
export interface Network {
  adapterFor(process: SimulatedProcess): AxiosAdapter;
  setWeather(service: Service, weather: Weather): void;
  setLimit(service: Service, limit: RateLimit | undefined): void;
  /** The probability that a call or its answer is lost. */
  setLoss(probability: number): void;
  /** The probability that the answer to a message is late by many seconds. */
  setStragglers(probability: number): void;
  openCalls(process: SimulatedProcess): readonly Call[];
  /** A crash ends the calls of a process. The services still get them. */
  drop(process: SimulatedProcess): void;
}

export interface NetworkParts {
  readonly scheduler: Scheduler;
  readonly cloud: Cloud;
  readonly random: Random;
  readonly history: History;
  readonly latenciesMs: readonly number[];
  messageOf(number: number): Message | undefined;
}

/** The time in which a rate limit counts calls. */
const LIMIT_WINDOW_MS = 5_000;
/** When a connection breaks on which nothing is heard. */
const SILENCE_MS = 20_000;
const STRAGGLERS_MS = [700, 6_000, 25_000];

export function createNetwork(parts: NetworkParts): Network {
  const { scheduler, cloud, random, history, latenciesMs, messageOf } = parts;
  const weathers = new Map<Service, Weather>();
  const limits = new Map<Service, RateLimit>();
  const arrivals = new Map<string, number[]>();
  const open = new Set<Call>();
  let loss = 0;
  let stragglers = 0;
  let calls = 0;

  const latencyMs = () => random.pick(latenciesMs);

  /** The answer of a service, at the time when the call arrives there. */
  function serve(call: Call, request: Request): Answer {
    const weather = weathers.get(call.service) ?? 'fine';
    if (weather === 'status 503') return { status: 503, data: 'unavailable' };
    if (weather === 'status 400') return { status: 400, data: { error: 'invalid_client' } };
    if (weather === 'garbage' && call.service !== 'send') return { status: 200, data: '<html>' };
    const tooMany = limit(call);
    if (tooMany) return tooMany;
    const { accountId, consumerId = '' } = call;
    if (call.service === 'domain') return cloud.hosts(accountId);
    if (call.service === 'sentinel') return cloud.appJwt(accountId, request.clientSecret);
    if (call.service === 'idp') return cloud.consumerJws(accountId, consumerId, request.appJwt);
    return cloud.send(accountId, request.appJwt, request.consumerJws, call.message?.number ?? -1);
  }

  function limit({ service, accountId }: Call): Answer | undefined {
    const allowed = limits.get(service);
    if (!allowed) return undefined;
    const key = `${service} ${accountId}`;
    const recent = (arrivals.get(key) ?? []).filter((at) => at > scheduler.now - LIMIT_WINDOW_MS);
    arrivals.set(key, recent);
    if (recent.length >= allowed.calls) {
      const value = retryAfter(allowed.retryAfter, scheduler.now);
      return { status: 429, data: 'too many', ...(value && { headers: { 'retry-after': value } }) };
    }
    recent.push(scheduler.now);
    return undefined;
  }

  /** Whether the call, or its answer, gets lost on its way. */
  function fate(call: Call): 'arrives' | 'unreachable' | 'silent' | 'call lost' | 'answer lost' {
    const weather = weathers.get(call.service);
    if (weather === 'unreachable' || weather === 'silent') return weather;
    if (weather === 'answers lost') return 'answer lost';
    if (!random.chance(loss)) return 'arrives';
    return random.pick(['unreachable', 'silent', 'call lost', 'answer lost'] as const);
  }

  const adapterFor =
    (process: SimulatedProcess): AxiosAdapter =>
    (config) =>
      new Promise<AxiosResponse>((resolve, reject) => {
        const request = read(config);
        const call: Call = {
          number: ++calls,
          process,
          service: request.service,
          accountId: request.accountId,
          consumerId: request.consumerId,
          message: messageOf(request.message),
          appJwt: cloud.tokenOf(request.appJwt),
          consumerJws: cloud.tokenOf(request.consumerJws),
        };
        open.add(call);
        const stop = onCancel(config, () => {
          if (!open.delete(call)) return;
          history.record({ type: 'broken', call, code: 'canceled' });
          reject(new CanceledError(undefined, config));
        });
        const end = (settle: () => void) => {
          if (!open.delete(call)) return;
          stop();
          settle();
        };
        const breakOff = (code: string, afterMs = latencyMs()) =>
          scheduler.after(afterMs, process, () =>
            end(() => {
              history.record({ type: 'broken', call, code });
              reject(new AxiosError(`simulated ${code}`, code, config));
            }),
          );

        history.record({ type: 'call', call });
        const isMoved = call.service === 'send' && request.host !== cloud.messagingHost(call.accountId);
        const becomes = isMoved ? 'unreachable' : fate(call);
        if (becomes === 'unreachable') return breakOff('ECONNREFUSED');
        if (becomes === 'call lost') return breakOff('ECONNRESET');
        scheduler.after(latencyMs(), undefined, () => {
          // Token calls have a time limit. A message has none of its own, so the connection breaks.
          if (becomes === 'silent') return call.service === 'send' && breakOff('ECONNRESET', SILENCE_MS);
          const answer = serve(call, request);
          history.record({ type: 'arrival', call, answer });
          if (becomes === 'answer lost') return breakOff('ECONNRESET');
          const isStraggler = call.service === 'send' && random.chance(stragglers);
          scheduler.after(isStraggler ? random.pick(STRAGGLERS_MS) : latencyMs(), process, () =>
            end(() => {
              history.record({ type: 'answer', call, answer });
              settle(answer, config, resolve, reject);
            }),
          );
        });
      });

  return {
    adapterFor,
    setWeather: (service, weather) => void weathers.set(service, weather),
    setLimit: (service, limit) => void (limit ? limits.set(service, limit) : limits.delete(service)),
    setLoss(probability) {
      loss = probability;
    },
    setStragglers(probability) {
      stragglers = probability;
    },
    openCalls: (process) => [...open].filter((call) => call.process === process),
    drop(process) {
      for (const call of open) if (call.process === process) open.delete(call);
    },
  };
}

interface Request {
  readonly service: Service;
  readonly host: string;
  readonly accountId: string;
  readonly consumerId: string | undefined;
  readonly message: number;
  readonly appJwt: string;
  readonly consumerJws: string;
  readonly clientSecret: string | null;
}

/** Reads a request as the services would. */
function read(config: InternalAxiosRequestConfig): Request {
  const { host, pathname } = new URL((config.baseURL ?? '') + (config.url ?? ''));
  const accountId = /\/account\/([^/]+)\//.exec(pathname)?.[1] ?? '';
  const headers = AxiosHeaders.from(config.headers as never);
  const text = (name: string) => String(headers.get(name) ?? '');
  const common = { host, accountId, appJwt: text('Authorization'), consumerJws: text('X-LP-On-Behalf'), message: -1 };
  const data = String(config.data ?? '');
  if (host === 'api.liveperson.net') return { ...common, service: 'domain', consumerId: undefined, clientSecret: null };
  if (host === 'sentinel.example') {
    const clientSecret = new URLSearchParams(data).get('client_secret');
    return { ...common, service: 'sentinel', consumerId: undefined, clientSecret };
  }
  const body = JSON.parse(data) as { ext_consumer_id?: string; message?: number; from?: string };
  if (host === 'idp.example')
    return { ...common, service: 'idp', consumerId: body.ext_consumer_id, clientSecret: null };
  return { ...common, service: 'send', consumerId: body.from, message: body.message ?? -1, clientSecret: null };
}

function retryAfter(kind: RetryAfter, now: number): string | undefined {
  if (kind === 'two seconds') return '2';
  if (kind === 'a date') return new Date(now + 3_000).toUTCString();
  if (kind === 'a past date') return new Date(now - 3_000_000).toUTCString();
  if (kind === 'a year') return '31536000';
  return kind === 'garbage' ? 'soon' : undefined;
}

function onCancel({ signal, cancelToken }: InternalAxiosRequestConfig, cancel: () => void): () => void {
  signal?.addEventListener?.('abort', cancel);
  const token = cancelToken as { subscribe(work: () => void): void; unsubscribe(work: () => void): void } | undefined;
  token?.subscribe(cancel);
  return () => {
    signal?.removeEventListener?.('abort', cancel);
    token?.unsubscribe(cancel);
  };
}

/** Resolves or rejects as Axios's own adapters do. */
function settle(
  { status, data, headers = {} }: Answer,
  config: InternalAxiosRequestConfig,
  resolve: (response: AxiosResponse) => void,
  reject: (error: unknown) => void,
): void {
  const response: AxiosResponse = {
    status,
    statusText: '',
    headers: new AxiosHeaders(headers),
    config,
    data: typeof data === 'string' ? data : JSON.stringify(data),
  };
  const code = status < 500 ? 'ERR_BAD_REQUEST' : 'ERR_BAD_RESPONSE';
  if (!config.validateStatus || config.validateStatus(status)) resolve(response);
  else reject(new AxiosError(`Request failed with status code ${status}`, code, config, undefined, response));
}
