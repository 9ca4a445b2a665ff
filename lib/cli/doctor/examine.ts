import axios, { type InternalAxiosRequestConfig } from 'axios';
import { createConnectorAuth, getSendApiError, isConnectorAuthError } from 'axios-liveperson-auth';
import { getProxyForUrl } from 'proxy-from-env';
import { readClaims } from '../../tokens/token.js';
import { printable } from '../terminal.js';
import type { DoctorSettings } from './command.js';
import {
  type CallFailure,
  type Diagnosis,
  diagnoseAppJwt,
  diagnoseCall,
  diagnoseClock,
  durationInWords,
  regionOf,
  type Service,
} from './diagnosis.js';
import { reach } from './reach.js';

export const STEPS = ['hosts', 'clock', 'appJwt', 'appJwtClaims', 'consumerJws', 'consumerJwsClaims', 'send'] as const;

export type StepName = (typeof STEPS)[number];

export interface StepResult {
  readonly name: StepName;
  readonly state: 'passed' | 'failed' | 'untried';
  readonly durationMs: number;
  /** What was found, in a few words. */
  readonly summary: string;
  /** The same for programs. */
  readonly found: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly diagnosis?: Diagnosis;
}

type Finding = Pick<StepResult, 'summary'> & Partial<Pick<StepResult, 'found' | 'diagnosis' | 'state'>>;

/** What the last answer looked like, whoever gave it. */
interface Observed {
  readonly isWebPage: boolean;
  readonly oauthError: string | undefined;
  readonly hasNoHosts: boolean;
  readonly hasHostList: boolean;
  readonly internalCode: string | undefined;
  /** Milliseconds that `Retry-After` asks for. */
  readonly pauseMs: number | undefined;
  /** How much the local clock is ahead of the answer's, in milliseconds. */
  readonly skewMs: number | undefined;
}

/** The words of RFC 6749, 5.2. No others are read: an answer may echo the secret. */
const OAUTH_ERROR =
  /"error"\s*:\s*"(invalid_(?:request|client|grant|scope)|unauthorized_client|unsupported_grant_type)"/;

/** LivePerson's own code of a fault, such as 9007. */
const INTERNAL_CODE = /"internalErrorCode"\s*:\s*"?([\w-]{1,20})"?\s*[,}]/;

/** A body that holds no message and names no conversation. */
const HARMLESS = { kind: 'req', id: 'axios-liveperson-auth-doctor', type: 'ms.PublishEvent', body: {} };

/**
 * Walks from the account's hosts to the Send API, with the very calls that the package makes. `onStep` is told before each
 * step and, with its result, after it.
 */
