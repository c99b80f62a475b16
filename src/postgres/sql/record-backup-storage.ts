import { quoteIdentifier, type Session } from '../session.js';
import { recordSchema } from './record-backups.js';

const doing = 'measuring the record backups';

/** Bytes of the tables that hold records, with indexes and what is stored apart, by their names. */
export async function readRecordSizes(session: Session): Promise<ReadonlyMap<string, number>> {
  const rows = await session.query<{ name: string; bytes: string }>(
    `SELECT c.relname::text AS name, pg_catalog.pg_total_relation_size(c.oid)::text AS bytes
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relkind = 'r' AND c.relname LIKE 'backup\\_%'`,
    [recordSchema],
    doing,
  );
  return new Map(rows.map(({ name, bytes }) => [name, Number(bytes)]));
}

/**
 * Drops the table of a backup. Its row in the registry stays where that is wanted: then it says that there was one.
 * The row is locked first, so that a rollback that puts the records back and this do not pass each other.
 */
export async function removeRecordBackup(
  session: Session,
  { id, dataTable }: { readonly id: number; readonly dataTable: string | null },
  keepsRow: boolean,
): Promise<void> {
  const removing = `removing record backup ${id}`;
  const sql = keepsRow
    ? 'UPDATE belay.record_backups SET data_table = NULL WHERE id = $1'
    : 'DELETE FROM belay.record_backups WHERE id = $1';
  await session.query(sql, [id], removing);
  if (dataTable !== null) {
    await session.execute(`DROP TABLE ${recordSchema}.${quoteIdentifier(dataTable)}`, removing);
  }
}
