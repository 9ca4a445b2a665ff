/** What is wrong, for programs. */
export const KINDS = [
  'unknown-account',
  'wrong-secret',
  'wrong-grant',
  'missing-scope',
  'wrong-issuer',
  'wrong-app',
  'expired',
  'clock',
  'blocked',
  'app-jwt-refused',
  'consumer-refused',
  'consumer-jws-refused',
  'header-dropped',
  'rate-limited',
  'service-down',
  'wrong-host',
  'not-liveperson',
  'web-page',
  'proxy',
  'dns',
  'unreachable',
  'tls-interception',
  'tls-name',
  'tls-dates',
  'no-tls',
  'no-answer',
  'unusable-answer',
] as const;

export type Kind = (typeof KINDS)[number];

export interface Diagnosis {
  readonly kind: Kind;
  readonly cause: string;
  readonly cure: string;
}

export type Service = 'domain' | 'sentinel' | 'idp' | 'send';

/** What is known of a call that failed. */
export interface CallFailure {
  readonly service: Service;
  /** Whom it was for. */
  readonly accountId: string;
  /** With the port where it is not the usual one. */
  readonly host: string;
  /** HTTP status; `undefined` where there was no answer. */
  readonly status: number | undefined;
  /** Milliseconds that `Retry-After` asks for. */
  readonly pauseMs?: number | undefined;
  /** OAuth 2.0's word for it, such as `invalid_client`. */
  readonly oauthError?: string | undefined;
  /** Of the Send API, such as 40102. */
  readonly errorCode?: number | undefined;
  readonly isWebPage?: boolean | undefined;
  /** The answer has a list of hosts, as the Domain API's has. */
  readonly hasHostList?: boolean | undefined;
  /** LivePerson's `internalErrorCode`, such as 9007. */
  readonly internalCode?: string | undefined;
  /** The list of hosts had none for this account. */
  readonly hasNoHosts?: boolean | undefined;
  /** The variable of the environment that sends the call through a proxy. */
  readonly proxyVariable?: string | undefined;
  /** What stopped a plain connection to the host: Node's or OpenSSL's code. */
  readonly fault?: string | undefined;
  /** Who signed the host's certificate. */
  readonly issuer?: string | undefined;
  readonly timeoutMs: number;
}

const NAMES: Readonly<Record<Service, string>> = {
  domain: 'The Domain API',
  sentinel: 'Sentinel',
  idp: 'IDP',
  send: 'The Send API',
};

/** Cause and fix of a call that failed. Causes near the user's machine come first. */
export function diagnoseCall(failure: CallFailure): Diagnosis {
  if (failure.status === undefined) return diagnoseSilence(failure);
  if (isNotLivePerson(failure)) return diagnoseForeign(failure, failure.status);
  if (failure.isWebPage && failure.status < 500) return diagnoseWebPage(failure);
  if (failure.status >= 300 && failure.status < 400) return diagnoseWebPage(failure);
  return diagnoseErrorCode(failure) ?? diagnoseStatus(failure, failure.status);
}

function diagnoseSilence({ service, host, fault, issuer, proxyVariable, timeoutMs }: CallFailure): Diagnosis {
  const name = NAMES[service];
  if (proxyVariable !== undefined) {
    return {
      kind: 'proxy',
      cause: `${name} (${host}) was called through the proxy that ${proxyVariable} names, and no answer came back.`,
      cure: `Check that the proxy is up and lets ${host} through, or bypass it with ${noProxy(host)}; or give the package an agent of your own (axiosConfig.httpsAgent with proxy: false).`,
    };
  }
  if (fault === undefined) {
    return {
      kind: 'no-answer',
      cause: `${host} takes connections, but gave no whole answer within ${timeoutMs / 1_000} s, or broke it off.`,
      cure: 'Try again with a longer --timeout. If that does not help, look at LivePerson’s status page, then ask the administrator of the firewall.',
    };
  }
  if (/^(ENOTFOUND|EAI_)/.test(fault)) {
    return {
      kind: 'dns',
      cause: `The name ${host} could not be looked up (${fault}).`,
      cure:
        service === 'domain'
          ? 'Check the spelling of --domain-api (or LP_DOMAIN_API), and that this machine has DNS and Internet access.'
          : 'The Domain API names this host, and this machine’s DNS does not know it: check its DNS, and that the Domain API is the right one for the account.',
    };
  }
  if (/ALTNAME/.test(fault)) {
    return {
      kind: 'tls-name',
      cause: `The server at ${host} has a certificate for another name.`,
      cure: 'Check the host; if it is right, another server answers in its place: ask the administrator of the proxy or the DNS.',
    };
  }
  if (/EXPIRED|NOT_YET_VALID/.test(fault)) {
    return {
      kind: 'tls-dates',
      cause: `By this machine’s clock, the certificate of ${host} ${fault.includes('EXPIRED') ? 'has expired' : 'is not valid yet'}.`,
      cure: 'Set the clock of this machine (NTP). If it is right, a proxy shows an old certificate: ask its administrator.',
    };
  }
  if (/CERT|SIGNATURE|ISSUER/.test(fault)) {
    return {
      kind: 'tls-interception',
      cause: `The certificate of ${host} is signed by ${issuer ?? 'an issuer'}, which Node does not trust (${fault}). A proxy between you and LivePerson decrypts the traffic, or this is a server of your own.`,
      cure: 'Get the certificate of that authority as a PEM file and start with NODE_EXTRA_CA_CERTS=file.pem (or give it in axiosConfig.httpsAgent). Do not turn the check off: your secret is sent over this connection.',
    };
  }
  if (/SSL|EPROTO/.test(fault)) {
    return {
      kind: 'no-tls',
      cause: `The server at ${host} does not speak TLS (${fault}).`,
      cure: 'Check the port, and whether the origin should begin with http:// (which is accepted only on this machine).',
    };
  }
  return {
    kind: 'unreachable',
    cause: `${host} could not be reached (${fault}).`,
    cure: 'Check the host and the port, that something listens there, and that the firewall lets this machine out to it.',
  };
}

