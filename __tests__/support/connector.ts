import axios, { type AxiosInstance, type CreateAxiosDefaults } from 'axios';
import { type CommonOptions, type ConnectorAuth, createConnectorAuth } from '../../lib/index.js';
import { ACCOUNT, type Cloud, closeClouds, startCloud } from './cloud.js';

export const CLIENT_ID = 'client-75588e18';
export const CLIENT_SECRET = 's3cret/with+signs&=';

export interface Connector {
  cloud: Cloud;
  http: AxiosInstance;
  auth: ConnectorAuth;
}

const auths: ConnectorAuth[] = [];

/** Time limits that a busy machine does not reach. A test of a time limit sets its own. */
export const PATIENT = { tokenTimeoutMs: 600_000, storeTimeoutMs: 600_000 };

/** A connector and its cloud, both fresh; retries, pauses and cool-downs are off, so that a test that wants them says so. */
export async function startConnector(
  options: CommonOptions = {},
  defaults: CreateAxiosDefaults = {},
): Promise<Connector> {
  const cloud = await startCloud();
  const auth = createAuth(cloud, options);
  const http = axios.create({ baseURL: cloud.origin, ...defaults });
  auth.install(http);
  return { cloud, http, auth };
}

export function createAuth(cloud: Pick<Cloud, 'origin'>, options: CommonOptions = {}): ConnectorAuth {
  const auth = createConnectorAuth({
    accountId: ACCOUNT,
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    domainApi: cloud.origin,
    retry: false,
    forcedRefreshIntervalMs: 0,
    failureCooldownMs: { min: 0, max: 0 },
    ...PATIENT,
    ...(Object.hasOwn(options, 'store') && options.store && { storeSecret: false as const }),
    ...options,
  });
  auths.push(auth);
  return auth;
}

/** The option `credentials`, in place of the one account that `createAuth` has. */
export const lookedUpBy = (credentials: (accountId: string) => unknown): CommonOptions =>
  ({ accountId: undefined, clientId: undefined, clientSecret: undefined, credentials }) as CommonOptions;

/** Closes all that the tests of a file have opened. */
export async function stopConnectors(): Promise<void> {
  const closing = auths.splice(0).map((auth) => auth.close());
  // Closes the connections on which sends still wait for an answer.
  await closeClouds();
  await Promise.all(closing);
}

/** What a promise is rejected with. */
export const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => Promise.reject(new Error(`was fulfilled: ${JSON.stringify(value)}`)),
    (error: unknown) => error,
  );
