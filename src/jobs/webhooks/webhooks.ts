import { z } from 'zod';
import { databaseNameSchema } from '../../contract/names.js';

export const webhookEvents = [
  ...(['checkpoint.proven', 'checkpoint.failed', 'drill.proven', 'drill.failed'] as const),
  ...(['drift.found', 'restore.done', 'branch.removed'] as const),
  ...(['job.succeeded', 'job.failed', 'job.cancelled', 'webhook.test'] as const),
] as const;
export type WebhookEvent = (typeof webhookEvents)[number];
export const webhookEventSchema = z.enum(webhookEvents);

/** Somebody else's URL that is told what happened. */
export interface Webhook {
  /** "whk_…" */
  readonly id: string;
  readonly url: string;
  readonly events: readonly WebhookEvent[];
  /** Registered names; null: of all databases. */
  readonly databases: readonly string[] | null;
  /** False: its receiver said with 410 that it is gone. */
  readonly enabled: boolean;
  readonly createdAt: string;
  /** The newest attempt of any delivery; null: none yet. */
  readonly lastAttempt: { readonly at: string; readonly ok: boolean } | null;
}

export const newWebhookSchema = z.strictObject({
  url: z.string().min(1).max(2_000),
  events: z.array(webhookEventSchema).min(1).max(webhookEvents.length),
  databases: z.array(databaseNameSchema).min(1).max(1_000).optional(),
});
export type NewWebhook = z.infer<typeof newWebhookSchema>;

/** One message to one webhook, with all its attempts. */
export interface WebhookDelivery {
  /** "msg_…": what receivers know a repeated one by. */
  readonly id: string;
  readonly event: WebhookEvent;
  readonly database: string | null;
  /** "given-up": refused or unreachable for a day. */
  readonly state: 'pending' | 'delivered' | 'given-up';
  readonly attempts: number;
  readonly createdAt: string;
  readonly lastAttemptAt: string | null;
  /** Null: none will come. */
  readonly nextAttemptAt: string | null;
  readonly deliveredAt: string | null;
  /** HTTP status of the last answer. */
  readonly status: number | null;
  /** Why the last attempt failed. */
  readonly problem: string | null;
}

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
