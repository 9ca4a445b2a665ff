import { isAxiosError, isCancel } from 'axios';
import { isConnectorAuthError } from 'axios-liveperson-auth';
import type { Cloud } from '../cloud.js';
import type { Call, Check, Message } from '../history.js';
import type { Hazard, Scenario } from '../scenario.js';

/** One send of a message. */
interface Send {
  readonly call: Call;
  /** The error code of its answer, once that has arrived. */
  errorCode: number | undefined;
}

const MOST_SENDS = 3;
/** What a token call may fail of. */
const TOKEN_FAULTS: readonly Hazard[] = [
  'outages',
  'rate limits',
  'lost calls',
  'revocations',
  'rotations',
  'credential faults',
  'clock steps',
  'wrong clocks',
  'freezes',
];

/** Every message is delivered once, or ends in an error that says why. It is replayed once for each refused token. */
export function checkMessages({ hazards, latenciesMs, store }: Scenario, cloud: Cloud): Check {
  const sends = new Map<Message, Send[]>();
  const sendsOf = (message: Message) => {
    const found = sends.get(message) ?? [];
    sends.set(message, found);
    return found;
  };
  const isSlow = Math.max(...latenciesMs) >= 1_000;

  function judgeSend(call: Call): string | undefined {
    const { message } = call;
    if (!message) return `call ${call.number} carries no message`;
    const name = nameOf(message);
    const before = sendsOf(message);
    const last = before.at(-1);
    before.push({ call, errorCode: undefined });
    if (before.length > MOST_SENDS) return `${name} is sent ${before.length} times`;
    if (!last) return undefined;
    if (last.errorCode === undefined) return `${name} is sent again, and no token was refused`;
    const earlier = before.slice(0, -2).map(({ errorCode }) => errorCode);
    if (earlier.includes(last.errorCode)) return `${name} is replayed twice for ${last.errorCode}`;
    return undefined;
  }

  function judgeOutcome(message: Message): string | undefined {
    const { outcome, isProbe, process } = message;
    const name = nameOf(message);
    const times = cloud.delivered.get(message.number) ?? 0;
    if (outcome?.isDelivered) return times === 1 ? undefined : `${name} ended well and was delivered ${times} times`;
    const error = outcome?.error;
    if (!isAxiosError(error)) return `${name} ended in no typed error: ${error instanceof Error ? error.stack : error}`;
    if (isProbe && process.isUp && !mayTakeOldTokens(message, error))
      return `${name} failed without any fault: ${error.code} ${error.message}`;
    if (isCancel(error))
      return message.isAborted ? undefined : `${name} was cancelled, and its caller did not abort it`;
    if (error.code === 'ECONNABORTED')
      return message.timeoutMs > 0 ? undefined : `${name} has no timeout, and ran into one`;
    if (error.code === 'ERR_CLOSED')
      return process.isUp ? `${name} fails with ERR_CLOSED in an open process` : undefined;
    const refusal = sendsOf(message).at(-1)?.errorCode;
    if (times > 0 && (refusal !== undefined || isConnectorAuthError(error)))
      return `${name} was delivered and fails with ${error.code}`;
    if (isConnectorAuthError(error)) {
      const isExplained = isSlow || TOKEN_FAULTS.some((hazard) => hazards.has(hazard));
      return isExplained ? undefined : `${name} fails without any fault: ${error.code} ${error.message}`;
    }
    if (refusal !== undefined) return judgeLoss(message);
    const isExplained = hazards.has('outages') || hazards.has('lost calls');
    return isExplained ? undefined : `${name} fails without any fault: ${error.code} ${error.message}`;
  }

  /** The age of a token in the store is told by clocks. If they are wrong, a renewed token may be an old one. */
  function mayTakeOldTokens(message: Message, error: { code?: unknown; status?: unknown }): boolean {
    const hasClockFault = hazards.has('wrong clocks') || hazards.has('clock steps');
    // SEND or IDP has refused the renewed token.
    const isRefused = sendsOf(message).length > 1 || (error.code === 'ERR_CONSUMER_JWS' && error.status === 401);
    return store !== 'none' && hasClockFault && isRefused;
  }

  /** A message whose last send was refused. */
  function judgeLoss(message: Message): string | undefined {
    const codes = sendsOf(message).map(({ errorCode }) => errorCode);
    const last = codes.pop();
    return codes.includes(last) ? undefined : `${nameOf(message)} was refused with ${last} and not replayed for it`;
  }

  return {
    see(happening) {
      if (happening.type === 'call' && happening.call.service === 'send') return judgeSend(happening.call);
      if (happening.type === 'answer' && happening.call.message) {
        const send = sendsOf(happening.call.message).find(({ call }) => call === happening.call);
        if (send) send.errorCode = happening.answer.errorCode;
      }
      return happening.type === 'outcome' ? judgeOutcome(happening.message) : undefined;
    },
    end(messages) {
      for (const message of messages) {
        const times = cloud.delivered.get(message.number) ?? 0;
        if (times > 1) return `${nameOf(message)} was delivered ${times} times`;
      }
      return undefined;
    },
  };
}

const nameOf = ({ number, isProbe }: Message): string => `${isProbe ? 'probe' : 'message'} ${number}`;
