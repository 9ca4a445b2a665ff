import axios, { type AxiosInstance, type AxiosRequestConfig, type AxiosResponse } from 'axios';
import type { ConnectorAuth } from '../../lib/index.js';
import { type Cloud, envelope, SEND, type Seen, startCloud } from './cloud.js';
import { createAuth } from './connector.js';

/**
 * Something else that lives on the same Axios instance. A file in `flow/neighbours/` with one of these as its default export
 * is all that it takes to have it tested: see `flow/neighbours.test.ts`.
 */
export interface Neighbour {
  /** As the table in `docs/interceptors.md` names it. */
  readonly name: string;
  /** Settings that the instance is created with. */
  readonly defaults?: AxiosRequestConfig;
  /** Moves in: before or after our install, or without it. */
  join(scene: Scene): void;
}

export interface Scene {
  readonly http: AxiosInstance;
  readonly cloud: Cloud;
  /** Writes down what the neighbour saw. That must be the same with us, replays and all, as without. */
  note(line: string): void;
  /** Calls it when all is over. */
  atEnd(cleanUp: () => void): void;
}

export type Order = 'before us' | 'after us';

/** What came of the plan below. */
export interface Story {
  /** What the neighbour noted. */
  readonly notes: readonly string[];
  /** What the callers got. */
  readonly outcomes: readonly unknown[];
  /** How many of the requests that are not ours arrived. */
  readonly others: number;
  readonly cloud: Cloud;
}

/** The messages that are sent, each with what the Send API answers to it, send by send; then it accepts. */
const PLAN: readonly { id: string; refusals: number[]; always?: boolean }[] = [
  { id: 'accepted', refusals: [] },
  { id: 'AppJWT refused', refusals: [40102] },
  { id: 'ConsumerJWS refused', refusals: [40103] },
  { id: 'refused for good', refusals: [40102], always: true },
  { id: 'in error', refusals: [40001], always: true },
  { id: 'unavailable', refusals: [503, 503] },
  { id: 'accepted in the end', refusals: [] },
];

/**
 * Has a connector send the messages of the plan with a neighbour on its instance. Without us nothing is refused that a
 * replay would mend, so that the rest of the instance must see the very same.
 */
export async function tell(neighbour: Neighbour, order?: Order): Promise<Story> {
  const cloud = await startCloud();
  const http = axios.create({ baseURL: cloud.origin, ...neighbour.defaults });
  const notes: string[] = [];
  const outcomes: unknown[] = [];
  let auth: ConnectorAuth | undefined;
  const install = () => {
    auth = createAuth(cloud);
    auth.install(http);
  };

  const sends = new Map<string, number>();
  cloud.script.send = ({ body }) => {
    const { id } = JSON.parse(body) as { id: string };
    const step = PLAN.find((one) => one.id === id);
    const count = sends.get(id) ?? 0;
    sends.set(id, count + 1);
    const code = step?.always ? step.refusals[0] : step?.refusals[count];
    if (code === undefined || (!order && !step?.always && code > 40_000)) return undefined;
    return code > 40_000 ? { status: 401, body: envelope(code) } : { status: code, body: {} };
  };

  if (order === 'after us') install();
  const cleanUps: (() => void)[] = [];
  neighbour.join({ http, cloud, note: (line) => notes.push(line), atEnd: (cleanUp) => cleanUps.push(cleanUp) });
  if (order === 'before us') install();
  try {
    for (const { id } of PLAN) {
      outcomes.push(await outcomeOf(http.post(SEND, { id, text: 'ä' }, { onBehalfOf: 'c' })));
    }
    for (const url of ['/other', '/other']) outcomes.push(await outcomeOf(http.get(url)));
  } finally {
    for (const cleanUp of cleanUps) cleanUp();
    await auth?.close();
  }
  return { notes, outcomes, others: cloud.count('other'), cloud };
}

/** The sends of each message that arrived, in their order. */
export function sendsById(cloud: Cloud): Map<string, Seen[]> {
  const byId = new Map<string, Seen[]>();
  for (const seen of cloud.seen.filter(({ service }) => service === 'send')) {
    const { id } = JSON.parse(seen.body) as { id: string };
    byId.set(id, [...(byId.get(id) ?? []), seen]);
  }
  return byId;
}

async function outcomeOf(result: Promise<unknown>): Promise<unknown> {
  try {
    const value = await result;
    const { status, data } = (value ?? {}) as Partial<AxiosResponse>;
    return typeof status === 'number' ? { status, data } : value;
  } catch (error) {
    const { name, message, code, response } = error as Record<string, unknown> & { response?: AxiosResponse };
    return { name, message, code, status: response?.status, data: response?.data };
  }
}
