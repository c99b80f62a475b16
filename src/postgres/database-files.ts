import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { locateDataDirectory } from './data-directory.js';
import type { Session } from './session.js';
import type { ConnectionSettings } from './settings.js';

interface FileFacts {
  readonly name: string;
  readonly oid: string;
  readonly directory: string;
  /** Where tablespaces lie, without the two that are in the data directory. */
  readonly tablespaces: readonly string[];
}

/**
 * The folders with the files of databases, in every tablespace.
 *
 * @returns undefined where the server's disk cannot be seen from here, or it is not certain that it is this server's;
 *   databases that are gone are left out
 */
export async function locateDatabaseFiles(
  session: Session,
  settings: ConnectionSettings,
  databases: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]> | undefined> {
  const directory = await locateDataDirectory(session, settings, 'pg_default');
  if (!directory?.certain) return undefined;
  const rows = await session.query<FileFacts>(
    `SELECT d.datname::text AS name, d.oid::text AS oid, current_setting('data_directory') AS directory,
            ARRAY(SELECT pg_tablespace_location(t.oid) FROM pg_tablespace t
                   WHERE pg_tablespace_location(t.oid) <> '') AS tablespaces
       FROM pg_database d WHERE d.datname = ANY ($1)`,
    [databases],
  );
  const versions = await versionFolders(rows[0]?.tablespaces ?? [], session.serverVersion);
  return new Map(
    rows.map(({ name, oid, directory: data }) => [
      name,
      [join(data, 'base', oid), ...versions.map((folder) => join(folder, oid))],
    ]),
  );
}

/** A tablespace holds a folder for each server version and catalog: two clusters may share its place. */
async function versionFolders(
  tablespaces: readonly string[],
  serverVersion: number,
): Promise<string[]> {
  const prefix = `PG_${Math.floor(serverVersion / 10000)}_`;
  const found = tablespaces.map(async (location) => {
    const names = await readdir(location).catch(() => []);
    return names.filter((name) => name.startsWith(prefix)).map((name) => join(location, name));
  });
  return (await Promise.all(found)).flat();
}
