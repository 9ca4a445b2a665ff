// The JSON of the Send API and of the webhook, as types. They name what is documented; LivePerson may send more.

/** Beside a message's `body`, such as `{ type: 'ExternalId', id: '1' }`. It comes back to the webhook. */
export interface Metadata {
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
  readonly contentType: 'text/plain';
  readonly message: string;
  readonly quickReplies?: QuickReplies;
}

/** A file, whose bytes are at `swift`. */
export interface FileEvent extends ConversationEvent {
  readonly type: 'ContentEvent';
  readonly contentType: 'hosted/file';
  readonly message: { relativePath: string; fileType: string; caption?: string; preview?: string };
}

/** The consumer or the agent is typing, or is gone. */
export interface ChatStateEvent extends ConversationEvent {
  readonly type: 'ChatStateEvent';
  readonly chatState: 'ACTIVE' | 'INACTIVE' | 'GONE' | 'COMPOSING' | 'PAUSE';
}

/** Messages were received or read. */
export interface AcceptStatusEvent extends ConversationEvent {
  readonly type: 'AcceptStatusEvent';
  readonly status: 'ACCEPT' | 'READ' | 'ACCESS' | 'NACK' | 'ACTION';
  /** `sequence` of each message. */
  readonly sequenceList: number[];
}

/** A card with buttons, pictures and the like. */
export interface RichContentEvent extends ConversationEvent {
  readonly type: 'RichContentEvent';
  readonly content: object;
}

/** Buttons below a text. */
export interface QuickReplies {
  readonly type: 'quickReplies';
  readonly itemsPerRow?: number;
  readonly replies: {
    readonly type: 'button';
    readonly title: string;
    readonly click: { readonly metadata?: Metadata[]; readonly actions: { type: string; [field: string]: unknown }[] };
  }[];
}

/** An item of CONVERSATION's list, or the body of SEND. */
export interface RequestItem<Type extends string, Body> {
  readonly kind: 'req';
  /** 1 to 64 characters. The reply repeats it as `reqId`. */
  readonly id: string | number;
  readonly type: Type;
  readonly body: Body;
  readonly metadata?: Metadata[];
}

/** First item of CONVERSATION: who the consumer is. */
export type SetUserProfile = RequestItem<'userprofile.SetUserProfile', Record<string, unknown>>;

/** Second item of CONVERSATION. */
export type ConsumerRequestConversation = RequestItem<
  'cm.ConsumerRequestConversation',
  {
    readonly brandId: string;
    readonly channelType?: 'MESSAGING';
    /** At most 10 digits; `-1` for none. */
    readonly skillId?: string;
    readonly ttrDefName?: string | null;
    readonly campaignInfo?: object;
    readonly conversationContext?: object;
  }
>;

/** Says something. The consumer's messages have this type. */
export type PublishEvent = RequestItem<
  'ms.PublishEvent',
  { readonly dialogId: string; readonly conversationId?: string; readonly event: ConversationEvent }
>;

/** A change of a conversation. */
export type ConversationField =
  | { readonly field: 'ConversationStateField' | 'Stage'; readonly conversationState: 'CLOSE' }
  | {
      readonly field: 'DialogChange';
      readonly type: 'UPDATE';
      readonly dialog: { readonly dialogId: string; readonly state: 'CLOSE'; readonly closedCause?: string };
    }
  | {
      readonly field: 'CSATRate';
      readonly csatRate: number;
      readonly csatResolutionConfirmation?: boolean | null;
      readonly status: 'FILLED' | 'SKIPPED';
    }
  | { readonly field: 'Skill'; readonly type?: 'UPDATE'; readonly skill: string }
  | { readonly field: 'TTRField'; readonly ttrType: string; readonly value?: number };

/** Closes a conversation or a dialog, or changes it in another way. */
export type UpdateConversationField = RequestItem<
  'cm.UpdateConversationField',
  { readonly conversationId: string; readonly conversationField: ConversationField | readonly ConversationField[] }
>;

