import { createAdapter } from './adapter.js';
import { createControlApi } from './control-api.js';
import { createDesk } from './desk/desk.js';
import type { Emulator } from './handle.js';
import { createHandler, type Handler } from './handler.js';
import { describeExposure, isAnywhere } from './host-names.js';
import { listen } from './http-server.js';
import { type EmulatorOptions, resolveOptions } from './options.js';
import { createPowers, type Powers } from './powers.js';
import type { Incoming } from './reply.js';
import { createServices } from './services.js';

/**
 * Starts a server that speaks the Domain API, Sentinel, IDP, CONVERSATION and SEND as LivePerson documents them.
 *
 * @example
 * const cloud = await startEmulator({ accounts: [{ accountId, clientId, clientSecret }] });
 * const auth = createConnectorAuth({ accountId, clientId, clientSecret, domainApi: cloud.origin });
 *
 * @throws TypeError for a bad option, naming it
 */
export async function startEmulator(emulatorOptions: EmulatorOptions): Promise<Emulator> {
  const options = resolveOptions(emulatorOptions);
  const services = createServices(options);
  const control = createControlApi(services, () => ({ origin, powers }));
  const desk = createDesk(services, options, () => ({ powers }));
  const handler = createHandler(options, services, control, desk);
  const powers: Powers = createPowers(services, options, handler.requests);

  const server = await listen(options, handler.handle);
  const host = `${hostOf(options.host)}:${server.port}`;
  const origin = `${options.tls ? 'https' : 'http'}://${host}`;
  const exposure = describeExposure(options.host, options.controlApi);
  if (exposure) options.onWarning(exposure);

  let isClosed = false;
  const handleInProcess: Handler['handle'] = async (incoming: Incoming) => {
    if (!isClosed) return handler.handle(incoming);
    return { reply: { status: 0, body: '' }, part: 'none', finish: () => {} };
  };

  return Object.defineProperties(powers, {
    origin: { value: origin, enumerable: true },
    host: { value: host, enumerable: true },
    adapter: { value: createAdapter(handleInProcess), enumerable: true },
    close: {
      enumerable: true,
      async value() {
        isClosed = true;
        services.clock.close();
        await Promise.all([server.close(), services.webhook.close()]);
      },
    },
  }) as Emulator;
}

/** The address that reaches the emulator from this machine, as a URL has it. */
function hostOf(host: string): string {
  if (isAnywhere(host)) return host === '::' ? '[::1]' : '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
