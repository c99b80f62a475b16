import { z } from 'zod';
import { databaseNameSchema } from '../../contract/names.js';
import { scopeSchema } from '../../contract/scope.js';
import { isoTimeSchema } from './schema-change.js';

export const boundDatabasesSchema = z
  .array(databaseNameSchema)
  .nullable()
  .meta({ description: 'Registered names that it is bound to; null: all' });

/** A text that people gave something: no control characters, since it is shown in terminals and logs. */
export const displayNameSchema = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'no control characters');

const callerSchema = z.object({
  kind: z.enum(['token', 'person', 'agent', 'schedule']),
  id: z.string(),
  name: z.string(),
  scopes: z.array(scopeSchema),
  databases: boundDatabasesSchema,
});

export const sessionSchema = z.object({
  caller: callerSchema,
  csrf: z
    .string()
    .nullable()
    .meta({ description: 'Pages send it as `x-csrf-token` with all but GET; null for a token' }),
  expiresAt: isoTimeSchema.nullable().meta({ description: 'Of the session; null for a token' }),
});

export const tokenSchema = z.object({
  id: z.string().meta({ example: 'tok_4f3a9c1b' }),
  name: z.string(),
  kind: z.enum(['token', 'agent']),
  scopes: z.array(scopeSchema),
  databases: boundDatabasesSchema,
  createdAt: isoTimeSchema,
  expiresAt: isoTimeSchema.nullable(),
  lastUsedAt: isoTimeSchema.nullable(),
  revokedAt: isoTimeSchema.nullable(),
});

export const personSchema = z.object({
  id: z.string().meta({ example: 'per_4f3a9c1b' }),
  name: z.string(),
  scopes: z.array(scopeSchema),
  databases: boundDatabasesSchema,
  createdAt: isoTimeSchema,
});
