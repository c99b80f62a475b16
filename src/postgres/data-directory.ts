import { readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Session } from './session.js';
import { type ConnectionSettings, isLocalServer } from './settings.js';

/** Where a database's files lie, as far as this process can see it. */
export interface DataDirectory {
  readonly path: string;
  /**
   * Proven to be this very server's (its postmaster.pid names our port). Otherwise a folder of that name
   * exists here, but it may be another server's: good for telling, not for refusing.
   */
  readonly certain: boolean;
}

/**
 * Finds the folder that holds a database, if the server runs on this machine and the role may know the path.
 * @param tablespace name of the database's default tablespace
 */
export async function locateDataDirectory(
  session: Session,
  settings: ConnectionSettings,
  tablespace: string,
): Promise<DataDirectory | undefined> {
  if (!isLocalServer(settings)) return undefined;
  const [row] = await session.query<{ directory: string; location: string; port: string }>(
    `SELECT s.setting AS directory, pg_tablespace_location(t.oid) AS location, current_setting('port') AS port
       FROM pg_settings s, pg_tablespace t WHERE s.name = 'data_directory' AND t.spcname = $1`,
    [tablespace],
  );
  if (!row) return undefined;
  const pidFile = await readFile(join(row.directory, 'postmaster.pid'), 'utf8').catch(() => '');
  // Lines of postmaster.pid: pid, data directory, start time, port, socket folder, address, …
  const certain = pidFile.split('\n')[3] === row.port;
  const path = row.location || row.directory;
  return (await freeBytes(path)) === undefined ? undefined : { path, certain };
}

/** Free bytes for ordinary users on the file system of a path; undefined where it can't be asked. */
export async function freeBytes(path: string): Promise<number | undefined> {
  const stats = await statfs(path).catch(() => undefined);
  return stats && stats.bavail * stats.bsize;
}

/** statfs magic numbers of XFS, Btrfs and bcachefs; 0x1a is APFS on macOS. */
const blockSharingTypes = new Set([0x58465342, 0x9123683e, 0xca451a4e, 0x1a]);

/** Whether files on that file system may share blocks (XFS only if made so: this is a may). */
export async function mayShareBlocks(path: string): Promise<boolean> {
  const stats = await statfs(path).catch(() => undefined);
  return stats !== undefined && blockSharingTypes.has(stats.type);
}
