import type { IssuedToken } from '../cloud.js';
import type { Call, Check } from '../history.js';
import type { Scenario } from '../scenario.js';
import { nameOfToken } from '../trace.js';
import type { Knowledge } from './knowledge.js';

const REFRESH_AHEAD_MS = 300_000;
const EXPIRY_MARGIN_MS = 30_000;
/** How long a reply of the store may take. The token's age is told by the time that the store has left for it. */
const STORE_DELAY_MS = 100;

/** The slowest answer of a store that has faults, both ways, and a queue of one. */
const SLOWEST_WRITE_MS = 10_000;

/** `expiryMarginMs`. The margins of a short-lived token take at most half of its life. */
const marginOf = (lifetimeMs: number): number =>
  EXPIRY_MARGIN_MS * Math.min(1, lifetimeMs / 2 / (REFRESH_AHEAD_MS + EXPIRY_MARGIN_MS));

/** Every token is its message's own, and none is used after it has expired or the process was told that it is refused. */
export function checkTokens(scenario: Scenario, knowledge: Knowledge): Check {
  const { hazards, store, storeTellsTtl } = scenario;
  /** When the first process received a token. It counts the token's lifetime from then on. */
  const receivedAt = new Map<IssuedToken, number>();
  const clocksAgree =
    store === 'none' || (!hazards.has('clock steps') && (!hazards.has('wrong clocks') || storeTellsTtl));
  const isPunctual = !hazards.has('freezes') && !hazards.has('store faults');

  function judge(call: Call, token: IssuedToken, now: number): string | undefined {
    const { process, number } = call;
    const name = `call ${number} of ${process.name} to ${call.service} carries ${nameOfToken(token)}`;
    const consumerId = token.kind === 'appJwt' ? undefined : call.consumerId;
    if (token.accountId !== call.accountId || token.consumerId !== consumerId)
      return `${name}, which belongs to ${token.consumerId ?? 'account'} ${token.accountId}`;
    const refusedAt = knowledge.refusedAt(process, token) ?? now;
    // An answer of IDP makes room for the next call at once, before it is read.
    const isKnown = refusedAt < now || (call.service !== 'idp' && knowledge.isRefused(process, token));
    if (isKnown) return `${name}, and the process was told that it is refused`;
    if (process.hasSteppedClock || !clocksAgree) return undefined;
    const lifetimeMs = token.expiresAt - Math.floor(token.issuedAt / 1_000) * 1_000;
    const leftMs = (receivedAt.get(token) ?? now) + lifetimeMs - now;
    // A write that arrives late makes its entry seem younger.
    const lateMs = hazards.has('store faults') ? SLOWEST_WRITE_MS : 0;
    if (leftMs + lateMs <= 0) return `${name}, which has expired`;
    // The AppJWT is taken last, right before the message is sent.
    const isJustTaken = token.kind === 'appJwt' && call.service === 'send' && isPunctual;
    if (isJustTaken && leftMs + STORE_DELAY_MS < marginOf(lifetimeMs)) return `${name}, which is about to expire`;
    return undefined;
  }

  return {
    see(happening, now) {
      if (happening.type === 'answer' && happening.answer.token) receivedAt.set(happening.answer.token, now);
      if (happening.type !== 'call') return undefined;
      const { call } = happening;
      const { service, appJwt, consumerJws, number } = call;
      if (service === 'send' && !(appJwt && consumerJws)) return `call ${number} lacks a token`;
      if (service === 'idp' && !appJwt) return `call ${number} lacks a token`;
      return (appJwt && judge(call, appJwt, now)) ?? (consumerJws && judge(call, consumerJws, now));
    },
  };
}
