import axios, { type AxiosInstance, type CreateAxiosDefaults } from 'axios';
import { type CommonOptions, type ConnectorAuth, createConnectorAuth } from '../../lib/index.js';
import { ACCOUNT, type Cloud, startCloud } from './cloud.js';

export const CLIENT_ID = 'client-75588e18';
export const CLIENT_SECRET = 's3cret/with+signs&=';

export interface Connector {
  cloud: Cloud;
  http: AxiosInstance;
  auth: ConnectorAuth;
}

const open: { cloud: Cloud; auths: ConnectorAuth[] }[] = [];

/** A connector and its cloud, both fresh; retries are off, so that a test that wants them says so. */
export async function startConnector(
  options: CommonOptions = {},
  defaults: CreateAxiosDefaults = {},
): Promise<Connector> {
  const cloud = await startCloud();
  const auth = createAuth(cloud, options);
  const http = axios.create({ baseURL: cloud.origin, ...defaults });
  auth.install(http);
  open.push({ cloud, auths: [auth] });
  return { cloud, http, auth };
}

export function createAuth(cloud: Pick<Cloud, 'origin'>, options: CommonOptions = {}): ConnectorAuth {
  return createConnectorAuth({
    accountId: ACCOUNT,
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    domainApi: cloud.origin,
    retry: false,
    ...options,
  });
}

export async function stopConnectors(): Promise<void> {
  for (const { cloud, auths } of open.splice(0)) {
    for (const auth of auths) auth.close();
    await cloud.close();
  }
}

/** What a promise is rejected with. */
export const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => Promise.reject(new Error(`was fulfilled: ${JSON.stringify(value)}`)),
    (error: unknown) => error,
  );
