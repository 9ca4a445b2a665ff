import type { CreateAxiosDefaults, InternalAxiosRequestConfig } from 'axios';
import type { IAxiosRetryConfig } from 'axios-retry';
import type { Clock } from './clock.js';
import type { Logger } from './log.js';
import type { StoreSecret } from './stores/sealed.js';
import type { TokenStore } from './stores/token-store.js';
import type { CooldownRange } from './tokens/cooldown.js';

/** The credentials that LivePerson gave you for one brand when the app was installed. */
export interface Credentials {
  /** The id of the app installation, a UUID. */
  clientId: string;
  /** The secret of the app installation. It is sent only to Sentinel. */
  clientSecret: string;
}

/** Returns the credentials of a brand, or `undefined` for an account that is not yours. */
export type CredentialsLookup = (accountId: string) => Credentials | undefined | Promise<Credentials | undefined>;

/** The LivePerson services that the package itself calls. */
export type OwnService = 'sentinel' | 'idp' | 'asyncMessagingEnt';

/** The options of a connector for one account. */
export interface OneBrand {
  /** Your LivePerson account id, also called site id. */
  accountId: string;
  /** The id of the app installation, a UUID. */
  clientId: string;
  /** The secret of the app installation. It is sent only to Sentinel. */
  clientSecret: string;
  /** Not allowed together with `accountId`, `clientId` and `clientSecret`. */
  credentials?: undefined;
}

/** The option of a connector for many accounts. */
export interface ManyBrands {
  /**
   * Returns the credentials of the account in a request's URL. It replaces `accountId`, `clientId` and `clientSecret`. It
   * is called again once when Sentinel refuses the known credentials. If it throws, or takes longer than `tokenTimeoutMs`,
   * the requests that wait for it fail with a transient `ERR_UNKNOWN_ACCOUNT`.
   */
  credentials: CredentialsLookup;
  /** Not allowed together with `credentials`. */
  accountId?: undefined;
  /** Not allowed together with `credentials`. */
  clientId?: undefined;
  /** Not allowed together with `credentials`. */
  clientSecret?: undefined;
}

/**
 * The options that have a default. `undefined` means the default. Durations are in milliseconds. The longest allowed
 * duration is 2_147_483_647 ms (about 24.8 days), because Node's timers cannot hold more.
 */
