import type { BranchRecord } from '../../domain/branch.js';
import { branchDatabaseName } from '../../domain/branch-name.js';
import { encodeBranchRecord } from '../../domain/branch-record.js';
import type { SessionPolicy } from '../../domain/database-session.js';
import { reportStep } from '../../domain/reporter.js';
import { isProtected } from '../../domain/snapshot.js';
import { BelayError } from '../../errors.js';
import { runExclusively } from '../../postgres/exclusive.js';
import { quoteIdentifier } from '../../postgres/session.js';
import {
  commentDatabaseSql,
  databaseExists,
  readDatabases,
  renameDatabaseSql,
} from '../../postgres/sql/databases.js';
import { checkTargetLock } from '../../postgres/target-lock.js';
import { openToUsersSql } from '../snapshot/build-aside.js';
import type { MadeCopy } from '../snapshot/make-copy.js';
import { dropBelayDatabase } from '../target/leftovers.js';
import { type Clone, readTimeline } from '../target/timeline.js';
import { throwIfAborted, underLock, type Work } from '../target/work.js';
import { withBase } from './base.js';
import { withCopyOf } from './copy-base.js';
import { databaseBranchesIn } from './database-found.js';
import { findDatabaseLeftovers, removeDatabaseLeftovers } from './database-leftovers.js';
import {
  type BranchDriver,
  type BranchOrder,
  type FoundBranch,
  newBranchRecord,
} from './driver.js';
import { measureDatabaseSize } from './measure-sizes.js';
import { withBranchTarget } from './open-branch.js';
import { resetDatabaseBranch } from './reset-database.js';

/** Branches that are databases of their own on the target's server. */
export const databaseBranches: BranchDriver = {
  isolation: 'database',
  list: async (root) => databaseBranchesIn(root, await readDatabases(root.main, root.database)),
  create: createDatabaseBranch,
  reset: resetDatabaseBranch,
  remove: removeDatabaseBranch,
  writeRecord: async ({ main }, { record: { database } }, record) => {
    const sql = commentDatabaseSql(database, encodeBranchRecord(record));
    await main.execute(sql, `recording branch "${record.name}"`);
  },
  size: (root, { record }) => measureDatabaseSize(root, record.database),
  findLeftovers: findDatabaseLeftovers,
  removeLeftovers: removeDatabaseLeftovers,
};

async function createDatabaseBranch(work: Work, order: BranchOrder): Promise<FoundBranch> {
  const { main, target } = work;
  refuseOtherServer(order);
  const database = branchDatabaseName(target.database, order.name);
  if (await databaseExists(main, database)) {
    throw new BelayError('BRANCH_EXISTS', `there is a database "${database}" already`, {
      hint: 'It is no branch of this target. Choose another name for the branch, or rename the database.',
    });
  }
  return withBase(work, order, async ({ clone, base }) => {
    const record = newBranchRecord(work, order, { database, schema: null, base });
    await withCopyOf(work, clone, (copy) => putInPlace(work, copy, clone, record));
    const settings = { ...target.settings, database };
    return { record, state: 'ready', problem: null, settings, folder: null };
  });
}

function refuseOtherServer({ source }: BranchOrder): void {
  if (source.kind !== 'branch') return;
  const { name, isolation } = source.branch.record;
  if (isolation === 'database') return;
  const what =
    isolation === 'cluster' ? 'has a server of its own' : 'is a schema of the target’s database';
  throw new BelayError('USAGE', `branch "${name}" ${what}: no database branch starts from it`, {
    hint: `Use --isolation ${isolation}.`,
  });
}

/** Name, flags and record in one transaction: from then on it is a branch, before it was half-made. */
async function putInPlace(
  { main, target, reporter, signal }: Work,
  copy: MadeCopy,
  clone: Clone,
  record: BranchRecord,
): Promise<void> {
  const { database } = record;
  throwIfAborted(signal);
  await reportStep(reporter, { name: 'put in place', detail: database }, () =>
    main.transaction(async () => {
      await checkTargetLock(main, target.database);
      await main.execute(
        renameDatabaseSql(copy.database, database),
        `naming the branch "${database}"`,
      );
      const comment = commentDatabaseSql(database, encodeBranchRecord(record));
      await main.execute(
        [comment, openToUsersSql(database, clone)].join(';'),
        `opening the branch "${database}"`,
      );
    }),
  );
}

/** Its snapshots first: a kill in between leaves the branch, whose deletion can be repeated. */
async function removeDatabaseBranch(
  work: Work,
  branch: FoundBranch,
  sessions: SessionPolicy,
): Promise<void> {
  const { main, helper, signal, reporter, sessionsWaitMs: patienceMs } = work;
  const { database, name } = branch.record;
  if (branch.state === 'damaged') return dropDamaged(work, branch);
  await withBranchTarget(work.target, branch, 'branch delete', (target) =>
    underLock(target, { signal, reporter }, async ({ timeline }) => {
      refuseProtectedSnapshots(branch, timeline.clones);
      for (const clone of timeline.clones) {
        throwIfAborted(signal);
        await dropBelayDatabase(main, clone.database.name);
      }
      await reportStep(reporter, { name: 'remove', detail: name }, () =>
        runExclusively({ database, policy: sessions, main, helper, signal, patienceMs }, () =>
          main.execute(`DROP DATABASE ${quoteIdentifier(database)}`, `removing "${database}"`),
        ),
      );
    }),
  );
}

/** @throws BelayError PROTECTED: who protected a snapshot did not think of the branch around it */
function refuseProtectedSnapshots({ record }: FoundBranch, clones: readonly Clone[]): void {
  const kept = clones.find((clone) => isProtected(clone.record.snapshot, new Date()));
  if (!kept) return;
  const { tag } = kept.record.snapshot;
  throw new BelayError('PROTECTED', `snapshot "${tag}" of branch "${record.name}" is protected`, {
    hint: `Nothing was removed. \`belay unprotect ${tag} --url …\` with the branch's URL first, if it really may go.`,
  });
}

async function dropDamaged({ main }: Work, { record: { database } }: FoundBranch): Promise<void> {
  const { clones } = await readTimeline(main, database);
  for (const clone of clones) await dropBelayDatabase(main, clone.database.name);
  await dropBelayDatabase(main, database);
}
