import type { ResolvedOptions } from './options.js';
import { type Incoming, notFound, type Reply } from './reply.js';

/** Without the Messaging REST API, which the emulator does not have. Clients look up the others, though few call them. */
const SERVICES = [
  'sentinel',
  'idp',
  'asyncMessagingEnt',
  'swift',
  'agentVep',
  'accountConfigReadWrite',
  'faasGW',
  'faasUI',
];

const PATH = /^\/api\/account\/([^/]+)\/service(?:\/([^/]+))?\/baseURI(?:\.json)?$/;

/**
 * The emulator is the host of every service. It answers with the host name of the request, which the client can reach.
 * A list for all services, a flat object for one.
 */
export function answerDomainApi({ method, url, headers }: Incoming, options: ResolvedOptions): Reply {
  const [, account, service] = PATH.exec(url.pathname) ?? [];
  if (method !== 'GET' || account === undefined) return notFound;
  if (!options.accounts.some(({ accountId }) => accountId === account)) return options.unknownAccount;
  const entryFor = (name: string) => ({ service: name, account, baseURI: String(headers.host ?? url.host) });
  if (service === undefined) return { status: 200, body: { baseURIs: SERVICES.map(entryFor) } };
  return SERVICES.includes(service) ? { status: 200, body: entryFor(service) } : notFound;
}
