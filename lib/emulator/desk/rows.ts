// What the emulator tells the page, as JSON. Tokens and secrets are masked. Times are epoch milliseconds, by the emulator's clock.

/** Each row has an id. It is unique until the emulator restarts. Newer rows have higher ids. */
interface Row {
  readonly id: number;
}

export interface ConversationRow extends Row {
  readonly conversationId: string;
  readonly consumerId: string;
  readonly isOpen: boolean;
  readonly isInSurvey: boolean;
  /** `-1` for none. */
  readonly skillId: string;
}

export interface MessageRow extends Row {
  readonly conversationId: string;
  readonly speaker: 'consumer' | 'agent' | 'survey bot' | 'bot' | 'manager' | 'controller' | 'reader';
  readonly dialogId: string;
  readonly isForConsumer: boolean;
  readonly sequence?: number;
  readonly time: number;
  /** What was said; `undefined` for a state. */
  readonly text?: string;
  /** The buttons below a text. */
  readonly choices?: readonly string[];
  readonly chatState?: string;
  /** Which messages of the dialog were received or read. */
  readonly receipt?: { readonly status: string; readonly sequences: readonly number[] };
}

export interface RequestRow extends Row {
  readonly time: number;
  readonly service: string;
  readonly method: string;
  readonly path: string;
  /** 0 while there is no answer, and for a connection that was reset. */
  readonly status: number;
  readonly errorCode?: number;
  readonly appJwt?: string;
  readonly consumerJws?: string;
  /** The id of the refused request that it repeats. */
  readonly replayOf?: number;
  readonly warnings: readonly string[];
}

/** What a row of requests opens to. */
export interface RequestDetails {
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

export interface TokenRow extends Row {
  readonly kind: 'AppJWT' | 'ConsumerJWS';
  readonly owner: string;
  /** The end of the token. */
  readonly mark: string;
  readonly isRevoked: boolean;
  /** `undefined` for a token that does not expire. */
  readonly expiresAt?: number;
}

export interface DeliveryRow extends Row {
  readonly type: string;
  readonly conversationId: string;
  readonly state: string;
  readonly attempts: number;
  readonly failure?: string;
}

export interface Rows {
  readonly conversations: ConversationRow;
  readonly messages: MessageRow;
  readonly requests: RequestRow;
  readonly tokens: TokenRow;
  readonly deliveries: DeliveryRow;
}

export type ListName = keyof Rows;

export const LIST_NAMES: readonly ListName[] = ['conversations', 'messages', 'requests', 'tokens', 'deliveries'];

export interface Facts {
  /** Differs after a restart of the emulator. */
  readonly epoch: string;
  /** The time of the emulator's clock. */
  readonly now: number;
  /** How far the clock was advanced. */
  readonly aheadMs: number;
  readonly hasWebhook: boolean;
  /** How many of the next requests of each service get a fault. */
  readonly faults: readonly { readonly service: string; readonly count: number }[];
}

/** The rows that are new or have changed since the last update, and the ids of those that are gone. */
export interface Update {
  /** Whether it has everything, so that the page forgets what it knew. */
  readonly isWhole: boolean;
  readonly facts: Facts;
  readonly lists: {
    readonly [Name in ListName]?: { readonly rows: readonly Rows[Name][]; readonly gone: readonly number[] };
  };
}
