import { constants, copyFile, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ClusterPaths,
  clusterPaths,
  giveTo,
  makePassword,
  prepareFolder,
  readPassword,
  replaceFile,
} from './cluster-folder.js';
import { createDataDirectory, removeHalfMadeDataDirectories } from './data-directory.js';
import { withFolderLock } from './folder-lock.js';
import type { PostgresInstallation } from './installation.js';
import { interruption } from './interruption.js';
import type { ServerUser } from './server-user.js';

export interface TemplateOptions {
  /** Belay's folder for drills. */
  readonly folder: string;
  /** Prepared: runnable by the user. */
  readonly installation: PostgresInstallation;
  readonly user: ServerUser;
  readonly signal?: AbortSignal | undefined;
  /** Called before a new template is made, which takes a second or two. */
  readonly onPrepare?: (() => void) | undefined;
}

/** What a template was made by. Another build of the same version may expect other files. */
function describeMaker({ version, binDir }: PostgresInstallation): string {
  return `${JSON.stringify({ version, binDir }, null, 2)}\n`;
}

function templatePaths({ folder, installation }: TemplateOptions): ClusterPaths {
  const paths = clusterPaths(join(folder, installation.version));
  return { ...paths, dataDir: join(paths.folder, 'template') };
}

/** The record is written last and removed first: a template without it is not whole. */
async function prepareTemplate(options: TemplateOptions, paths: ClusterPaths): Promise<void> {
  const maker = describeMaker(options.installation);
  if ((await readFile(paths.recordFile, 'utf8').catch(() => '')) === maker) return;
  options.onPrepare?.();
  await rm(paths.recordFile, { force: true });
  await rm(paths.dataDir, { recursive: true, force: true });
  await removeHalfMadeDataDirectories(paths.dataDir);
  const { installation, user, signal } = options;
  const password = await makePassword(paths);
  const { dataDir } = paths;
  await createDataDirectory({
    ...{ installation, dataDir, user, password, signal },
    databases: [],
    durable: false,
  });
  await replaceFile(paths.recordFile, maker);
}

/**
 * Copies a folder, sharing blocks where the file system can. Three times as fast as `fs.cp` on the thousand small
 * files of a data directory, and it belongs to the server's user when it is done.
 */
async function copyFolder(
  from: string,
  to: string,
  user: ServerUser,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (signal?.aborted) throw interruption(signal.reason, 'the throwaway server was made');
  await mkdir(to, { mode: 0o700 });
  await giveTo(to, user);
  const entries = await readdir(from, { withFileTypes: true });
  // All are waited for, so that nothing is written any more when a failure is told.
  const copies = await Promise.allSettled(
    entries.map(async (entry) => {
      const [source, target] = [join(from, entry.name), join(to, entry.name)];
      if (entry.isDirectory()) return copyFolder(source, target, user, signal);
      await copyFile(source, target, constants.COPYFILE_FICLONE);
      return giveTo(target, user);
    }),
  );
  const failed = copies.find((copy) => copy.status === 'rejected');
  if (failed) throw failed.reason;
}

/**
 * Makes a new data directory from the template of a version, making that first where there is none or another
 * build has made it.
 *
 * @returns the password of its superuser `postgres`
 * @throws BelayError LOCAL_SERVER_FAILED, LOCKED, INTERRUPTED
 */
export async function copyTemplate(options: TemplateOptions, dataDir: string): Promise<string> {
  const paths = templatePaths(options);
  await prepareFolder(paths, options.user);
  // Copied under the lock too: nobody replaces the template meanwhile.
  return withFolderLock(
    paths.lockFile,
    async () => {
      await prepareTemplate(options, paths);
      await copyFolder(paths.dataDir, dataDir, options.user, options.signal);
      return readPassword(paths);
    },
    { signal: options.signal },
  );
}
