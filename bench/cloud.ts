// LivePerson for the bench, in a process of its own so that it takes no time of the subjects': started by startCloud() of cloud-process.ts.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { makeToken } from './tokens.js';

/** What the bench may change. */
export interface Behaviour {
  sentinelDelayMs: number;
  idpDelayMs: number;
  appJwtTtlMs: number;
  /** Refuse every AppJWT issued so far. */
  revoke: boolean;
  /** Hold all sends until this many wait. */
  holdSends: number;
}

/** What arrived since the last question. */
export interface Tally {
  domain: number;
  sentinel: number;
  idp: number;
  send: number;
  mostIdpOpen: number;
  /** Sends by message id. */
  mostSendsOfOne: number;
  /** When Sentinel was busy, epoch milliseconds. */
  sentinelBusy: { from: number; to: number }[];
}

const behaviour: Behaviour = { sentinelDelayMs: 0, idpDelayMs: 0, appJwtTtlMs: 3_600_000, revoke: false, holdSends: 0 };
const appJwts = new Map<string, number>();
const empty = (): Tally => ({
  domain: 0,
  sentinel: 0,
  idp: 0,
  send: 0,
  mostIdpOpen: 0,
  mostSendsOfOne: 0,
  sentinelBusy: [],
});
let tally = empty();
let sendsById = new Map<string, number>();
let idpOpen = 0;
let held: (() => void)[] = [];

const now = (): number => performance.timeOrigin + performance.now();
const pause = (ms: number) => (ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : undefined);
const OK = JSON.stringify({ reqId: '1', code: 'OK', body: { sequence: 0 } });
const REFUSED = JSON.stringify({
  kind: 'resp',
  code: 401,
  body: { title: 'Invalid AppJWT', details: 'The AppJWT has expired', errorCode: 40102 },
});

async function answer(url: string, authorization: string | undefined, body: string): Promise<[number, string]> {
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
    return [201, JSON.stringify({ token: makeToken({ account_id: account, ext_consumer_id }, 330) })];
  }
  tally.send += 1;
  if (behaviour.holdSends > 0) {
    const { id } = JSON.parse(body);
    const count = (sendsById.get(id) ?? 0) + 1;
    sendsById.set(id, count);
    tally.mostSendsOfOne = Math.max(tally.mostSendsOfOne, count);
    if (count === 1) await hold();
  }
  const isGood = (appJwts.get(authorization?.replace(/^Bearer /, '') ?? '') ?? 0) > now();
  return isGood ? [200, OK] : [401, REFUSED];
}

/** Until as many wait as were asked for. */
function hold(): Promise<void> {
  return new Promise((resolve) => {
    held.push(resolve);
    if (held.length < behaviour.holdSends) return;
    appJwts.clear();
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
    const [status, text] = await answer(request.url ?? '', request.headers.authorization, body);
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
    response.end(text);
  });
});
await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 8_192 }, resolve));
const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;

process.on('message', ({ number, change }: { number: number; change: Partial<Behaviour> }) => {
  Object.assign(behaviour, change);
  if (change.revoke) appJwts.clear();
  const said = { number, host, tally };
  tally = empty();
  sendsById = new Map();
  process.send?.(said);
});
process.on('disconnect', () => process.exit());
