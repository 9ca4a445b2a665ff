/** An event on its way to the connector, and how it fared. */
export interface Delivery {
  /** Such as `ms.MessagingEventNotification.ContentEvent` or `cqm.ExConversationChangeNotification`. */
  readonly type: string;
  /** The brand. */
  readonly accountId: string;
  /** The conversation that it tells of. */
  readonly conversationId: string;
  /** What is posted, to the byte; each time the same. */
  readonly body: string;
  /** How many times it was posted. */
  attempts: number;
  /** HTTP status of the last answer; 0 where there was none. */
  status: number;
  /** `given-up`: the time that it is kept for was over, or the emulator was closed. */
  state: 'waiting' | 'delivered' | 'given-up';
}
