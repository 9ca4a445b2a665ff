// The JSON of the Send API and of the webhook, as types. They name what is documented; LivePerson may send more.

/** Beside a message's `body`, such as `{ type: 'ExternalId', id: '1' }`. It comes back to the webhook. */
export interface Metadata {
  /** Such as `ExternalId`, `Question` or `Answer`. */
  readonly type: string;
  readonly [field: string]: unknown;
}

/** What was said, in the form that SEND takes it: `{ type: 'ContentEvent', contentType: 'text/plain', message: 'Hi' }`. */
export interface ConversationEvent {
  /** Such as `ContentEvent`, `RichContentEvent` or `ChatStateEvent`. */
  readonly type: string;
  readonly [field: string]: unknown;
}

/** A text, with or without buttons. */
export interface TextEvent extends ConversationEvent {
  readonly type: 'ContentEvent';
  /** Tells a text from a file. */
  readonly contentType: 'text/plain';
  /** The text itself. */
  readonly message: string;
  /** Buttons below it. */
  readonly quickReplies?: QuickReplies;
}

/** A file, whose bytes are at `swift`. */
export interface FileEvent extends ConversationEvent {
  readonly type: 'ContentEvent';
  /** Tells a file from a text. */
  readonly contentType: 'hosted/file';
  /** Where the file is, and how it is shown. */
  readonly message: {
    /** The path at `swift`, as the reply to `ms.GenerateURLForUploadFile` has it. */
    relativePath: string;
    /** Such as `PNG`. */
    fileType: string;
    /** A text for the file. */
    caption?: string;
    /** A small picture of the file, of less than 30 KB. */
    preview?: string;
  };
}

/** The consumer or the agent is typing, or is gone. */
export interface ChatStateEvent extends ConversationEvent {
  readonly type: 'ChatStateEvent';
  /** `COMPOSING` for typing, `GONE` for gone. */
  readonly chatState: 'ACTIVE' | 'INACTIVE' | 'GONE' | 'COMPOSING' | 'PAUSE';
}

/** Messages were received or read. */
export interface AcceptStatusEvent extends ConversationEvent {
  readonly type: 'AcceptStatusEvent';
  /** `ACCEPT` for received, `READ` for read, `ACTION` for a button that was used. */
  readonly status: 'ACCEPT' | 'READ' | 'ACCESS' | 'NACK' | 'ACTION';
  /** `sequence` of each message. */
  readonly sequenceList: number[];
}

/** A card with buttons, pictures and the like. */
export interface RichContentEvent extends ConversationEvent {
  readonly type: 'RichContentEvent';
  /** The card, as LivePerson's rich content describes it. */
  readonly content: object;
}

/** Buttons below a text. */
export interface QuickReplies {
  /** Always `quickReplies`. */
  readonly type: 'quickReplies';
  /** How many buttons a row has. */
  readonly itemsPerRow?: number;
  /** The buttons, in their order. */
  readonly replies: {
    /** Always `button`. */
    readonly type: 'button';
    /** The text on the button. */
    readonly title: string;
    /** What a click does. */
    readonly click: {
      /** Goes beside the body of the messages that answer. */
      readonly metadata?: Metadata[];
      /** Such as `{ type: 'publishText', text: '5' }`. */
      readonly actions: {
        /** Such as `publishText`. */
        type: string;
        [field: string]: unknown;
      }[];
    };
  }[];
}

/** An item of CONVERSATION's list, or the body of SEND. */
export interface RequestItem<Type extends string, Body> {
  /** Always `req`, for a request. */
  readonly kind: 'req';
  /** 1 to 64 characters. The reply repeats it as `reqId`. */
  readonly id: string | number;
  /** What is asked for, such as `ms.PublishEvent`. */
  readonly type: Type;
  /** Its fields depend on `type`. */
  readonly body: Body;
  /** Comes back to the webhook with a published event. */
  readonly metadata?: Metadata[];
}

/** First item of CONVERSATION: who the consumer is. */
export type SetUserProfile = RequestItem<'userprofile.SetUserProfile', Record<string, unknown>>;

