import type { Answer } from '../cloud.js';
import type { Call, Check } from '../history.js';
import type { SimulatedProcess } from '../process.js';
import type { Scenario } from '../scenario.js';

/** LivePerson's pause after a 429 that asks for none. */
const PAUSE_MS = 5_000;

/** The calls of one process to one service for one account. */
interface Lane {
  readonly open: Set<Call>;
  /** The most calls that may be open. It may grow by one with each call that passes. */
  limit: number;
  pausedAt: number;
  pausedUntil: number;
  /** The calls that were open when the pause began. They are refused together and cause one pause. */
  early: ReadonlySet<Call>;
}

/** After a 429, an account's calls to the service pause for as long as was asked, and go on with half as many open calls. */
export function checkPacing({ options }: Scenario): Check {
  const most = options.maxConcurrentTokenRequests ?? 16;
  const { max = 120_000 } = options.failureCooldownMs ?? {};
  const lanes = new Map<SimulatedProcess, Map<string, Lane>>();

  function laneOf({ process, service, accountId }: Call): Lane {
    const ofProcess = lanes.get(process) ?? new Map<string, Lane>();
    lanes.set(process, ofProcess);
    const key = `${service} ${accountId}`;
    const lane = ofProcess.get(key) ?? { open: new Set(), limit: most, pausedAt: -1, pausedUntil: 0, early: new Set() };
    ofProcess.set(key, lane);
    return lane;
  }

  function judge(call: Call, now: number): string | undefined {
    const { open, limit, pausedAt, pausedUntil } = laneOf(call);
    const name = `call ${call.number} of ${call.process.name} to ${call.service}`;
    // A step of the clock may end a pause. A call of the same moment began before the answer was read.
    if (now > pausedAt && now < pausedUntil && !call.process.hasSteppedClock)
      return `${name} comes ${pausedUntil - now} ms before the end of the pause`;
    if (open.size < limit) return undefined;
    return `${name} is one too many after a 429: ${open.size} are open, and ${limit} are allowed`;
  }

  function learn(call: Call, answer: Answer, now: number): void {
    const lane = laneOf(call);
    if (answer.status !== 429) lane.limit = Math.min(most, lane.limit + 1);
    if (answer.status !== 429 || lane.early.has(call)) return;
    lane.limit = Math.max(1, Math.floor(lane.limit / 2));
    lane.pausedAt = now;
    lane.pausedUntil = now + Math.min(askedMs(answer, now) || PAUSE_MS, max);
    lane.early = new Set(lane.open);
  }

  return {
    see(happening, now) {
      if (!('call' in happening) || !['sentinel', 'idp'].includes(happening.call.service)) return undefined;
      const { call } = happening;
      const { open } = laneOf(call);
      if (happening.type === 'call') {
        const wrong = judge(call, now);
        open.add(call);
        return wrong;
      }
      if (happening.type === 'answer' || happening.type === 'broken') open.delete(call);
      if (happening.type === 'answer') learn(call, happening.answer, now);
      return undefined;
    },
  };
}

/** What the header `Retry-After` asks for, in milliseconds. */
function askedMs({ headers }: Answer, now: number): number {
  const text = headers?.['retry-after'] ?? '';
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}
