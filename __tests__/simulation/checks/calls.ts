import type { Call, Check } from '../history.js';
import type { Scenario } from '../scenario.js';
import { nameOfToken } from '../trace.js';
import type { Knowledge } from './knowledge.js';

const REFRESH_AHEAD_MS = 300_000;
const EXPIRY_MARGIN_MS = 30_000;

/** No token is asked for twice at a time, without need, or beyond `maxConcurrentTokenRequests`. */
export function checkCalls(scenario: Scenario, knowledge: Knowledge): Check {
  const most = scenario.options.maxConcurrentTokenRequests ?? 16;
  const open = new Set<Call>();

  function judge(call: Call, now: number): string | undefined {
    const { process, service, accountId, consumerId, number } = call;
    const others = [...open].filter((other) => other.process === process && other.accountId === accountId);
    const name = `call ${number} of ${process.name} to ${service}`;
    const twin = others.find((other) => other.service === service && other.consumerId === consumerId);
    // Work that was under way in the moment of a crash may still make calls.
    if (process.state === 'crashed') return undefined;
    if (twin && !knowledge.wasInvalidated(process)) return `${name} asks for the same as its open call ${twin.number}`;
    if (service === 'domain') return undefined;
    const tokenCalls = others.filter((other) => other.service !== 'domain').length;
    if (tokenCalls >= most) return `${name} is one too many: ${tokenCalls} are open, and ${most} are allowed`;
    const unneeded = unneededToken(call, now);
    if (unneeded) return `${name} is not needed: ${unneeded} is good`;
    return undefined;
  }

  /** A token of an earlier call of this process that is still good. */
  function unneededToken({ process, service, accountId, consumerId }: Call, now: number): string | undefined {
    if (knowledge.wasInvalidated(process) || process.hasSteppedClock) return undefined;
    const { received, receivedAt } = knowledge.of(process, accountId, service === 'idp' ? consumerId : undefined);
    if (!received || knowledge.isRefused(process, received)) return undefined;
    const lifetimeMs = received.expiresAt - Math.floor(received.issuedAt / 1_000) * 1_000;
    const isNearItsEnd = receivedAt + lifetimeMs - now <= Math.min(REFRESH_AHEAD_MS + EXPIRY_MARGIN_MS, lifetimeMs / 2);
    return isNearItsEnd ? undefined : nameOfToken(received);
  }

  return {
    see(happening, now) {
      if (happening.type === 'answer' || happening.type === 'broken') open.delete(happening.call);
      if (happening.type !== 'call' || happening.call.service === 'send') return undefined;
      const wrong = judge(happening.call, now);
      open.add(happening.call);
      return wrong;
    },
  };
}
