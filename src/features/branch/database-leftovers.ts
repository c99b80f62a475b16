import { BelayError } from '../../errors.js';
import { readDatabases } from '../../postgres/sql/databases.js';
import { readLockHolder } from '../../postgres/target-lock.js';
import { describeLeftover, dropBelayDatabase, type FoundLeftover } from '../target/leftovers.js';
import { timelineOf } from '../target/timeline.js';
import { underLock, type Work } from '../target/work.js';
import { databaseBranchesIn, invalidDatabase } from './database-found.js';
import type { BranchLeftover, FoundBranch } from './driver.js';
import { withBranchTarget } from './open-branch.js';

/**
 * What interrupted runs left in the timelines of branches. The next command on such a branch would clean it, but maybe
 * nobody works on that branch again. While somebody does, it is theirs.
 */
export async function findDatabaseLeftovers(work: Work): Promise<BranchLeftover[]> {
  const found = (await halfDropped(work)).map(asHalfDropped);
  for (const { branch, leftovers } of await branchesWithLeftovers(work)) {
    if (await readLockHolder(work.main, branch.record.database)) continue;
    found.push(...leftovers.map(asBranchLeftover));
  }
  return found;
}

export async function removeDatabaseLeftovers(work: Work): Promise<BranchLeftover[]> {
  const removed: BranchLeftover[] = [];
  for (const name of await halfDropped(work)) {
    await dropBelayDatabase(work.main, name);
    removed.push(asHalfDropped(name));
  }
  for (const { branch } of await branchesWithLeftovers(work)) {
    removed.push(...(await cleanTimeline(work, branch)).map(asBranchLeftover));
  }
  return removed;
}

/** Nobody can ever connect to these again; their removal had been approved. */
async function halfDropped({ main, target }: Work): Promise<string[]> {
  const rows = await readDatabases(main, target.database);
  const dropped = rows.filter(({ connectionLimit }) => connectionLimit === invalidDatabase);
  return databaseBranchesIn(target, dropped).map(({ record }) => record.database);
}

const asHalfDropped = (name: string): BranchLeftover => ({
  ...{ kind: 'branch-database', name },
  detail: 'a branch whose deletion was interrupted',
});

async function branchesWithLeftovers({ main, target }: Work) {
  const rows = await readDatabases(main, target.database);
  return databaseBranchesIn(target, rows)
    .map((branch) => {
      const { leftovers } = timelineOf(rows, branch.record.database);
      const broken = leftovers.filter(({ kind }) => kind !== 'not-counted');
      return { branch, leftovers: broken.map(describeLeftover) };
    })
    .filter(({ leftovers }) => leftovers.length > 0);
}

/** A killed run holds its lock until the server has noticed, which takes a second or two. Who holds it for longer is at work. */
const dyingMs = 3_000;

/** Taking the branch's lock is what cleans it. */
async function cleanTimeline(
  { target, signal }: Work,
  branch: FoundBranch,
): Promise<readonly FoundLeftover[]> {
  try {
    return await withBranchTarget(target, branch, 'repair', (own) =>
      underLock(own, { signal, lockWaitMs: dyingMs }, async ({ cleaned }) => cleaned),
    );
  } catch (error) {
    if (error instanceof BelayError && error.code === 'LOCKED') return [];
    throw error;
  }
}

function asBranchLeftover({ database, detail }: FoundLeftover): BranchLeftover {
  return { kind: 'branch-database', name: database, detail };
}
