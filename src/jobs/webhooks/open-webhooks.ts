import { randomBytes } from 'node:crypto';
import { BelayError } from '../../errors.js';
import type { Addresses } from '../addresses/addresses.js';
import type { Catalog } from '../catalog/catalog.js';
import type { Secrets } from '../secrets/secrets.js';
import { messageBody, newMessageId, putOut } from './outbox.js';
import { aboutWebhook, sendMessage } from './send-message.js';
import { newSigningSecret } from './sign-message.js';
import {
  type DeliveryRow,
  deliveryColumns,
  toDelivery,
  toWebhook,
  type WebhookRow,
  webhooksWithLast,
} from './webhook-rows.js';
import { type NewWebhook, newWebhookSchema, type Webhooks } from './webhooks.js';

export interface WebhooksOptions {
  readonly catalog: Catalog;
  readonly secrets: Secrets;
  readonly addresses: Addresses;
}

const most = 100;
const defaultPage = 50;
const largestPage = 200;

/**
 * Webhooks as they are kept in the catalog; `startDeliveries` is what sends.
 *
 * @example
 * const { webhook, secret } = await webhooks.create({ url: 'https://example.com/hook', events: ['checkpoint.failed'] });
 */
export function openWebhooks({ catalog, secrets, addresses }: WebhooksOptions): Webhooks {
  return {
    list: async () => {
      const sql = `${webhooksWithLast} ORDER BY w.created_at, w.id`;
      return (await catalog.query<WebhookRow>(sql, [], 'listing webhooks')).map(toWebhook);
    },
    create: async (order) => {
      const { url } = await addresses.check(checkOrder(order).url);
      return createWebhook(catalog, secrets, { ...order, url: url.href });
    },
    remove: async (id) => {
      const sql = 'DELETE FROM belay_server.webhooks WHERE id = $1 RETURNING id';
      const rows = isId(id) ? await catalog.query(sql, [id], 'removing a webhook') : [];
      if (rows.length === 0) throw webhookNotFound();
    },
    deliveries: (id, page = {}) => listDeliveries(catalog, id, page),
    test: (id) => testWebhook({ catalog, secrets, addresses }, id),
    announce: (event, database, data) =>
      catalog.transaction(async (connection) => {
        const [row] = await connection.query<{ readonly at: Date }>(
          'SELECT clock_timestamp() AS at',
        );
        const at = row?.at ?? new Date();
        const source = `announced ${randomBytes(12).toString('hex')}`;
        await putOut(connection, { event, database, source, at, data: { database, ...data } });
      }),
  };
}

function checkOrder(order: NewWebhook): NewWebhook {
  const parsed = newWebhookSchema.safeParse(order);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new BelayError(
    'USAGE',
    `a webhook cannot be made so: ${issue?.path.join('.')}: ${issue?.message}`,
    {
      hint: 'It needs a URL and at least one event; databases only where it is not for all of them.',
    },
  );
}

async function createWebhook(catalog: Catalog, secrets: Secrets, order: NewWebhook) {
  const id = `whk_${randomBytes(9).toString('hex')}`;
  const secret = newSigningSecret();
  const events = [...new Set(order.events)];
  const databases = order.databases === undefined ? null : [...new Set(order.databases)];
  const [row] = await catalog.query<WebhookRow>(
    `INSERT INTO belay_server.webhooks (id, url, events, databases, secret_sealed)
     SELECT $1, $2, $3, $4, $5 WHERE (SELECT count(*) FROM belay_server.webhooks) < ${most}
     RETURNING id, url, events, databases, enabled, created_at, NULL AS last_at, NULL AS last_ok`,
    [id, order.url, events, databases, secrets.seal(secret, aboutWebhook(id))],
    'adding a webhook',
  );
  if (row !== undefined) return { webhook: toWebhook(row), secret };
  throw new BelayError('QUOTA_REACHED', `there are ${most} webhooks already`, {
    hint: 'Remove some that nobody needs: one webhook can be told of many events and databases.',
  });
}