/** Asks for the URL that a file is put to. */
export type GenerateUploadUrl = RequestItem<
  'ms.GenerateURLForUploadFile',
  { readonly fileSize: string; readonly fileType: string }
>;

/** Asks for the URL that a file is fetched from. */
export type GenerateDownloadUrl = RequestItem<'ms.GenerateURLForDownloadFile', { readonly relativePath: string }>;

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
  readonly reqId: string;
  /** `OK`, or a name such as `BAD_REQUEST` for an item of CONVERSATION that was refused. */
  readonly code: string | number;
  readonly body: Body;
}

/** Which fields are there depends on the type of the request. */
export interface ReplyBody {
  readonly conversationId?: string;
  /** Place of the message in its dialog, from 0. A chat state has none, and its reply says 0. */
  readonly sequence?: number;
  readonly msg?: string;
  readonly relativePath?: string;
  readonly queryParams?: { readonly temp_url_sig: string; readonly temp_url_expires: string };
}

/** The answer of CONVERSATION: a reply for each item. */
export type ConversationReply = readonly SendReply[];

/** The body of a refusal. */
export interface SendApiErrorBody {
  readonly kind: 'resp';
  readonly code: number;
  readonly body: { readonly title: string; readonly details: string; readonly errorCode: number };
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
  readonly kind: 'notification';
  readonly type: 'ms.MessagingEventNotification';
  readonly body: { readonly changes: readonly MessagingChange[] };
}

export interface MessagingChange {
  /** Place in its dialog, from 0. A chat state has none. */
  readonly sequence?: number;
  readonly originatorId?: string;
  readonly originatorMetadata?: { readonly id: string; readonly role: Role };
  /** Epoch milliseconds. */
  readonly serverTimestamp?: number;
  readonly event: ConversationEvent;
  readonly conversationId?: string;
  readonly dialogId: string;
  readonly messageAudience?: MessageAudience;
  readonly metadata?: readonly Metadata[];
}

/** A conversation has changed. Each notification has its whole state. */
export interface ConversationNotification {
  readonly kind: 'notification';
  readonly type: 'cqm.ExConversationChangeNotification';
  readonly body: { readonly sentTs?: number; readonly changes: readonly ConversationChange[] };
}

export interface ConversationChange {
  readonly type: 'UPSERT' | 'DELETE';
  readonly result: {
    readonly convId: string;
    readonly effectiveTTR?: number;
    readonly conversationDetails: ConversationDetails;
  };
}

export interface ConversationDetails {
  readonly skillId: string;
  readonly brandId: string;
  readonly participants: readonly { readonly id: string; readonly role: Role }[];
  readonly dialogs: readonly DialogDetails[];
  /** Of the main dialog. */
  readonly state: 'OPEN' | 'CLOSE';
  /** Of the whole conversation: `OPEN` while a survey is open. */
  readonly stage: 'OPEN' | 'CLOSE';
  readonly closeReason?: string;
  /** Epoch milliseconds, as the other times. */
  readonly startTs: number;
  readonly endTs?: number;
  readonly metaDataLastUpdateTs: number;
  readonly ttr?: { readonly ttrType: string; readonly value: number };
  readonly csat?: {
    readonly csatRate?: unknown;
    readonly csatResolutionConfirmation?: unknown;
    readonly status?: unknown;
  };
  readonly conversationHandlerDetails?: { readonly accountId: string; readonly skillId: string };
}

export interface DialogDetails {
  /** The conversation's id for the main dialog. A survey has an id of its own. */
  readonly dialogId: string;
  readonly dialogType: 'MAIN' | 'POST_SURVEY';
  readonly channelType: 'MESSAGING';
  readonly participantsDetails?: readonly { readonly id: string; readonly role: Role; readonly state: string }[];
  readonly state: 'OPEN' | 'CLOSE';
  readonly metaData?: { readonly appInstallId: string };
  readonly creationTs: number;
  readonly endTs?: number;
  readonly closedBy?: string;
  readonly closedCause?: string;
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
