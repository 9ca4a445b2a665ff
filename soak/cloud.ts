// The soak's LivePerson, in a process of its own, so that the heap and the handles of the connector's are its own.
import { type EmulatorOptions, startEmulator } from 'axios-liveperson-auth/emulator';

/** What the connector's process asks for. */
export type Request =
  | { ask: 'start'; options: EmulatorOptions }
  | { ask: 'fail'; service: Parameters<Cloud['failNext']>[0]; fault: Parameters<Cloud['failNext']>[1] }
  | { ask: 'revokeAppJwts' | 'revokeConsumerJws' | 'clearFaults' | 'harvest' };

/** What has arrived since the last harvest. */
export interface Harvest {
  /** How many requests each service had. */
  calls: Record<string, number>;
  /** Ids of the messages that were sent, each as often as it was. */
  sent: string[];
  /** Ids of the messages that were accepted. */
  accepted: string[];
}

type Cloud = Awaited<ReturnType<typeof startEmulator>>;
let cloud: Cloud | undefined;

process.on('message', async ({ number, request }: { number: number; request: Request }) => {
  process.send?.({ number, answer: await answer(request) });
});
process.on('disconnect', () => process.exit());

async function answer(request: Request): Promise<unknown> {
  if (request.ask === 'start') {
    cloud = await startEmulator(request.options);
    return cloud.origin;
  }
  if (!cloud) throw new Error('not started');
  if (request.ask === 'fail') return cloud.failNext(request.service, request.fault);
  if (request.ask === 'harvest') return harvest(cloud);
  return cloud[request.ask]();
}

function harvest({ requests, messages, clearRequests, clearMessages }: Cloud): Harvest {
  const calls: Harvest['calls'] = {};
  for (const { service } of requests) calls[service] = (calls[service] ?? 0) + 1;
  const sent = requests.filter(({ service }) => service === 'send').map(({ body }) => String(JSON.parse(body).id));
  const accepted = messages.map(({ id }) => id);
  clearRequests();
  clearMessages();
  return { calls, sent, accepted };
}
