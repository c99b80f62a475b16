import { type ConstraintName, parseTableSchemaRecord } from '../../domain/table-schema-record.js';
import { BelayError } from '../../errors.js';
import { sqlStateOf } from '../../postgres/pg-error.js';
import { quoteIdentifier, type Session } from '../../postgres/session.js';
import { validateSql } from '../../postgres/table/foreign-keys.js';

/** What an interrupted restore of single tables left in a database. */
export interface TableLeftover {
  readonly schema: string;
  /** What it is, for people. */
  readonly detail: string;
}

/**
 * Cleans what an interrupted restore of single tables left in the session's database: tables that were built aside are
 * removed, foreign keys that are in place are validated. Tables that were kept stay. The caller holds the target's lock.
 */
export async function cleanTableLeftovers(session: Session): Promise<TableLeftover[]> {
  const rows = await session.query<{ name: string; comment: string }>(
    `SELECT nspname::text AS name, obj_description(oid, 'pg_namespace') AS comment
       FROM pg_namespace
      WHERE nspname LIKE 'belay\\_aside\\_%' AND obj_description(oid, 'pg_namespace') LIKE '{"belay":%'
      ORDER BY 1`,
    [],
    'looking for what an interrupted restore left',
  );
  const cleaned: TableLeftover[] = [];
  for (const { name, comment } of rows) {
    const record = parseTableSchemaRecord(comment);
    if (record?.kind !== 'aside') continue;
    await validateAll(session, record.validate);
    await session.execute(
      `DROP SCHEMA IF EXISTS ${quoteIdentifier(name)} CASCADE`,
      `removing "${name}"`,
    );
    const detail =
      record.validate.length > 0
        ? 'foreign keys of a restored table that were not validated yet'
        : 'a table that was being restored';
    cleaned.push({ schema: name, detail });
  }
  return cleaned;
}

/** What keeps a foreign key from being valid: rows that refer to nothing. Others: the key or its table is gone. */
const brokenOrGone = new Set(['23503', '42704', '42P01', '3F000']);

/** @returns the ones that do not hold */
export async function validateAll(
  session: Session,
  keys: readonly ConstraintName[],
): Promise<ConstraintName[]> {
  const broken: ConstraintName[] = [];
  for (const key of keys) {
    const table = { schema: key.schema, name: key.table };
    try {
      await session.execute(
        validateSql({ table, name: key.name }),
        `validating the foreign key "${key.name}" of ${key.schema}.${key.table}`,
      );
    } catch (error) {
      if (!(error instanceof BelayError)) throw error;
      // A lock that somebody holds is no reason to fail: the key is in place and checks what is written.
      if (!brokenOrGone.has(sqlStateOf(error) ?? '') && error.code !== 'LOCK_TIMEOUT') throw error;
      broken.push(key);
    }
  }
  return broken;
}
