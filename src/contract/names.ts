import { z } from 'zod';

/** Name of a registered database: what tokens are bound to and scripts write. */
export const databaseNameSchema = z
  .string()
  .min(1)
  .max(63)
  .regex(
    /^[A-Za-z0-9_][A-Za-z0-9._-]*$/,
    'letters, digits, ".", "_" and "-", not starting with "." or "-"',
  );

/** A tag, an id or a unique prefix of it, `latest`, `~1`, `@2026-11-20T14:30`. */
export const referenceSchema = z.string().min(1).max(200);
/** Checked in full by `validateTag`. */
export const tagSchema = z.string().min(1).max(128);
export const descriptionSchema = z.string().max(10_000);
/** ISO 8601 in UTC. */
export const timeSchema = z.string();
/** "7d", "12h", "30m". */
export const durationSchema = z.string().min(1).max(40);
