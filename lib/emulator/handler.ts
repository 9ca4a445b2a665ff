// Imported, because tests may replace the global timers with fakes.
import { setImmediate } from 'node:timers';
import { type BoundedLog, createBoundedLog } from './bounded-log.js';
import { type ControlApi, isControlPath } from './control-api.js';
import { DESK_PATH, type Desk, isDeskPath } from './desk/desk.js';
import type { FaultEffect } from './faults.js';
import { refuseForeign } from './guard.js';
import type { ResolvedOptions } from './options.js';
import { type Incoming, isRecord, type Reply } from './reply.js';
import { type LoggedRequest, type ServiceName, serviceOf } from './request-log.js';
import type { Services } from './services.js';

/** What the client gets. */
export interface Answer {
  readonly reply: Reply;
  /** `half`: the connection breaks in the middle of the answer. `none`: it breaks instead of an answer. */
  readonly part: 'whole' | 'half' | 'none';
  /** To be called once the answer is on its way. */
  finish(): void;
}

/** Answers requests, wherever they come from. */
export interface Handler {
  readonly requests: BoundedLog<LoggedRequest>;
  handle(incoming: Incoming): Promise<Answer>;
}

export function createHandler(options: ResolvedOptions, services: Services, control: ControlApi, desk: Desk): Handler {
  const requests = createBoundedLog<LoggedRequest>(
    ({ path, body, headers }) => path.length + body.length + Object.values(headers).join().length,
  );

  async function handle(incoming: Incoming): Promise<Answer> {
    if (options.controlApi) {
      const reply = await answerControl(incoming);
      if (reply) return { reply, part: 'whole', finish: () => {} };
    }
    const service = serviceOf(incoming.url.pathname);
    const entry = note(incoming, service);
    const fault = services.nextFault(service);
    if (fault) services.changes.emit('fault');
    if (fault?.delayMs) await services.clock.wait(fault.delayMs);
    const { reply, part, after } = await answer(service, incoming, fault);
    entry.status = part === 'none' ? 0 : reply.status;
    entry.errorCode = errorCodeOf(reply);
    entry.warnings = reply.warnings ?? [];
    const finish = () => {
      options.onRequest(entry);
      services.changes.emit('request');
      try {
        after?.();
      } catch (error) {
        // It has no caller, and must not end the process.
        options.onWarning(`The emulator failed after an answer: ${error}. Please report it.`);
      }
    };
    // The answer gets a head start, as at LivePerson.
    return { reply, part, finish: () => void setImmediate(finish) };
  }

  /** @returns `undefined` for a request to a service */
  async function answerControl(incoming: Incoming): Promise<Reply | undefined> {
    const { pathname } = incoming.url;
    if (isBrowserAtRoot(incoming)) return { status: 302, headers: { location: DESK_PATH }, body: '' };
    if (!isControlPath(pathname)) return undefined;
    const refusal = refuseForeign(incoming, options);
    if (refusal) return refusal;
    return isDeskPath(pathname) ? answerSafely(() => desk(incoming)) : control(incoming);
  }

  function note({ method, url, headers, body, bytes }: Incoming, service: ServiceName): LoggedRequest {
    const entry: LoggedRequest = {
      service,
      method,
      path: url.pathname + url.search,
      headers,
      body: service === 'swift' ? `[${bytes.length} bytes]` : body,
      status: 0,
      errorCode: undefined,
      warnings: [],
      time: services.clock.now(),
    };
    requests.push(entry);
    return entry;
  }

  async function answer(
    service: ServiceName,
    incoming: Incoming,
    fault: FaultEffect | undefined,
  ): Promise<Pick<Answer, 'reply' | 'part'> & Pick<Reply, 'after'>> {
    const replacement = fault && replacementOf(fault);
    const isUntouched = fault && !fault.afterAcceptance && (fault.reset || replacement);
    const own = isUntouched ? undefined : await answerItself(service, incoming);
    const isLost = fault?.reset || (fault?.afterAcceptance && !replacement && !fault.cutOff);
    return {
      reply: replacement ?? own ?? { status: 0, body: '' },
      part: isLost ? 'none' : fault?.cutOff ? 'half' : 'whole',
      ...(own?.after && { after: own.after }),
    };
  }

  async function answerItself(service: ServiceName, incoming: Incoming): Promise<Reply> {
    if (options.tls !== undefined && !incoming.isSecure && service !== 'domain') return httpsOnly;
    return answerSafely(() => services.answer(service, incoming));
  }

  return { requests, handle };
}

const isBrowserAtRoot = ({ method, url, headers }: Incoming): boolean =>
  method === 'GET' && url.pathname === '/' && /\btext\/html\b/i.test(String(headers.accept ?? ''));

async function answerSafely(answer: () => Reply | Promise<Reply>): Promise<Reply> {
  try {
    return await answer();
  } catch (error) {
    return { status: 500, body: { error: `The emulator failed: ${error}. Please report it.` } };
  }
}

/** LivePerson's Domain API alone is called in both ways. */
const httpsOnly: Reply = {
  status: 426,
  headers: { upgrade: 'TLS/1.2', connection: 'upgrade' },
  body: { error: 'https only: plain http reaches the Domain API alone' },
};

/** The answer that a fault gives instead; `undefined` if it leaves the true one. */
function replacementOf({ status, body, headers }: FaultEffect): Reply | undefined {
  if (status === undefined && body === undefined && headers === undefined) return undefined;
  return { status: status ?? 500, body: body ?? {}, ...(headers && { headers }) };
}

function errorCodeOf({ body }: Reply): number | undefined {
  const error = isRecord(body) && isRecord(body.body) ? body.body.errorCode : undefined;
  return typeof error === 'number' ? error : undefined;
}
