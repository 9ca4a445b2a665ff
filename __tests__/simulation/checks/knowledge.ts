import type { IssuedToken } from '../cloud.js';
import type { Call, Check, Happening } from '../history.js';
import type { SimulatedProcess } from '../process.js';
import type { Hazard, Scenario } from '../scenario.js';

/** With these, a process cannot tell when another one renewed a token. */
const TIME_FAULTS: readonly Hazard[] = ['wrong clocks', 'clock steps', 'freezes', 'store faults'];

/** What a process knows of one token. */
interface Known {
  /** The token of its last successful call. */
  received: IssuedToken | undefined;
  receivedAt: number;
  /** The token that it has had for the shortest time. */
  latest: IssuedToken | undefined;
  /** All tokens that it has received or used. */
  readonly had: Set<IssuedToken>;
  /** When a refusal last forced a renewal, by the clock of the process. */
  forcedAt: number | undefined;
}

/** What the processes know of their tokens, told from the calls and answers alone. */
export interface Knowledge extends Check {
  /** Whether the process was told that the token is refused. Within `forcedRefreshIntervalMs`, it may go on using the token. */
  isRefused(process: SimulatedProcess, token: IssuedToken): boolean;
  /** When the process was told that the token is refused. */
  refusedAt(process: SimulatedProcess, token: IssuedToken): number | undefined;
  of(process: SimulatedProcess, accountId: string, consumerId: string | undefined): Readonly<Known>;
  wasInvalidated(process: SimulatedProcess): boolean;
}

export function createKnowledge(scenario: Scenario): Knowledge {
  const intervalMs = scenario.options.forcedRefreshIntervalMs ?? 5_000;
  const refused = new Map<SimulatedProcess, Map<IssuedToken, number>>();
  const known = new Map<SimulatedProcess, Map<string, Known>>();
  const invalidated = new Set<SimulatedProcess>();
  /** When a token was received that replaced a refused one. A process that takes it from the store counts from then on. */
  const renewedAt = new Map<IssuedToken, number>();
  const areTimesKnown = !TIME_FAULTS.some((hazard) => scenario.hazards.has(hazard));

  function of(process: SimulatedProcess, accountId: string, consumerId: string | undefined): Known {
    const ofProcess = getOrAdd(known, process, () => new Map<string, Known>());
    return getOrAdd(ofProcess, `${accountId} ${consumerId ?? ''}`, () => ({
      received: undefined,
      receivedAt: 0,
      latest: undefined,
      had: new Set(),
      forcedAt: undefined,
    }));
  }

  function learnRefusal(process: SimulatedProcess, token: IssuedToken | undefined, now: number): void {
    if (!token) return;
    const tokens = getOrAdd(refused, process, () => new Map<IssuedToken, number>());
    if (tokens.has(token)) return;
    const its = of(process, token.accountId, token.consumerId);
    const clock = now + process.skewMs;
    const isLatest = its.latest === token;
    const justRenewed = isLatest ? isJustRenewed(its, token, clock, now) : false;
    if (justRenewed !== true) its.forcedAt = isLatest ? clock : its.forcedAt;
    if (justRenewed === false) tokens.set(token, now);
  }

  /** Whether the token is the result of a forced renewal, of this process or another one, within the interval. */
  function isJustRenewed(its: Known, token: IssuedToken, clock: number, now: number): boolean | 'perhaps' {
    if (its.received === token) return its.forcedAt !== undefined && Math.abs(clock - its.forcedAt) < intervalMs;
    if (!areTimesKnown) return 'perhaps';
    const at = renewedAt.get(token);
    return at !== undefined && now - at < intervalMs;
  }

  function learn({ process, service, accountId, consumerId, ...call }: Call, answer: Answered, now: number): void {
    if (answer.token) {
      const its = of(process, accountId, consumerId);
      if (its.latest && refused.get(process)?.has(its.latest)) renewedAt.set(answer.token, now);
      its.received = answer.token;
      its.receivedAt = now;
      have(its, answer.token);
    }
    const refusesAppJwt = answer.errorCode === 40102 || (service === 'idp' && answer.status === 401);
    if (refusesAppJwt) learnRefusal(process, call.appJwt, now);
    if (answer.errorCode === 40103) learnRefusal(process, call.consumerJws, now);
  }

  return {
    of,
    isRefused: (process, token) => refused.get(process)?.has(token) ?? false,
    refusedAt: (process, token) => refused.get(process)?.get(token),
    wasInvalidated: (process) => invalidated.has(process),
    see(happening, now) {
      if (happening.type === 'answer') learn(happening.call, happening.answer, now);
      if (happening.type === 'call') {
        const { process, appJwt, consumerJws } = happening.call;
        for (const token of [appJwt, consumerJws])
          if (token) have(of(process, token.accountId, token.consumerId), token);
      }
      if (happening.type === 'invalidated') {
        invalidated.add(happening.process);
        for (const [key, its] of known.get(happening.process) ?? [])
          if (key.startsWith(`${happening.accountId} `)) its.forcedAt = undefined;
      }
      return undefined;
    },
  };
}

function have(known: Known, token: IssuedToken): void {
  if (known.had.has(token)) return;
  known.had.add(token);
  known.latest = token;
}

type Answered = Extract<Happening, { type: 'answer' }>['answer'];

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
