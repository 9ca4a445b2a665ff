/** An event on its way to the connector, and how it fared. */
export interface Delivery {
  /** Such as `ms.MessagingEventNotification.ContentEvent` or `cqm.ExConversationChangeNotification`. */
  readonly type: string;
  /** The brand. */
  readonly accountId: string;
  /** The conversation that it tells of. */
  readonly conversationId: string;
  /** The JSON text that is posted, the same each time. */
  readonly body: string;
  /** The URL of the last attempt; empty before the first one. */
  url: string;
  /** How many times it was posted. */
  attempts: number;
  /** HTTP status of the last answer; 0 where there was none. */
  status: number;
  /**
   * `given-up`: it was not taken, and is not posted again. `not-subscribed`: the webhook has no URL for this type, so it was
   * not posted.
   */
  state: 'waiting' | 'delivered' | 'given-up' | 'not-subscribed';
  /** Why the last attempt failed, such as `ECONNREFUSED` or `answered 500`; `undefined` if none did. */
  failure: string | undefined;
}
