import { z } from 'zod';
import { databaseNameSchema, textSchema } from '../../contract/names.js';
import { scheduledTypes } from '../../jobs/schedules/schedules.js';
import { displayNameSchema } from './caller.js';
import { isoTimeSchema } from './schema-change.js';

const cronSchema = textSchema(1, 200).meta({
  description: 'Five fields, six with seconds first, or a nickname such as "@daily"',
  example: '0 3 * * *',
});
const timezoneSchema = textSchema(1, 100).meta({ example: 'Europe/Berlin' });
const inputSchema = z.record(textSchema(1, 100), z.unknown()).meta({
  description: 'As the job’s. In `tag`, "{date}" and "{time}" are replaced.',
  example: { tag: 'nightly-{date}' },
});
const typeSchema = z.enum(scheduledTypes);

export const newScheduleSchema = z.strictObject({
  database: databaseNameSchema,
  name: displayNameSchema,
  cron: cronSchema,
  timezone: timezoneSchema.optional(),
  type: typeSchema,
  input: inputSchema.optional(),
  enabled: z.boolean().optional(),
});

export const scheduleChangeSchema = z.strictObject({
  name: displayNameSchema.optional(),
  cron: cronSchema.optional(),
  timezone: timezoneSchema.optional(),
  input: inputSchema.optional(),
  enabled: z.boolean().optional(),
});

export const scheduleSchema = z.object({
  id: z.string(),
  database: z.string(),
  name: z.string(),
  cron: z.string(),
  timezone: z.string(),
  type: typeSchema,
  input: z.record(z.string(), z.unknown()),
  enabled: z.boolean(),
  createdAt: isoTimeSchema,
  createdBy: z.string(),
  nextAt: isoTimeSchema.nullable(),
  lastJob: z.object({ id: z.string(), state: z.string(), createdAt: isoTimeSchema }).nullable(),
  problem: z.string().nullable(),
});
