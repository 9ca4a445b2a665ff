import type { AxiosAdapter } from 'axios';
import type { ChaosOptions } from './chaos.js';
import type { Delivery } from './delivery.js';
import type { AgentSendOptions, SurveyOptions, TransferOptions } from './desk-input.js';
import type { Fault, FaultableService } from './faults.js';
import type { RateLimit } from './limits.js';
import type { LoggedRequest } from './request-log.js';
import type { AcceptedMessage } from './send-api.js';
import type { ConversationState, Snapshot } from './state.js';
import type { WebhookOptions } from './webhook-options.js';
import type { ConversationEvent } from './wire.js';

/** A LivePerson cloud on this machine. Each call throws a `TypeError` for a misuse. */
export interface Emulator {
  /** Such as `http://127.0.0.1:41234`: give it as `domainApi`. */
  readonly origin: string;
  /** The bare host that the Domain API returns for every service. */
  readonly host: string;
  /**
   * An Axios adapter that reaches the emulator in this process, without a socket: for the instance, and as `axiosConfig.adapter`
   * for the token calls. It answers requests to any host.
   */
  readonly adapter: AxiosAdapter;
  /** What arrived, oldest first. The newest 10,000 are kept, as of the other lists. */
  readonly requests: readonly LoggedRequest[];
  /** What CONVERSATION and SEND have accepted, oldest first. */
  readonly messages: readonly AcceptedMessage[];
  /** The conversations as they are now, oldest first. */
  readonly conversations: readonly ConversationState[];
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
  /** Injects a fault into the next answer, or the next `times` answers, of a service. Faults wait in line. */
  failNext(service: FaultableService, fault: Fault): void;
  /** Forgets the faults that still wait in line. */
  clearFaults(): void;
  /** Answers only so many calls of a service, and further ones with 429. Without `limit` it ends. */
  limit(service: FaultableService, limit?: RateLimit): void;
  /** Injects faults at random. The same seed and the same requests give the same faults. `{}` ends it. */
  chaos(chaos: ChaosOptions | Record<string, never>): void;
  /** Moves the emulator's clock forward, in milliseconds. Tokens, signed URLs, retention and delays follow it. */
  advanceClock(ms: number): void;
  /** Forgets everything except the accounts and the webhook. Tokens are refused from now on. The clock goes back. */
  reset(): void;
  /** The conversations and consumers, for `startEmulator({ ...snapshot })`. */
  snapshot(): Snapshot;
  /** Where events go from now on, those that wait included; `undefined` for nowhere. */
  setWebhook(webhook: string | WebhookOptions | undefined): void;
  /**
   * The agent says something in a conversation. While a survey is open, its bot says it there. Resolves when the connector's
   * webhook has taken it, or when it was given up, or when the webhook cannot be reached: see `state` and `failure`.
   *
   * @throws Error when there is no such open conversation, or no webhook
   */
  agentSays(conversationId: string, text: string): Promise<Delivery>;
  /**
   * The same for any event: rich content, a file, `{ type: 'ChatStateEvent', chatState: 'COMPOSING' }`. Several events go in
   * one notification.
   */
  agentSends(
    conversationId: string,
    event: ConversationEvent | readonly ConversationEvent[],
    options?: AgentSendOptions,
  ): Promise<Delivery>;
  /** Starts a post-conversation survey; the main dialog is closed. Resolves with the delivery of its question. */
  startSurvey(
    conversationId: string,
    survey?: SurveyOptions,
  ): Promise<
    Delivery & {
      /** The survey's own id. */
      dialogId: string;
    }
  >;
  /** Gives a conversation to another skill, to another agent, or to both. */
  transfer(conversationId: string, to: TransferOptions): Promise<Delivery>;
  /** The agent closes a conversation. While a survey is open, it ends. */
  closeConversation(conversationId: string): Promise<Delivery>;
  /** Keeps a file for an agent to send. @param fileType such as `PNG` @returns its `relativePath` */
  storeFile(bytes: Uint8Array, fileType: string): string;
  /** What was, and is still to be, delivered to the webhook, oldest first. */
  readonly deliveries: readonly Delivery[];
  /** Delivers the very same event once more, as LivePerson may. */
  redeliver(delivery: Delivery): Promise<Delivery>;
  /** Ends open connections, and deliveries under way. */
  close(): Promise<void>;
}
