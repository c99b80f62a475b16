import { createHmac, randomBytes } from 'node:crypto';

const prefix = 'whsec_';

/** A key as the Standard Webhooks specification writes it: 256 random bits. */
export function newSigningSecret(): string {
  return prefix + randomBytes(32).toString('base64');
}

/**
 * The headers by which a receiver knows that a message is from here, that nobody has changed it, and that it is not an old one.
 *
 * @param atSeconds when it is sent, in seconds since 1970
 */
export function signMessage(
  secret: string,
  {
    id,
    body,
    atSeconds,
  }: { readonly id: string; readonly body: string; readonly atSeconds: number },
): Record<string, string> {
  const key = Buffer.from(secret.slice(prefix.length), 'base64');
  const timestamp = String(Math.floor(atSeconds));
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  };
}