/** Second item of CONVERSATION. */
export type ConsumerRequestConversation = RequestItem<
  'cm.ConsumerRequestConversation',
  {
    /** The account's id. */
    readonly brandId: string;
    /** Always `MESSAGING`. */
    readonly channelType?: 'MESSAGING';
    /** At most 10 digits; `-1` for none. */
    readonly skillId?: string;
    /** How soon an answer is due: `NORMAL`, `URGENT` or `PRIORITIZED`. */
    readonly ttrDefName?: string | null;
    /** The campaign and the engagement: `campaignId` and `engagementId`. */
    readonly campaignInfo?: object;
    /** Where the consumer comes from, with `type`, `visitorId`, `sessionId`, `interactionContextId` and `lang`. */
    readonly conversationContext?: object;
  }
>;

/** Says something. The consumer's messages have this type. */
export type PublishEvent = RequestItem<
  'ms.PublishEvent',
  {
    /** The dialog that it is said in: the conversation's id for the main dialog. */
    readonly dialogId: string;
    /** The conversation's id. */
    readonly conversationId?: string;
    /** What is said. */
    readonly event: ConversationEvent;
  }
>;

/** A change of a conversation. */
export type ConversationField =
  | {
      /** Closes the conversation. `Stage` does so without a survey. */
      readonly field: 'ConversationStateField' | 'Stage';
      /** Always `CLOSE`. */
      readonly conversationState: 'CLOSE';
    }
  | {
      /** Closes one dialog. A survey may follow the main one. */
      readonly field: 'DialogChange';
      /** Always `UPDATE`. */
      readonly type: 'UPDATE';
      /** The dialog that is closed. */
      readonly dialog: {
        /** The conversation's id for the main dialog. */
        readonly dialogId: string;
        /** Always `CLOSE`. */
        readonly state: 'CLOSE';
        /** A sentence, such as `Closed by consumer`. */
        readonly closedCause?: string;
      };
    }
  | {
      /** Rates the conversation. */
      readonly field: 'CSATRate';
      /** The consumer's rating. */
      readonly csatRate: number;
      /** Whether the consumer confirms that the matter is resolved. */
      readonly csatResolutionConfirmation?: boolean | null;
      /** `SKIPPED` for a consumer who gave no rating. */
      readonly status: 'FILLED' | 'SKIPPED';
    }
  | {
      /** Gives the conversation to another skill. */
      readonly field: 'Skill';
      /** Always `UPDATE`. */
      readonly type?: 'UPDATE';
      /** The skill's id. */
      readonly skill: string;
    }
  | {
      /** Changes how soon an answer is due. */
      readonly field: 'TTRField';
      /** `NORMAL`, `URGENT` or `PRIORITIZED`. */
      readonly ttrType: string;
      /** Seconds. */
      readonly value?: number;
    };

/** Closes a conversation or a dialog, or changes it in another way. */
export type UpdateConversationField = RequestItem<
  'cm.UpdateConversationField',
  {
    /** The conversation's id. */
    readonly conversationId: string;
    /** One change, or several in turn. */
    readonly conversationField: ConversationField | readonly ConversationField[];
  }
>;

/** Asks for the URL that a file is put to. */
export type GenerateUploadUrl = RequestItem<
  'ms.GenerateURLForUploadFile',
  {
    /** Bytes, as text; at most 3 MB. */
    readonly fileSize: string;
    /** `JPG`, `JPEG`, `PNG` or `GIF`. */
    readonly fileType: string;
  }
>;

/** Asks for the URL that a file is fetched from. */
export type GenerateDownloadUrl = RequestItem<
  'ms.GenerateURLForDownloadFile',
  {
    /** The file's path at `swift`. */
    readonly relativePath: string;
  }
>;

/** The body of a CONVERSATION request. The profile is first. */
export type ConversationRequest = readonly [SetUserProfile, ConsumerRequestConversation, ...PublishEvent[]];

/** The body of a SEND request. */
export type SendRequest =
  | PublishEvent
  | UpdateConversationField
  | SetUserProfile
  | GenerateUploadUrl
  | GenerateDownloadUrl;

/** One reply: the whole answer of SEND, an element of CONVERSATION's. */
export interface SendReply<Body = ReplyBody> {
  /** The request's `id`, as text. */
  readonly reqId: string;
  /** `OK`, or a name such as `BAD_REQUEST` for an item of CONVERSATION that was refused. */
  readonly code: string | number;
  /** Its fields depend on the type of the request. */
  readonly body: Body;
}

