import { BelayError } from '../../errors.js';
import type { Addresses } from '../addresses/addresses.js';
import type { Secrets } from '../secrets/secrets.js';
import { signMessage } from './sign-message.js';

/** A message on its way to one webhook. */
export interface OutgoingMessage {
  readonly id: string;
  readonly webhookId: string;
  readonly url: string;
  readonly secretSealed: string;
  readonly body: string;
  /** Now, by the clock of the catalog: seconds since 1970. */
  readonly nowSeconds: number;
}

/** What came of one attempt. */
export interface SendOutcome {
  /** HTTP status; null: no answer. */
  readonly status: number | null;
  /** Null: the receiver has taken it. */
  readonly problem: string | null;
}

/** Longer than a receiver should take: it is to note the message and work later. */
const timeoutMs = 15_000;

/** Sends a message once. Never fails: what went wrong is the outcome. */
export async function sendMessage(
  message: OutgoingMessage,
  { secrets, addresses }: { readonly secrets: Secrets; readonly addresses: Addresses },
): Promise<SendOutcome> {
  const { id, body, nowSeconds: atSeconds } = message;
  try {
    const secret = secrets.open(message.secretSealed, aboutWebhook(message.webhookId));
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'belaydb',
      ...signMessage(secret, { id, body, atSeconds }),
    };
    const { status } = await addresses.send(message.url, {
      method: 'POST',
      headers,
      body,
      timeoutMs,
    });
    return { status, problem: problemOf(status) };
  } catch (error) {
    // A mistake in the code must not stop the messages of all others; here it is seen.
    const problem = error instanceof BelayError ? error.message : `unexpected: ${String(error)}`;
    return { status: null, problem };
  }
}

/** What the secret of a webhook is sealed about. */
export function aboutWebhook(id: string): string {
  return `webhook ${id}`;
}

function problemOf(status: number): string | null {
  if (status >= 200 && status < 300) return null;
  if (status >= 300 && status < 400) return `answered ${status}: redirects are not followed`;
  return `answered ${status}`;
}
