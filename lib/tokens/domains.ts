import { isConnectorAuthError } from '../errors.js';
import { originOfBareHost } from '../origin.js';
import { ownOf } from '../own.js';
import type { ResolvedOptions } from '../resolve-options.js';
import { singleFlight } from '../single-flight.js';
import { appJwtOf, type Identity } from './identity.js';
import { type Answer, type TokenCall, type TokenClient, unusableAnswer } from './token-client.js';

/** Resolves LivePerson's services to origins such as `https://lo.idp.liveperson.net`, with the Domain API. */
export interface Domains {
  /** The origin in memory; `undefined` if it must be looked up. */
  peek(accountId: string, service: string, now: number): string | undefined;
  /** @throws ConnectorAuthError `ERR_DOMAIN_LOOKUP` */
  origin(accountId: string, service: string): Promise<string>;
  /** How long ago each account's hosts were looked up, in milliseconds. */
  ages(): ReadonlyMap<string, number>;
}

/** How long the old hosts stay in use after a failed refresh, before the next attempt. `domainTtlMs` counts if it is shorter. */
const FAILED_REFRESH_PAUSE_MS = 60_000;

type Origins = ReadonlyMap<string, string>;

interface Lookup {
  readonly origins: Origins;
  readonly resolvedAt: number;
  readonly refreshAt: number;
}

export function createDomains(
  options: ResolvedOptions,
  client: TokenClient,
  onFailed: (identity: Identity, error: unknown) => void,
): Domains {
  const { clock, domainApi, domainTtlMs } = options;
  const lookups = new Map<string, Lookup>();

  /** Asks for the list of all services. If the list does not name the service, asks for that service alone. */
  async function ask(accountId: string, service: string, retry: boolean): Promise<Origins> {
    const path = `${domainApi}/api/account/${encodeURIComponent(accountId)}/service`;
    const call = { stage: 'domain', accountId, retry, method: 'get', isWanted: () => true } as const;

    const listed = await client
      .call({ ...call, url: `${path}/baseURI.json?version=1.0` }, (answer, status) => {
        const hosts = readHosts(answer);
        return originsOf(hosts, hosts.has(service) ? service : undefined, call, status);
      })
      .catch((error: unknown) => {
        if (isConnectorAuthError(error) && error.status === 404) return new Map<string, string>();
        throw error;
      });
    if (listed.has(service)) return listed;

    const url = `${path}/${encodeURIComponent(service)}/baseURI.json?version=1.0`;
    const single = await client.call({ ...call, url }, (answer, status) =>
      originsOf(readHosts(answer), service, call, status),
    );
    return new Map([...listed, ...single]);
  }

  /** The origins of the valid hosts in `hosts`. The wanted host must be one of them. */
  function originsOf(
    hosts: Hosts,
    wanted: string | undefined,
    call: Pick<TokenCall, 'stage' | 'accountId'>,
    status: number,
  ): Origins {
    const origins = new Map<string, string>();
    for (const [service, host] of hosts) {
      const origin = originOfBareHost(host, domainApi);
      if (origin !== undefined) origins.set(service, origin);
    }
    if (wanted === undefined || origins.has(wanted)) return origins;
    const what = hosts.has(wanted)
      ? `something else than a bare host name for the service ${wanted}`
      : `no host for the service ${wanted}`;
    throw unusableAnswer(call, what, status);
  }

  const refresh = singleFlight(async (accountId: string, service: string): Promise<Lookup> => {
    const old = lookups.get(accountId);
    const keepsServing = old?.origins.has(service) === true;
    const now = clock.now();
    let lookup: Lookup;
    try {
      const origins = await ask(accountId, service, !keepsServing);
      lookup = {
        origins: new Map([...(old?.origins ?? []), ...origins]),
        resolvedAt: now,
        refreshAt: now + domainTtlMs,
      };
    } catch (error) {
      onFailed(appJwtOf(accountId), error);
      if (!keepsServing) throw error;
      lookup = { ...old, refreshAt: now + Math.min(domainTtlMs, FAILED_REFRESH_PAUSE_MS) };
    }
    lookups.set(accountId, lookup);
    return lookup;
  });

  function peek(accountId: string, service: string, now: number): string | undefined {
    const fixed = options.domains.get(service);
    if (fixed !== undefined) return fixed;
    const known = lookups.get(accountId);
    return known && now < known.refreshAt ? known.origins.get(service) : undefined;
  }

  return {
    peek,
    async origin(accountId, service) {
      for (;;) {
        // The shared lookup may have been started for another service, and may lack this one. Then it is looked up again.
        const found = peek(accountId, service, clock.now()) ?? (await refresh(accountId, service)).origins.get(service);
        if (found !== undefined) return found;
      }
    },
    ages: () => new Map([...lookups].map(([accountId, { resolvedAt }]) => [accountId, clock.now() - resolvedAt])),
  };
}

type Hosts = ReadonlyMap<string, unknown>;

/** Hosts by service, from a list (`baseURIs`) or a single entry. LivePerson's documents and clients disagree about the form. */
function readHosts(answer: Answer): Hosts {
  const entries: unknown[] = Array.isArray(answer.baseURIs) ? answer.baseURIs : [answer];
  const hosts = new Map<string, unknown>();
  for (const entry of entries) {
    const { service, baseURI } = ownOf(Object(entry)) as { service?: unknown; baseURI?: unknown };
    if (typeof service === 'string' && baseURI !== undefined) hosts.set(service, baseURI);
  }
  return hosts;
}
