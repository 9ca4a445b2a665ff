import type { BoundedLog } from './bounded-log.js';
import { assertText } from './fields.js';
import { FILE_TYPES, MAX_FILE_BYTES } from './files.js';
import type { Emulator } from './handle.js';
import type { ResolvedOptions } from './options.js';
import { isRecord } from './reply.js';
import type { LoggedRequest } from './request-log.js';
import type { Services } from './services.js';
import { takeSnapshot } from './state.js';
import { resolveWebhook } from './webhook-options.js';
import { textEvent } from './wire.js';

/** What tests do to the emulator and see of it: all of its handle that needs no port. */
export type Powers = Omit<Emulator, 'origin' | 'host' | 'adapter' | 'close'>;

export function createPowers(
  services: Services,
  { accounts }: Pick<ResolvedOptions, 'accounts'>,
  requests: BoundedLog<LoggedRequest>,
): Powers {
  const { clock, changes, tokens, conversations, transcript, files, webhook, desk, sendApi, faults, limits, chaos } =
    services;

  function changed<Args extends unknown[]>(change: 'fault' | 'request', act: (...args: Args) => void) {
    return (...args: Args): void => {
      act(...args);
      changes.emit(change);
    };
  }

  function clearMessages(): void {
    sendApi.clearMessages();
    transcript.clear();
  }

  return {
    requests: requests.entries,
    messages: sendApi.messages,
    deliveries: webhook.deliveries,
    get conversations() {
      return takeSnapshot(conversations).conversations;
    },
    clearRequests: changed('request', requests.clear),
    clearMessages,
    clearDeliveries: webhook.clear,
    clearFaults: changed('fault', faults.clear),
    revokeAppJwts(accountId) {
      if (accountId !== undefined) assertText('revokeAppJwts', 'accountId', accountId);
      tokens.revokeAppJwts(accountId);
    },
    revokeConsumerJws(consumerId) {
      if (consumerId !== undefined) assertText('revokeConsumerJws', 'consumerId', consumerId);
      tokens.revokeConsumerJws(consumerId);
    },
    failNext: changed('fault', faults.add),
    limit: changed('fault', limits.set),
    chaos: changed('fault', chaos.set),
    advanceClock(ms) {
      clock.advance(ms);
      changes.emit('clock');
    },
    reset() {
      webhook.abandon();
      for (const part of [requests, files, tokens, conversations, faults, limits, chaos]) part.clear();
      clearMessages();
      webhook.clear();
      clock.reset();
      for (const change of ['request', 'delivery', 'fault', 'clock'] as const) changes.emit(change);
    },
    snapshot: () => takeSnapshot(conversations),
    setWebhook: (next) => webhook.set(next === undefined ? undefined : resolveWebhook(next)),
    async agentSays(conversationId, text) {
      assertText('agentSays', 'text', text);
      return desk.send(conversationId, textEvent(text));
    },
    agentSends: async (conversationId, event, options) => desk.send(conversationId, event, options),
    startSurvey: async (conversationId, survey) => desk.startSurvey(conversationId, survey),
    transfer: async (conversationId, to) => desk.transfer(conversationId, to),
    closeConversation: async (conversationId) => desk.closeConversation(conversationId),
    storeFile(bytes, fileType) {
      if (!ArrayBuffer.isView(bytes) || bytes.length === 0 || bytes.length > MAX_FILE_BYTES) {
        throw new TypeError(`storeFile: bytes must be from 1 to ${MAX_FILE_BYTES} bytes.`);
      }
      if (typeof fileType !== 'string' || !Object.hasOwn(FILE_TYPES, fileType.toUpperCase())) {
        throw new TypeError(`storeFile: fileType must be one of ${Object.keys(FILE_TYPES).join(', ')}.`);
      }
      const path = files.createPath(accounts[0]?.accountId ?? '', fileType);
      files.put(path, Buffer.from(bytes));
      return path;
    },
    async redeliver(delivery) {
      if (!isRecord(delivery) || typeof delivery.body !== 'string') {
        throw new TypeError('redeliver: give a delivery, such as one of deliveries.');
      }
      return webhook.repeat(delivery);
    },
  };
}
