import { parseBackupLabel, walSegments } from '../domain/wal-segments.js';
import { BelayError } from '../errors.js';
import { sqlStateOf } from './pg-error.js';
import { quoteLiteral, type Session } from './session.js';

/** What makes the files that were copied meanwhile a database. */
export interface BaseBackup<T> {
  readonly result: T;
  /** The text of `backup_label` for the copy. */
  readonly label: string;
  /** The files of the log that the copy needs to become consistent. */
  readonly walFiles: readonly string[];
  /** A tablespace came or went meanwhile: the copy would replay that on the original's own folders. */
  readonly tablespacesChanged: boolean;
}

/** Where the log cannot be held back: no right, no free slot, a server without slots. */
const noSlotStates = new Set(['42501', '53400', '55000', '0A000']);

/**
 * Runs `copy` while the server is in backup mode: nobody is disconnected and nothing waits, and the files that are copied
 * meanwhile are consistent together with the log until the end. `keep` then copies that log, which a temporary slot holds back
 * where one can be had; where not, it may be gone already.
 *
 * @param session of its own: closing it ends the backup
 * @throws BelayError PERMISSION_DENIED, CLUSTER_NOT_COPIED
 */
export async function withBaseBackup<T>(
  session: Session,
  name: string,
  copy: () => Promise<T>,
  keep: (backup: BaseBackup<T>) => Promise<void>,
): Promise<void> {
  await holdLog(session, name);
  try {
    const before = await readTablespaceIds(session);
    await startBackup(session, name);
    const result = await copy();
    const stopped = await stopBackup(session);
    const after = await readTablespaceIds(session);
    await keep({ ...stopped, result, tablespacesChanged: before !== after });
  } finally {
    await releaseLog(session, name);
  }
}

async function holdLog(session: Session, name: string): Promise<void> {
  try {
    await session.query(
      'SELECT pg_create_physical_replication_slot($1, true, true)',
      [name],
      'holding back the log',
    );
  } catch (error) {
    if (!noSlotStates.has(sqlStateOf(error) ?? '')) throw error;
  }
}

async function releaseLog(session: Session, name: string): Promise<void> {
  const drop = `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = ${quoteLiteral(name)}`;
  // Temporary: the end of the session drops it as well.
  await session.execute(drop, 'letting go of the log').catch(() => {});
}

const firstWithNewNames = 150000;

async function startBackup(session: Session, name: string): Promise<void> {
  const call =
    session.serverVersion >= firstWithNewNames
      ? 'pg_backup_start($1, true)'
      : 'pg_start_backup($1, true, false)';
  try {
    await session.query(`SELECT ${call}`, [name], 'beginning a backup');
  } catch (error) {
    // Nothing of "wal_level = minimal" can be made consistent while the server runs.
    if (sqlStateOf(error) !== '55000') throw error;
    throw new BelayError(
      'CLUSTER_NOT_COPIED',
      'the server cannot be copied while it runs: it has "wal_level = minimal", or is a standby',
      { hint: 'Set wal_level to replica and restart the server.', cause: error },
    );
  }
}

async function stopBackup(session: Session) {
  const call =
    session.serverVersion >= firstWithNewNames
      ? 'pg_backup_stop(false)'
      : 'pg_stop_backup(false, false)';
  const { lsn, label, bytes } = await session.queryOne<{
    lsn: string;
    label: string;
    bytes: number;
  }>(
    `SELECT s.lsn::text AS lsn, s.labelfile AS label,
            (SELECT setting::int FROM pg_settings WHERE name = 'wal_segment_size') AS bytes
       FROM ${call} s`,
    [],
    'ending the backup',
  );
  const start = parseBackupLabel(label);
  if (!start) throw new BelayError('BUG', 'the label of a backup does not say where it begins');
  const { lsn: from, timeline } = start;
  return { label, walFiles: walSegments({ from, to: lsn, timeline, segmentBytes: bytes }) };
}

async function readTablespaceIds(session: Session): Promise<string> {
  const { ids } = await session.queryOne<{ ids: string }>(
    `SELECT coalesce(string_agg(oid::text, ',' ORDER BY oid), '') AS ids FROM pg_tablespace`,
  );
  return ids;
}