/** Which fields are there depends on the type of the request. */
export interface ReplyBody {
  /** The id of the conversation that was opened. */
  readonly conversationId?: string;
  /** Place of the message in its dialog, from 0. A chat state has none, and its reply says 0. */
  readonly sequence?: number;
  /** A sentence, such as `OK User Profile set successfully`. */
  readonly msg?: string;
  /** The file's path at `swift`. */
  readonly relativePath?: string;
  /** The query of the file's URL, which is good for a minute. */
  readonly queryParams?: {
    /** The signature: 40 hex digits. */
    readonly temp_url_sig: string;
    /** When the URL ends: epoch seconds, as text. */
    readonly temp_url_expires: string;
  };
}

/** The answer of CONVERSATION: a reply for each item. */
export type ConversationReply = readonly SendReply[];

/** The body of a refusal. */
export interface SendApiErrorBody {
  /** Always `resp`, for a response. */
  readonly kind: 'resp';
  /** The HTTP status again. */
  readonly code: number;
  /** What is wrong. */
  readonly body: {
    /** A few words, such as `Invalid AppJWT`. They may change. */
    readonly title: string;
    /** A sentence, such as `AppJWT has expired or is invalid`. It may change. */
    readonly details: string;
    /** Such as 40102. It is stable, so decide by it. */
    readonly errorCode: number;
  };
  /** Such as `.ReqBody$ErrorResp`. */
  readonly type: string;
}

/** Who said something. A manager, a bot or a controller may speak instead of the assigned agent. */
export type Role = 'CONSUMER' | AgentRole;

/** The roles of LivePerson's side. */
export type AgentRole = 'ASSIGNED_AGENT' | 'AGENT' | 'MANAGER' | 'CONTROLLER' | 'READER';

/** `AGENTS_AND_MANAGERS`: not for the consumer. */
export type MessageAudience = 'ALL' | 'AGENTS_AND_MANAGERS';

/** The events that an app's manifest can subscribe to. */
export type WebhookEventType =
  | 'ms.MessagingEventNotification.ContentEvent'
  | 'ms.MessagingEventNotification.RichContentEvent'
  | 'ms.MessagingEventNotification.AcceptStatusEvent'
  | 'ms.MessagingEventNotification.ChatStateEvent'
  | 'cqm.ExConversationChangeNotification';

/** What the webhook gets. */
export type WebhookNotification = MessagingNotification | ConversationNotification;

/** Somebody said something. */
export interface MessagingNotification {
  /** Always `notification`. */
  readonly kind: 'notification';
  /** Tells it from a change of the conversation. */
  readonly type: 'ms.MessagingEventNotification';
  /** What was said. */
  readonly body: {
    /** One or more. */
    readonly changes: readonly MessagingChange[];
  };
}

/** One thing that somebody said. */
export interface MessagingChange {
  /** Place in its dialog, from 0. A chat state has none. */
  readonly sequence?: number;
  /** The id of who said it. */
  readonly originatorId?: string;
  /** Who said it. */
  readonly originatorMetadata?: {
    /** The same as `originatorId`. */
    readonly id: string;
    /** `CONSUMER` for the connector's own messages, which come back. */
    readonly role: Role;
  };
  /** Epoch milliseconds. */
  readonly serverTimestamp?: number;
  /** What was said. */
  readonly event: ConversationEvent;
  /** The conversation's id. */
  readonly conversationId?: string;
  /** The conversation's id for the main dialog. A survey has an id of its own. */
  readonly dialogId: string;
  /** Who may see it. */
  readonly messageAudience?: MessageAudience;
  /** What was beside the body of the message. */
  readonly metadata?: readonly Metadata[];
}

/** A conversation has changed. Each notification has its whole state. */
export interface ConversationNotification {
  /** Always `notification`. */
  readonly kind: 'notification';
  /** Tells it from something that was said. */
  readonly type: 'cqm.ExConversationChangeNotification';
  /** What has changed. */
  readonly body: {
    /** Epoch milliseconds. */
    readonly sentTs?: number;
    /** One or more. */
    readonly changes: readonly ConversationChange[];
  };
}

/** The new state of one conversation. */
export interface ConversationChange {
  /** The emulator sends `UPSERT` alone. */
  readonly type: 'UPSERT' | 'DELETE';
  /** The conversation. */
  readonly result: {
    /** The conversation's id. */
    readonly convId: string;
    /** The emulator sends `-1`. */
    readonly effectiveTTR?: number;
    /** The whole state. */
    readonly conversationDetails: ConversationDetails;
  };
}

