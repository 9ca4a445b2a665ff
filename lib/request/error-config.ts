import type { InternalAxiosRequestConfig } from 'axios';

/**
 * The config of a ConnectorAuthError (design F5, E10). For a transient error it is the request's own, so that axios-retry sends
 * the same request again. For any other error it is a copy that axios-retry leaves alone, whatever its `retryCondition` says.
 */
export function configOfError(config: InternalAxiosRequestConfig, isTransient: boolean): InternalAxiosRequestConfig {
  if (isTransient) return config;
  // Descriptors, since a getter may throw.
  const copy = Object.create(Object.getPrototypeOf(config), Object.getOwnPropertyDescriptors(config));
  const value = { ...copy['axios-retry'], retryCondition: () => false, validateResponse: undefined };
  return Object.defineProperty(copy, 'axios-retry', { value, enumerable: false, configurable: true, writable: true });
}
