import { isHistorySchema } from './schema-scope.js';

/**
 * What the query families of the live catalog share. Each family is a scalar subquery of one statement, so that the
 * catalog is one moment of the database; its rows are arrays of texts, which cost both sides the least.
 */

/**
 * Common table expressions. `spaces`: schemas whose objects count; temporary ones are another session's, and what Belay keeps
 * for itself is no part of the user's database. `held`: tables that somebody locks or waits to lock, so that functions which open
 * a table (all that print an expression over its columns) would wait too: they are not asked.
 */
export const impactScopeSql = `
  spaces AS MATERIALIZED (
    SELECT oid, nspname, nspname NOT IN ('pg_catalog', 'information_schema') AS is_users FROM pg_namespace
     WHERE nspname !~ '^pg_(toast|temp_)' AND NOT ${isHistorySchema('oid')}),
  held AS MATERIALIZED (
    SELECT DISTINCT relation AS oid FROM pg_locks
     WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock' AND pid <> pg_backend_pid()
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())),
  relations AS MATERIALIZED (
    SELECT c.*, n.nspname, c.oid IN (SELECT oid FROM held) AS is_held FROM pg_class c JOIN spaces n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c') AND (n.is_users OR c.oid >= 16384))`;

/** An object of the user or of an extension, also where that put it into a system schema. */
export function isUsers(oid: string, space = 'n'): string {
  return `(${space}.is_users OR ${oid} >= 16384)`;
}

/** A family: an array of arrays of texts. */
export function family(attributes: readonly string[], from: string): string {
  return `(SELECT json_agg(ARRAY[${attributes.map((sql) => `(${sql})::text`).join(', ')}]) ${from})`;
}