export async function examine(
  settings: DoctorSettings,
  onStep: (name: StepName, result?: StepResult) => void,
): Promise<StepResult[]> {
  const { accountId, consumerId, clientId, clientSecret, domainApi, timeoutMs } = settings;
  const results: StepResult[] = [];
  let observed: Observed | undefined;
  const auth = createConnectorAuth({
    accountId,
    clientId,
    clientSecret,
    domainApi,
    tokenTimeoutMs: timeoutMs,
    retry: false,
    axiosConfig: { transformResponse: observe },
  });

  function observe(this: InternalAxiosRequestConfig, body: unknown, headers: { get(name: string): unknown }): unknown {
    const text = String(body);
    const date = Date.parse(String(headers.get('date')));
    const ageMs = (Number(headers.get('age')) || 0) * 1_000;
    observed = {
      isWebPage: /^\s*<(!doctype|html|\?xml)/i.test(text) || /text\/html/i.test(String(headers.get('content-type'))),
      oauthError: OAUTH_ERROR.exec(text)?.[1],
      hasNoHosts: /^\s*\{\s*("baseURIs"\s*:\s*\[\s*\]\s*)?\}\s*$/.test(text),
      hasHostList: /"baseURIs?"\s*:/.test(text),
      internalCode: INTERNAL_CODE.exec(text)?.[1],
      pauseMs: pauseOf(String(headers.get('retry-after') ?? '')),
      // A date is of the second that has begun.
      skewMs: Number.isNaN(date) ? undefined : Date.now() - (date + ageMs + 500),
    };
    return body;
  }

  /** Another server answered in LivePerson's place. Its clock says nothing. */
  const isFromElsewhere = () =>
    results.some(({ diagnosis }) => ['not-liveperson', 'web-page', 'proxy'].includes(diagnosis?.kind ?? ''));
  const isPassed = (name: StepName) => results.some((result) => result.name === name && result.state === 'passed');

  async function step(name: StepName, needs: StepName | undefined, look: () => Promise<Finding>): Promise<void> {
    onStep(name);
    const start = performance.now();
    const finding: Finding =
      needs === undefined || isPassed(needs)
        ? await look()
        : { state: 'untried', summary: `not tried without ${TITLES[needs]}` };
    const { summary, found = {}, diagnosis, state = diagnosis ? 'failed' : 'passed' } = finding;
    const durationMs = Math.round(performance.now() - start);
    const result = { name, state, durationMs, summary, found, ...(diagnosis && { diagnosis }) };
    results.push(result);
    onStep(name, result);
  }

  /** What became of a call: `read` tells of its success. */
  async function call<T>(service: Service, origin: () => string, run: () => Promise<T>, read: (value: T) => Finding) {
    observed = undefined;
    try {
      return read(await run());
    } catch (error) {
      return failed(await gatherFailure(service, origin(), error));
    }
  }

  async function gatherFailure(service: Service, origin: string, error: unknown): Promise<CallFailure> {
    const status = statusOf(error);
    const proxy = getProxyForUrl(origin);
    const isSilent = status === undefined;
    const { fault, issuer } = isSilent && !proxy ? await reach(origin, timeoutMs) : { fault: undefined };
    return {
      service,
      accountId,
      host: new URL(origin).host,
      status,
      timeoutMs,
      fault,
      issuer: issuer && printable(issuer),
      proxyVariable: proxy ? proxyVariableFor(origin) : undefined,
      pauseMs: observed?.pauseMs,
      oauthError: observed?.oauthError,
      isWebPage: observed?.isWebPage,
      hasNoHosts: observed?.hasNoHosts,
      hasHostList: observed?.hasHostList,
      internalCode: observed?.internalCode,
      errorCode: getSendApiError(error)?.errorCode,
    };
  }

  const hosts = { sentinel: domainApi, idp: domainApi, asyncMessagingEnt: domainApi };
  let appJwt = '';
  let consumerJws = '';
  let skewMs: number | undefined;

  try {
    await step('hosts', undefined, () =>
      call(
        'domain',
        () => domainApi,
        async () => {
          for (const service of ['sentinel', 'idp', 'asyncMessagingEnt'] as const) {
            hosts[service] = await auth.getOrigin(service);
          }
          return hosts;
        },
        (origins) => {
          const names = Object.values(origins).map((origin) => new URL(origin).host);
          const regions = [...new Set(names.map(regionOf).filter((region) => region !== undefined))];
          const region = regions.length > 0 ? ` (${regions.join(' and ')})` : '';
          return {
            summary: [...new Set(names)].join(', ') + region,
            found: { ...origins, region: regions.join(', ') || undefined },
          };
        },
      ),
    );

    skewMs = (observed as Observed | undefined)?.skewMs;
    await step('clock', undefined, async () => {
      if (isFromElsewhere()) return { state: 'untried', summary: 'LivePerson did not answer' };
      if (skewMs === undefined) return { state: 'untried', summary: 'no answer has a date' };
      const diagnosis = diagnoseClock(skewMs);
      if (diagnosis) return { summary: 'wrong', found: { skewMs }, diagnosis };
      const apart =
        Math.abs(skewMs) < 2_000
          ? 'agrees with LivePerson’s'
          : `${durationInWords(Math.abs(skewMs))} off, which does no harm`;
      return { summary: apart, found: { skewMs } };
    });

    await step('appJwt', 'hosts', () =>
      call(
        'sentinel',
        () => hosts.sentinel,
        auth.getAppJwt,
        (token) => {
          appJwt = token;
          return { summary: 'issued by Sentinel' };
        },
      ),
    );

    await step('appJwtClaims', 'appJwt', async () => {
      const claims = readClaims(appJwt) ?? {};
      const serverNow = Date.now() - (skewMs ?? 0);
      const diagnosis = diagnoseAppJwt(claims, clientId, serverNow);
      const { iss, scope, exp, iat } = claims;
      const lifetimeSeconds = typeof exp === 'number' && typeof iat === 'number' ? exp - iat : undefined;
      const secondsLeft = typeof exp === 'number' ? Math.round(exp - serverNow / 1_000) : undefined;
      const found = {
        iss: textOf(iss),
        scope: textOf(scope),
        isOurApp: claims.azp === clientId,
        lifetimeSeconds,
        secondsLeft,
      };
      if (diagnosis) return { summary: 'not as the Send API needs it', found, diagnosis };
      const left = secondsLeft === undefined ? '' : `, ${durationInWords(secondsLeft * 1_000)} left`;
      return { summary: `issuer ${found.iss}, scope ${found.scope}${left}`, found };
    });

    await step('consumerJws', 'appJwt', () =>
      call(
        'idp',
        () => hosts.idp,
        () => auth.getConsumerJws(consumerId),
        (token) => {
          consumerJws = token;
          return { summary: `issued by IDP for ${printable(consumerId)}` };
        },
      ),
    );

    await step('consumerJwsClaims', 'consumerJws', async () => {
      // Those of another account or consumer the package has refused already.
      const { exp, lp_consumer_id } = readClaims(consumerJws) ?? {};
      const expires = typeof exp === 'number';
      const hasLpConsumerId = typeof lp_consumer_id === 'string';
      return {
        summary: `for this account and consumer, ${expires ? 'expires' : 'does not expire'}`,
        found: { expires, hasLpConsumerId },
      };
    });

    await step('send', settings.probe ? 'consumerJws' : undefined, async () => {
      if (!settings.probe) return { state: 'untried', summary: 'not tried without --probe' };
      const http = axios.create({ timeout: timeoutMs, transformResponse: observe });
      auth.install(http);
      const path = `/api/account/${encodeURIComponent(accountId)}/messaging/consumer/conversation/send?v=3`;
      return call(
        'send',
        () => hosts.asyncMessagingEnt,
        () =>
          http
            .post(path, HARMLESS, { onBehalfOf: consumerId })
            .then(({ status }) => ({ status, errorCode: undefined }), acceptHarmlessRefusal),
        ({ status, errorCode }) => ({
          summary: `accepted both tokens, and answered ${status}${errorCode ? ` (${errorCode})` : ''} to the empty message`,
          found: { status, errorCode },
        }),
      );
    });
  } finally {
    await auth.close();
  }
  return results;
}

