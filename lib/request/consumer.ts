import type { AsyncLocalStorage } from 'node:async_hooks';
import type { InternalAxiosRequestConfig } from 'axios';
import { nameOf } from '../arguments.js';
import { ConnectorAuthError } from '../errors.js';
import type { CommonOptions } from '../options.js';
import type { OutgoingRequest } from './outgoing-config.js';

type DeriveConsumer = CommonOptions['consumerId'];

/** The consumer of a request, if it is known without calling the option `consumerId`. `undefined` if not, or if it is invalid. */
export function knownConsumer(
  { config }: OutgoingRequest,
  derive: DeriveConsumer,
  context: AsyncLocalStorage<string>,
): string | undefined {
  const { onBehalfOf } = config;
  if (onBehalfOf === undefined && derive) return undefined;
  const consumer: unknown = onBehalfOf === undefined ? context.getStore() : onBehalfOf;
  return isConsumerId(consumer) ? consumer : undefined;
}

/**
 * The consumer of a request: its `onBehalfOf`, else what the option `consumerId` returns, else the consumer of
 * `runOnBehalfOf`. Only `undefined` falls through to the next source.
 *
 * @throws ConnectorAuthError `ERR_NO_CONSUMER`
 */
export async function resolveConsumer(
  { config, original }: OutgoingRequest,
  accountId: string,
  derive: DeriveConsumer,
  context: AsyncLocalStorage<string>,
): Promise<string> {
  let consumer: unknown = config.onBehalfOf;
  if (consumer === undefined && derive) consumer = await callDerive(derive, original, accountId);
  if (consumer === undefined) consumer = context.getStore();
  return assertConsumerId(consumer, accountId);
}

async function callDerive(
  derive: NonNullable<DeriveConsumer>,
  config: InternalAxiosRequestConfig,
  accountId: string,
): Promise<unknown> {
  try {
    return await derive(config);
  } catch (cause) {
    throw new ConnectorAuthError(
      'ERR_NO_CONSUMER',
      'The option consumerId failed for this request; its error is the cause. Nothing was sent.',
      { accountId, cause },
    );
  }
}

/** @throws ConnectorAuthError `ERR_NO_CONSUMER` for anything but a non-empty string */
export function assertConsumerId(consumer: unknown, accountId?: string): string {
  if (isConsumerId(consumer)) return consumer;
  throw new ConnectorAuthError(
    'ERR_NO_CONSUMER',
    `A Send API request needs a consumer: a non-empty string. Received ${nameOf(consumer)}. ` +
      'Set onBehalfOf on the request, give the option consumerId, or send the request inside runOnBehalfOf().',
    { accountId },
  );
}

const isConsumerId = (consumer: unknown): consumer is string => typeof consumer === 'string' && consumer !== '';
