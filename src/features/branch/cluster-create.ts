import { randomBytes } from 'node:crypto';
import { appendFile, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { reportStep } from '../../domain/reporter.js';
import { BelayError } from '../../errors.js';
import { clusterBranchSetting } from '../../postgres/requirements.js';
import {
  type BranchClusterPaths,
  branchClusterPaths,
  chooseBranchPort,
  ownUserName,
  startBranchCluster,
  writeConnection,
} from '../../process/branch-cluster.js';
import { settingLine, writeBranchConfig } from '../../process/branch-cluster-config.js';
import { asidePaths, removePointer, writePointer } from '../../process/branch-cluster-index.js';
import { prepareFolder, writeClusterRecord } from '../../process/cluster-folder.js';
import { copyTree } from '../../process/copy-tree.js';
import { ownIdentity } from '../../process/process-identity.js';
import { findServerUser, type ServerUser } from '../../process/server-user.js';
import { prepareShipped } from '../../process/shipped-postgres.js';
import { syncToDisk, syncTree } from '../../process/sync-tree.js';
import { throwIfAborted, type Work } from '../target/work.js';
import { copyDataDirectory } from './cluster-copy.js';
import { branchRootOf, homeOf, readClusterBranch, writeBranchFile } from './cluster-found.js';
import { checkRoom, chooseClusterPlace, removeEmptyPlace } from './cluster-place.js';
import { type Preparation, prepareCopy } from './cluster-prepare.js';
import { removeBranchFolder } from './cluster-remove.js';
import { writeServerFacts } from './cluster-session.js';
import { type ClusterSource, withClusterSource } from './cluster-source.js';
import { type BranchOrder, type FoundBranch, newBranchRecord } from './driver.js';

/**
 * Makes a branch with a server of its own: a copy of the whole data directory, taken while its server goes on. It is built
 * aside and gets its name when it is complete, so that a kill leaves none or a whole one.
 */
export async function createClusterBranch(work: Work, order: BranchOrder): Promise<FoundBranch> {
  return withClusterSource(work, order, async (source) => {
    const { target, reporter } = work;
    const home = homeOf(target);
    const user = await findServerUser();
    const wish = { folder: order.folder, cwd: target.cwd, home, user };
    const parent = await chooseClusterPlace(source, wish);
    await checkRoom(source, parent, reporter);
    const folder = join(parent, folderName(order));
    const root = await branchRootOf(target);
    await writePointer(home, { id: order.id, folder, root, owner: await ownIdentity() });
    try {
      await build(work, order, source, { folder, user, home });
      return await open(work, folder, home);
    } catch (error) {
      const { making } = asidePaths(folder);
      for (const left of [making, folder]) await removeBranchFolder(left);
      await removeEmptyPlace(parent);
      await removePointer(home, order.id);
      throw error;
    }
  });
}

/** Something of the branch's name, for people who look into the folder, and the id, which is unique. */
function folderName({ name, id }: BranchOrder): string {
  const word = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 30)
    .replace(/^-+|-+$/g, '');
  return word === '' ? id : `${word}-${id}`;
}

interface Place {
  readonly folder: string;
  readonly user: ServerUser;
  readonly home: string;
}

async function build(
  work: Work,
  order: BranchOrder,
  source: ClusterSource,
  place: Place,
): Promise<void> {
  const { folder, user, home } = place;
  const { reporter, signal } = work;
  const paths = branchClusterPaths(asidePaths(folder).making);
  await prepareFolder(paths, user);
  const installation =
    source.installation.source === 'npm'
      ? await prepareShipped(source.installation, home, user)
      : source.installation;
  await copySource(work, order, source, paths, user);
  const at = new Date().toISOString();
  await configure(order, source, paths, user, reporter);
  const port = await chooseBranchPort(home);
  // From here on nobody else takes the port.
  const { version, binDir } = installation;
  const socketDir = join(folder, 'socket');
  await writeClusterRecord(paths, {
    port,
    socketDir,
    version,
    source: installation.source,
    binDir,
  });
  const password = randomBytes(18).toString('base64url');
  const preparation: Preparation = { source, paths, user, installation, port, password };
  await prepareCopy(work, preparation);
  throwIfAborted(signal);
  await keepBase(work, paths, user);
  await describeBranch(work, order, preparation, at);
  await reportStep(reporter, { name: 'bring it to the disk' }, () => syncTree(paths.folder));
  await rename(paths.folder, folder);
  await syncToDisk(dirname(folder));
}

