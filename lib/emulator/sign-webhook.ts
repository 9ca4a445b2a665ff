import { createHmac } from 'node:crypto';
import type { WebhookOptions } from './webhook-options.js';

/**
 * The value of `x-liveperson-signature` for a webhook's body: for tests of a connector's own signature check.
 *
 * @param body as it is posted. Text is taken as UTF-8.
 * @param secret the app's client secret
 *
 * @example
 * await axios.post(webhook, body, { headers: { 'x-liveperson-signature': signWebhook(body, clientSecret) } });
 */
export function signWebhook(
  body: string | Uint8Array,
  secret: string,
  { signature = 'sha1', encoding = 'base64' }: Pick<WebhookOptions, 'signature' | 'encoding'> = {},
): string {
  if (typeof body !== 'string' && !ArrayBuffer.isView(body)) {
    throw new TypeError(
      'signWebhook: body must be a text or bytes, as they are posted. For an object, use JSON.stringify.',
    );
  }
  if (typeof secret !== 'string' || secret === '') throw new TypeError('signWebhook: secret must be a text.');
  return `${signature}=${createHmac(signature, secret).update(body).digest(encoding)}`;
}