export interface CommonOptions {
  /**
   * Returns the consumer of a request that names none. It is called when the config is final, so `config.data` is the body
   * that is sent. When it returns `undefined`, the consumer of `runOnBehalfOf` is used. When it throws, the request fails
   * with `ERR_NO_CONSUMER`.
   * @default none
   */
  consumerId?: ((config: InternalAxiosRequestConfig) => string | undefined | Promise<string | undefined>) | undefined;
  /**
   * Names of the headers that carry the ConsumerJWS.
   * @default ['X-On-Behalf', 'X-LP-On-Behalf']
   */
  onBehalfHeaders?: readonly string[] | undefined;
  /**
   * Text before the AppJWT in the `Authorization` header.
   * @default ''
   */
  authorizationPrefix?: string | undefined;
  /**
   * Origin of the Domain API.
   * @default 'https://api.liveperson.net'
   */
  domainApi?: string | undefined;
  /**
   * How long a resolved host is kept, in milliseconds. If the next lookup fails, the old host stays in use.
   * @default 600_000
   */
  domainTtlMs?: number | undefined;
  /**
   * Fixed origins of services, such as `https://lo.idp.liveperson.net`. These services are not looked up.
   * @default {}
   */
  domains?: { readonly [Service in OwnService]?: string | undefined } | undefined;
  /**
   * More origins that may receive tokens, such as the origin of an egress gateway. An origin may have a path. The path is
   * the prefix before `/api`.
   * @default []
   */
  trustedOrigins?: readonly string[] | undefined;
  /**
   * Version of Sentinel's token endpoint.
   * @default '1.0'
   */
  appJwtVersion?: '1.0' | '2.0' | undefined;
  /**
   * A token with less than this time left, in milliseconds, is renewed in the background. Requests keep using the token
   * meanwhile. 0 turns this off. If a token lives shorter than `refreshAheadMs` plus `expiryMarginMs`, both are scaled down:
   * together they then take half of its lifetime.
   * @default 300_000
   */
  refreshAheadMs?: number | undefined;
  /**
   * A token with less than this time left, in milliseconds, is not used any more. Requests wait for the next token.
   * @default 30_000
   */
  expiryMarginMs?: number | undefined;
  /**
   * The shortest time between two renewals of a token that the Send API refused, in milliseconds. Within this time the
   * replay uses the current token. This limits the token calls when a server refuses every token.
   * @default 5_000
   */
  forcedRefreshIntervalMs?: number | undefined;
  /**
   * Time limit of one attempt at Sentinel, IDP or the Domain API, in whole milliseconds. It covers the whole attempt, up to
   * the last byte. It is also the time limit of one `credentials` call. It is also the longest time to look into a streamed
   * JSON answer when the request has no `timeout`.
   * @default 10_000
   */
  tokenTimeoutMs?: number | undefined;
  /**
   * Retries of failed calls to Sentinel, IDP and the Domain API. Your keys replace the keys of the default. `false` turns
   * retries off.
   * @default LivePerson's policy: a 429 after 5 s or `Retry-After`, a 5xx or network fault after 5, 10 and 15 s
   */
  retry?: IAxiosRetryConfig | false | undefined;
  /**
   * How long a failed token call is answered with the same error from memory, in milliseconds. It starts with `min` and
   * doubles with each further failure, up to `max`. A `max` of 0 turns this off. `invalidate()` ends it.
   * @default { min: 5_000, max: 120_000 }
   */
  failureCooldownMs?: Partial<CooldownRange> | undefined;
  /**
   * How many calls to Sentinel and IDP may run at the same time for one account. More calls wait in order. Each account has
   * its own limit, so an outage of one brand does not delay another.
   * @default 16
   */
  maxConcurrentTokenRequests?: number | undefined;
  /**
   * How many ConsumerJWS are kept in memory. The least recently used one is dropped first.
   * @default 10_000
   */
  maxConsumers?: number | undefined;
  /**
   * Where processes share their tokens. Use `createRedisTokenStore` of `axios-liveperson-auth/redis`, a `Keyv` instance or
   * your own store. A store that fails does not make a request fail. It needs `storeSecret`.
   * @default none
   */
  store?: TokenStore | undefined;
  /**
   * Encrypts tokens before they go to the store (JWE, `dir` with `A256GCM`). Each secret is 32 bytes, or a passphrase of at
   * least 16 characters. The key of a passphrase is derived with scrypt. In a list, the first secret encrypts and all
   * secrets decrypt. With a list you can rotate the secret. `false` stores tokens in clear. Required with `store`, and not
   * allowed without it.
   */
  storeSecret?: StoreSecret | readonly StoreSecret[] | false | undefined;
  /**
   * How long the store may take to answer one command, in milliseconds. Time in which the command waits in this process does
   * not count. A slower answer counts as a miss. If the store answers nothing else meanwhile, it is not used for two seconds,
   * or until a late answer arrives.
   * @default 250
   */
  storeTimeoutMs?: number | undefined;
  /**
   * Agent, proxy, TLS and extra headers of the package's own token client. Only its own properties count.
   * @default {}
   */
  axiosConfig?: CreateAxiosDefaults | undefined;
  /**
   * Whether errors and responses of Send API requests print without secrets. Their `request` is then a plain summary. Their
   * config hides agents, and the config of an error also hides the consumer id. Use `false` only to debug on your own
   * machine.
   * @default true
   */
  redact?: boolean | undefined;
  /**
   * Gets a line when something starts to fail and when it has recovered. Each new token is a debug line. No line contains a
   * token, a secret or a consumer id.
   * @default none
   */
  logger?: Logger | undefined;
  /**
   * An object whose `now()` returns the current time, in epoch milliseconds.
   * @default the system's clock
   */
  clock?: Clock | undefined;
}

/** The options of `createConnectorAuth`: the common options, and either one brand or many. */
export type ConnectorAuthOptions = CommonOptions & (OneBrand | ManyBrands);
