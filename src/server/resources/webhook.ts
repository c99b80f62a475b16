import { z } from 'zod';
import { webhookEventSchema } from '../../jobs/webhooks/webhooks.js';
import { boundDatabasesSchema } from './caller.js';
import { isoTimeSchema } from './schema-change.js';

export const webhookSchema = z.object({
  id: z.string(),
  url: z.string(),
  events: z.array(webhookEventSchema),
  databases: boundDatabasesSchema,
  enabled: z.boolean(),
  createdAt: isoTimeSchema,
  lastAttempt: z.object({ at: isoTimeSchema, ok: z.boolean() }).nullable(),
});

export const webhookDeliverySchema = z.object({
  id: z.string(),
  event: webhookEventSchema,
  database: z.string().nullable(),
  state: z.enum(['pending', 'delivered', 'given-up']),
  attempts: z.int(),
  createdAt: isoTimeSchema,
  lastAttemptAt: isoTimeSchema.nullable(),
  nextAttemptAt: isoTimeSchema.nullable(),
  deliveredAt: isoTimeSchema.nullable(),
  status: z.int().nullable().meta({ description: 'HTTP status of the last answer' }),
  problem: z.string().nullable(),
});
