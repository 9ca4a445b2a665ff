import { isWithin } from '../clock.js';
import { type ConnectorAuthError, isConnectorAuthError } from '../errors.js';
import { originOfBareHost } from '../origin.js';
import { ownOf } from '../own.js';
import type { ResolvedOptions } from '../resolve-options.js';
import { singleFlight } from '../single-flight.js';
import { type CurrentCooldown, createCooldown } from './cooldown.js';
import { appJwtOf, type Identity } from './identity.js';
import type { Answer, TokenClient } from './token-client.js';
import { createUnderWay, deleteMatching } from './under-way.js';

/** Resolves LivePerson's services to origins such as `https://lo.idp.liveperson.net`, with the Domain API. */
export interface Domains {
  /** The origin in memory; `undefined` if it must be looked up. */
  peek(accountId: string, service: string, now: number): string | undefined;
  /**
   * @param isBackground whether no caller waits. Then a failed lookup is not retried
   * @throws ConnectorAuthError `ERR_DOMAIN_LOOKUP`
   */
  origin(accountId: string, service: string, isBackground?: () => boolean): Promise<string>;
  /** A host of the account could not be reached. The next request looks the hosts up, at most once in `forcedRefreshIntervalMs`. */
  reconsider(accountId: string): void;
  /** Forgets the hosts and the failed lookups of all accounts that match. */
  invalidate(matches: (accountId: string) => boolean): void;
  /** How long ago each account's hosts were looked up, in milliseconds. */
  ages(): ReadonlyMap<string, number>;
  /** The accounts whose lookup has failed, and is not tried now. */
  cooldowns(): CurrentCooldown<string | Wanted>[];
}

/** How long the old hosts stay in use after a failed refresh, before the next attempt. `domainTtlMs` counts if it is shorter. */
const FAILED_REFRESH_PAUSE_MS = 60_000;

type Origins = ReadonlyMap<string, string>;

interface Lookup {
  readonly origins: Origins;
  readonly resolvedAt: number;
  readonly refreshAt: number;
  /** When a host last could not be reached. */
  readonly reconsideredAt: number | undefined;
}

/** A service of an account, whose host is looked up. */
interface Wanted {
  readonly accountId: string;
  readonly service: string;
}

