import { createServer } from 'node:net';
import axios, { AxiosError } from 'axios';
import { ACCOUNT, makeToken, type Reply, SEND, type Service, until } from '../support/cloud.js';
import {
  type Connector,
  createAuth,
  lookedUpBy,
  rejection,
  startConnector,
  stopConnectors,
} from '../support/connector.js';
import { HELD_MS, holdTimers, releaseTimers } from '../support/timers.js';

afterEach(stopConnectors);
afterEach(releaseTimers);

/** What fails, in the words that a connector's developer will read. */
type Scene = (connector: Connector) => Promise<unknown>;

const send: Scene = ({ http }) => http.post(SEND, {}, { onBehalfOf: 'c' });
const sendFor =
  (consumer: unknown): Scene =>
  ({ http }) =>
    http.post(SEND, {}, { onBehalfOf: consumer as string });
const when =
  (service: Service, reply: Reply): Scene =>
  (connector) => {
    connector.cloud.script[service] = () => reply;
    return send(connector);
  };
/** The time limit of the call ends once the call has arrived. */
const whenSilent =
  (service: Service): Scene =>
  async (connector) => {
    const limits = holdTimers();
    const sent = when(service, { after: new Promise(() => {}) })(connector);
    await until(() => connector.cloud.count(service) === 1);
    limits.end();
    return sent;
  };
const withCredentials =
  (credentials: () => unknown): Scene =>
  ({ cloud }) =>
    createAuth(cloud, lookedUpBy(credentials)).getAppJwt({ accountId: ACCOUNT });

/** An auth whose own calls fail before they are made, for something in its axiosConfig. */
const withTransform =
  (fail: () => never): Scene =>
  ({ cloud }) =>
    createAuth(cloud, { axiosConfig: { transformRequest: fail } as never }).getAppJwt();
const html: Reply = { status: 200, body: '<html>' };

const CONSUMER_ADVICE =
  'Set onBehalfOf on the request, give the option consumerId, or send the request inside runOnBehalfOf().';
const aConsumer = (received: string) =>
  `A Send API request needs a consumer: a non-empty string. Received ${received}. ${CONSUMER_ADVICE}`;
const HOST_ADVICE = "Check that the host is LivePerson's and that no proxy answers in its place.";
const ACCOUNT_ADVICE = 'Check the account in the URL, and the options accountId or credentials.';
const SENTINEL_ADVICE =
  'Check clientId and clientSecret, and that the app is installed on this account with the scope msg.consumer and the grant client_credentials.';
const PASSING = 'This may pass: a later request tries again.';

