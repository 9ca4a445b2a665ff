import { createAbort } from './abort.js';
import { createBoundedLog } from './bounded-log.js';
import type { ChangeFeed } from './changes.js';
import type { EmulatorClock } from './clock.js';
import type { Delivery } from './delivery.js';
import type { Notification } from './notifications.js';
import type { ResolvedOptions } from './options.js';
import { postEvent } from './post-event.js';
import { signWebhook } from './sign-webhook.js';
import type { ResolvedWebhook } from './webhook-options.js';

/** The way to the connector. */
export interface Webhook {
  /** The newest, oldest first. */
  readonly deliveries: Delivery[];
  readonly isSet: boolean;
  /** Where events go from now on, those that wait included; `undefined` for nowhere. */
  set(webhook: ResolvedWebhook | undefined): void;
  /**
   * Resolves when the event was delivered or given up, and also when the webhook cannot be reached: the event may then wait
   * for a later attempt. An event waits for those before it in its conversation.
   */
  deliver(notification: Notification): Promise<Delivery>;
  /** Posts the very same event once more, as LivePerson may. */
  repeat(delivery: Delivery): Promise<Delivery>;
  /** Forgets how deliveries fared. Those under way go on. */
  clear(): void;
  /** Gives up what is under way. */
  abandon(): void;
  /** Gives up what is under way. Resolves when nothing is. */
  close(): Promise<void>;
}

/** So many events may wait for a webhook that is slow or down. */
const MAX_WAITING = 10_000;
/** Of the bodies of all that wait, in characters. */
const MAX_WAITING_LENGTH = 64 * 2 ** 20;

