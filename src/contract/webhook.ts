/** What a webhook can be told. */
export const webhookEvents = [
  ...(['checkpoint.proven', 'checkpoint.failed', 'drill.proven', 'drill.failed'] as const),
  ...(['drift.found', 'restore.done', 'branch.removed'] as const),
  ...(['job.succeeded', 'job.failed', 'job.cancelled', 'webhook.test'] as const),
] as const;
export type WebhookEvent = (typeof webhookEvents)[number];

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
