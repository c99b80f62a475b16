import { constants } from 'node:fs';
import { copyFile, readdir, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative } from 'node:path';
import { BelayError } from '../../errors.js';
import { type BaseBackup, withBaseBackup } from '../../postgres/base-backup.js';
import { writeServerFile } from '../../process/branch-cluster-config.js';
import { giveTo } from '../../process/cluster-folder.js';
import { type CopiedTree, copyTree } from '../../process/copy-tree.js';
import type { ServerUser } from '../../process/server-user.js';
import type { ClusterSource } from './cluster-source.js';

/** Folders of which a server needs no more than that they are there. */
const emptied = new Set([
  ...['pg_replslot', 'pg_stat_tmp', 'pg_dynshmem', 'pg_notify', 'pg_serial', 'pg_snapshots'],
  'pg_subtrans',
]);

/** Files that are about the process that wrote them, or about another backup. */
const ofOthers = new Set([
  ...['postmaster.pid', 'postmaster.opts', 'current_logfiles', 'backup_manifest'],
  ...['backup_label', 'backup_label.old', 'tablespace_map', 'tablespace_map.old'],
  ...['standby.signal', 'recovery.signal', 'recovery.done', 'postgresql.auto.conf.tmp'],
]);

const configFiles = new Set([
  'postgresql.conf',
  'postgresql.auto.conf',
  'pg_hba.conf',
  'pg_ident.conf',
]);

/** Keys and certificates of the original stay with it. */
const isSecret = (path: string) => /^[^/]+\.(key|crt|crl|pem)$/.test(path);

/** Written last by a server too: it says from where the files are whole. */
const controlFile = 'global/pg_control';

/** A server restarts a backup that lost its log or a tablespace this often. */
const attempts = 3;

export interface DataCopy {
  readonly source: ClusterSource;
  readonly dataDir: string;
  readonly user: ServerUser;
  /** Name of the backup and its slot; letters, digits and "_". */
  readonly name: string;
  readonly signal: AbortSignal | undefined;
}

/** What does not come along, by its path in the data directory. */
function skipsOf({ dataDir, carried, logDirectory, session }: ClusterSource) {
  const log = logFolder(dataDir, logDirectory);
  const ownFolder = session && `PG_${Math.floor(session.serverVersion / 10_000)}_`;
  const skipsTop = (name: string) =>
    ofOthers.has(name) || isSecret(name) || (carried !== null && configFiles.has(name));
  const skipsBelow = (top: string, third: string | undefined) =>
    emptied.has(top) ||
    // The log of a server that runs is copied when it is known which is needed.
    (session !== null && top === 'pg_wal') ||
    // A tablespace's folder may hold those of other versions as well.
    (top === 'pg_tblspc' && third !== undefined && !third.startsWith(ownFolder ?? ''));
  return (path: string): boolean => {
    const [top = '', second, third] = path.split('/');
    const name = basename(path);
    if (path === log || name.startsWith('pgsql_tmp') || name === 'pg_internal.init') return true;
    return second === undefined ? skipsTop(top) : skipsBelow(top, third);
  };
}

function logFolder(dataDir: string, directory: string | null): string | undefined {
  if (directory === null || directory === '') return undefined;
  const below = isAbsolute(directory) ? relative(dataDir, directory) : directory;
  return below === '' || below.startsWith('..') ? undefined : below;
}

/** Tablespaces and a log that lie elsewhere become ordinary folders: the copy refers to nothing outside of itself. */
const isLinkedFolder = (path: string) => !path.includes('/') || dirname(path) === 'pg_tblspc';

/**
 * Copies a data directory, whether its server runs or not, so that a server can start on the copy.
 * @throws BelayError CLUSTER_NOT_COPIED, DISK_FULL, FILE_ERROR, INTERRUPTED
 */
export async function copyDataDirectory(copy: DataCopy, clear: () => Promise<void>) {
  const { session } = copy.source;
  if (!session) return copyFiles(copy);
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    let copied: CopiedTree | undefined;
    await withBaseBackup(
      session,
      copy.name,
      () => copyFiles(copy),
      async (backup) => {
        if (await complete(copy, backup)) copied = backup.result;
      },
    );
    if (copied) return copied;
    await clear();
  }
  throw new BelayError(
    'CLUSTER_NOT_COPIED',
    `the server wrote and removed its log faster than it could be copied, ${attempts} times`,
    { hint: 'Give it a free replication slot (max_replication_slots), or raise wal_keep_size.' },
  );
}

function copyFiles({ source, dataDir, user, signal }: DataCopy): Promise<CopiedTree> {
  return copyTree({
    ...{ from: source.dataDir, to: dataDir, user, signal },
    skips: skipsOf(source),
    follows: isLinkedFolder,
    last: [controlFile],
  });
}

/** Adds what makes the copy consistent. @returns false where it is not to be had any more */
async function complete(
  { source, dataDir, user }: DataCopy,
  { label, walFiles, tablespacesChanged }: BaseBackup<CopiedTree>,
): Promise<boolean> {
  if (tablespacesChanged) return false;
  const from = join(source.dataDir, 'pg_wal');
  const to = join(dataDir, 'pg_wal');
  const histories = (await readdir(from)).filter((name) => name.endsWith('.history'));
  for (const name of [...walFiles, ...histories]) {
    const isThere = await copyFile(
      join(from, name),
      join(to, name),
      constants.COPYFILE_FICLONE,
    ).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return false;
        throw error;
      },
    );
    if (!isThere) return false;
    await giveTo(join(to, name), user);
  }
  const sizes = await Promise.all(walFiles.map((name) => stat(join(to, name))));
  if (new Set(sizes.map(({ size }) => size)).size > 1) return false;
  await writeServerFile(join(dataDir, 'backup_label'), label, user);
  return true;
}
