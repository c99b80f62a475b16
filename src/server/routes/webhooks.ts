import { z } from 'zod';
import type { Caller } from '../../contract/caller.js';
import { textSchema } from '../../contract/names.js';
import { BelayError } from '../../errors.js';
import { newWebhookSchema, type Webhooks } from '../../jobs/webhooks/webhooks.js';
import type { Api } from '../http/api.js';
import { pageQuery } from '../http/read-input.js';
import { addRoute } from '../http/route.js';
import { checkGrant, isWithin } from '../resources/granting.js';
import { nextSchema, pageOf } from '../resources/page.js';
import { webhookDeliverySchema, webhookSchema } from '../resources/webhook.js';

const path = '/api/webhooks';
const common = { scope: 'admin', tag: 'Webhooks' } as const;
const ofOne = { ...common, params: z.strictObject({ id: textSchema(1, 100) }) } as const;

/** Whom the server tells what happened. */
export function addWebhookRoutes(api: Api): void {
  addWebhookList(api);
  addWebhookMaking(api);
  addWebhookDeliveries(api);
  addRoute(
    api,
    {
      ...{ ...ofOne, method: 'delete', path: `${path}/{id}`, summary: 'Remove a webhook' },
      answers: { 204: { description: 'Gone, with what was still to be delivered' } },
    },
    async ({ c, caller, services: { webhooks }, params: { id } }) => {
      await requireWebhook(webhooks, caller, id);
      await webhooks.remove(id);
      return c.body(null, 204);
    },
  );
}

function addWebhookList(api: Api): void {
  addRoute(
    api,
    {
      ...{ ...common, method: 'get', path, summary: 'All webhooks, without their secrets' },
      query: z.strictObject(pageQuery),
      answers: {
        200: {
          description: 'With how the last attempt went',
          schema: z.object({ webhooks: z.array(webhookSchema), next: nextSchema }),
        },
      },
    },
    async ({ c, caller, services, query }) => {
      const all = await services.webhooks.list();
      const visible = all.filter(({ databases }) => isWithin(caller, databases));
      const { items, next } = pageOf(visible, query, ({ id }) => id);
      return c.json({ webhooks: items, next });
    },
  );
}

function addWebhookMaking(api: Api): void {
  addRoute(
    api,
    {
      ...{ ...common, method: 'post', path, summary: 'Have a URL told what happens' },
      description:
        'Messages are signed as Standard Webhooks has it. The secret is in this answer and nowhere else.',
      body: newWebhookSchema,
      answers: {
        201: {
          description: 'The webhook, with its secret, shown once',
          schema: z.object({ webhook: webhookSchema, secret: z.string() }),
        },
      },
    },
    async ({ c, caller, services, body }) => {
      checkGrant(caller, body.databases);
      return c.json(await services.webhooks.create(body), 201);
    },
  );
}

function addWebhookDeliveries(api: Api): void {
  addRoute(
    api,
    {
      ...{ ...ofOne, method: 'get', path: `${path}/{id}/deliveries` },
      summary: 'What was sent to it, and what became of it',
      query: z.strictObject(pageQuery),
      answers: {
        200: {
          description: 'Newest first, of the last 30 days',
          schema: z.object({ deliveries: z.array(webhookDeliverySchema), next: nextSchema }),
        },
      },
    },
    async ({ c, caller, services: { webhooks }, params: { id }, query }) => {
      await requireWebhook(webhooks, caller, id);
      return c.json(await webhooks.deliveries(id, query));
    },
  );
  addRoute(
    api,
    {
      ...{ ...ofOne, method: 'post', path: `${path}/{id}/test`, summary: 'Send it a test' },
      body: z.strictObject({}),
      answers: { 200: { description: 'How it went', schema: webhookDeliverySchema } },
    },
    async ({ c, caller, services: { webhooks }, params: { id } }) => {
      await requireWebhook(webhooks, caller, id);
      return c.json(await webhooks.test(id));
    },
  );
}

async function requireWebhook(webhooks: Webhooks, caller: Caller, id: string): Promise<void> {
  const webhook = (await webhooks.list()).find((one) => one.id === id);
  if (webhook && isWithin(caller, webhook.databases)) return;
  throw new BelayError('WEBHOOK_NOT_FOUND', `there is no webhook ${JSON.stringify(id)}`, {
    hint: 'See GET /api/webhooks.',
  });
}
