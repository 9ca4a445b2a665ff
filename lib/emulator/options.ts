/** A brand that the emulator knows. */
export interface EmulatorAccount {
  accountId: string;
  clientId: string;
  clientSecret: string;
}

/** What a service answers where LivePerson documents nothing. */
export interface ErrorReply {
  status?: number;
  body?: unknown;
}

export interface EmulatorOptions {
  /** At least one. */
  accounts: EmulatorAccount[];
  /** @default 0: the system chooses a free one */
  port?: number;
  /** @default '127.0.0.1' */
  host?: string;
  /** PEM texts; the emulator then speaks https. */
  tls?: { key: string; cert: string };
  /**
   * Whether the Send API takes `Bearer ` before the AppJWT. No document says so, and no known client sends it.
   * @default false
   */
  tolerateBearer?: boolean;
  /**
   * The error code for a missing AppJWT: LivePerson's table has 40105, its worked example 40104.
   * @default 40105
   */
  missingAppJwtCode?: 40105 | 40104;
  /**
   * HTTP status of error 40001: its digits say 400, the description says "always 401".
   * @default 400
   */
  missingParameterStatus?: 400 | 401;
  /**
   * The Domain API's answer for an account it does not know.
   * @default status 401 with `{ error: 'unknown account' }`
   */
  unknownAccount?: ErrorReply;
  /**
   * IDP's answer to an AppJWT it does not take.
   * @default status 401 with `{ error: 'invalid AppJWT' }`
   */
  idpError?: ErrorReply;
  /**
   * Lifetime of an AppJWT, in seconds.
   * @default 3600
   */
  appJwtTtlSeconds?: number;
  /**
   * The header that the Send API reads the ConsumerJWS from.
   * @default 'X-LP-On-Behalf'
   */
  onBehalfHeader?: string;
}

export type ResolvedOptions = Required<Omit<EmulatorOptions, 'tls' | 'unknownAccount' | 'idpError'>> & {
  tls: EmulatorOptions['tls'] | undefined;
  unknownAccount: Required<ErrorReply>;
  idpError: Required<ErrorReply>;
};

/** @throws TypeError naming the option that is missing or wrong; a secret is never shown */
export function resolveOptions(options: EmulatorOptions): ResolvedOptions {
  if (!Array.isArray(options?.accounts) || options.accounts.length === 0) {
    throw new TypeError(
      'startEmulator: accounts must be a list of at least one { accountId, clientId, clientSecret }.',
    );
  }
  options.accounts.forEach((account, index) => {
    for (const name of ['accountId', 'clientId', 'clientSecret'] as const) {
      if (typeof account?.[name] !== 'string' || account[name] === '') {
        throw new TypeError(`startEmulator: accounts[${index}].${name} must be a string that is not empty.`);
      }
    }
  });
  const ttl = options.appJwtTtlSeconds ?? 3_600;
  if (!(ttl > 0)) throw new TypeError(`startEmulator: appJwtTtlSeconds must be more than 0; received ${ttl}.`);
  return {
    accounts: options.accounts,
    port: options.port ?? 0,
    host: options.host ?? '127.0.0.1',
    tls: options.tls,
    tolerateBearer: options.tolerateBearer ?? false,
    missingAppJwtCode: options.missingAppJwtCode ?? 40105,
    missingParameterStatus: options.missingParameterStatus ?? 400,
    unknownAccount: { status: 401, body: { error: 'unknown account' }, ...options.unknownAccount },
    idpError: { status: 401, body: { error: 'invalid AppJWT' }, ...options.idpError },
    appJwtTtlSeconds: ttl,
    onBehalfHeader: options.onBehalfHeader ?? 'X-LP-On-Behalf',
  };
}
