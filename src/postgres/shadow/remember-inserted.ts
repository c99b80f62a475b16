import type { MappedTable } from '../../domain/shadow.js';
import { quoteIdentifier, type Session } from '../session.js';
import { quoteQualifiedName } from '../sql/tables.js';
import { copyInto, copyOut, doingTable, keyOf, shadowRelation } from './apply-stage.js';
import { changedSince, countSource, sourceColumns, sourceRelation } from './scan-filter.js';
import { countShadow, createNotes, notesOf, writeOffset } from './shadow-notes.js';

export interface MigratedRows {
  /** In the target, in a REPEATABLE READ transaction: best that of the copy's own moment, else as soon after it as can be. */
  readonly source: Session;
  /** Right after the migration; not in a transaction. */
  readonly shadow: Session;
  /** Those that the migration may have inserted into or deleted from; their records say that they are transformed. */
  readonly tables: readonly MappedTable[];
  /** `pg_snapshot` of the target at a time that the copy has wholly. */
  readonly since: string;
  /** `pg_snapshot` of the shadow before the migration: only rows written since can be the migration's. */
  readonly beforeMigration?: string | undefined;
}

export interface RememberedRows {
  /** "schema.table" in the target. */
  readonly table: string;
  readonly inserted: number;
  readonly deleted: number;
}

/**
 * Notes, in the shadow, the keys of the rows that the migration itself has inserted and deleted: later scans leave them
 * alone. Of a table without a key only the number can be noted.
 */
export async function rememberInserted(migrated: MigratedRows): Promise<RememberedRows[]> {
  const result: RememberedRows[] = [];
  for (const table of migrated.tables) {
    if (!table.shadow) continue;
    const rows = await migrated.shadow.transaction(() => rememberTable(migrated, table));
    result.push({ table: `${table.source.schema}.${table.source.name}`, ...rows });
  }
  return result;
}

const keys = 'pg_temp.belay_keys';

async function rememberTable(
  { source, shadow, since, beforeMigration }: MigratedRows,
  table: MappedTable,
): Promise<{ inserted: number; deleted: number }> {
  const doing = doingTable(table);
  if (!table.key) return rememberNumber(source, shadow, table);
  await createNotes(shadow, table);
  const own = keyOf(table).map((index) => ({
    index,
    name: quoteIdentifier(table.columns[index]?.shadow ?? ''),
    equals: table.columns[index]?.equals ?? '=',
  }));
  const from = quoteQualifiedName(table.shadow ?? { schema: '', name: '' });
  await shadow.execute(
    `SET LOCAL client_min_messages = warning; DROP TABLE IF EXISTS ${keys};
     CREATE TEMP TABLE belay_keys ON COMMIT DROP AS
       SELECT ${own.map(({ index, name }) => `t.${name} AS c${index}`).join(', ')}, false AS is_new FROM ${from} t WITH NO DATA`,
    doing,
  );
  const query = `SELECT ${sourceColumns(table, keyOf(table))}, ${await changedSince(source, since)} FROM ${sourceRelation(table)} t`;
  await copyInto(shadow, keys, copyOut(source, query), doing);
  await shadow.execute(`ANALYZE ${keys}`, doing);
  const same = own
    .map(({ index, name, equals }) => `t.${name} ${equals} k.c${index}`)
    .join(' AND ');
  const written =
    beforeMigration === undefined ? 'true' : await changedSince(shadow, beforeMigration);
  const inserted = await shadow.run(
    `INSERT INTO ${notesOf(table, 'inserted')} SELECT ${own.map(({ name }) => `t.${name}`).join(', ')}
       FROM ${shadowRelation(table)} t WHERE ${written} AND NOT EXISTS (SELECT FROM ${keys} k WHERE ${same})`,
    doing,
  );
  const deleted = await shadow.run(
    `INSERT INTO ${notesOf(table, 'deleted')} SELECT ${own.map(({ index }) => `k.c${index}`).join(', ')}
       FROM ${keys} k WHERE NOT k.is_new AND NOT EXISTS (SELECT FROM ${shadowRelation(table)} t WHERE ${same})`,
    doing,
  );
  return { inserted: inserted ?? 0, deleted: deleted ?? 0 };
}

async function rememberNumber(
  source: Session,
  shadow: Session,
  table: MappedTable,
): Promise<{ inserted: number; deleted: number }> {
  const more = (await countShadow(shadow, table)) - (await countSource(source, table));
  await writeOffset(shadow, table, more);
  return { inserted: Math.max(0, more), deleted: Math.max(0, -more) };
}