const noProxy = (host: string): string =>
  `NO_PROXY=${/(\.liveperson\.net)(:\d+)?$/.exec(host)?.[1] ?? host.replace(/:\d+$/, '')}`;

const LIVEPERSON_HOST = /(^|\.)(liveperson\.(net|com)|lpcloud\.io|lpsnmedia\.net)(:\d+)?$/;

/** A proxy may answer in LivePerson's place, and a gateway in trouble may send a web page. Neither is another application. */
function isNotLivePerson({ service, host, proxyVariable, status = 0, ...answer }: CallFailure): boolean {
  if (service !== 'domain' || proxyVariable !== undefined || LIVEPERSON_HOST.test(host)) return false;
  if (status < 300) return !answer.hasHostList && !answer.hasNoHosts;
  return status === 404 || status === 405 || (answer.isWebPage === true && status >= 400 && status < 500);
}

function diagnoseForeign({ host, isWebPage }: CallFailure, status: number): Diagnosis {
  return {
    kind: 'not-liveperson',
    cause: `${host} is not LivePerson: it answers like another web application (${isWebPage ? 'a web page' : 'no list of hosts'}, status ${status}).`,
    cure: 'Correct --domain-api (or LP_DOMAIN_API). It is https://api.liveperson.net, or the origin that the emulator prints.',
  };
}

function diagnoseWebPage({ service, host, status, proxyVariable }: CallFailure): Diagnosis {
  const through = proxyVariable === undefined ? '' : ` The call went through the proxy that ${proxyVariable} names.`;
  return {
    kind: 'web-page',
    cause: `${NAMES[service]} (${host}) should have answered, but a web page came back, or a redirect to one (status ${status}). Proxies, firewalls and sign-in pages do that.${through}`,
    cure: `Ask the administrator of the proxy to let ${host} through without a sign-in, or bypass it with ${noProxy(host)}.`,
  };
}

/** The Send API's own errors: the one place that says which token it did not take. */
function diagnoseErrorCode({ service, errorCode }: CallFailure): Diagnosis | undefined {
  if (service !== 'send') return undefined;
  if (errorCode === 40102) {
    return {
      kind: 'app-jwt-refused',
      cause: 'The Send API refuses the AppJWT (40102), even a new one.',
      cure: 'Check that the app is installed on this very account with the scope msg.consumer, and that no proxy changes the header Authorization. If all of this is right, ask LivePerson about the installation.',
    };
  }
  if (errorCode === 40103) {
    return {
      kind: 'consumer-jws-refused',
      cause: 'The Send API refuses the ConsumerJWS (40103), even a new one.',
      cure: 'Check that IDP and the Send API are hosts of the same region, and that no proxy changes the header X-LP-On-Behalf. If all of this is right, ask LivePerson about the installation.',
    };
  }
  if (errorCode === 40104 || errorCode === 40105) {
    const header = errorCode === 40104 ? 'X-LP-On-Behalf (the ConsumerJWS)' : 'Authorization (the AppJWT)';
    return {
      kind: 'header-dropped',
      cause: `The Send API did not see the header ${header}, though it was sent (${errorCode}).`,
      cure: 'A proxy or a gateway drops it: ask its administrator to let it through.',
    };
  }
  return undefined;
}

