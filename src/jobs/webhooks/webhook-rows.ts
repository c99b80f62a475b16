import type { Webhook, WebhookDelivery, WebhookEvent } from './webhooks.js';

export interface WebhookRow {
  readonly id: string;
  readonly url: string;
  readonly events: readonly WebhookEvent[];
  readonly databases: readonly string[] | null;
  readonly enabled: boolean;
  readonly created_at: Date;
  readonly last_at: Date | null;
  readonly last_ok: boolean | null;
}

/** Of webhooks called w, with the newest attempt beside. */
export const webhooksWithLast = `
  SELECT w.id, w.url, w.events, w.databases, w.enabled, w.created_at,
         last.last_attempt_at AS last_at, last.problem IS NULL AS last_ok
    FROM belay_server.webhooks w
    LEFT JOIN LATERAL (
      SELECT d.last_attempt_at, d.problem FROM belay_server.webhook_deliveries d
       WHERE d.webhook_id = w.id AND d.last_attempt_at IS NOT NULL
         AND (d.sending_until IS NULL OR d.problem IS NOT NULL)
       ORDER BY d.last_attempt_at DESC LIMIT 1) AS last ON true`;

export function toWebhook(row: WebhookRow): Webhook {
  const { id, url, events, databases, enabled } = row;
  const at = toTime(row.last_at);
  return {
    ...{ id, url, events, databases, enabled },
    createdAt: new Date(row.created_at).toISOString(),
    lastAttempt: at === null ? null : { at, ok: row.last_ok === true },
  };
}

export interface DeliveryRow {
  readonly id: string;
  readonly event: WebhookEvent;
  readonly database: string | null;
  readonly state: WebhookDelivery['state'];
  readonly attempts: number;
  readonly created_at: Date;
  readonly last_attempt_at: Date | null;
  readonly next_at: Date;
  readonly delivered_at: Date | null;
  readonly status: number | null;
  readonly problem: string | null;
}

export const deliveryColumns =
  'd.id, d.event, d.database, d.state, d.attempts, d.created_at, d.last_attempt_at, d.next_at, d.delivered_at, d.status, d.problem';

export function toDelivery(row: DeliveryRow): WebhookDelivery {
  const { id, event, database, state, attempts, status, problem } = row;
  return {
    ...{ id, event, database, state, attempts, status, problem },
    createdAt: new Date(row.created_at).toISOString(),
    lastAttemptAt: toTime(row.last_attempt_at),
    nextAttemptAt: state === 'pending' ? toTime(row.next_at) : null,
    deliveredAt: toTime(row.delivered_at),
  };
}

function toTime(at: Date | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
