import type { Catalog } from '../catalog/catalog.js';
import type { WebhooksOptions } from './open-webhooks.js';
import { type SendOutcome, sendMessage } from './send-message.js';

/** How messages that were not taken are tried again. */
export interface Patience {
  /** Pauses after the first, second, … attempt in milliseconds; the last one goes on. */
  readonly pausesMs: readonly number[];
  /** From the event on; then the message is given up. */
  readonly giveUpAfterMs: number;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
export const usualPatience: Patience = {
  pausesMs: [
    ...[5_000, 30_000, 2 * minuteMs, 10 * minuteMs, 30 * minuteMs],
    ...[hourMs, 2 * hourMs, 4 * hourMs],
  ],
  giveUpAfterMs: 24 * hourMs,
};

/** Longer than any attempt takes; after it, the server that sent is taken for dead. */
const sendingSeconds = 60;
/** "Gone": the receiver says that it wants no more. */
const goneStatus = 410;

interface Claimed {
  readonly id: string;
  readonly webhook_id: string;
  readonly url: string;
  readonly secret_sealed: string;
  readonly body: string;
  readonly attempts: number;
  readonly age_ms: number;
  readonly now: number;
}

/**
 * Sends the message that is due for longest, of a webhook that is not being told something right now: one slow receiver then
 * holds up nobody else, and each gets its messages one after another.
 *
 * @returns whether there was one
 */
export async function deliverNext(options: WebhooksOptions, patience: Patience): Promise<boolean> {
  const claimed = await claim(options.catalog);
  if (claimed === undefined) return false;
  const { id, url, body } = claimed;
  const outcome = await sendMessage(
    {
      ...{ id, url, body, webhookId: claimed.webhook_id },
      ...{ secretSealed: claimed.secret_sealed, nowSeconds: claimed.now },
    },
    options,
  );
  await note(options.catalog, claimed, outcome, patience);
  return true;
}

/** @returns milliseconds until a message is due, by the catalog's clock; undefined: none waits */
export async function untilNextMs(catalog: Catalog): Promise<number | undefined> {
  const [row] = await catalog.query<{ readonly ms: number | null }>(
    `SELECT (extract(epoch FROM min(greatest(next_at, coalesce(sending_until, next_at))) - clock_timestamp())
             * 1000)::float8 AS ms
       FROM belay_server.webhook_deliveries WHERE state = 'pending'`,
    [],
    'looking for the next message',
  );
  return row?.ms ?? undefined;
}

/** What was delivered or given up is shown for a month. */
export async function cleanDeliveries(catalog: Catalog): Promise<void> {
  await catalog.query(
    `DELETE FROM belay_server.webhook_deliveries
      WHERE state <> 'pending' AND created_at < clock_timestamp() - interval '30 days'`,
    [],
    'cleaning up messages of webhooks',
  );
}

/**
 * The row's own `sending_until` is asked for as well: where another server has just committed its claim, PostgreSQL looks again at
 * the row that it locks, but not at the others, and only that keeps the message from being taken twice.
 */
async function claim(catalog: Catalog): Promise<Claimed | undefined> {
  const [claimed] = await catalog.query<Claimed>(
    `UPDATE belay_server.webhook_deliveries d
        SET attempts = d.attempts + 1, last_attempt_at = clock_timestamp(),
            sending_until = clock_timestamp() + interval '${sendingSeconds} seconds'
       FROM belay_server.webhooks w
      WHERE w.id = d.webhook_id AND d.id = (
        SELECT due.id FROM belay_server.webhook_deliveries due
         WHERE due.state = 'pending' AND due.next_at <= clock_timestamp()
           AND (due.sending_until IS NULL OR due.sending_until <= clock_timestamp())
           AND NOT EXISTS (
             SELECT FROM belay_server.webhook_deliveries busy
              WHERE busy.webhook_id = due.webhook_id AND busy.sending_until > clock_timestamp())
         ORDER BY due.next_at, due.created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
     RETURNING d.id, d.webhook_id, w.url, w.secret_sealed, d.body, d.attempts,
               (extract(epoch FROM clock_timestamp() - d.created_at) * 1000)::float8 AS age_ms,
               extract(epoch FROM clock_timestamp())::float8 AS now`,
    [],
    'taking a message to send',
  );
  return claimed;
}

async function note(
  catalog: Catalog,
  { id, webhook_id: webhookId, attempts, age_ms: ageMs }: Claimed,
  { status, problem }: SendOutcome,
  patience: Patience,
): Promise<void> {
  const leftMs = patience.giveUpAfterMs - ageMs;
  const isGone = status === goneStatus;
  const state = problem === null ? 'delivered' : isGone || leftMs <= 0 ? 'given-up' : 'pending';
  const pauseMs = Math.min(jittered(pauseAfter(attempts, patience)), Math.max(0, leftMs));
  await catalog.query(
    `UPDATE belay_server.webhook_deliveries
        SET state = $3, status = $4, problem = $5, sending_until = NULL,
            next_at = clock_timestamp() + interval '1 millisecond' * $6::float8,
            delivered_at = CASE WHEN $3 = 'delivered' THEN clock_timestamp() END
      WHERE id = $1 AND attempts = $2 AND state = 'pending'`,
    [id, attempts, state, status, problem, pauseMs],
    'noting what came of a message',
  );
  if (isGone) await disable(catalog, webhookId);
}

async function disable(catalog: Catalog, webhookId: string): Promise<void> {
  await catalog.query(
    `WITH gone AS (UPDATE belay_server.webhooks SET enabled = false WHERE id = $1)
     UPDATE belay_server.webhook_deliveries
        SET state = 'given-up', problem = 'the receiver said that it is gone (410)'
      WHERE webhook_id = $1 AND state = 'pending'`,
    [webhookId],
    'switching off a webhook',
  );
}

function pauseAfter(attempts: number, { pausesMs }: Patience): number {
  return pausesMs[Math.min(attempts, pausesMs.length) - 1] ?? 0;
}

/** So that what failed together is not tried again together. */
function jittered(ms: number): number {
  return ms * (0.8 + Math.random() * 0.4);
}
