export type { Party } from './conversations.js';
export type { Emulator } from './emulator.js';
export { startEmulator } from './emulator.js';
export type { Fault } from './faults.js';
export type { ConversationEvent } from './notifications.js';
export type { AutoReply, EmulatorAccount, EmulatorOptions, ErrorReply, WebhookOptions } from './options.js';
export type { LoggedRequest, ServiceName } from './request-log.js';
export type { AcceptedMessage } from './send-api.js';
export type { Delivery } from './webhook.js';
