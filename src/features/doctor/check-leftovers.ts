import type { Session } from '../../postgres/session.js';
import { readLockHolder } from '../../postgres/target-lock.js';
import { findDeadDrills } from '../archive/drill-claim.js';
import { findUnusedBases } from '../branch/base.js';
import { findRelatedBranches } from '../branch/find-branch.js';
import { shadowLeftovers } from '../shadow/leftovers.js';
import { describeLeftover } from '../target/leftovers.js';
import type { Target } from '../target/open-target.js';
import { describeThrownAway } from '../target/repair.js';
import type { Timeline } from '../target/timeline.js';
import { findTestLeftovers } from '../test-database/remove.js';
import { type Check, megabytes, ok, warn } from './check.js';

export async function checkLeftovers(target: Target, timeline: Timeline): Promise<Check> {
  const name = 'leftovers';
  const holder = await readLockHolder(target.main, target.database);
  if (holder) return ok(name, `at work now: ${holder}`);
  const dead = await findDeadDrills(target.main);
  const databases = [
    ...timeline.leftovers.map(describeLeftover),
    ...dead.map(describeThrownAway),
    ...(await findTestLeftovers(target.main)),
  ];
  const bases = await findUnusedBases(target, await findRelatedBranches(target));
  const slots = await shadowLeftovers(target, timeline);
  const shown = [
    ...databases.map(({ database, detail }) => `"${database}" (${detail})`),
    ...bases.map(({ record }) => `snapshot "${record.snapshot.tag}" (of a branch that is gone)`),
    ...slots.map(({ kind, name: which, detail }) => `${kind} "${which}" (${detail})`),
  ];
  if (shown.length > 0) return warn(name, shown.join('; '), '`belay repair` cleans them up.');
  const orphans = await readOrphanedFolders(target.main);
  if (orphans.length === 0) return ok(name, 'none');
  const folders = orphans.map(({ path, sizeBytes }) => `${path} (${megabytes(sizeBytes)})`);
  return warn(
    name,
    `folders of no database, as a crash of the server in the middle of a copy leaves them: ${folders.join(', ')}`,
    'PostgreSQL never removes them, and Belay removes no files of a server. If no CREATE DATABASE is running now, they can be deleted by hand.',
  );
}

interface OrphanedFolder {
  readonly path: string;
  readonly sizeBytes: number;
}

/** Folders below base/ that belong to no database. Only superusers may look; others see none. */
async function readOrphanedFolders(session: Session): Promise<OrphanedFolder[]> {
  const { may } = await session.queryOne<{ may: boolean }>(
    'SELECT rolsuper AS may FROM pg_roles WHERE rolname = current_user',
  );
  if (!may) return [];
  return session.query<OrphanedFolder>(
    `SELECT current_setting('data_directory') || '/base/' || folder AS path,
            coalesce((SELECT sum((pg_stat_file('base/' || folder || '/' || file, true)).size)
                        FROM pg_ls_dir('base/' || folder, true, false) AS file), 0)::float8 AS "sizeBytes"
       FROM pg_ls_dir('base') AS folder
      WHERE folder ~ '^[0-9]+$' AND NOT EXISTS (
        SELECT FROM pg_database WHERE oid = folder::oid)
      ORDER BY folder`,
    [],
    'looking for orphaned folders',
  );
}
