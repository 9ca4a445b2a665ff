import { createHash } from 'node:crypto';
import type { Answer } from '../cloud.js';
import type { Call, Check, Service } from '../history.js';
import type { SimulatedProcess } from '../process.js';
import type { Scenario } from '../scenario.js';

interface Cooldown {
  /** Failures since the last success. */
  failures: number;
  /** By the clock of the process. */
  retryAt: number | undefined;
}

/** A failure is answered from memory until `retryAt`, which doubles with each failure, starts again after a success, and has a limit. */
export function checkCooldowns({ options, hazards }: Scenario): Check {
  const { min = 5_000, max = 120_000 } = options.failureCooldownMs ?? {};
  const cooldowns = new Map<SimulatedProcess, Map<string, Cooldown>>();
  /** A call from before an invalidation goes on beside those that come after it. */
  const invalidated = new Set<SimulatedProcess>();
  const asksForPauses = hazards.has('rate limits');

  function of(process: SimulatedProcess, key: string): Cooldown {
    const all = cooldowns.get(process) ?? new Map<string, Cooldown>();
    cooldowns.set(process, all);
    const found = all.get(key) ?? { failures: 0, retryAt: undefined };
    all.set(key, found);
    return found;
  }

  function judgeFailure(process: SimulatedProcess, told: FailureTold, now: number): string | undefined {
    const { stage, accountId, consumer, retryAt } = told;
    const cooldown = of(process, keyOf(stage, accountId, consumer));
    const ofService = of(process, keyOf(stage, accountId, 'all'));
    cooldown.failures += 1;
    ofService.failures += 1;
    cooldown.retryAt = retryAt;
    if (retryAt === undefined) return undefined;
    const pauseMs = retryAt - (now + process.skewMs);
    // When the service fails for every token, the failures of all tokens count.
    const failures = Math.max(cooldown.failures, ofService.failures);
    const longest = asksForPauses ? max : Math.min(max, min * 2 ** (failures - 1));
    if (pauseMs <= longest) return undefined;
    return `${process.name} remembers failure ${failures} of ${stage} for ${pauseMs} ms, and at most ${longest} ms are allowed`;
  }

  function judgeCall({ process, service, accountId, consumerId, number }: Call, now: number): string | undefined {
    const consumer = service === 'idp' ? hashOf(accountId, consumerId) : undefined;
    const { retryAt } = of(process, keyOf(service, accountId, consumer));
    if (retryAt === undefined || process.hasSteppedClock || invalidated.has(process)) return undefined;
    if (now + process.skewMs >= retryAt) return undefined;
    return `call ${number} of ${process.name} to ${service} comes ${retryAt - now - process.skewMs} ms before retryAt`;
  }

  return {
    see(happening, now) {
      if (happening.type === 'call' && happening.call.service !== 'send') return judgeCall(happening.call, now);
      if (happening.type === 'answer' && happening.call.service === 'domain' && isUsable(happening.answer))
        cooldowns.get(happening.call.process)?.delete(keyOf('domain', happening.call.accountId, undefined));
      if (happening.type === 'invalidated') {
        invalidated.add(happening.process);
        const ofProcess = cooldowns.get(happening.process);
        for (const key of ofProcess?.keys() ?? []) if (key.includes(` ${happening.accountId} `)) ofProcess?.delete(key);
      }
      if (happening.type !== 'event') return undefined;
      const { process, name, told } = happening;
      if (name === 'failure') return judgeFailure(process, told as FailureTold, now);
      if (name === 'token') {
        const { kind, accountId, consumer } = told as { kind: string; accountId: string; consumer?: string };
        const stage = kind === 'appJwt' ? 'sentinel' : 'idp';
        for (const one of [consumer, 'all']) cooldowns.get(process)?.delete(keyOf(stage, accountId, one));
      }
      return undefined;
    },
  };
}

interface FailureTold {
  readonly stage: Service;
  readonly accountId: string;
  readonly consumer?: string;
  readonly retryAt: number | undefined;
}

const keyOf = (stage: Service, accountId: string, consumer: string | undefined): string =>
  `${stage} ${accountId} ${consumer ?? ''}`;

const hashes = new Map<string, string>();

/** As events name a consumer. */
function hashOf(accountId: string, consumerId: string | undefined): string {
  const text = `${accountId}:${consumerId}`;
  const hash = hashes.get(text) ?? createHash('sha256').update(text).digest('hex');
  hashes.set(text, hash);
  return hash;
}

const isUsable = ({ status, data }: Answer): boolean => status === 200 && typeof data === 'object';
