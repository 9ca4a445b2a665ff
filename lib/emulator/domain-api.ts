import type { ResolvedOptions } from './options.js';
import { type Incoming, notFound, type Reply } from './reply.js';

const SERVICES = [
  'sentinel',
  'idp',
  'asyncMessagingEnt',
  'swift',
  'messagingRestApiDomain',
  'agentVep',
  'accountConfigReadWrite',
  'faasGW',
  'faasUI',
];

const PATH = /^\/api\/account\/([^/]+)\/service(?:\/([^/]+))?\/baseURI(?:\.json)?$/;

/**
 * Every service is at home at the emulator itself, under the very host that it was asked by: from there it is reached.
 * A list for all services, a flat object for one.
 */
export function answerDomainApi({ method, url }: Incoming, options: ResolvedOptions, host: string): Reply {
  const [, account, service] = PATH.exec(url.pathname) ?? [];
  if (method !== 'GET' || account === undefined) return notFound;
  if (!options.accounts.some(({ accountId }) => accountId === account)) return options.unknownAccount;
  const entryFor = (name: string) => ({ service: name, account, baseURI: host });
  if (service === undefined) return { status: 200, body: { baseURIs: SERVICES.map(entryFor) } };
  return SERVICES.includes(service) ? { status: 200, body: entryFor(service) } : notFound;
}
