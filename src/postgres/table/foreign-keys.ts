import { formatQualifiedName, type QualifiedName } from '../../domain/qualified-name.js';
import type { BrokenReference } from '../../domain/table-loss.js';
import { quoteIdentifier, quoteLiteral, type Session } from '../session.js';
import { quoteQualifiedName } from '../sql/tables.js';

/** A foreign key, with all that is needed to count what breaks it and to make it again. */
export interface ForeignKey {
  readonly name: string;
  readonly table: QualifiedName;
  readonly columns: readonly string[];
  readonly refersTo: QualifiedName;
  readonly keyColumns: readonly string[];
  /** `OPERATOR(schema.=)` for each column: key on the left. */
  readonly operators: readonly string[];
  readonly matchFull: boolean;
  /** SQL after `ADD CONSTRAINT name`, without NOT VALID. */
  readonly definition: string;
  readonly validated: boolean;
  /** PostgreSQL 18: checked at all. */
  readonly enforced: boolean;
  /** PostgreSQL 18: compares ranges, not values. */
  readonly temporal: boolean;
  readonly comment: string | null;
  /** Its table is partitioned: before PostgreSQL 18 it cannot be NOT VALID. */
  readonly ofPartitioned: boolean;
  /** The role owns its table. */
  readonly owned: boolean;
}

const columnNames = (numbers: string, relation: string): string =>
  `(SELECT json_agg(a.attname ORDER BY u.ordinal) FROM unnest(${numbers}) WITH ORDINALITY u(attnum, ordinal)
      JOIN pg_attribute a ON a.attrelid = ${relation} AND a.attnum = u.attnum)`;

const relationName = (alias: string): string =>
  `(SELECT json_build_object('schema', n.nspname, 'name', c.relname) FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ${alias})`;

/**
 * Foreign keys of these tables ("outgoing") or of others on them ("incoming"). One that follows from that of a
 * partitioned table is left out; one on a partitioned table counts for its partitions too.
 */
export function readForeignKeys(
  session: Session,
  direction: 'outgoing' | 'incoming',
  tables: readonly QualifiedName[],
): Promise<ForeignKey[]> {
  const side = direction === 'outgoing' ? 'k.conrelid' : 'k.confrelid';
  return session.query<ForeignKey>(
    `WITH RECURSIVE wanted AS (
       SELECT unnest($1::regclass[])::oid AS oid
       ${direction === 'incoming' ? 'UNION SELECT i.inhparent FROM wanted w JOIN pg_inherits i ON i.inhrelid = w.oid' : ''})
     SELECT k.conname::text AS name, ${relationName('k.conrelid')} AS table, ${columnNames('k.conkey', 'k.conrelid')} AS columns,
            ${relationName('k.confrelid')} AS "refersTo", ${columnNames('k.confkey', 'k.confrelid')} AS "keyColumns",
            (SELECT json_agg(format('OPERATOR(%I.%s)', n.nspname, o.oprname) ORDER BY u.ordinal)
               FROM unnest(k.conpfeqop) WITH ORDINALITY u(oid, ordinal)
               JOIN pg_operator o ON o.oid = u.oid JOIN pg_namespace n ON n.oid = o.oprnamespace) AS operators,
            k.confmatchtype = 'f' AS "matchFull",
            regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', '') AS definition,
            k.convalidated AS validated,
            coalesce((to_jsonb(k) ->> 'conenforced')::bool, true) AS enforced,
            coalesce((to_jsonb(k) ->> 'conperiod')::bool, false) AS temporal,
            obj_description(k.oid, 'pg_constraint') AS comment,
            r.relkind = 'p' AS "ofPartitioned", pg_has_role(r.relowner, 'USAGE') AS owned
       FROM pg_constraint k JOIN pg_class r ON r.oid = k.conrelid
      WHERE k.contype = 'f' AND k.conparentid = 0 AND ${side} IN (SELECT oid FROM wanted)
      ORDER BY k.conrelid, k.conname`,
    [tables.map(quoteQualifiedName)],
    'reading the foreign keys',
  );
}

export function addForeignKeySql(key: ForeignKey, notValid: boolean): string[] {
  const only = key.ofPartitioned ? '' : 'ONLY ';
  const table = quoteQualifiedName(key.table);
  const name = quoteIdentifier(key.name);
  const suffix = notValid && key.enforced ? ' NOT VALID' : '';
  const add = `ALTER TABLE ${only}${table} ADD CONSTRAINT ${name} ${key.definition}${suffix}`;
  const comment = `COMMENT ON CONSTRAINT ${name} ON ${table} IS ${quoteLiteral(key.comment ?? '')}`;
  return key.comment === null ? [add] : [add, comment];
}

