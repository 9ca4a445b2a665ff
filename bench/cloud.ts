// LivePerson for the bench. It has its own process, so that its work is not measured; startCloud() in cloud-process.ts starts it.
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { headerOf, makeToken } from './tokens.js';

/** What the bench may change. */
export interface Behaviour {
  sentinelDelayMs: number;
  idpDelayMs: number;
  appJwtTtlMs: number;
  /** Hold the first send of each message until this many wait; then revoke every token issued so far. 0 holds nothing. */
  holdSends: number;
}

/** What arrived since the last change. */
export interface Tally {
  domain: number;
  sentinel: number;
  idp: number;
  send: number;
  mostIdpOpen: number;
  /** The highest number of sends of one message; counted while `holdSends` is set. */
  mostSendsOfOne: number;
  /** The highest number of IDP calls for one consumer; counted while `holdSends` is set. */
  mostIdpOfOne: number;
  /** When Sentinel was busy, epoch milliseconds. */
  sentinelBusy: { from: number; to: number }[];
}

const behaviour: Behaviour = { sentinelDelayMs: 0, idpDelayMs: 0, appJwtTtlMs: 3_600_000, holdSends: 0 };
const appJwts = new Map<string, number>();
/** ConsumerJWS are valid while they are of this key. No list is kept, as there may be a million of them. */
let jwsKey = 0;
let validJws = `${headerOf('key-0')}.`;
const empty = (): Tally => ({
  domain: 0,
  sentinel: 0,
  idp: 0,
  send: 0,
  mostIdpOpen: 0,
  mostSendsOfOne: 0,
  mostIdpOfOne: 0,
  sentinelBusy: [],
});
let tally = empty();
let sendsById = new Map<string, number>();
let idpByConsumer = new Map<string, number>();
let idpOpen = 0;
let held: (() => void)[] = [];

const now = (): number => performance.timeOrigin + performance.now();
const pause = (ms: number) => (ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : undefined);
const OK = JSON.stringify({ reqId: '1', code: 'OK', body: { sequence: 0 } });
const refusal = (title: string, details: string, errorCode: number): string =>
  JSON.stringify({ kind: 'resp', code: 401, body: { title, details, errorCode } });
const INVALID_APP_JWT = refusal('Invalid AppJWT', 'AppJWT has expired or is invalid', 40102);
const INVALID_JWS = refusal('Invalid ConsumerJWS', 'ConsumerJWS is invalid', 40103);

/** How often something was seen, this time included. */
function countIn(counts: Map<string, number>, key: string): number {
  const count = (counts.get(key) ?? 0) + 1;
  counts.set(key, count);
  return count;
}

async function answer(url: string, headers: IncomingHttpHeaders, body: string): Promise<[number, string]> {
  const [, account = ''] = /account\/([^/]+)/.exec(url) ?? [];
  if (url.includes('/service/')) {
    tally.domain += 1;
    const baseURIs = ['sentinel', 'idp', 'asyncMessagingEnt'].map((service) => ({ service, baseURI: host }));
    return [200, JSON.stringify({ baseURIs })];
  }
  if (url.startsWith('/sentinel/')) {
    tally.sentinel += 1;
    const from = now();
    await pause(behaviour.sentinelDelayMs);
    const iat = Math.floor(now() / 1000);
    const expires_in = behaviour.appJwtTtlMs / 1000;
    const token = makeToken({ aud: account, iss: 'Sentinel', scope: 'msg.consumer', iat, exp: iat + expires_in }, 400);
    appJwts.set(token, now() + behaviour.appJwtTtlMs);
    tally.sentinelBusy.push({ from, to: now() });
    return [200, JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in })];
  }
  if (url.includes('/consumer?')) {
    tally.idp += 1;
    idpOpen += 1;
    tally.mostIdpOpen = Math.max(tally.mostIdpOpen, idpOpen);
    await pause(behaviour.idpDelayMs);
    idpOpen -= 1;
    const { ext_consumer_id } = JSON.parse(body);
    if (behaviour.holdSends > 0)
      tally.mostIdpOfOne = Math.max(tally.mostIdpOfOne, countIn(idpByConsumer, ext_consumer_id));
    const token = makeToken({ account_id: account, ext_consumer_id }, 330, `key-${jwsKey}`);
    return [201, JSON.stringify({ token })];
  }
  tally.send += 1;
  if (behaviour.holdSends > 0) {
    const count = countIn(sendsById, JSON.parse(body).id);
    tally.mostSendsOfOne = Math.max(tally.mostSendsOfOne, count);
    if (count === 1) await hold();
  }
  // In LivePerson's order: a request with two invalid tokens is refused for its AppJWT.
  const appJwt = headers.authorization?.replace(/^Bearer /, '') ?? '';
  if ((appJwts.get(appJwt) ?? 0) <= now()) return [401, INVALID_APP_JWT];
  if (!String(headers['x-lp-on-behalf']).startsWith(validJws)) return [401, INVALID_JWS];
  return [200, OK];
}

/** Revokes every token issued so far: the AppJWTs by forgetting them, the ConsumerJWS by a new key. */
function revokeTokens(): void {
  appJwts.clear();
  jwsKey += 1;
  validJws = `${headerOf(`key-${jwsKey}`)}.`;
}

/** Waits until as many sends wait as were asked for. The last one revokes the tokens of all. */
function hold(): Promise<void> {
  return new Promise((resolve) => {
    held.push(resolve);
    if (held.length < behaviour.holdSends) return;
    revokeTokens();
    for (const release of held) release();
    held = [];
  });
}

const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', async () => {
    const [status, text] = await answer(request.url ?? '', request.headers, body);
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
    response.end(text);
  });
});
await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 8_192 }, resolve));
const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;

process.on('message', ({ number, change }: { number: number; change: Partial<Behaviour> }) => {
  Object.assign(behaviour, change);
  const said = { number, host, tally };
  tally = empty();
  sendsById = new Map();
  idpByConsumer = new Map();
  process.send?.(said);
});
process.on('disconnect', () => process.exit());
