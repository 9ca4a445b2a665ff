import type { InternalAxiosRequestConfig } from 'axios';
import { define, defineHidden } from '../own.js';

/**
 * The config of a ConnectorAuthError. For a transient error it is the request's own, so axios-retry can send
 * the same request again. For any other error it is a copy that axios-retry never sends, whatever its `retryCondition` is.
 */
export function configOfError(config: InternalAxiosRequestConfig, isTransient: boolean): InternalAxiosRequestConfig {
  if (isTransient) return config;
  const copy = Object.create(Object.getPrototypeOf(config));
  // Descriptors are copied instead of values, because a getter may throw.
  for (const name of Reflect.ownKeys(config))
    define(copy, name, Object.getOwnPropertyDescriptor(config, name) as PropertyDescriptor);
  const value = { ...copy['axios-retry'], retryCondition: () => false, validateResponse: undefined };
  defineHidden(copy, 'axios-retry', value);
  return copy;
}
