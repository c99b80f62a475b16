import type { BranchBase } from '../../domain/branch.js';
import { BelayError } from '../../errors.js';
import { findBackupSource } from '../../postgres/base-backup-source.js';
import { type CarriedSettings, readCarriedSettings } from '../../postgres/server-settings.js';
import type { Session } from '../../postgres/session.js';
import {
  branchClusterPaths,
  lockBranch,
  pathExists,
  runningPort,
} from '../../process/branch-cluster.js';
import type { PostgresInstallation } from '../../process/installation.js';
import { findInstallationFor } from '../../process/running-installation.js';
import { findOrigin } from '../archive/obtain-clone.js';
import { requireLive } from '../target/timeline.js';
import type { Work } from '../target/work.js';
import { openBranchServer, readServerFacts } from './cluster-session.js';
import type { BranchOrder, FoundBranch } from './driver.js';

/** A data directory that a branch is copied from. */
export interface ClusterSource {
  readonly dataDir: string;
  /** On the server that serves it, for the backup alone; null: none does. */
  readonly session: Session | null;
  readonly installation: PostgresInstallation;
  readonly superuser: string;
  readonly maintenanceDatabase: string;
  /** The database that is the branch's. */
  readonly database: string;
  /** Who connects to it. */
  readonly user: string;
  /** Null: its configuration files are a branch's, and are copied as they are. */
  readonly carried: CarriedSettings | null;
  readonly logDirectory: string | null;
  /** Of the branch that it belongs to; null: the target's own server. */
  readonly branchFolder: string | null;
  readonly base: Pick<BranchBase, 'kind' | 'name' | 'database'>;
  /** The snapshot that is restored in the copy. */
  readonly snapshot: string | null;
}

/**
 * Finds what a branch is copied from, and gives it to `use`.
 * @throws BelayError CLUSTER_NOT_COPIED, POSTGRES_NOT_FOUND, SNAPSHOT_NOT_FOUND, TARGET_NOT_FOUND, USAGE, BRANCH_DAMAGED
 */
export async function withClusterSource<T>(
  work: Work,
  order: Pick<BranchOrder, 'source'>,
  use: (source: ClusterSource) => Promise<T>,
): Promise<T> {
  if (process.platform === 'win32') {
    throw new BelayError(
      'CLUSTER_NOT_COPIED',
      'branches with a server of their own need Linux or macOS',
    );
  }
  const { source } = order;
  const isOwnServer = source.kind === 'branch' && source.branch.record.isolation === 'cluster';
  return isOwnServer
    ? withBranchServer(work, source.branch, use)
    : withTargetServer(work, order, use);
}

async function withTargetServer<T>(
  work: Work,
  { source }: Pick<BranchOrder, 'source'>,
  use: (source: ClusterSource) => Promise<T>,
): Promise<T> {
  const { target, main } = work;
  const place = await placeIn(work, source);
  const found = await findBackupSource(main, target.settings);
  const installation = await findInstallationFor(found.dataDir, target.env);
  const session = await target.openHelper();
  try {
    return await use({
      ...found,
      ...place,
      ...{ session, installation, branchFolder: null },
      maintenanceDatabase: main.database,
      user: target.settings.user,
      carried: await readCarriedSettings(session),
    });
  } finally {
    await session.close();
  }
}

/** Which database of the target's server is meant, and in which state. */
async function placeIn(
  work: Work,
  source: BranchOrder['source'],
): Promise<Pick<ClusterSource, 'database' | 'base' | 'snapshot'>> {
  const { database } = work.target;
  if (source.kind === 'branch') {
    const { record } = source.branch;
    if (record.isolation === 'schema') {
      throw new BelayError(
        'USAGE',
        `"${record.name}" is a schema: a server of its own cannot be made from it alone`,
        { hint: 'Make one from the target, or a branch of isolation "schema".' },
      );
    }
    const base = { kind: 'branch', name: record.name, database: record.database } as const;
    return { database: record.database, base, snapshot: null };
  }
  if (source.kind === 'snapshot') {
    const origin = await findOrigin(work, source.reference);
    const snapshot = origin.clone?.record.snapshot ?? origin.archive?.manifest.snapshot;
    if (!snapshot)
      throw new BelayError('BUG', `"${source.reference}" has neither clone nor archive`);
    const kind = origin.clone ? 'snapshot' : 'archive';
    return { database, base: { kind, name: snapshot.tag, database }, snapshot: snapshot.id };
  }
  requireLive(work.timeline, database);
  return { database, base: { kind: 'live', name: 'live', database }, snapshot: null };
}

async function withBranchServer<T>(
  work: Work,
  branch: FoundBranch,
  use: (source: ClusterSource) => Promise<T>,
): Promise<T> {
  const { record, folder, settings } = branch;
  if (folder === null) throw new BelayError('BUG', `branch "${record.name}" has no folder`);
  const { dataDir } = branchClusterPaths(folder);
  const facts = await readServerFacts(folder);
  if (!facts || !(await pathExists(dataDir))) {
    throw new BelayError(
      'BRANCH_DAMAGED',
      `the files of branch "${record.name}" are not complete`,
      {
        hint: branch.problem ?? '`belay branch list` says what is wrong with it.',
      },
    );
  }
  const runs = (await runningPort(folder)) !== null;
  const session = runs ? await openBranchServer(folder, 'belay branch create') : null;
  const found = {
    ...{ dataDir, session, ...facts, branchFolder: folder, carried: null, logDirectory: null },
    installation: await findInstallationFor(dataDir, work.target.env),
    ...{ database: record.database, user: settings.user, snapshot: null },
    base: { kind: 'branch', name: record.name, database: record.database } as const,
  };
  try {
    // One that is stopped must stay so: files that a server changes are no copy without its backup mode.
    return session ? await use(found) : await lockBranch(folder, () => use(found), work.signal);
  } finally {
    await session?.close();
  }
}