/** The whole state of a conversation. */
export interface ConversationDetails {
  /** `-1` for none. */
  readonly skillId: string;
  /** The account's id. */
  readonly brandId: string;
  /** Those that are in it now. */
  readonly participants: readonly {
    /** The participant's id. */
    readonly id: string;
    /** `CONSUMER`, or a role of LivePerson's side. */
    readonly role: Role;
  }[];
  /** The main one, and its survey. */
  readonly dialogs: readonly DialogDetails[];
  /** Of the main dialog. */
  readonly state: 'OPEN' | 'CLOSE';
  /** Of the whole conversation: `OPEN` while a survey is open. */
  readonly stage: 'OPEN' | 'CLOSE';
  /** Who closed the main dialog, such as `CONSUMER`. */
  readonly closeReason?: string;
  /** Epoch milliseconds, as the other times. */
  readonly startTs: number;
  /** When the last dialog was closed; absent while one is open. */
  readonly endTs?: number;
  /** When the conversation last changed. */
  readonly metaDataLastUpdateTs: number;
  /** How soon an answer is due. */
  readonly ttr?: {
    /** `NORMAL`, `URGENT` or `PRIORITIZED`. */
    readonly ttrType: string;
    /** Seconds. */
    readonly value: number;
  };
  /** The consumer's rating, as the field `CSATRate` gave it. */
  readonly csat?: {
    /** The rating itself. */
    readonly csatRate?: unknown;
    /** Whether the consumer confirms that the matter is resolved. */
    readonly csatResolutionConfirmation?: unknown;
    /** `FILLED` or `SKIPPED`. */
    readonly status?: unknown;
  };
  /** Who handles the conversation. */
  readonly conversationHandlerDetails?: {
    /** The account's id. */
    readonly accountId: string;
    /** The skill's id; `-1` for none. */
    readonly skillId: string;
  };
}

/** The state of a dialog. */
export interface DialogDetails {
  /** The conversation's id for the main dialog. A survey has an id of its own. */
  readonly dialogId: string;
  /** `MAIN` for the talk with the agent, `POST_SURVEY` for the survey after it. */
  readonly dialogType: 'MAIN' | 'POST_SURVEY';
  /** Always `MESSAGING`. */
  readonly channelType: 'MESSAGING';
  /** Those that are in the dialog. */
  readonly participantsDetails?: readonly {
    /** The participant's id. */
    readonly id: string;
    /** `CONSUMER`, or a role of LivePerson's side. */
    readonly role: Role;
    /** Such as `ACTIVE`. */
    readonly state: string;
  }[];
  /** Of this dialog alone. */
  readonly state: 'OPEN' | 'CLOSE';
  /** The app behind the dialog. The emulator names one for a survey. */
  readonly metaData?: {
    /** The app's install id. */
    readonly appInstallId: string;
  };
  /** Epoch milliseconds, as the other times. */
  readonly creationTs: number;
  /** When it was closed; absent while it is open. */
  readonly endTs?: number;
  /** Who closed it, such as `CONSUMER`. */
  readonly closedBy?: string;
  /** A sentence, such as `Closed by consumer`. */
  readonly closedCause?: string;
  /** When the dialog last changed. */
  readonly metaDataLastUpdateTs: number;
}

export const textEvent = (message: string): TextEvent => ({ type: 'ContentEvent', contentType: 'text/plain', message });

/** All kinds of events that can be said. */
export const EVENT_TYPES: readonly string[] = [
  'ContentEvent',
  'RichContentEvent',
  'ChatStateEvent',
  'AcceptStatusEvent',
];

export const AGENT_ROLES: readonly AgentRole[] = ['ASSIGNED_AGENT', 'AGENT', 'MANAGER', 'CONTROLLER', 'READER'];

export const AUDIENCES: readonly MessageAudience[] = ['ALL', 'AGENTS_AND_MANAGERS'];

export const CONVERSATION_CHANGE = 'cqm.ExConversationChangeNotification';

export const WEBHOOK_EVENT_TYPES: readonly string[] = [
  ...EVENT_TYPES.map((type) => `ms.MessagingEventNotification.${type}`),
  CONVERSATION_CHANGE,
];
