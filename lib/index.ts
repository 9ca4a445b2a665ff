export type { Clock } from './clock.js';
export type { ConnectorAuth } from './connector-auth.js';
export { createConnectorAuth } from './connector-auth.js';
export type { RequestTraceMessage, TokenTraceMessage, TracedError } from './diagnostics.js';
export type { ConnectorAuthErrorCode, ConnectorAuthErrorDetails } from './errors.js';
export { ConnectorAuthError, isConnectorAuthError } from './errors.js';
export type {
  ConnectorAuthEventName,
  ConnectorAuthEvents,
  ConnectorAuthListener,
  EvictEvent,
  FailureEvent,
  ReplayEvent,
  RetryEvent,
  StoreErrorEvent,
  TokenCause,
  TokenEvent,
  TokenKind,
} from './events.js';
export type { Logger } from './log.js';
export type {
  CommonOptions,
  ConnectorAuthOptions,
  Credentials,
  CredentialsLookup,
  ManyBrands,
  OneBrand,
  OwnService,
} from './options.js';
export type { InterceptableInstance, InterceptorRegistry } from './request/interceptor.js';
export type { ConnectorAuthRequestOptions } from './request/request-options.js';
export { livePersonRetry } from './retry-policy.js';
export type { ReplaySkipReason, SendApiError } from './send-api-error.js';
export { getSendApiError, SendApiErrorCode } from './send-api-error.js';
export type { MemoryTokenStoreOptions } from './stores/memory.js';
export { createMemoryTokenStore } from './stores/memory.js';
export type { StoreSecret } from './stores/sealed.js';
export type { TokenLock, TokenStore } from './stores/token-store.js';
export type { GetTokenOptions } from './token-getters.js';
export type { CooldownRange } from './tokens/cooldown.js';
export type {
  AccountSnapshot,
  AppJwtSnapshot,
  ConnectorAuthSnapshot,
  CooldownSnapshot,
  ServiceCalls,
  StoreSnapshot,
} from './tokens/snapshot.js';
export type { InvalidateTarget } from './tokens/token-provider.js';
export type { OpenCalls } from './tokens/turns.js';
