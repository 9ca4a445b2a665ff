export type { EmulatorAccount } from './account.js';
export type { KeyAndCertificate } from './certificate.js';
export { createSelfSignedCertificate } from './certificate.js';
export type { ChaosOptions } from './chaos.js';
export type { Participant, Party } from './conversations.js';
export type { Delivery } from './delivery.js';
export type { AgentSendOptions, SurveyOptions, TransferOptions } from './desk-input.js';
export type { Fault, FaultableService, FaultEffect } from './faults.js';
export type { Emulator } from './handle.js';
export type { RateLimit } from './limits.js';
export type { AutoReply, EmulatorOptions, ErrorReply } from './options.js';
export type { LoggedRequest, ServiceName } from './request-log.js';
export type { AcceptedMessage } from './send-api.js';
export { signWebhook } from './sign-webhook.js';
export { startEmulator } from './start-emulator.js';
export type {
  ConsumerSeed,
  ConsumerState,
  ConversationSeed,
  ConversationState,
  DialogState,
  Snapshot,
} from './state.js';
export type { StrictRules } from './strictness.js';
export type { WebhookEndpoint, WebhookOptions } from './webhook-options.js';
export type {
  AcceptStatusEvent,
  AgentRole,
  ChatStateEvent,
  ConsumerRequestConversation,
  ConversationChange,
  ConversationDetails,
  ConversationEvent,
  ConversationField,
  ConversationNotification,
  ConversationReply,
  ConversationRequest,
  DialogDetails,
  FileEvent,
  GenerateDownloadUrl,
  GenerateUploadUrl,
  MessageAudience,
  MessagingChange,
  MessagingNotification,
  Metadata,
  PublishEvent,
  QuickReplies,
  ReplyBody,
  RequestItem,
  RichContentEvent,
  Role,
  SendApiErrorBody,
  SendReply,
  SendRequest,
  SetUserProfile,
  TextEvent,
  UpdateConversationField,
  WebhookEventType,
  WebhookNotification,
} from './wire.js';