async function listDeliveries(
  catalog: Catalog,
  id: string,
  {
    limit = defaultPage,
    cursor,
  }: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
) {
  await requireWebhook(catalog, id);
  const count = Math.min(Math.max(1, limit), largestPage);
  const before = cursor === undefined ? null : await checkCursor(catalog, id, cursor);
  const rows = await catalog.query<DeliveryRow>(
    `SELECT ${deliveryColumns} FROM belay_server.webhook_deliveries d
      WHERE d.webhook_id = $1
        AND ($2::text IS NULL OR (d.created_at, d.id) <
             (SELECT c.created_at, c.id FROM belay_server.webhook_deliveries c WHERE c.id = $2))
      ORDER BY d.created_at DESC, d.id DESC LIMIT $3`,
    [id, before, count + 1],
    'listing messages of a webhook',
  );
  const deliveries = rows.slice(0, count).map(toDelivery);
  return { deliveries, next: rows.length > count ? (deliveries.at(-1)?.id ?? null) : null };
}

async function checkCursor(catalog: Catalog, id: string, cursor: string): Promise<string> {
  const sql = 'SELECT id FROM belay_server.webhook_deliveries WHERE webhook_id = $1 AND id = $2';
  const isOne = /^msg_[0-9a-f]{24}$/.test(cursor);
  const rows = isOne ? await catalog.query(sql, [id, cursor], 'finding a page') : [];
  if (rows.length > 0) return cursor;
  throw new BelayError('BAD_REQUEST', 'the cursor is not one of this list, or too old', {
    hint: 'Begin again without a cursor.',
    details: { field: 'cursor' },
  });
}

async function requireWebhook(catalog: Catalog, id: string) {
  const [row] = isId(id)
    ? await catalog.query<{
        readonly url: string;
        readonly secret_sealed: string;
        readonly now: number;
      }>(
        `SELECT url, secret_sealed, extract(epoch FROM clock_timestamp())::float8 AS now
           FROM belay_server.webhooks WHERE id = $1`,
        [id],
        'looking for a webhook',
      )
    : [];
  if (row === undefined) throw webhookNotFound();
  return row;
}

/** Written before it is sent, as failed: where this server dies meanwhile, nobody sends it again. */
async function testWebhook({ catalog, secrets, addresses }: WebhooksOptions, webhookId: string) {
  const { url, secret_sealed: secretSealed, now } = await requireWebhook(catalog, webhookId);
  const id = newMessageId();
  const body = messageBody('webhook.test', new Date(now * 1000), { webhook: webhookId });
  await catalog.query(
    `INSERT INTO belay_server.webhook_deliveries
       (id, webhook_id, event, source, body, state, attempts, last_attempt_at, problem)
     SELECT $1, w.id, 'webhook.test', $1, $3, 'given-up', 1, clock_timestamp(), 'the server ended before the answer'
       FROM belay_server.webhooks w WHERE w.id = $2`,
    [id, webhookId, body],
    'writing a test message',
  );
  const message = { id, webhookId, url, secretSealed, body, nowSeconds: now };
  const { status, problem } = await sendMessage(message, { secrets, addresses });
  const [row] = await catalog.query<DeliveryRow>(
    `UPDATE belay_server.webhook_deliveries d
        SET status = $2, problem = $3, state = CASE WHEN $3::text IS NULL THEN 'delivered' ELSE 'given-up' END,
            delivered_at = CASE WHEN $3::text IS NULL THEN clock_timestamp() END
      WHERE d.id = $1 RETURNING ${deliveryColumns}`,
    [id, status, problem],
    'noting a test message',
  );
  if (row === undefined) throw webhookNotFound();
  return toDelivery(row);
}

function isId(id: string): boolean {
  return /^whk_[0-9a-f]{18}$/.test(id);
}

function webhookNotFound(): BelayError {
  return new BelayError('WEBHOOK_NOT_FOUND', 'there is no webhook with this id', {
    hint: 'GET /api/webhooks lists them.',
  });
}