export const TITLES: Readonly<Record<StepName, string>> = {
  hosts: 'hosts',
  clock: 'clock',
  appJwt: 'AppJWT',
  appJwtClaims: 'AppJWT claims',
  consumerJws: 'ConsumerJWS',
  consumerJwsClaims: 'ConsumerJWS claims',
  send: 'SEND',
};

const failed = (failure: CallFailure): Finding => {
  const { status, fault, errorCode, internalCode, host } = failure;
  const what = status === undefined ? (fault ?? 'no answer') : `${status}${errorCode ? ` (${errorCode})` : ''}`;
  return {
    summary: `${what} from ${host}`,
    found: { host, status, errorCode, internalCode, fault },
    diagnosis: diagnoseCall(failure),
  };
};

/** `undefined` for an answer that broke off, too. */
function statusOf(error: unknown): number | undefined {
  if (isConnectorAuthError(error) && error.transient && Number(error.status) < 300) return undefined;
  const { status, response } = error as { status?: unknown; response?: { status?: unknown } };
  return [response?.status, status].find((value) => typeof value === 'number') as number | undefined;
}

const TOKEN_ERRORS: readonly (number | undefined)[] = [40102, 40103, 40104, 40105];

/** The Send API's own refusal of the empty message is what was hoped for; of a token, or from somebody else, it is not. */
function acceptHarmlessRefusal(error: unknown): { status: number; errorCode: number | undefined } {
  const status = statusOf(error) ?? 0;
  const errorCode = getSendApiError(error)?.errorCode;
  const isOwnWords = errorCode !== undefined || status === 400;
  if (isOwnWords && !TOKEN_ERRORS.includes(errorCode) && status !== 429 && status < 500) return { status, errorCode };
  throw error;
}

function proxyVariableFor(origin: string): string {
  const scheme = new URL(origin).protocol.slice(0, -1);
  const names = [`${scheme}_proxy`, `${scheme.toUpperCase()}_PROXY`, 'all_proxy', 'ALL_PROXY'];
  return names.find((name) => process.env[name]) ?? 'the environment';
}

/** Seconds, or an HTTP date (RFC 9110, 10.2.3). */
function pauseOf(retryAfter: string): number | undefined {
  const ms = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1_000 : Date.parse(retryAfter) - Date.now();
  return ms > 0 ? ms : undefined;
}

const textOf = (claim: unknown): string | undefined =>
  claim === undefined ? undefined : printable(Array.isArray(claim) ? claim.join(' ') : String(claim));