export function dropForeignKeySql({ table, name }: Pick<ForeignKey, 'table' | 'name'>): string {
  return `ALTER TABLE ${quoteQualifiedName(table)} DROP CONSTRAINT ${quoteIdentifier(name)}`;
}

export function validateSql({ table, name }: Pick<ForeignKey, 'table' | 'name'>): string {
  return `ALTER TABLE ${quoteQualifiedName(table)} VALIDATE CONSTRAINT ${quoteIdentifier(name)}`;
}

/** Where the two tables of a foreign key are at present. */
export interface ReferenceCheck {
  readonly key: ForeignKey;
  readonly table: QualifiedName;
  readonly refersTo: QualifiedName;
}

/** `FROM … WHERE …` of the rows `r` that refer to a row that is not there. */
function brokenRows({ key, table, refersTo }: ReferenceCheck): string {
  const columns = key.columns.map((name) => `r.${quoteIdentifier(name)}`);
  const matches = key.keyColumns.map(
    (name, index) => `p.${quoteIdentifier(name)} ${key.operators[index]} ${columns[index]}`,
  );
  const filled = columns.map((column) => `${column} IS NOT NULL`);
  const from = `${key.ofPartitioned ? '' : 'ONLY '}${quoteQualifiedName(table)} r`;
  return `FROM ${from} WHERE (${filled.join(key.matchFull ? ' OR ' : ' AND ')})
      AND NOT EXISTS (SELECT FROM ${quoteQualifiedName(refersTo)} p WHERE ${matches.join(' AND ')})`;
}

/**
 * Whether a row may be younger than a transaction: a change of the table shows as a change of the number of these, or
 * of the ones that were older.
 */
const isRecent = (since: string): string => `(age(r.xmin) <= age(${quoteLiteral(since)}::xid))`;

export interface BrokenCount {
  readonly rows: number;
  /** Of these, the ones that were written since the transaction. */
  readonly recent: number;
}

const doing = ({ key }: ReferenceCheck): string =>
  `checking the foreign key "${key.name}" of ${key.table.schema}.${key.table.name}`;

/** Rows that refer to a row that is not there. */
export async function countBroken(
  session: Session,
  check: ReferenceCheck,
  since: string,
): Promise<BrokenCount> {
  const { rows, recent } = await session.queryOne<{ rows: string; recent: string }>(
    `SELECT count(*) AS rows, count(*) FILTER (WHERE ${isRecent(since)}) AS recent ${brokenRows(check)}`,
    [],
    doing(check),
  );
  return { rows: Number(rows), recent: Number(recent) };
}

/** The same, only for rows that were written since the transaction: what came after a first count. */
export async function countRecentlyBroken(
  session: Session,
  check: ReferenceCheck,
  since: string,
): Promise<number> {
  const { rows } = await session.queryOne<{ rows: string }>(
    `SELECT count(*) AS rows ${brokenRows(check)} AND ${isRecent(since)}`,
    [],
    doing(check),
  );
  return Number(rows);
}

/** Rows of a table that were there before the transaction: fewer than before where some were deleted or changed. */
export async function countOld(
  session: Session,
  table: QualifiedName,
  since: string,
): Promise<number> {
  const { rows } = await session.queryOne<{ rows: string }>(
    `SELECT count(*) AS rows FROM ${quoteQualifiedName(table)} r WHERE NOT ${isRecent(since)}`,
    [],
    `counting the rows of ${table.schema}.${table.name}`,
  );
  return Number(rows);
}

const mostKeys = 10;

/** Names what is missing. */
export async function describeBroken(
  session: Session,
  check: ReferenceCheck,
  rows: number,
): Promise<BrokenReference> {
  const columns = check.key.columns.map((name) => `r.${quoteIdentifier(name)}`);
  const texts = columns.map((column) => `coalesce(${column}::text, '')`);
  const keys = await session.query<{ key: string[]; rows: string }>(
    `SELECT json_build_array(${texts.join(', ')}) AS key, count(*) AS rows ${brokenRows(check)}
      GROUP BY ${columns.join(', ')} ORDER BY ${columns.join(', ')} LIMIT ${mostKeys}`,
    [],
    doing(check),
  );
  return {
    constraint: check.key.name,
    table: formatQualifiedName(check.key.table),
    refersTo: formatQualifiedName(check.key.refersTo),
    rows,
    keys: keys.map((found) => ({ key: found.key, rows: Number(found.rows) })),
  };
}
