import { createRequire } from 'node:module';
import axios, { type AxiosAdapter, type AxiosError, type AxiosInstance, type CreateAxiosDefaults } from 'axios';
import { createAuthRefresh } from 'axios-auth-refresh';
import type { CommonOptions } from 'axios-liveperson-auth';
import { clientCredentials } from 'axios-oauth-client';
import { ClientCredentials } from 'simple-oauth2';

// The build is measured, because that is what users install.
const build = new URL('../dist/esm/index.js', import.meta.url).href;
const { createConnectorAuth } = (await import(build)) as typeof import('axios-liveperson-auth');

interface TokenProvider {
  (options: {
    getToken(): Promise<string>;
    headerFormatter(token: string): string;
  }): Parameters<AxiosInstance['interceptors']['request']['use']>[0];
  tokenCache<T>(fetch: () => Promise<T>, options: { getMaxAge(answer: T): number }): () => Promise<T>;
}
const tokenProvider = createRequire(import.meta.url)('axios-token-interceptor') as TokenProvider;

export const ACCOUNT = '70012345';
const SEND = `/api/account/${ACCOUNT}/messaging/consumer/conversation/send?v=3`;
const OTHER = `/api/account/${ACCOUNT}/configuration/some-other-resource?v=3`;
const CREDENTIALS = { accountId: ACCOUNT, clientId: 'bench-app', clientSecret: 'bench-secret' };

export interface Setting {
  readonly origin: string;
  readonly defaults: CreateAxiosDefaults;
  /** For this package only. */
  readonly options?: CommonOptions;
}

/** An Axios instance that authenticates in one way. */
export interface Connector {
  send(consumer: string, id?: string): Promise<unknown>;
  /** A request to another endpoint than the Send API. */
  sendOther(): Promise<unknown>;
  close(): void | Promise<void>;
}

export type SubjectName =
  | 'bare'
  | 'bare again'
  | 'static headers'
  | 'hand-written pair'
  | 'axios-auth-refresh'
  | 'simple-oauth2'
  | 'axios-oauth-client'
  | 'axios-liveperson-auth';

const message = (id: string) => ({
  kind: 'req',
  id,
  type: 'ms.PublishEvent',
  body: {
    dialogId: '0d3c6f0e-5b0f-4a53-9c64-2f0f6a6f9a11',
    event: { type: 'ContentEvent', contentType: 'text/plain', message: 'Hello, how can we help you today?' },
  },
});

function connectorOf(http: AxiosInstance, close: Connector['close'] = () => {}): Connector {
  return {
    send: (onBehalfOf, id = '1') => http.post(SEND, message(id), { onBehalfOf }),
    sendOther: () => http.post(OTHER, message('1')),
    close,
  };
}

/** The usual hand-written code: both tokens in memory, each fetched when it is missing. */
function createTokens({ origin }: Setting) {
  const client = axios.create({ baseURL: origin, proxy: false });
  const consumers = new Map<string, string>();
  let appJwt: Promise<string> | undefined;
  const fetchAppJwt = async (): Promise<string> => {
    const form = new URLSearchParams({ client_id: CREDENTIALS.clientId, client_secret: CREDENTIALS.clientSecret });
    const url = `/sentinel/api/account/${ACCOUNT}/app/token?v=1.0&grant_type=client_credentials`;
    return (await client.post(url, form)).data.access_token;
  };
  const getAppJwt = (): Promise<string> => {
    appJwt ??= fetchAppJwt();
    return appJwt;
  };
  return {
    getAppJwt,
    forgetAppJwt: () => {
      appJwt = undefined;
    },
    async getConsumerJws(consumer: string, authorization?: string): Promise<string> {
      const known = consumers.get(consumer);
      if (known !== undefined) return known;
      const headers = { Authorization: authorization ?? (await getAppJwt()) };
      const url = `/api/account/${ACCOUNT}/consumer?v=1.0`;
      const { token } = (await client.post(url, { ext_consumer_id: consumer }, { headers })).data;
      consumers.set(consumer, token);
      return token;
    },
  };
}

/** An instance whose request interceptor sets both tokens. */
function createAttaching(setting: Setting, tokens: ReturnType<typeof createTokens>): AxiosInstance {
  const http = axios.create(setting.defaults);
  http.interceptors.request.use(async (config) => {
    config.headers.set('Authorization', await tokens.getAppJwt());
    config.headers.set('X-LP-On-Behalf', await tokens.getConsumerJws(config.onBehalfOf ?? ''));
    return config;
  });
  return http;
}

