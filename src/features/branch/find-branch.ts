import { parseBranchRecord } from '../../domain/branch-record.js';
import { BelayError } from '../../errors.js';
import { readDatabases } from '../../postgres/sql/databases.js';
import { type OpenTargetOptions, openTarget, type Target } from '../target/open-target.js';
import type { FoundBranch } from './driver.js';
import { branchDrivers } from './drivers.js';

/** All branches of a target, oldest first. Takes no lock and changes nothing. */
export async function findBranches(root: Target): Promise<FoundBranch[]> {
  const found: FoundBranch[] = [];
  for (const driver of branchDrivers) found.push(...(await driver.list(root)));
  return found.sort(
    (a, b) =>
      a.record.createdAt.localeCompare(b.record.createdAt) ||
      a.record.name.localeCompare(b.record.name),
  );
}

/**
 * A branch by its exact name; its database, schema or id will do too.
 * @throws BelayError BRANCH_NOT_FOUND naming those that are there
 */
export async function findBranch(root: Target, name: string): Promise<FoundBranch> {
  const branches = await findBranches(root);
  const found =
    branches.find(({ record }) => record.name === name) ??
    branches.find(({ record }) => record.id === name || placeOf(record) === name);
  if (found) return found;
  const names = branches.map(({ record }) => record.name);
  throw new BelayError('BRANCH_NOT_FOUND', `"${root.database}" has no branch "${name}"`, {
    hint:
      names.length === 0
        ? `\`belay branch create ${name}\` makes it.`
        : `There are: ${names.slice(0, 10).join(', ')}${names.length > 10 ? ', …' : ''}. \`belay branch create\` makes one.`,
  });
}

function placeOf({ schema, database, isolation }: FoundBranch['record']): string | null {
  return isolation === 'cluster' ? null : (schema ?? database);
}

/**
 * Opens the target that branches belong to. Pointed at a branch's database, as a program's DATABASE_URL may be, it
 * opens the one that the branch was made from.
 *
 * @example
 * const root = await openRoot({ url: process.env.DATABASE_URL });
 * @throws BelayError as `openTarget`
 */
export async function openRoot(options: OpenTargetOptions = {}): Promise<Target> {
  const target = await openTarget({ ...options, follow: 'root' });
  try {
    return await rootOf(target);
  } catch (error) {
    await target.close();
    throw error;
  }
}

/**
 * All branches that may start from a snapshot of this target. Where it is a branch itself, those are branches of the
 * target that it belongs to, as it is.
 */
export async function findRelatedBranches(target: Target): Promise<FoundBranch[]> {
  return findBranches(await rootOf(target));
}

async function rootOf(target: Target): Promise<Target> {
  const rows = await readDatabases(target.main, target.database);
  const row = rows.find(({ name }) => name === target.database);
  const parsed = parseBranchRecord(row?.comment ?? null);
  if (parsed.type !== 'record' || parsed.record.database !== target.database) return target;
  return atDatabase(target, parsed.record.root.database);
}

/** The same server, another database. */
function atDatabase(target: Target, database: string): Target {
  const settings = { ...target.settings, database };
  return { ...target, database, settings, root: settings };
}
