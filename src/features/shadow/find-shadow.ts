import type { ShadowRecord } from '../../domain/shadow.js';
import { parseShadowComment } from '../../domain/shadow-record.js';
import { BelayError } from '../../errors.js';
import type { Session } from '../../postgres/session.js';
import { type DatabaseRow, readDatabases } from '../../postgres/sql/databases.js';

/** A shadow that is complete, found by the record in its comment. */
export interface FoundShadow {
  /** Its name now. */
  readonly database: string;
  readonly oid: number;
  readonly record: ShadowRecord;
  /**
   * Why it is not of the target as it is now: another database has the name since, by a restore or a switch. It can be
   * looked at and aborted, but not be synced or promoted. Null: it is.
   */
  readonly stale: string | null;
}

/**
 * Finds the shadow of a database by its record, whatever its name.
 *
 * @param main a session on any database of the server
 * @example
 * const shadow = await findShadow(target.main, target.database);
 * @returns null where there is none; of several (a copy of the cluster's files, a rename by hand) one that is not stale
 * @throws BelayError BAD_CONFIG where a later Belay has made it
 */
export async function findShadow(main: Session, database: string): Promise<FoundShadow | null> {
  const rows = await readDatabases(main, database);
  const live = rows.find(({ name }) => name === database);
  const found = rows.flatMap((row) => shadowOf(row, database, live) ?? []);
  return found.find(({ stale }) => stale === null) ?? found[0] ?? null;
}

/** All shadows of the server, whatever their target. */
export async function findAllShadows(main: Session): Promise<FoundShadow[]> {
  const rows = await readDatabases(main, '');
  return rows.flatMap((row) => shadowOf(row, null, undefined) ?? []);
}

function shadowOf(
  row: DatabaseRow,
  database: string | null,
  live: DatabaseRow | undefined,
): FoundShadow | undefined {
  const parsed = parseShadowComment(row.comment);
  if (parsed.type === 'newer') {
    if (database === null) return undefined;
    throw new BelayError('BAD_CONFIG', `"${row.name}" was made by a newer Belay`, {
      hint: 'Upgrade Belay on this machine: it must not touch what it does not understand.',
    });
  }
  if (parsed.type !== 'record') return undefined;
  const { record } = parsed;
  // A copy of a shadow has its comment only where somebody wrote it there; it is not the shadow.
  if (record.oid !== row.oid) return undefined;
  if (database !== null && record.target.database !== database) return undefined;
  return { database: row.name, oid: row.oid, record, stale: staleness(record, database, live) };
}

function staleness(
  record: ShadowRecord,
  database: string | null,
  live: DatabaseRow | undefined,
): string | null {
  if (database === null) return null;
  if (!live) return `there is no database "${database}" any more`;
  if (live.oid === record.sourceOid) return null;
  return `"${database}" was restored or switched since: another database has its name now`;
}

/**
 * The shadow of a database.
 * @throws BelayError SHADOW_NOT_FOUND; BAD_CONFIG where a later Belay has made it
 */
export async function requireShadow(main: Session, database: string): Promise<FoundShadow> {
  const found = await findShadow(main, database);
  if (found) return found;
  throw new BelayError('SHADOW_NOT_FOUND', `"${database}" has no shadow`, {
    hint: 'Make one with `belay shadow create`.',
  });
}
