import { createHmac } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Delivery } from './delivery.js';
import type { Notification } from './notifications.js';
import type { EmulatorAccount, ResolvedOptions, ResolvedWebhook } from './options.js';

/** The way to the connector. */
export interface Webhook {
  /** Oldest first. */
  readonly deliveries: Delivery[];
  readonly isSet: boolean;
  /** Where events go from now on, those that wait included; `undefined` for nowhere. */
  set(webhook: ResolvedWebhook | undefined): void;
  /** Fulfilled when it was delivered or given up. An event waits for those before it in its conversation. */
  deliver(notification: Notification): Promise<Delivery>;
  /** Posts the very same once more, as LivePerson may. */
  repeat(delivery: Delivery): Promise<Delivery>;
  /** Forgets how deliveries fared; those under way go on. */
  clear(): void;
  /** Ends what is under way. */
  close(): Promise<void>;
}

export function createWebhook({ accounts, webhook, onDelivery }: ResolvedOptions): Webhook {
  const deliveries: Delivery[] = [];
  const queues = new Map<string, Promise<unknown>>();
  const closing = new AbortController();
  let target = webhook;
  let retargeting = new AbortController();

  /** One after the other within a conversation. */
  function enqueue(delivery: Delivery): Promise<Delivery> {
    deliveries.push(delivery);
    const { conversationId } = delivery;
    const turn = (queues.get(conversationId) ?? Promise.resolve()).then(() => deliverInTime(delivery));
    queues.set(conversationId, turn);
    return turn.finally(() => {
      if (queues.get(conversationId) === turn) queues.delete(conversationId);
    });
  }

  async function deliverInTime(delivery: Delivery): Promise<Delivery> {
    const account = accounts.find(({ accountId }) => accountId === delivery.accountId);
    const start = Date.now();
    let pauseMs = target?.firstPauseMs ?? 0;
    while (account && target && !closing.signal.aborted) {
      delivery.attempts += 1;
      delivery.status = await post(target, account, delivery.body, closing.signal);
      // LivePerson takes no other status for a yes.
      if (delivery.status === 200 || delivery.status === 201) delivery.state = 'delivered';
      else if (Date.now() + pauseMs - start > target.retentionMs) delivery.state = 'given-up';
      onDelivery(delivery);
      if (delivery.state !== 'waiting') return delivery;
      const untilThen = AbortSignal.any([closing.signal, retargeting.signal]);
      await pause(pauseMs, undefined, { signal: untilThen }).catch(() => {});
      pauseMs = Math.min(pauseMs * 2, target?.maxPauseMs ?? 0);
    }
    delivery.state = 'given-up';
    return delivery;
  }

  return {
    deliveries,
    get isSet() {
      return target !== undefined;
    },
    set(next) {
      target = next;
      // Whoever pauses tries the new one at once.
      retargeting.abort();
      retargeting = new AbortController();
    },
    deliver: ({ eventType, conversation: { id, accountId }, payload }) =>
      enqueue({
        type: eventType,
        accountId,
        conversationId: id,
        body: JSON.stringify(payload),
        attempts: 0,
        status: 0,
        state: 'waiting',
      }),
    repeat: (delivery) => enqueue({ ...delivery, attempts: 0, status: 0, state: 'waiting' }),
    clear: () => void deliveries.splice(0),
    async close() {
      closing.abort();
      await Promise.all(queues.values());
    },
  };
}

/** @returns the status of the answer; 0 where there is none in time */
async function post(
  { url, timeoutMs, signature, encoding }: ResolvedWebhook,
  { accountId, clientId, clientSecret }: EmulatorAccount,
  body: string,
  closing: AbortSignal,
): Promise<number> {
  const hmac = createHmac(signature, clientSecret).update(body).digest(encoding);
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-liveperson-account-id': accountId,
        'x-liveperson-client-id': clientId,
        'x-liveperson-signature': `${signature}=${hmac}`,
      },
      body,
      redirect: 'manual',
      signal: AbortSignal.any([closing, AbortSignal.timeout(timeoutMs)]),
    });
    await response.body?.cancel();
    return response.status;
  } catch {
    return 0;
  }
}
