// The soak's schedule: what goes wrong, one thing after the other, over and over. Each has a test of its own, which
// docs/reliability.md names.
import type { Request } from './cloud.js';

/** What a fault may lay hands on. */
export interface Scene {
  cloud(request: Request): Promise<unknown>;
  /** Makes the connector's clock jump, in milliseconds. */
  skew(ms: number): void;
}

export interface Fault {
  /** As the table has it. */
  name: string;
  begin(scene: Scene): Promise<unknown>;
}

type Bend = Extract<Request, { ask: 'fail' }>['fault'];
type Service = Extract<Request, { ask: 'fail' }>['service'];

const revoke = async ({ cloud }: Scene) => {
  await cloud({ ask: 'revokeAppJwts' });
  await cloud({ ask: 'revokeConsumerJws' });
};

/** Bends answers of a service, which new tokens are needed from. */
const bend = (name: string, service: Service, fault: Bend): Fault => ({
  name: `${service}: ${name}`,
  begin: async (scene) => {
    await scene.cloud({ ask: 'fail', service, fault });
    if (service === 'sentinel' || service === 'idp') await revoke(scene);
  },
});

const TOKEN_SERVICE_FAULTS: [string, Bend][] = [
  ['status 503', { status: 503, times: 20 }],
  ['status 429 with Retry-After', { status: 429, headers: { 'retry-after': '20' }, times: 2 }],
  ['connection reset', { reset: true, times: 2 }],
  ['no answer in time', { delayMs: 600, times: 2 }],
  ['answer cut off', { cutOff: true, times: 2 }],
  ['answer too long', { status: 200, body: 'x'.repeat(100_000), times: 2 }],
  ['HTML with status 200', { status: 200, body: '<html>Welcome</html>', times: 2 }],
  ['refused for good', { status: 400, body: { error: 'invalid_client' }, times: 2 }],
];

export const FAULTS: Fault[] = [
  { name: 'nothing', begin: async () => {} },
  { name: 'AppJWT revoked', begin: ({ cloud }) => cloud({ ask: 'revokeAppJwts' }) },
  { name: 'every ConsumerJWS revoked', begin: ({ cloud }) => cloud({ ask: 'revokeConsumerJws' }) },
  { name: 'both revoked', begin: revoke },
  ...TOKEN_SERVICE_FAULTS.map(([name, fault]) => bend(name, 'sentinel', fault)),
  ...TOKEN_SERVICE_FAULTS.map(([name, fault]) => bend(name, 'idp', fault)),
  bend('status 500', 'domain', { status: 500, times: 5 }),
  bend('connection reset', 'domain', { reset: true, times: 5 }),
  bend('status 503', 'send', { status: 503, times: 50 }),
  bend('status 429', 'send', { status: 429, headers: { 'retry-after': '1' }, times: 50 }),
  bend('connection reset', 'send', { reset: true, times: 50 }),
  bend('slow', 'send', { delayMs: 400, times: 50 }),
  bend('answer cut off', 'send', { cutOff: true, times: 50 }),
  { name: 'clock two hours forward', begin: async ({ skew }) => skew(7_200_000) },
  { name: 'clock two hours back', begin: async ({ skew }) => skew(-7_200_000) },
];
