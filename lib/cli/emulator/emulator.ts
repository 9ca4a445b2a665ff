import { createSelfSignedCertificate, type Emulator, startEmulator } from 'axios-liveperson-auth/emulator';
import { CommandError, type Given } from '../command-line.js';
import { colorsFor, printable } from '../terminal.js';
import { keepCertificate } from './certificate-file.js';
import { type EmulatorSettings, type emulatorCommand, resolveSettings } from './command.js';
import { banner, createDeliveryLines, factsOf, requestLine } from './lines.js';

/** Runs until a signal ends it. @returns the exit code */
export async function runEmulator(given: Given<typeof emulatorCommand>): Promise<number> {
  const settings = resolveSettings(given);
  const { accountId, clientId, clientSecret, port, host, webhook, echo, quiet, json, tlsNames } = settings;
  const colors = colorsFor(process.stdout, process.env);
  const say = (text: string, facts: () => object) =>
    void process.stdout.write(`${json ? JSON.stringify(facts()) : text}\n`);
  const deliveryLine = createDeliveryLines(() => webhook?.url ?? 'set by the control API');

  const tls = tlsNames && createSelfSignedCertificate(tlsNames);
  const certificate = tls && keepCertificate(tls.cert, settings.certificateFile);
  let cloud: Emulator;
  try {
    cloud = await startEmulator({
      accounts: [{ accountId, clientId, clientSecret }],
      port,
      host,
      controlApi: true,
      allowedHosts: [...settings.allowedHosts],
      ...(tls && { tls }),
      ...(webhook && { webhook }),
      ...(echo && { autoReply: 'echo' as const }),
      onRequest(request) {
        if (quiet) return;
        const facts = factsOf(request);
        say(requestLine(facts, colors), () => ({ event: 'request', ...facts }));
      },
      onDelivery(delivery) {
        const line = deliveryLine(delivery);
        if (quiet || (!json && line === undefined)) return;
        const { conversationId, attempts, status, state } = delivery;
        const type = printable(delivery.type);
        say(`         ${line}`, () => ({ event: 'delivery', type, conversationId, attempts, status, state }));
      },
      onWarning: (sentence) => void process.stderr.write(`axios-liveperson-auth: warning: ${printable(sentence)}\n`),
    });
  } catch (error) {
    certificate?.remove();
    throw describeStartFailure(error, settings);
  }

  const { origin } = cloud;
  say(quiet ? origin : banner(origin, settings, certificate?.file, colors), () => ({
    event: 'listening',
    accountId,
    clientId,
    domainApi: origin,
    controlApi: `${origin}/emulator`,
    desk: `${origin}/emulator/desk`,
    ...(certificate && { certificate: certificate.file }),
  }));

  await new Promise<void>((end) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => end());
  });
  await cloud.close();
  certificate?.remove();
  return 0;
}

function describeStartFailure(error: unknown, { port, host }: EmulatorSettings): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    return new CommandError(
      `Port ${port} of ${host} is in use: choose another with --port, or --port 0 for any free one.`,
    );
  }
  if (code === 'EACCES') {
    return new CommandError(`Port ${port} may not be listened on by this user: choose one from 1024 on with --port.`);
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EINVAL' || code === 'EAI_AGAIN') {
    return new CommandError(
      `${host} is no address of this machine: choose another --host, such as 127.0.0.1 or 0.0.0.0.`,
    );
  }
  return error;
}
