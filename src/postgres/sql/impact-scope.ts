import { isHistorySchema } from './schema-scope.js';

/**
 * What the query families of the live catalog share. Each family is a scalar subquery of one statement, so that the
 * catalog is one moment of the database; its rows are arrays of texts, which cost both sides the least.
 */

/**
 * Common table expressions. `spaces`: schemas whose objects count; temporary ones are another session's, and what Belay keeps
 * for itself is no part of the user's database. `held`: somebody holds a lock behind which functions that open a table would
 * wait.
 */
export const impactScopeSql = `
  spaces AS MATERIALIZED (
    SELECT oid, nspname, nspname NOT IN ('pg_catalog', 'information_schema') AS is_users FROM pg_namespace
     WHERE nspname !~ '^pg_(toast|temp_)' AND NOT ${isHistorySchema('oid')}),
  held AS MATERIALIZED (
    SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'relation' AND granted AND mode = 'AccessExclusiveLock'
                      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                      AND pid <> pg_backend_pid()) AS is_held),
  relations AS MATERIALIZED (
    SELECT c.*, n.nspname, (SELECT is_held FROM held) AS is_held FROM pg_class c JOIN spaces n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c') AND (n.is_users OR c.oid >= 16384))`;

/** An object of the user or of an extension, also where that put it into a system schema. */
export function isUsers(oid: string, space = 'n'): string {
  return `(${space}.is_users OR ${oid} >= 16384)`;
}

/** A family: an array of arrays of texts. */
export function family(attributes: readonly string[], from: string): string {
  return `(SELECT json_agg(ARRAY[${attributes.map((sql) => `(${sql})::text`).join(', ')}]) ${from})`;
}
