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

/**
 * Text that PostgreSQL can keep: no NUL and no half of a surrogate pair. Refused at the door, since the queue is a table.
 * @param most length in UTF-16 units
 */
export function textSchema(least: number, most: number) {
  return z
    .string()
    .min(least)
    .max(most)
    .regex(/^[^\0\p{Cs}]*$/u, 'no NUL and no half characters');
}

/** A tag, an id or a unique prefix of it, `latest`, `~1`, `@2026-11-20T14:30`. */
export const referenceSchema = textSchema(1, 200);
/** Checked in full by `validateTag`. */
export const tagSchema = textSchema(1, 128);
export const descriptionSchema = textSchema(0, 10_000);
/** ISO 8601 in UTC. */
export const timeSchema = textSchema(0, 40);
/** "7d", "12h", "30m". */
export const durationSchema = textSchema(1, 40);
/**
 * A schema that is compared: "live", a version, a snapshot's reference. What the command line takes as well, a database's URL
 * or a file, would be opened by the server, which reaches what the caller does not.
 */
export const schemaSideSchema = textSchema(1, 200).regex(
  /^(?![A-Za-z][A-Za-z0-9+.-]*:\/\/)(?![\s\S]*\.(?:sql|json)$)/,
  '"live", a version or a snapshot; no URL and no file',
);