it.each<[string, Scene, string, string]>([
  ['no consumer', sendFor(undefined), 'ERR_NO_CONSUMER', aConsumer('undefined')],
  ['null for a consumer', sendFor(null), 'ERR_NO_CONSUMER', aConsumer('null')],
  ['an empty consumer', sendFor(''), 'ERR_NO_CONSUMER', aConsumer('an empty string')],
  ['a consumer that is a number', sendFor(5), 'ERR_NO_CONSUMER', aConsumer('a value of type number')],
  [
    'a closed auth',
    (connector) => {
      connector.auth.close();
      return send(connector);
    },
    'ERR_CLOSED',
    'This ConnectorAuth is closed. Create a new one with createConnectorAuth() to send further requests.',
  ],
  [
    'an account that is not ours',
    ({ auth }) => auth.getAppJwt({ accountId: '999' }),
    'ERR_UNKNOWN_ACCOUNT',
    `There are no credentials for account 999. ${ACCOUNT_ADVICE}`,
  ],
  [
    'null for credentials',
    withCredentials(() => null),
    'ERR_UNKNOWN_ACCOUNT',
    `There are no credentials for account ${ACCOUNT}. ${ACCOUNT_ADVICE}`,
  ],
  [
    'credentials of another shape',
    withCredentials(() => ({ clientId: 'id' })),
    'ERR_UNKNOWN_ACCOUNT',
    `The option credentials returned no { clientId, clientSecret } for account ${ACCOUNT}. ${ACCOUNT_ADVICE}`,
  ],
  [
    'credentials() that throws',
    withCredentials(() => {
      throw new RangeError('the vault says s3cret');
    }),
    'ERR_CREDENTIALS',
    `The option credentials failed for account ${ACCOUNT} (RangeError). Check that function: the error's cause is its own error.`,
  ],
  [
    'credentials() that throws what is no error',
    withCredentials(() => Promise.reject('s3cret')),
    'ERR_CREDENTIALS',
    `The option credentials failed for account ${ACCOUNT} (string). Check that function: the error's cause is its own error.`,
  ],
  [
    'credentials() that fails with an error of Axios’s',
    withCredentials(() => Promise.reject(new AxiosError('s3cret', 'ERR_BAD_REQUEST'))),
    'ERR_CREDENTIALS',
    `The option credentials failed for account ${ACCOUNT} (AxiosError). Check that function: the error's cause is its own error.`,
  ],
  [
    'credentials() that fails with another’s error of the same code',
    withCredentials(() => Promise.reject(Object.assign(new RangeError('s3cret'), { code: 'ECONNABORTED' }))),
    'ERR_CREDENTIALS',
    `The option credentials failed for account ${ACCOUNT} (RangeError). Check that function: the error's cause is its own error.`,
  ],
  [
    'an axiosConfig that throws',
    withTransform(() => {
      throw new RangeError('s3cret');
    }),
    'ERR_DOMAIN_LOOKUP',
    `The Domain API could not be called (RangeError) for account ${ACCOUNT}. Check axiosConfig and retry.`,
  ],
  [
    'an axiosConfig that throws what is no error',
    withTransform(() => {
      throw 's3cret';
    }),
    'ERR_DOMAIN_LOOKUP',
    `The Domain API could not be called (string) for account ${ACCOUNT}. Check axiosConfig and retry.`,
  ],
  [
    'an axiosConfig that throws an error of Axios’s without a code',
    withTransform(() => {
      throw new AxiosError('s3cret');
    }),
    'ERR_DOMAIN_LOOKUP',
    `The Domain API could not be reached or broke off its answer (no code) for account ${ACCOUNT}. ${PASSING}`,
  ],
  [
    'one account too many',
    ({ cloud }) => {
      return createAuth(
        cloud,
        lookedUpBy(() => undefined),
      ).getAppJwt();
    },
    'ERR_UNKNOWN_ACCOUNT',
    'With the option credentials there may be many accounts. Name one with { accountId }.',
  ],
  [
    'a place that may not have the tokens',
    ({ http, cloud }) => http.post(`http://127.0.0.1:1${SEND}`, {}, { onBehalfOf: cloud.host }),
    'ERR_UNTRUSTED_ORIGIN',
    `Account ${ACCOUNT}'s tokens may not go to http://127.0.0.1:1 but only to ORIGIN. Correct the URL, or list the origin in trustedOrigins if it is yours.`,
  ],
  [
    'a URL with a password',
    ({ http, cloud }) => http.post(`http://u:p@${cloud.host}${SEND}`, {}, { onBehalfOf: 'c' }),
    'ERR_UNTRUSTED_ORIGIN',
    `Account ${ACCOUNT}'s tokens may not go to ORIGIN, named with a user or password, but only to ORIGIN. Correct the URL, or list the origin in trustedOrigins if it is yours.`,
  ],
  [
    'a trusted origin with a user',
    ({ cloud }) => {
      const http = axios.create();
      createAuth(cloud, { trustedOrigins: ['http://127.0.0.1:1'] }).install(http);
      return http.post(`http://u@127.0.0.1:1${SEND}`, {}, { onBehalfOf: 'c' });
    },
    'ERR_UNTRUSTED_ORIGIN',
    `Account ${ACCOUNT}'s tokens may not go to http://127.0.0.1:1, named with a user or password, but only to http://127.0.0.1:1. Correct the URL, or list the origin in trustedOrigins if it is yours.`,
  ],
  [
    'a Domain API that knows no account',
    when('domain', { status: 401 }),
    'ERR_DOMAIN_LOOKUP',
    `The Domain API answered 401 for account ${ACCOUNT}. Check the account id and the option domainApi.`,
  ],
  [
    'a Domain API that is down',
    when('domain', { status: 503 }),
    'ERR_DOMAIN_LOOKUP',
    `The Domain API answered 503 for account ${ACCOUNT}. ${PASSING}`,
  ],
  [
    'a Domain API without the service',
    when('domain', { body: { baseURIs: [] } }),
    'ERR_DOMAIN_LOOKUP',
    `The Domain API answered for account ${ACCOUNT} with no host for the service asyncMessagingEnt. ${HOST_ADVICE}`,
  ],
  [
    'a Domain API with a URL for a host',
    when('domain', { body: { baseURIs: [{ service: 'asyncMessagingEnt', baseURI: 'https://h/x' }] } }),
    'ERR_DOMAIN_LOOKUP',
    `The Domain API answered for account ${ACCOUNT} with something else than a bare host name for the service asyncMessagingEnt. ${HOST_ADVICE}`,
  ],
  [
    'Sentinel’s no',
    when('sentinel', { status: 401, body: { error: 'invalid_client' } }),
    'ERR_APP_JWT',
    `Sentinel answered 401 (invalid_client) for account ${ACCOUNT}. ${SENTINEL_ADVICE}`,
  ],
  [
    'Sentinel’s no in other words',
    when('sentinel', { status: 400, body: { error: 'my_client_secret' } }),
    'ERR_APP_JWT',
    `Sentinel answered 400 for account ${ACCOUNT}. ${SENTINEL_ADVICE}`,
  ],
  [
    'Sentinel’s HTML',
    when('sentinel', html),
    'ERR_APP_JWT',
    `Sentinel answered for account ${ACCOUNT} with a body that is not a JSON object. ${HOST_ADVICE}`,
  ],
  [
    'Sentinel’s JSON that is a text',
    when('sentinel', { body: '"text"' }),
    'ERR_APP_JWT',
    `Sentinel answered for account ${ACCOUNT} with a body that is not a JSON object. ${HOST_ADVICE}`,
  ],
  [
    'Sentinel’s choice of places',
    when('sentinel', { status: 300 }),
    'ERR_APP_JWT',
    `Sentinel answered 300 for account ${ACCOUNT}. ${SENTINEL_ADVICE}`,
  ],
  [
    'Sentinel’s empty answer',
    when('sentinel', { body: Buffer.alloc(0) }),
    'ERR_APP_JWT',
    `Sentinel answered for account ${ACCOUNT} with an empty body. ${HOST_ADVICE}`,
  ],
  [
    'Sentinel’s token that is none',
    when('sentinel', { body: { access_token: 'abc' } }),
    'ERR_APP_JWT',
    `Sentinel answered for account ${ACCOUNT} with no access_token that is a JWT. ${HOST_ADVICE}`,
  ],
  [
    'Sentinel’s long answer',
    when('sentinel', { body: 'x'.repeat(70_000) }),
    'ERR_APP_JWT',
    `Sentinel sent an answer of more than 65536 bytes for account ${ACCOUNT}. Check the host and what answers there.`,
  ],
  [
    'Sentinel’s broken connection',
    when('sentinel', { break: 'at-once' }),
    'ERR_APP_JWT',
    `Sentinel could not be reached or broke off its answer (ECONNRESET) for account ${ACCOUNT}. ${PASSING}`,
  ],
  [
    'Sentinel’s silence',
    whenSilent('sentinel'),
    'ERR_APP_JWT',
    `Sentinel did not answer in time for account ${ACCOUNT}. ${PASSING}`,
  ],
  [
    'Sentinel’s token of another account',
    when('sentinel', { body: { access_token: makeToken({ aud: '70099999' }) } }),
    'ERR_APP_JWT',
    `Sentinel answered for account ${ACCOUNT} with an AppJWT for another account (claim aud). ${HOST_ADVICE}`,
  ],
  [
    'IDP’s token of another consumer',
    when('idp', { body: { token: makeToken({ ext_consumer_id: 'd' }) } }),
    'ERR_CONSUMER_JWS',
    `IDP answered for account ${ACCOUNT} with a ConsumerJWS for another account or consumer (claim ext_consumer_id). ${HOST_ADVICE}`,
  ],
  [
    'IDP’s no',
    when('idp', { status: 400 }),
    'ERR_CONSUMER_JWS',
    `IDP answered 400 for account ${ACCOUNT}. Check the consumer id, and that the app has the scope msg.consumer.`,
  ],
  [
    'IDP’s token that is none',
    when('idp', { body: { token: 'abc' } }),
    'ERR_CONSUMER_JWS',
    `IDP answered for account ${ACCOUNT} with no token that is a JWS. ${HOST_ADVICE}`,
  ],
])('%s: says what was wrong, and what to do', async (_, scene, code, message) => {
  const connector = await startConnector({ tokenTimeoutMs: HELD_MS }, { proxy: false });
  const error = await rejection(scene(connector));
  expect(error).toMatchObject({
    code,
    message: expect.stringContaining(message.replaceAll('ORIGIN', connector.cloud.origin)),
    ...((code === 'ERR_NO_CONSUMER' || message.includes(ACCOUNT)) && { accountId: ACCOUNT }),
  });
  expect(connector.cloud.count('send')).toBe(0);
});

it('what cannot be reached at all is named by its code', async () => {
  const nobody = createServer();
  await new Promise<void>((resolve) => nobody.listen(0, '127.0.0.1', resolve));
  const { port } = nobody.address() as { port: number };
  await new Promise((resolve) => nobody.close(resolve));
  const { auth } = await startConnector({ domains: { sentinel: `http://127.0.0.1:${port}` } });
  await expect(auth.getAppJwt()).rejects.toMatchObject({
    message: `Sentinel could not be reached or broke off its answer (ECONNREFUSED) for account ${ACCOUNT}. ${PASSING} The host was 127.0.0.1:${port}. Run \`npx axios-liveperson-auth doctor\` to check the set-up.`,
    transient: true,
  });
});
