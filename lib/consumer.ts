import type { AsyncLocalStorage } from 'node:async_hooks';
import type { InternalAxiosRequestConfig } from 'axios';
import { ConnectorAuthError } from './errors.js';
import type { CommonOptions } from './options.js';

/**
 * On whose behalf a request speaks, where that can be told without a wait: `undefined` where the option `consumerId` is to be
 * asked, or where there is nobody.
 */
export function knownConsumer(
  { onBehalfOf }: InternalAxiosRequestConfig,
  consumerId: CommonOptions['consumerId'],
  context: AsyncLocalStorage<string>,
): string | undefined {
  if (onBehalfOf === undefined && consumerId) return undefined;
  const consumer: unknown = onBehalfOf === undefined ? context.getStore() : onBehalfOf;
  return typeof consumer === 'string' && consumer !== '' ? consumer : undefined;
}

/**
 * On whose behalf a request speaks: its own `onBehalfOf`, what the option `consumerId` derives, or the `runOnBehalfOf`
 * around it, in this order. Only `undefined` falls through to the next.
 */
export async function resolveConsumer(
  config: InternalAxiosRequestConfig,
  accountId: string,
  consumerId: CommonOptions['consumerId'],
  context: AsyncLocalStorage<string>,
): Promise<string> {
  let consumer: unknown = config.onBehalfOf;
  if (consumer === undefined && consumerId) consumer = await deriveConsumer(config, accountId, consumerId);
  if (consumer === undefined) consumer = context.getStore();
  return assertConsumerId(consumer, accountId);
}

async function deriveConsumer(
  config: InternalAxiosRequestConfig,
  accountId: string,
  consumerId: NonNullable<CommonOptions['consumerId']>,
): Promise<unknown> {
  try {
    return await consumerId(config);
  } catch (cause) {
    throw new ConnectorAuthError(
      'ERR_NO_CONSUMER',
      'The option consumerId failed for this request: its own error is the cause. Nothing was sent.',
      { accountId, cause },
    );
  }
}

/** @throws ConnectorAuthError `ERR_NO_CONSUMER` for anything but a string that is not empty. */
export function assertConsumerId(consumer: unknown, accountId?: string): string {
  if (typeof consumer === 'string' && consumer !== '') return consumer;
  throw new ConnectorAuthError(
    'ERR_NO_CONSUMER',
    `A request to the Send API speaks for a consumer, whose id is a string that is not empty; received ${nameOf(consumer)}. ` +
      'Set onBehalfOf on the request, give the option consumerId, or send the request inside runOnBehalfOf().',
    { accountId },
  );
}

function nameOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  return value === '' ? 'an empty string' : `a value of type ${typeof value}`;
}