function diagnoseStatus(failure: CallFailure, status: number): Diagnosis {
  const { service, host, accountId, pauseMs, oauthError, proxyVariable, internalCode } = failure;
  const internal = internalCode ? `, internal code ${internalCode}` : '';
  const name = NAMES[service];
  if (status === 407) {
    return {
      kind: 'proxy',
      cause: `The proxy${proxyVariable ? ` that ${proxyVariable} names` : ''} wants a user and a password (407).`,
      cure: `Put them into ${proxyVariable ?? 'HTTPS_PROXY'} (http://user:password@proxy:port), or bypass it with ${noProxy(host)}.`,
    };
  }
  if (status === 429) {
    const pause = pauseMs ? `${Math.ceil(pauseMs / 1_000)} s, as it asks for` : 'at least 5 s';
    return {
      kind: 'rate-limited',
      cause: `${name} answers 429: too many calls for this account.`,
      cure: `Wait ${pause}. If your connector is running, check how often it asks for tokens: an AppJWT is good for an hour and for all consumers, a ConsumerJWS does not expire.`,
    };
  }
  if (status === 403 || status === 451) {
    return {
      kind: 'blocked',
      cause: `${name} knows the account but forbids the call (${status}): the app or the account is blocked, or calls from this address are.`,
      cure: 'Ask LivePerson’s support to look at the app’s installation and the list of allowed addresses.',
    };
  }
  if (status >= 500) {
    return {
      kind: 'service-down',
      cause: `${name} (${host}) answers ${status}${internal}: it has a fault, or a gateway in front of it.`,
      cure: `Look at LivePerson’s status page and try again in some minutes. The package retries by itself after 5, 10 and 15 s.${internalCode ? ` If it lasts, tell LivePerson’s support the internal code ${internalCode}.` : ''}`,
    };
  }
  if (service === 'domain' && (status < 300 ? failure.hasNoHosts : true))
    return unknownAccount(accountId, host, status);
  if (status < 300) {
    return {
      kind: 'unusable-answer',
      cause: `${name} (${host}) answers ${status}, but not with a usable answer: no JSON, no token, or a token for another account or consumer.`,
      cure: 'Check that the host is LivePerson’s, and that no proxy answers in its place.',
    };
  }
  if (status === 404 || status === 405) {
    return {
      kind: 'wrong-host',
      cause: `${host} does not know the path (${status}): it is not the right host for ${name} of account ${accountId}.`,
      cure: 'Check the region of the account and --domain-api: the Domain API names the hosts.',
    };
  }
  if (service === 'sentinel') return diagnoseSentinel(oauthError, status);
  if (service === 'idp' && status === 401) {
    return {
      kind: 'app-jwt-refused',
      cause: `IDP refuses the AppJWT that Sentinel has just issued (401${internal}), even a new one.`,
      cure: 'Check that the app has the scope msg.consumer, and that the hosts of Sentinel and IDP are of the same region. If all of this is right, ask LivePerson about the installation.',
    };
  }
  if (service === 'idp') {
    return {
      kind: 'consumer-refused',
      cause: `IDP refuses the consumer id (${status}${internal}).`,
      cure: 'Try another --consumer: letters, digits and dashes are known to work.',
    };
  }
  return {
    kind: 'app-jwt-refused',
    cause: `${name} refuses the call (${status}) without an error code of its own. The refusal may come from a gateway in front of it.`,
    cure: 'Check that no proxy removes or changes the headers Authorization and X-LP-On-Behalf.',
  };
}

function diagnoseSentinel(oauthError: string | undefined, status: number): Diagnosis {
  if (oauthError === 'unauthorized_client' || oauthError === 'unsupported_grant_type') {
    return {
      kind: 'wrong-grant',
      cause: `The app may not use the grant client_credentials (${status} ${oauthError}).`,
      cure: 'Ask LivePerson to add the grant client_credentials to the app’s installation.',
    };
  }
  if (oauthError === 'invalid_scope') return missingScope(`Sentinel answers ${status} invalid_scope.`);
  return {
    kind: 'wrong-secret',
    cause: `Sentinel does not accept LP_CLIENT_ID and LP_CLIENT_SECRET for this account (${status}${oauthError ? ` ${oauthError}` : ''}).`,
    cure: 'Compare both with the app’s installation (the client id is its app installation id), and the account with the one it is installed on. If the secret was renewed there, set the new one here.',
  };
}