async function copySource(
  { reporter, signal }: Work,
  { id }: BranchOrder,
  source: ClusterSource,
  { dataDir }: BranchClusterPaths,
  user: ServerUser,
): Promise<void> {
  const name = `belay_${id.replace(/[^a-z0-9]/g, '_')}_${process.pid}`.slice(0, 63);
  const copy = { source, dataDir, user, name, signal };
  await reportStep(reporter, { name: 'copy the data directory', detail: source.dataDir }, () =>
    copyDataDirectory(copy, () => rm(dataDir, { recursive: true, force: true })),
  );
}

/** Writes what the branch is and how to reach it; the record last. */
async function describeBranch(
  work: Work,
  order: BranchOrder,
  { source, paths, port, password }: Preparation,
  at: string,
): Promise<void> {
  const { database, superuser, maintenanceDatabase, user } = source;
  const connection = { host: '127.0.0.1', port, user, password, database };
  await writeConnection(paths.folder, connection);
  await writeServerFacts(paths.folder, { superuser, maintenanceDatabase });
  const base = { ...source.base, snapshotId: null, isAutomatic: false, at };
  await writeBranchFile(
    paths.folder,
    newBranchRecord(work, order, { database, schema: null, base }),
  );
}

async function configure(
  { id, name }: BranchOrder,
  { carried, superuser }: ClusterSource,
  { dataDir }: BranchClusterPaths,
  user: ServerUser,
  reporter: Work['reporter'],
): Promise<void> {
  const changed = {
    // Shown in the list of processes: plain ASCII, and not the whole of a long name.
    cluster_name: `belay branch ${name.replace(/[^ -~]/g, '?').slice(0, 40)}`,
    // The system identifier is the source's: by this the branch's archives have a place of their own.
    [clusterBranchSetting]: id,
    ...((await hasTablespaces(dataDir)) ? { allow_in_place_tablespaces: 'on' } : {}),
  };
  if (carried === null) {
    // The last line counts.
    const lines = Object.entries(changed).map(([setting, value]) => settingLine(setting, value));
    await appendFile(join(dataDir, 'postgresql.conf'), lines.join(''));
    return;
  }
  const settings = {
    ...carried.settings,
    ...{ archive_mode: 'off', max_logical_replication_workers: '0' },
    ...{ 'cron.launch_active_jobs': 'off', ...changed },
  };
  const ownUsers = ['root', user.name, ownUserName()];
  await writeBranchConfig({ dataDir, user, settings, superuser, ownUsers });
  if (carried.leftOut.length === 0) return;
  const message = `not loaded in the branch, because it would act on its own: ${carried.leftOut.join(', ')}`;
  reporter({ type: 'note', message });
}

/** Tablespaces are folders of the copy, and a server that recovers wants to be told that this is meant. */
async function hasTablespaces(dataDir: string): Promise<boolean> {
  return (await readdir(join(dataDir, 'pg_tblspc'))).length > 0;
}

/** The state that a reset goes back to, which takes no room until the branch changes where blocks are shared. */
async function keepBase({ signal, reporter }: Work, paths: BranchClusterPaths, user: ServerUser) {
  await reportStep(reporter, { name: 'keep the base' }, () =>
    copyTree({ from: paths.dataDir, to: paths.baseDir, user, signal }),
  );
}

async function open(work: Work, folder: string, home: string): Promise<FoundBranch> {
  const { target, signal, reporter } = work;
  await reportStep(reporter, { name: 'start the branch’s server' }, () =>
    startBranchCluster({ folder, home, env: target.env, signal }),
  );
  const branch = await readClusterBranch(target, folder);
  if (!branch) throw new BelayError('BUG', `the branch in ${folder} is not there`);
  return branch;
}
