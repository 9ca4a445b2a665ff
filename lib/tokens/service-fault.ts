import axios, { AxiosError } from 'axios';
import { ConnectorAuthError, type ConnectorAuthErrorCode } from '../errors.js';
import { isRecord, ownValue } from '../own.js';
import { faultCode, isSetUpFault, isTransientFault } from '../retry-policy.js';
import type { Identity } from './identity.js';
import { LONGEST_ANSWER_BYTES } from './private-axios.js';

/** The services that the package calls. */
export const SERVICES = {
  domain: { code: 'ERR_DOMAIN_LOOKUP', name: 'The Domain API', hostOption: 'domainApi' },
  sentinel: { code: 'ERR_APP_JWT', name: 'Sentinel', hostOption: 'domains.sentinel' },
  idp: { code: 'ERR_CONSUMER_JWS', name: 'IDP', hostOption: 'domains.idp' },
} as const satisfies Record<string, { code: ConnectorAuthErrorCode; name: string; hostOption: string }>;

/** The call that failed. */
export interface FailedCall {
  readonly stage: keyof typeof SERVICES;
  readonly identity: Identity;
  readonly url: string;
}

const DOCTOR = 'Run `npx axios-liveperson-auth doctor` to check the set-up.';

/** The error for a 2xx answer that cannot be used. */
export function unusableAnswer({ stage, identity, url }: FailedCall, what: string, status: number): ConnectorAuthError {
  const { code, name } = SERVICES[stage];
  const { accountId } = identity;
  const message = `${name} answered for account ${accountId} with ${what}. Check that the host is LivePerson's and that no proxy answers in its place. ${hostSentence(url)} ${DOCTOR}`;
  return new ConnectorAuthError(code, message, { accountId, status });
}

/**
 * The error of a failed call. Axios's own error is not passed on, because its request has the secret.
 *
 * @param retryAt epoch milliseconds before which the service wants no call
 */
export function describeFault(error: unknown, call: FailedCall, retryAt?: number): ConnectorAuthError {
  const { code } = SERVICES[call.stage];
  const { accountId } = call.identity;
  const message = [faultOf(error, call), adviceFor(error, call), hostSentence(call.url), ...hintsFor(error, call)].join(
    ' ',
  );
  if (!axios.isAxiosError(error)) return new ConnectorAuthError(code, message, { accountId });
  return new ConnectorAuthError(code, message, {
    accountId,
    status: error.response?.status,
    transient: isTransientFault(error),
    retryAt,
    internalErrorCode: internalErrorCode(error),
  });
}

/** The error for work in the background, which waits for no pause. */
export function pausedError(stage: FailedCall['stage'], accountId: string): ConnectorAuthError {
  const { code, name } = SERVICES[stage];
  const message = `${name} asked for a pause for account ${accountId}. A later request tries again.`;
  return new ConnectorAuthError(code, message, { accountId, transient: true });
}

/** What a failed attempt was: service, fault, account and host. */
export function whatFailed(error: unknown, call: FailedCall): string {
  const proxy = axios.isAxiosError(error) ? proxyHints(error, call.url) : [];
  return [faultOf(error, call), hostSentence(call.url), ...proxy].join(' ');
}

const hostSentence = (url: string): string =>
  URL.canParse(url) ? `The host was ${new URL(url).host}.` : 'The URL is not valid.';

function faultOf(error: unknown, { stage, identity }: FailedCall): string {
  return `${SERVICES[stage].name} ${verbOf(error)} for account ${identity.accountId}.`;
}

function verbOf(error: unknown): string {
  if (!axios.isAxiosError(error)) return `could not be called (${error instanceof Error ? error.name : typeof error})`;
  const { response } = error;
  const code = faultCode(error) ?? 'no code';
  if (response && response.status >= 300) return `answered ${response.status}${wordsOf(error)}`;
  if (/maxContentLength/.test(error.message)) return `sent an answer of more than ${LONGEST_ANSWER_BYTES} bytes`;
  if (code === AxiosError.ECONNABORTED || code === AxiosError.ETIMEDOUT) return 'did not answer in time';
  if (isSetUpFault(error)) return `could not be called (${code})`;
  return `could not be reached or broke off its answer (${code})`;
}

