export type { Emulator } from './emulator.js';
export { startEmulator } from './emulator.js';
export type { Fault } from './faults.js';
export type { EmulatorAccount, EmulatorOptions, ErrorReply } from './options.js';
export type { LoggedRequest, ServiceName } from './request-log.js';
export type { AcceptedMessage } from './send-api.js';