const isRefused = (error: AxiosError<{ body?: { errorCode?: number } }>): boolean =>
  error.response?.status === 401 && error.response.data?.body?.errorCode === 40102;

export const SUBJECTS: Readonly<Record<SubjectName, (setting: Setting) => Promise<Connector>>> = {
  bare: async ({ defaults }) => connectorOf(axios.create(defaults)),
  'bare again': async ({ defaults }) => connectorOf(axios.create(defaults)),

  async 'static headers'(setting) {
    const tokens = createTokens(setting);
    const jws = await tokens.getConsumerJws('static');
    const headers = { Authorization: await tokens.getAppJwt(), 'X-On-Behalf': jws, 'X-LP-On-Behalf': jws };
    return connectorOf(axios.create({ ...setting.defaults, headers }));
  },

  async 'hand-written pair'(setting) {
    const tokens = createTokens(setting);
    const http = createAttaching(setting, tokens);
    let refreshing: Promise<unknown> | undefined;
    http.interceptors.response.use(undefined, async (error) => {
      if (!isRefused(error) || error.config.wasReplayed) throw error;
      refreshing ??= Promise.resolve()
        .then(() => tokens.forgetAppJwt())
        .then(() => tokens.getAppJwt())
        .finally(() => {
          refreshing = undefined;
        });
      await refreshing;
      return http.request({ ...error.config, wasReplayed: true });
    });
    return connectorOf(http);
  },

  async 'axios-auth-refresh'(setting) {
    const tokens = createTokens(setting);
    const http = createAttaching(setting, tokens);
    // Its types come from Axios's CommonJS build.
    createAuthRefresh(http as never, () => {
      tokens.forgetAppJwt();
      return tokens.getAppJwt();
    });
    return connectorOf(http);
  },

  async 'simple-oauth2'(setting) {
    const tokens = createTokens(setting);
    const oauth = new ClientCredentials({
      client: { id: CREDENTIALS.clientId, secret: CREDENTIALS.clientSecret },
      auth: { tokenHost: setting.origin, tokenPath: `/sentinel/api/v2/account/${ACCOUNT}/app/token` },
    });
    let access: ReturnType<typeof oauth.getToken> | undefined;
    const http = axios.create(setting.defaults);
    http.interceptors.request.use(async (config) => {
      access ??= oauth.getToken({});
      if ((await access).expired(0.3)) access = oauth.getToken({});
      const appJwt = String((await access).token.access_token);
      config.headers.set('Authorization', appJwt);
      config.headers.set('X-LP-On-Behalf', await tokens.getConsumerJws(config.onBehalfOf ?? '', appJwt));
      return config;
    });
    return connectorOf(http);
  },

  async 'axios-oauth-client'(setting) {
    const tokens = createTokens(setting);
    const { clientId, clientSecret } = CREDENTIALS;
    const url = `${setting.origin}/sentinel/api/v2/account/${ACCOUNT}/app/token`;
    const fetchToken = clientCredentials(axios.create({ proxy: false }), url, clientId, clientSecret) as (
      scope: string,
    ) => Promise<{ access_token: string; expires_in: number }>;
    const cached = tokenProvider.tokenCache(() => fetchToken('msg.consumer'), {
      getMaxAge: ({ expires_in }) => expires_in * 1000 - 300,
    });
    const http = axios.create(setting.defaults);
    http.interceptors.request.use(
      tokenProvider({ getToken: async () => (await cached()).access_token, headerFormatter: (token) => token }),
    );
    http.interceptors.request.use(async (config) => {
      const { access_token } = await cached();
      config.headers.set('X-LP-On-Behalf', await tokens.getConsumerJws(config.onBehalfOf ?? '', access_token));
      return config;
    });
    return connectorOf(http);
  },

  async 'axios-liveperson-auth'({ origin, defaults, options }) {
    const auth = createConnectorAuth({ ...CREDENTIALS, domainApi: origin, ...options });
    const http = axios.create(defaults);
    auth.install(http);
    return connectorOf(http, () => auth.close());
  },
};

/** Answers at once, in the form of the http adapter's answer. */
export const noopAdapter: AxiosAdapter = async (config) => ({
  data: '{"reqId":"1","code":"OK","body":{"sequence":0}}',
  status: 200,
  statusText: 'OK',
  headers: { 'content-type': 'application/json' },
  config,
  request: { method: 'POST', host: '127.0.0.1', path: config.url },
});
