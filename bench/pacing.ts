import FakeTimers from '@sinonjs/fake-timers';
import { type AxiosAdapter, AxiosError, type InternalAxiosRequestConfig } from 'axios';
import { createConnectorAuth } from 'axios-liveperson-auth';
import { makeToken } from './tokens.js';

/** An IDP that allows some calls in each span of time, from the first call of the span on. */
export interface Limit {
  readonly calls: number;
  readonly perMs: number;
  readonly latencyMs: number;
  /** Whether its 429 has `Retry-After`. */
  readonly retryAfter: boolean;
}

export interface PacingFigures {
  readonly failed: number;
  /** Calls to IDP, for each consumer. */
  readonly calls: number;
  /** The time that all took, against the shortest time in which IDP allows that many calls. */
  readonly time: number;
}

/** Lets new consumers ask for their first token all at once. Time is virtual, so the result does not depend on the machine. */
export async function paceAtLimit(consumers: number, limit: Limit): Promise<PacingFigures> {
  const clock = FakeTimers.install({
    toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'],
    loopLimit: 1_000_000,
  });
  try {
    let idpCalls = 0;
    const auth = createConnectorAuth({
      accountId: '70012345',
      clientId: 'bench',
      clientSecret: 'bench',
      domains: { sentinel: 'https://sentinel.test', idp: 'https://idp.test', asyncMessagingEnt: 'https://msg.test' },
      maxConsumers: consumers,
      axiosConfig: { adapter: serviceAdapter(limit, () => (idpCalls += 1)) },
    });
    const startedAt = clock.now;
    let endedAt = startedAt;
    const asks = Array.from({ length: consumers }, async (_, index) => {
      await auth.getConsumerJws(`sms-${index}`);
      endedAt = clock.now;
    });
    const outcomes = Promise.allSettled(asks);
    await clock.runAllAsync();
    const failed = (await outcomes).filter(({ status }) => status === 'rejected').length;
    await auth.close();
    const idealMs = (Math.ceil(consumers / limit.calls) - 1) * limit.perMs;
    return { failed, calls: idpCalls / consumers, time: (endedAt - startedAt) / idealMs };
  } finally {
    clock.uninstall();
  }
}

/** Sentinel, and an IDP with a limit. */
function serviceAdapter({ calls, perMs, latencyMs, retryAfter }: Limit, onIdpCall: () => void): AxiosAdapter {
  let spanEnd = 0;
  let left = 0;

  /** The milliseconds until IDP takes the next call; 0 if it takes this one. */
  function take(): number {
    const now = performance.now();
    if (now >= spanEnd) {
      spanEnd = now + perMs;
      left = calls;
    }
    left -= 1;
    return left >= 0 ? 0 : spanEnd - now;
  }

  const pause = () => new Promise((resolve) => setTimeout(resolve, latencyMs / 2));

  return async (config) => {
    await pause();
    if (config.url?.includes('sentinel')) {
      const iat = Math.floor(Date.now() / 1_000);
      await pause();
      return answer(config, 200, { access_token: makeToken({ aud: '70012345', iat, exp: iat + 86_400 }, 200) });
    }
    onIdpCall();
    const waitMs = take();
    await pause();
    if (waitMs === 0) return answer(config, 201, { token: makeToken({ account_id: '70012345' }, 200) });
    const headers = retryAfter ? { 'retry-after': String(Math.ceil(waitMs / 1_000)) } : {};
    const response = answer(config, 429, {}, headers);
    throw new AxiosError('429', AxiosError.ERR_BAD_REQUEST, config, undefined, response);
  };
}

const answer = (config: InternalAxiosRequestConfig, status: number, body: object, headers = {}) => ({
  config,
  status,
  statusText: '',
  headers,
  data: JSON.stringify(body),
});
