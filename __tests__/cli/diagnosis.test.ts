import {
  type CallFailure,
  type Diagnosis,
  diagnoseAppJwt,
  diagnoseCall,
  diagnoseClock,
  durationInWords,
  KINDS,
  type Kind,
  regionOf,
} from '../../lib/cli/doctor/diagnosis.js';

const seen = new Set<Kind>();

/** The kind, and the words that cause and cure must have. */
function check(diagnosis: Diagnosis | undefined, kind: Kind, cause: RegExp, cure: RegExp): void {
  expect(diagnosis).toEqual({ kind, cause: expect.stringMatching(cause), cure: expect.stringMatching(cure) });
  for (const text of [diagnosis?.cause, diagnosis?.cure]) expect(text).toMatch(/^[A-Z0-9a-z].*[.)]$/);
  seen.add(kind);
}

const call = (service: CallFailure['service'], facts: Partial<CallFailure>): CallFailure => ({
  service,
  accountId: '70012345',
  host: 'lo.host.liveperson.net',
  status: undefined,
  timeoutMs: 10_000,
  ...facts,
});

describe('a call that failed', () => {
  it.each<[CallFailure['service'], Partial<CallFailure>, Kind, RegExp, RegExp]>([
    // The Domain API
    ['domain', { status: 401 }, 'unknown-account', /no hosts for account 70012345 \(401\)/, /^Check the account id/],
    ['domain', { status: 404 }, 'unknown-account', /\(404\)/, /region/],
    ['domain', { status: 200, hasNoHosts: true }, 'unknown-account', /\(200\)/, /--domain-api/],
    [
      'domain',
      { status: 401, accountId: 'aa123' },
      'unknown-account',
      /aa123/,
      /https:\/\/adminlogin-a\.liveperson\.net/,
    ],
    ['domain', { status: 401, accountId: 'qa123' }, 'unknown-account', /qa123/, /csds-app\.qa/],
    [
      'domain',
      { status: 401, accountId: 'aa123', host: 'adminlogin-a.liveperson.net' },
      'unknown-account',
      /aa123/,
      /^Check the account id/,
    ],
    [
      'domain',
      { status: 404, host: '127.0.0.1:3000', isWebPage: true },
      'not-liveperson',
      /127\.0\.0\.1:3000 is not LivePerson.*a web page, status 404/,
      /LP_DOMAIN_API/,
    ],
    ['domain', { status: 200, host: 'my.example' }, 'not-liveperson', /no list of hosts, status 200/, /--domain-api/],
    ['domain', { status: 200, host: 'my.example', hasNoHosts: true }, 'unknown-account', /\(200\)/, /account id/],
    ['domain', { status: 200, host: 'my.example', hasHostList: true }, 'unusable-answer', /usable answer/, /host is/],
    ['domain', { status: 401, host: 'my.example' }, 'unknown-account', /\(401\)/, /is LivePerson’s/],
    ['domain', { status: 503, host: 'my.example', isWebPage: true }, 'service-down', /answers 503/, /again/],
    ['idp', { status: 500, internalCode: '9007' }, 'service-down', /internal code 9007/, /support/],
    ['idp', { status: 401, internalCode: '12' }, 'app-jwt-refused', /internal code 12/, /msg\.consumer/],
    ['domain', { status: 200 }, 'unusable-answer', /not with a usable answer/, /host is LivePerson’s/],
    // Sentinel
    ['sentinel', { status: 401, oauthError: 'invalid_client' }, 'wrong-secret', /401 invalid_client/, /Compare both/],
    ['sentinel', { status: 400 }, 'wrong-secret', /LP_CLIENT_ID and LP_CLIENT_SECRET.*\(400\)/, /installation/],
    [
      'sentinel',
      { status: 400, oauthError: 'unauthorized_client' },
      'wrong-grant',
      /client_credentials/,
      /add the grant/,
    ],
    ['sentinel', { status: 400, oauthError: 'unsupported_grant_type' }, 'wrong-grant', /may not use/, /LivePerson/],
    ['sentinel', { status: 400, oauthError: 'invalid_scope' }, 'missing-scope', /msg\.consumer/, /add the scope/],
    ['sentinel', { status: 403 }, 'blocked', /forbids the call \(403\)/, /support/],
    ['sentinel', { status: 451 }, 'blocked', /\(451\)/, /support/],
    ['sentinel', { status: 404 }, 'wrong-host', /not the right host for Sentinel/, /region/],
    ['sentinel', { status: 200 }, 'unusable-answer', /no token/, /in its place/],
    // IDP
    ['idp', { status: 401 }, 'app-jwt-refused', /IDP refuses the AppJWT/, /msg\.consumer.*same region/],
    ['idp', { status: 400 }, 'consumer-refused', /refuses the consumer id \(400\)/, /another --consumer/],
    ['idp', { status: 405 }, 'wrong-host', /\(405\)/, /Domain API/],
    // The Send API
    ['send', { status: 401, errorCode: 40102 }, 'app-jwt-refused', /40102/, /msg\.consumer/],
    ['send', { status: 401, errorCode: 40103 }, 'consumer-jws-refused', /40103/, /X-LP-On-Behalf/],
    ['send', { status: 401, errorCode: 40104 }, 'header-dropped', /X-LP-On-Behalf.*40104/, /drops it/],
    ['send', { status: 401, errorCode: 40105 }, 'header-dropped', /Authorization.*40105/, /drops it/],
    ['send', { status: 401 }, 'app-jwt-refused', /refuses the call \(401\)/, /headers/],
    ['send', { status: 404 }, 'wrong-host', /Send API/, /region/],
    // Anyone
    ['idp', { status: 429 }, 'rate-limited', /429/, /at least 5 s/],
    ['sentinel', { status: 429, pauseMs: 6_200 }, 'rate-limited', /too many calls/, /Wait 7 s, as it asks for/],
    ['domain', { status: 500 }, 'service-down', /answers 500/, /status page/],
    ['sentinel', { status: 503, isWebPage: true }, 'service-down', /answers 503/, /5, 10 and 15 s/],
    ['sentinel', { status: 200, isWebPage: true }, 'web-page', /a web page came back/, /NO_PROXY=\.liveperson\.net/],
    ['idp', { status: 302 }, 'web-page', /redirect/, /sign-in/],
    ['idp', { status: 403, isWebPage: true, proxyVariable: 'HTTPS_PROXY' }, 'web-page', /HTTPS_PROXY/, /let lo\.host/],
    ['domain', { status: 407, proxyVariable: 'https_proxy' }, 'proxy', /https_proxy.*407/, /user:password@proxy/],
    ['domain', { status: 407 }, 'proxy', /wants a user/, /HTTPS_PROXY/],
    ['domain', { proxyVariable: 'HTTPS_PROXY' }, 'proxy', /proxy that HTTPS_PROXY names/, /NO_PROXY/],
    [
      'domain',
      { proxyVariable: 'ALL_PROXY', host: 'own.example:8443' },
      'proxy',
      /own\.example:8443/,
      /NO_PROXY=own\.example;/,
    ],
    ['domain', { fault: 'ENOTFOUND' }, 'dns', /could not be looked up \(ENOTFOUND\)/, /--domain-api/],
    ['idp', { fault: 'EAI_AGAIN' }, 'dns', /EAI_AGAIN/, /The Domain API names this host/],
    ['domain', { fault: 'ECONNREFUSED' }, 'unreachable', /could not be reached \(ECONNREFUSED\)/, /firewall/],
    ['domain', { fault: 'ETIMEDOUT' }, 'unreachable', /ETIMEDOUT/, /firewall/],
    [
      'domain',
      { fault: 'SELF_SIGNED_CERT_IN_CHAIN', issuer: 'Acme, Acme Root' },
      'tls-interception',
      /signed by Acme, Acme Root, which Node does not trust \(SELF_SIGNED_CERT_IN_CHAIN\)/,
      /NODE_EXTRA_CA_CERTS/,
    ],
    ['idp', { fault: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }, 'tls-interception', /an issuer/, /Do not turn the check off/],
    [
      'idp',
      { fault: 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', issuer: 'X' },
      'tls-interception',
      /X/,
      /NODE_EXTRA_CA_CERTS/,
    ],
    ['idp', { fault: 'DEPTH_ZERO_SELF_SIGNED_CERT', issuer: 'X' }, 'tls-interception', /your own/, /PEM/],
    ['idp', { fault: 'ERR_TLS_CERT_ALTNAME_INVALID' }, 'tls-name', /another name/, /in its place/],
    ['idp', { fault: 'CERT_HAS_EXPIRED' }, 'tls-dates', /has expired/, /clock/],
    ['idp', { fault: 'CERT_NOT_YET_VALID' }, 'tls-dates', /not valid yet/, /clock/],
    ['idp', { fault: 'ERR_SSL_WRONG_VERSION_NUMBER' }, 'no-tls', /does not speak TLS/, /http:\/\//],
    ['idp', { fault: 'EPROTO' }, 'no-tls', /EPROTO/, /port/],
    ['idp', {}, 'no-answer', /no whole answer within 10 s/, /--timeout/],
  ])('of %s with %j is %s', (service, facts, kind, cause, cure) => {
    check(diagnoseCall(call(service, facts)), kind, cause, cure);
  });
});

describe('an AppJWT', () => {
  const now = 1_800_000_000_000;
  const claims = { iss: 'Sentinel', azp: 'id', scope: 'msg.consumer', exp: now / 1_000 + 3_600 };

  it.each([
    [{}],
    [{ iss: 'sentinel' }],
    [{ azp: undefined }],
    [{ scope: 'a msg.consumer b' }],
    [{ scope: ['msg.consumer'] }],
    [{ exp: undefined }],
  ])('is well with %j', (changes) => {
    expect(diagnoseAppJwt({ ...claims, ...changes }, 'id', now)).toBeUndefined();
  });

  it.each<[object, Kind, RegExp, RegExp]>([
    [{ iss: undefined }, 'wrong-issuer', /iss is missing/, /40001/],
    [{ iss: 'https://login.example' }, 'wrong-issuer', /iss is different/, /Sentinel/],
    [{ azp: 'other' }, 'wrong-app', /azp is not LP_CLIENT_ID/, /LP_CLIENT_ID/],
    [{ scope: undefined }, 'missing-scope', /no scope at all/, /msg\.consumer/],
    [{ scope: 'faas.lambda.invoke msg.consumers' }, 'missing-scope', /other scopes only/, /add the scope/],
    [{ exp: now / 1_000 }, 'expired', /already expired/, /cache/],
  ])('with %j is %s', (changes, kind, cause, cure) => {
    check(diagnoseAppJwt({ ...claims, ...changes }, 'id', now), kind, cause, cure);
  });
});

describe('a clock', () => {
  it.each([0, 60_000, -60_000])('that is %i ms off is well', (skewMs) => expect(diagnoseClock(skewMs)).toBeUndefined());

  it.each([
    [10_800_400, /is 3 h ahead of LivePerson’s/],
    [-10_799_600, /is 3 h behind LivePerson’s/],
    [-61_000, /is 1 min 1 s behind/],
  ])('that is %i ms off is not', (skewMs, cause) => check(diagnoseClock(skewMs), 'clock', cause, /NTP/));
});

it('there is a case for every kind of diagnosis', () => {
  expect([...seen].sort()).toEqual([...KINDS].sort());
});

it.each([
  [0, '0 s'],
  [999, '1 s'],
  [59_400, '59 s'],
  [60_000, '1 min'],
  [125_000, '2 min 5 s'],
  [3_599_000, '1 h'],
  [5_400_000, '1 h 30 min'],
  [90_000_000, '1 d 1 h'],
])('%i ms is %s', (ms, words) => expect(durationInWords(ms)).toBe(words));

it.each([
  ['lo.msg.liveperson.net', 'EMEA'],
  ['va.sentinel.liveperson.net', 'Americas'],
  ['va-at.msg.liveperson.net', 'Americas'],
  ['sy.idp.liveperson.net', 'APAC'],
  ['127.0.0.1:4790', undefined],
  ['local.liveperson.net', undefined],
])('%s is in %s', (host, region) => expect(regionOf(host)).toBe(region));
