import type { IncomingMessage, ServerResponse } from 'node:http';
import { createAgentDesk, textEvent } from './agent-desk.js';
import { createControlApi, isControlPath } from './control-api.js';
import { createConversationBook } from './conversations.js';
import { answerDomainApi } from './domain-api.js';
import { createFaults, type Fault } from './faults.js';
import type { Emulator } from './handle.js';
import { listen, write, writeHalf } from './http-server.js';
import { answerIdp } from './idp.js';
import { type EmulatorOptions, resolveOptions, resolveWebhook } from './options.js';
import { type Incoming, isRecord, notFound, type Reply } from './reply.js';
import { type LoggedRequest, type ServiceName, serviceOf } from './request-log.js';
import { createSendApi } from './send-api.js';
import { answerSentinel } from './sentinel.js';
import { createTokenBook } from './tokens.js';
import { createWebhook } from './webhook.js';

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
  const tokens = createTokenBook();
  const conversations = createConversationBook();
  const webhook = createWebhook(options);
  const desk = createAgentDesk(conversations, webhook, options.autoReply);
  const sendApi = createSendApi(options, tokens, conversations, desk.ears);
  const faults = createFaults();
  const requests: LoggedRequest[] = [];
  const pauses = new Set<() => void>();

  async function handle(request: IncomingMessage, body: string, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', origin);
    const incoming = { method: request.method ?? '', url, headers: request.headers, body };
    if (options.controlApi && isControlPath(url.pathname)) return write(response, control(incoming));
    const service = serviceOf(url.pathname);
    const entry: LoggedRequest = {
      service,
      method: incoming.method,
      path: url.pathname + url.search,
      headers: request.headers,
      body,
      status: 0,
      errorCode: undefined,
      time: Date.now(),
    };
    requests.push(entry);

    const fault = faults.take(service);
    if (fault?.delayMs) await pause(fault.delayMs);
    if (fault?.reset) {
      response.destroy();
      options.onRequest(entry);
      return;
    }
    const isBent = fault && (fault.status !== undefined || fault.body !== undefined || fault.headers !== undefined);
    const isPlain = options.tls !== undefined && !('encrypted' in request.socket);
    const reply = isBent ? bend(fault) : isPlain && service !== 'domain' ? httpsOnly : await route(service, incoming);
    entry.status = reply.status;
    entry.errorCode = errorCodeOf(reply);
    if (fault?.cutOff) writeHalf(response, reply);
    else write(response, reply);
    // The answer gets a head start, as it has in life.
    setImmediate(() => {
      options.onRequest(entry);
      reply.after?.();
    });
  }

  function route(service: ServiceName, incoming: Incoming): Reply | Promise<Reply> {
    if (service === 'domain') return answerDomainApi(incoming, options, String(incoming.headers.host ?? host));
    if (service === 'sentinel') return answerSentinel(incoming, options, tokens);
    if (service === 'idp') return answerIdp(incoming, options, tokens);
    return service === 'unknown' ? notFound : sendApi.answer(incoming);
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        pauses.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      pauses.add(end);
    });
  }

  const server = await listen(options, handle);
  const host = `${hostOf(options.host)}:${server.port}`;
  const origin = `${options.tls ? 'https' : 'http'}://${host}`;

  const emulator: Emulator = {
    origin,
    host,
    requests,
    messages: sendApi.messages,
    deliveries: webhook.deliveries,
    clearRequests: () => void requests.splice(0),
    clearMessages: sendApi.clearMessages,
    clearDeliveries: webhook.clear,
    clearFaults: faults.clear,
    revokeAppJwts: tokens.revokeAppJwts,
    revokeConsumerJws: tokens.revokeConsumerJws,
    failNext: faults.add,
    setWebhook: (next) => webhook.set(next === undefined ? undefined : resolveWebhook(next)),
    agentSays: async (conversationId, text) => desk.send(conversationId, textEvent(text)),
    agentSends: async (conversationId, event) => desk.send(conversationId, event),
    closeConversation: async (conversationId) => desk.closeConversation(conversationId),
    redeliver: webhook.repeat,
    async close() {
      for (const end of pauses) end();
      await Promise.all([server.close(), webhook.close()]);
    },
  };
  const control = createControlApi(emulator, conversations, desk);
  return emulator;
}

/** Where an emulator that listens everywhere is reached from this machine, and an address as a URL has it. */
function hostOf(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

/** LivePerson's Domain API alone is called in both ways. */
const httpsOnly: Reply = {
  status: 426,
  headers: { upgrade: 'TLS/1.2', connection: 'upgrade' },
  body: { error: 'https only: plain http reaches the Domain API alone' },
};

function errorCodeOf({ body }: Reply): number | undefined {
  const error = isRecord(body) && isRecord(body.body) ? body.body.errorCode : undefined;
  return typeof error === 'number' ? error : undefined;
}

const bend = ({ status = 500, body = {}, headers }: Fault): Reply => ({ status, body, ...(headers && { headers }) });
