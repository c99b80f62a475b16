import { z } from 'zod';
import { databaseNameSchema } from '../../contract/names.js';
import {
  type Webhook,
  type WebhookDelivery,
  type WebhookEvent,
  webhookEvents,
} from '../../contract/webhook.js';

export type { Webhook, WebhookDelivery, WebhookEvent };

export const webhookEventSchema = z.enum(webhookEvents);

export const newWebhookSchema = z.strictObject({
  url: z.string().min(1).max(2_000),
  events: z.array(webhookEventSchema).min(1).max(webhookEvents.length),
  databases: z.array(databaseNameSchema).min(1).max(1_000).optional(),
});
export type NewWebhook = z.infer<typeof newWebhookSchema>;

export interface Webhooks {
  list(): Promise<readonly Webhook[]>;
  /**
   * The secret ("whsec_…", as the Standard Webhooks specification has it) is shown once and sealed at rest.
   * @throws BelayError ADDRESS_REFUSED, BAD_URL, USAGE, QUOTA_REACHED
   */
  create(order: NewWebhook): Promise<{ readonly webhook: Webhook; readonly secret: string }>;
  /** @throws BelayError WEBHOOK_NOT_FOUND */
  remove(id: string): Promise<void>;
  /** Newest first, kept for 30 days. @throws BelayError WEBHOOK_NOT_FOUND */
  deliveries(
    id: string,
    page?: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
  ): Promise<{ readonly deliveries: readonly WebhookDelivery[]; readonly next: string | null }>;
  /** Sends a `webhook.test` at once, and only once. @throws BelayError WEBHOOK_NOT_FOUND */
  test(id: string): Promise<WebhookDelivery>;
  /**
   * For what happens outside of jobs, e.g. a branch whose time was over.
   * @param data plain facts; no secrets, no rows
   */
  announce(
    event: WebhookEvent,
    database: string,
    data: Readonly<Record<string, unknown>>,
  ): Promise<void>;
}