/** Where accounts of other zones are looked up, by how their ids begin. Source: LivePerson's faas-client-node. */
const OTHER_ZONES: readonly (readonly [RegExp, string])[] = [
  [/^(le|qa|cc)/i, 'csds-app.qa.int.gw.lpcloud.io'],
  [/^fr/i, 'adminlogin-z0-intg.liveperson.net'],
  [/^aa/i, 'adminlogin-a.liveperson.net'],
];

function unknownAccount(accountId: string, host: string, status: number): Diagnosis {
  const zone = OTHER_ZONES.find(([prefix]) => prefix.test(accountId))?.[1];
  const elsewhere =
    zone && zone !== host
      ? `Accounts with this prefix belong to another zone: try --domain-api https://${zone}. Otherwise check`
      : 'Check';
  return {
    kind: 'unknown-account',
    cause: `The Domain API (${host}) has no hosts for account ${accountId} (${status}).`,
    cure: `${elsewhere} the account id: it is the number in the address of your Conversational Cloud. Check that --domain-api (or LP_DOMAIN_API) is LivePerson’s, and the one for the account’s region.`,
  };
}

function missingScope(what: string): Diagnosis {
  return {
    kind: 'missing-scope',
    cause: `The app lacks the scope msg.consumer. ${what}`,
    cure: 'Ask LivePerson to add the scope msg.consumer to the app’s installation. IDP and the Send API accept no AppJWT without it.',
  };
}

/** What is wrong with an AppJWT, if anything. `serverNow` is LivePerson's clock, in epoch milliseconds. */
export function diagnoseAppJwt(
  claims: Readonly<Record<string, unknown>>,
  clientId: string,
  serverNow: number,
): Diagnosis | undefined {
  const { iss, azp, scope, exp } = claims;
  if (typeof iss !== 'string' || iss.toLowerCase() !== 'sentinel') {
    return {
      kind: 'wrong-issuer',
      cause: `The AppJWT was not issued by Sentinel: its claim iss is ${iss === undefined ? 'missing' : 'different'}.`,
      cure: 'Check that the host of Sentinel is LivePerson’s. The Send API answers 40001 to such a token, and a new one does not help.',
    };
  }
  if (azp !== undefined && azp !== clientId) {
    return {
      kind: 'wrong-app',
      cause: 'The AppJWT is for another app: its claim azp is not LP_CLIENT_ID.',
      cure: 'Check LP_CLIENT_ID, and that no proxy answers in Sentinel’s place.',
    };
  }
  const scopes = Array.isArray(scope) ? scope : String(scope ?? '').split(/\s+/);
  if (!scopes.includes('msg.consumer')) {
    return missingScope(scope === undefined ? 'The AppJWT has no scope at all.' : 'The AppJWT has other scopes only.');
  }
  if (typeof exp === 'number' && exp * 1_000 <= serverNow) {
    return {
      kind: 'expired',
      cause: 'The AppJWT has already expired when it arrives, by LivePerson’s own clock.',
      cure: 'A proxy keeps old answers of Sentinel: ask its administrator not to cache them.',
    };
  }
  return undefined;
}

/** Less does no harm: an HTTP date has whole seconds, and the answer took time. */
const TOLERATED_SKEW_MS = 60_000;

/** What is wrong with a clock that is so much ahead of LivePerson's (or behind, where negative), in milliseconds. */
export function diagnoseClock(skewMs: number): Diagnosis | undefined {
  if (Math.abs(skewMs) <= TOLERATED_SKEW_MS) return undefined;
  return {
    kind: 'clock',
    cause: `This machine’s clock is ${durationInWords(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead of' : 'behind'} LivePerson’s.`,
    cure: 'Set it by NTP (for a container, on the host), and check the time zone. The package counts the life of a token from its receipt, so it goes on working. Code that compares exp with the clock fails, and so do certificates.',
  };
}

/** `3 h`, `2 min 5 s`: the two largest units, and no seconds from ten minutes on. */
export function durationInWords(ms: number): string {
  const step = ms < 600_000 ? 1_000 : 60_000;
  let left = (Math.round(ms / step) * step) / 1_000;
  const parts: string[] = [];
  for (const [size, unit] of [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
    [1, 's'],
  ] as const) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
  }
  return parts.slice(0, 2).join(' ') || '0 s';
}

const REGIONS: Readonly<Record<string, string>> = { va: 'Americas', lo: 'EMEA', sy: 'APAC' };

/** The region that a host's name begins with. */
export const regionOf = (host: string): string | undefined =>
  REGIONS[/^(va|lo|sy)(?:-[a-z\d]+)?\./.exec(host)?.[1] ?? ''];
