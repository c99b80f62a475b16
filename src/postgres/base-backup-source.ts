import { open, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { BelayError } from '../errors.js';
import { readSystemIdentifier } from './requirements.js';
import type { Session } from './session.js';
import { type ConnectionSettings, describeServer, isLocalServer } from './settings.js';

/** A server whose data directory this process can read. */
export interface BackupSource {
  /** Real path. */
  readonly dataDir: string;
  readonly systemIdentifier: string | null;
  readonly port: number;
  /** The first superuser: it is always there, whatever it is called. */
  readonly superuser: string;
  readonly serverVersion: number;
  /** Where the server writes its log, below the data directory or elsewhere; null: not known. */
  readonly logDirectory: string | null;
}

/** What can be known of a server without any right. */
export interface ServerIdentity {
  readonly systemIdentifier: string | null;
  readonly port: number;
}

export async function readServerIdentity(session: Session): Promise<ServerIdentity> {
  const { port } = await session.queryOne<{ port: number }>(
    `SELECT current_setting('port')::int AS port`,
  );
  return { port, systemIdentifier: (await readSystemIdentifier(session)) ?? null };
}

/**
 * Finds the data directory of a server and proves that it is this very server's.
 * @throws BelayError CLUSTER_NOT_COPIED saying why it cannot be copied from here
 */
export async function findBackupSource(
  session: Session,
  settings: ConnectionSettings,
): Promise<BackupSource> {
  const server = describeServer(settings);
  if (!isLocalServer(settings)) {
    throw notCopied(
      `the server ${server} is not on this machine`,
      'Its data directory has to be readable here. Branches of isolation "database" work with any server.',
    );
  }
  await checkRights(session);
  const identity = await readServerIdentity(session);
  const { directory, log, superuser } = await session.queryOne<{
    directory: string;
    log: string | null;
    superuser: string;
  }>(
    `SELECT current_setting('data_directory') AS directory, current_setting('log_directory', true) AS log,
            (SELECT rolname::text FROM pg_roles WHERE oid = 10) AS superuser`,
  );
  const dataDir = await realpath(directory).catch((error) => {
    throw unreadable(directory, error);
  });
  await proveDirectory(dataDir, identity, server);
  const { serverVersion } = session;
  return { dataDir, ...identity, superuser, serverVersion, logDirectory: log };
}

async function checkRights(session: Session): Promise<void> {
  const start =
    session.serverVersion >= 150000
      ? 'pg_backup_start(text, boolean)'
      : 'pg_start_backup(text, boolean, boolean)';
  const stop =
    session.serverVersion >= 150000
      ? 'pg_backup_stop(boolean)'
      : 'pg_stop_backup(boolean, boolean)';
  const { role, settings, backup, standby } = await session.queryOne<{
    role: string;
    settings: boolean;
    backup: boolean;
    standby: boolean;
  }>(
    `SELECT current_user::text AS role, pg_has_role('pg_read_all_settings', 'usage') AS settings,
            has_function_privilege('${start}', 'execute') AND has_function_privilege('${stop}', 'execute') AS backup,
            pg_is_in_recovery() AS standby`,
  );
  if (standby) throw notCopied('the server is a standby', 'Point Belay at the primary.');
  if (settings && backup) return;
  const what = settings ? 'begin a backup' : 'see where the server keeps its data';
  throw notCopied(
    `role "${role}" may not ${what}`,
    'Connect as a superuser, or grant the role pg_read_all_settings and EXECUTE on the functions that begin and end a backup.',
  );
}

/** Two servers may have the same folder's name, here and in a container: the files have to say the same as the server. */
async function proveDirectory(
  dataDir: string,
  { systemIdentifier, port }: ServerIdentity,
  server: string,
): Promise<void> {
  const text = await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch((error) => {
    throw unreadable(dataDir, error);
  });
  const found = await controlIdentifier(dataDir);
  // Lines of postmaster.pid: pid, data directory, start time, port, …
  const isSame = text.split('\n')[3]?.trim() === String(port) && found === systemIdentifier;
  if (isSame) return;
  throw notCopied(
    `${dataDir} on this machine is not the data directory of the server ${server}`,
    'The server runs in a container or on another machine; run Belay where its files are.',
  );
}

/** The system identifier as the data directory itself says it: the first eight bytes of `pg_control`. */
async function controlIdentifier(dataDir: string): Promise<string> {
  try {
    const file = await open(join(dataDir, 'global', 'pg_control'), 'r');
    try {
      const bytes = Buffer.alloc(8);
      await file.read(bytes, 0, 8, 0);
      return bytes.readBigUInt64LE().toString();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw unreadable(dataDir, error);
  }
}

function unreadable(directory: string, error: unknown): BelayError {
  const { code } = error as NodeJS.ErrnoException;
  const isDenied = code === 'EACCES' || code === 'EPERM';
  return notCopied(
    isDenied
      ? `this user may not read the data directory ${directory}`
      : `the data directory ${directory} is not on this machine`,
    isDenied
      ? 'Run Belay as root or as the user who runs the server.'
      : 'The server runs in a container or on another machine; run Belay where its files are.',
    error,
  );
}

function notCopied(why: string, hint: string, cause?: unknown): BelayError {
  return new BelayError('CLUSTER_NOT_COPIED', `a branch with a server of its own: ${why}`, {
    hint,
    cause,
  });
}