const OAUTH_ERROR = /"(invalid_(?:request|client|grant|scope)|unauthorized_client|unsupported_grant_type)"/;

/**
 * The error word of an OAuth 2.0 answer (RFC 6749, 5.2) and LivePerson's internal code. The rest of the body is not shown,
 * because it may echo the secret.
 */
function wordsOf(error: AxiosError): string {
  const word = OAUTH_ERROR.exec(String(error.response?.data))?.[1];
  const internal = internalErrorCode(error);
  const words = [word, internal && `internalErrorCode ${internal}`].filter(Boolean);
  return words.length > 0 ? ` (${words.join(', ')})` : '';
}

/** LivePerson's `internalErrorCode`, such as `9007`. It is a short number, so that nothing else can be shown. */
export function internalErrorCode({ response }: AxiosError): string | undefined {
  try {
    const body: unknown = JSON.parse(String(response?.data));
    const code = isRecord(body) ? ownValue(body, 'internalErrorCode') : undefined;
    return /^\d{1,6}$/.test(String(code)) ? String(code) : undefined;
  } catch {
    return undefined;
  }
}

function adviceFor(error: unknown, { stage }: FailedCall): string {
  if (!axios.isAxiosError(error)) return 'Check axiosConfig and retry.';
  if (isTransientFault(error)) return 'This may pass: a later request tries again.';
  if (isSetUpFault(error)) return setUpAdvice(faultCode(error) ?? '', SERVICES[stage].hostOption);
  return error.response ? ANSWER_ADVICE[stage] : 'Check the host and what answers there.';
}

/** What to check if the service did not answer. */
function hintsFor(error: unknown, { url }: FailedCall): string[] {
  if (!axios.isAxiosError(error) || (error.response && error.response.status >= 300)) return [];
  return [...proxyHints(error, url), DOCTOR];
}

const ANSWER_ADVICE = {
  sentinel:
    'Check clientId and clientSecret, and that the app is installed on this account with the scope msg.consumer and the grant client_credentials.',
  idp: 'Check the consumer id, and that the app has the scope msg.consumer.',
  domain: 'Check the account id and the option domainApi.',
} as const;

function setUpAdvice(code: string, hostOption: string): string {
  if (/ALTNAME|HOSTNAME/.test(code))
    return `Its certificate is for another host name. Check the host in ${hostOption}.`;
  if (/SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY)|UNTRUSTED|INVALID_CA/.test(code))
    return 'The issuer of its certificate is not trusted. Set NODE_EXTRA_CA_CERTS to a PEM file with the issuer before Node starts, or set ca on the agent in axiosConfig.httpsAgent.';
  if (/^(CERT_|UNABLE_TO_)|PURPOSE/.test(code))
    return "Its certificate is not valid. Check the server's certificate and the clock of this machine.";
  if (/^(EPROTO|ERR_SSL_|HPE_)/.test(code))
    return `The port does not speak the protocol of the URL. Check the port, and http:// or https://, in ${hostOption}.`;
  return `Check ${hostOption} and axiosConfig.`;
}

/** Names the environment variable of the proxy, if the connection went to another host or port than the URL's. */
function proxyHints(error: AxiosError, url: string): string[] {
  if (!URL.canParse(url)) return [];
  const { hostname, port, protocol } = new URL(url);
  const used = Object(error.cause) as { hostname?: unknown; port?: unknown };
  const ownPort = port || (protocol === 'https:' ? '443' : '80');
  const usesProxy =
    (used.port !== undefined && String(used.port) !== ownPort) ||
    (used.hostname !== undefined && used.hostname !== hostname);
  const scheme = protocol.slice(0, -1);
  const names = [`${scheme}_proxy`, 'all_proxy'].flatMap((name) => [name, name.toUpperCase()]);
  const variable = usesProxy ? names.find((name) => process.env[name]) : undefined;
  return variable ? [`The call went through the proxy of ${variable}: check that proxy, or set NO_PROXY.`] : [];
}