export function createDomains(
  options: ResolvedOptions,
  client: TokenClient,
  onFailed: (identity: Identity, error: unknown) => void,
): Domains {
  const { clock, domainApi, domainTtlMs, failureCooldownMs, forcedRefreshIntervalMs } = options;
  const lookups = new Map<string, Lookup>();
  const cooldown = createCooldown<Wanted>({
    clock,
    range: failureCooldownMs,
    code: 'ERR_DOMAIN_LOOKUP',
    keyOf: ({ accountId, service }) => `${accountId} ${service}`,
  });
  const underWay = createUnderWay();

  /** Asks for the list of all services. If the list does not name the service, asks for that service alone. */
  async function ask({ accountId, service }: Wanted, isBackground: () => boolean): Promise<Origins> {
    const path = `${domainApi}/api/account/${encodeURIComponent(accountId)}/service`;
    const identity = appJwtOf(accountId);
    const call = { stage: 'domain', identity, isBackground, method: 'get', isWanted: () => true } as const;

    const listed = await client
      .call({ ...call, url: `${path}/baseURI.json?version=1.0` }, (answer, unusable) => {
        const hosts = readHosts(answer, accountId);
        return originsOf(hosts, hosts.has(service) ? service : undefined, unusable);
      })
      .catch((error: unknown) => {
        if (isConnectorAuthError(error) && error.status === 404) return new Map<string, string>();
        throw error;
      });
    if (listed.has(service)) return listed;

    const url = `${path}/${encodeURIComponent(service)}/baseURI.json?version=1.0`;
    const single = await client.call({ ...call, url }, (answer, unusable) =>
      originsOf(readHosts(answer, accountId), service, unusable),
    );
    return new Map([...listed, ...single]);
  }

  /** The origins of the valid hosts in `hosts`. The wanted host must be one of them. */
  function originsOf(
    hosts: Hosts,
    wanted: string | undefined,
    unusable: (what: string) => ConnectorAuthError,
  ): Origins {
    const origins = new Map<string, string>();
    for (const [service, host] of hosts) {
      const origin = originOfBareHost(host, domainApi);
      if (origin !== undefined) origins.set(service, origin);
    }
    if (wanted === undefined || origins.has(wanted)) return origins;
    throw unusable(
      hosts.has(wanted)
        ? `something else than a bare host name for the service ${wanted}`
        : `no host for the service ${wanted}`,
    );
  }

  const refresh = singleFlight((accountId: string, service: string, isBackground: () => boolean) =>
    underWay.run(accountId, async (isCurrent): Promise<Lookup> => {
      const wanted = { accountId, service };
      const old = lookups.get(accountId);
      const keepsServing = old?.origins.has(service) === true;
      if (!keepsServing) cooldown.assertOver(wanted);
      const now = clock.now();
      let lookup: Lookup;
      try {
        const origins = await ask(wanted, keepsServing ? () => true : isBackground);
        cooldown.end(wanted);
        lookup = {
          origins: new Map([...(old?.origins ?? []), ...origins]),
          resolvedAt: now,
          refreshAt: now + domainTtlMs,
          reconsideredAt: old?.reconsideredAt,
        };
      } catch (error) {
        const failure = keepsServing || !isCurrent() ? error : cooldown.start(wanted, error);
        onFailed(appJwtOf(accountId), failure);
        if (!keepsServing) throw failure;
        lookup = { ...old, refreshAt: now + Math.min(domainTtlMs, FAILED_REFRESH_PAUSE_MS) };
      }
      if (isCurrent()) lookups.set(accountId, lookup);
      return lookup;
    }),
  );

  function peek(accountId: string, service: string, now: number): string | undefined {
    const fixed = options.domains.get(service);
    if (fixed !== undefined) return fixed;
    const known = lookups.get(accountId);
    return known && now < known.refreshAt ? known.origins.get(service) : undefined;
  }

  return {
    peek,
    async origin(accountId, service, isBackground = () => false) {
      for (;;) {
        const known = peek(accountId, service, clock.now());
        // The shared lookup may have been started for another service, and may lack this one. Then it is looked up again.
        const found = known ?? (await refresh(accountId, service, isBackground)).origins.get(service);
        if (found !== undefined) return found;
      }
    },
    reconsider(accountId) {
      const known = lookups.get(accountId);
      const now = clock.now();
      if (!known || isWithin(known.reconsideredAt, now, forcedRefreshIntervalMs)) return;
      lookups.set(accountId, { ...known, refreshAt: now, reconsideredAt: now });
    },
    invalidate(matches) {
      underWay.drop(matches);
      deleteMatching(lookups, matches);
      cooldown.endAll(({ accountId }) => matches(accountId));
    },
    ages: () => new Map([...lookups].map(([accountId, { resolvedAt }]) => [accountId, clock.now() - resolvedAt])),
    cooldowns: cooldown.current,
  };
}

type Hosts = ReadonlyMap<string, unknown>;

/**
 * Hosts by service, from a list (`baseURIs`) or a single entry. LivePerson's documents and clients disagree about the form.
 * Entries of another account are left out.
 */
function readHosts(answer: Answer, accountId: string): Hosts {
  const entries: unknown[] = Array.isArray(answer.baseURIs) ? answer.baseURIs : [answer];
  const hosts = new Map<string, unknown>();
  for (const entry of entries) {
    const { service, account = accountId, baseURI } = ownOf(Object(entry)) as Readonly<Record<string, unknown>>;
    if (typeof service === 'string' && baseURI !== undefined && String(account) === accountId)
      hosts.set(service, baseURI);
  }
  return hosts;
}
