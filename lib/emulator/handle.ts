import type { Delivery } from './delivery.js';
import type { Fault } from './faults.js';
import type { ConversationEvent } from './notifications.js';
import type { WebhookOptions } from './options.js';
import type { LoggedRequest, ServiceName } from './request-log.js';
import type { AcceptedMessage } from './send-api.js';

/** A LivePerson cloud on this machine. */
export interface Emulator {
  /** Such as `http://127.0.0.1:41234`: give it as `domainApi`. */
  readonly origin: string;
  /** The bare host that the Domain API returns for every service. */
  readonly host: string;
  /** What arrived, oldest first. */
  readonly requests: readonly LoggedRequest[];
  /** What CONVERSATION and SEND have accepted, oldest first. */
  readonly messages: readonly AcceptedMessage[];
  /** Forgets the requests so far. */
  clearRequests(): void;
  /** Forgets the messages so far. */
  clearMessages(): void;
  /** Forgets the deliveries so far. */
  clearDeliveries(): void;
  /** Every AppJWT issued so far, of the account or of all, is refused from now on: with 40102 by the Send API. */
  revokeAppJwts(accountId?: string): void;
  /** Every ConsumerJWS issued so far, of the consumer or of all, is refused from now on: with 40103. */
  revokeConsumerJws(consumerId?: string): void;
  /** Bends the next answer, or the next `times` answers, of a service. Faults wait in line. */
  failNext(service: Exclude<ServiceName, 'unknown'>, fault: Fault): void;
  /** Forgets the faults that still wait in line. */
  clearFaults(): void;
  /** Where events go from now on, those that wait included; `undefined` for nowhere. @throws TypeError for a bad one */
  setWebhook(webhook: string | WebhookOptions | undefined): void;
  /**
   * The agent says something in a conversation. Fulfilled when the connector's webhook has taken it, or it was given up.
   *
   * @throws Error when there is no such open conversation, or no webhook
   */
  agentSays(conversationId: string, text: string): Promise<Delivery>;
  /** The same for any event: rich content, a file, `{ type: 'ChatStateEvent', chatState: 'COMPOSING' }`. */
  agentSends(conversationId: string, event: ConversationEvent): Promise<Delivery>;
  /** The agent closes a conversation. @throws as `agentSays` */
  closeConversation(conversationId: string): Promise<Delivery>;
  /** What was, and is still to be, delivered to the webhook, oldest first. */
  readonly deliveries: readonly Delivery[];
  /** Delivers the very same event once more, as LivePerson may. */
  redeliver(delivery: Delivery): Promise<Delivery>;
  /** Ends open connections, and deliveries under way. */
  close(): Promise<void>;
}