export function createWebhook(
  { accounts, webhook, onDelivery }: ResolvedOptions,
  clock: EmulatorClock,
  changes: ChangeFeed,
): Webhook {
  const log = createBoundedLog<Delivery>(({ body }) => body.length);
  /** For each conversation: resolves when the next event's turn has come. */
  const turns = new Map<string, Promise<unknown>>();
  const underWay = new Set<Promise<unknown>>();
  /** The callers that wait for a delivery. */
  const callers = new Map<Delivery, () => void>();
  let waitingLength = 0;
  let target = webhook;
  let retargeting = createAbort();
  let lifetime = createAbort();

  function enqueue(delivery: Delivery): Promise<Delivery> {
    log.push(delivery);
    changes.emit('delivery');
    if (underWay.size >= MAX_WAITING || waitingLength + delivery.body.length > MAX_WAITING_LENGTH) {
      Object.assign(delivery, { state: 'given-up', failure: 'too many events wait' });
      tell(delivery);
      return Promise.resolve(delivery);
    }
    waitingLength += delivery.body.length;
    const { signal } = lifetime;
    const { conversationId } = delivery;
    let endTurn: (value?: unknown) => void = () => {};
    const turn = new Promise((resolve) => {
      endTurn = resolve;
    });
    const before = turns.get(conversationId) ?? Promise.resolve();
    turns.set(conversationId, turn);
    const outcome = before.then(() => deliverInTime(delivery, signal, endTurn)).then(endTurn);
    underWay.add(outcome);
    void turn.then(() => turns.get(conversationId) === turn && turns.delete(conversationId));
    return new Promise((resolve) => {
      const settle = () => {
        callers.delete(delivery);
        resolve(delivery);
      };
      callers.set(delivery, settle);
      void outcome.then(() => {
        underWay.delete(outcome);
        waitingLength -= delivery.body.length;
        settle();
      });
    });
  }

  /** @param endTurn lets the next event of the conversation go */
  async function deliverInTime(delivery: Delivery, signal: AbortSignal, endTurn: () => void): Promise<void> {
    const startedAt = clock.now();
    for (;;) {
      const current = target;
      if (!current) delivery.failure = 'no webhook';
      if (!current || signal.aborted) return settle(delivery, 'given-up');
      const isPosted = await post(delivery, current, signal);
      if (!isPosted) return settle(delivery, 'not-subscribed');
      // LivePerson takes no other status for a yes.
      if (delivery.status === 200 || delivery.status === 201) return settle(delivery, 'delivered');
      const pauseMs = pauseBefore(current, delivery.attempts, clock.now() - startedAt);
      if (pauseMs === undefined || signal.aborted) return settle(delivery, 'given-up');
      tell(delivery);
      if (current.maxRetries > 0) endTurn();
      await clock.wait(pauseMs, signal, retargeting.signal);
    }
  }

  /** @returns whether the webhook has a URL for the event */
  async function post(delivery: Delivery, current: ResolvedWebhook, signal: AbortSignal): Promise<boolean> {
    const account = accounts.find(({ accountId }) => accountId === delivery.accountId);
    const endpoint = current.endpointFor(delivery.type);
    if (!account || !endpoint) return false;
    const headers = {
      ...endpoint.headers,
      'content-type': 'application/json',
      'x-liveperson-account-id': account.accountId,
      'x-liveperson-client-id': account.clientId,
      'x-liveperson-signature': signWebhook(delivery.body, account.clientSecret, current),
    };
    delivery.url = endpoint.url;
    delivery.attempts += 1;
    const outcome = await postEvent(endpoint.url, headers, delivery.body, current.timeoutMs, signal);
    const { status, failure } = outcome;
    delivery.status = status;
    delivery.failure = status === 200 || status === 201 ? undefined : (failure ?? `answered ${status}`);
    if (outcome.isUnreachable) releaseCallers(delivery);
    return true;
  }

  /** Nobody waits longer for a webhook that is down: neither for this event, nor for those behind it. */
  function releaseCallers({ conversationId }: Delivery): void {
    for (const [delivery, release] of [...callers]) {
      // A delivery without a further attempt settles by itself, with its final state.
      if (delivery.conversationId === conversationId && (target?.retentionMs || target?.maxRetries)) release();
    }
  }

  function settle(delivery: Delivery, state: Delivery['state']): void {
    delivery.state = state;
    if (delivery.attempts > 0) tell(delivery);
    else changes.emit('delivery');
  }

  function tell(delivery: Delivery): void {
    onDelivery(delivery);
    changes.emit('delivery');
  }

  return {
    deliveries: log.entries,
    get isSet() {
      return target !== undefined;
    },
    set(next) {
      target = next;
      // An event that waits for its next attempt is posted to the new URL at once.
      retargeting.abort();
      retargeting = createAbort();
      changes.emit('delivery');
    },
    deliver({ eventType, conversation: { id, accountId }, payload }) {
      const delivery = newDelivery({
        type: eventType,
        accountId,
        conversationId: id,
        body: JSON.stringify(payload),
      });
      if (target && !target.endpointFor(eventType)) {
        delivery.state = 'not-subscribed';
        return Promise.resolve(delivery);
      }
      return enqueue(delivery);
    },
    repeat: ({ type, accountId, conversationId, body }) =>
      enqueue(newDelivery({ type, accountId, conversationId, body })),
    clear() {
      log.clear();
      changes.emit('delivery');
    },
    abandon() {
      lifetime.abort();
      lifetime = createAbort();
    },
    async close() {
      lifetime.abort();
      await Promise.all(underWay);
    },
  };
}

const newDelivery = (delivery: Pick<Delivery, 'type' | 'accountId' | 'conversationId' | 'body'>): Delivery => ({
  ...delivery,
  url: '',
  attempts: 0,
  status: 0,
  state: 'waiting',
  failure: undefined,
});

/** Milliseconds until the next attempt; `undefined` if there is none. */
function pauseBefore(webhook: ResolvedWebhook, attempts: number, ageMs: number): number | undefined {
  const { retentionMs, maxRetries, firstPauseMs, maxPauseMs } = webhook;
  if (maxRetries > 0) return attempts <= maxRetries ? firstPauseMs : undefined;
  const pauseMs = Math.min(firstPauseMs * 2 ** (attempts - 1), maxPauseMs);
  return retentionMs > 0 && ageMs + pauseMs <= retentionMs ? pauseMs : undefined;
}
