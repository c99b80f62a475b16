import { cloneName, newSnapshotId } from '../../domain/clone-name.js';
import type { CopyStrategy } from '../../domain/copy-strategy.js';
import { silentReporter } from '../../domain/reporter.js';
import { copyDatabase, offersClone } from '../../postgres/copy-database.js';
import { locateDataDirectory } from '../../postgres/data-directory.js';
import { readRights } from '../../postgres/rights.js';
import { acquireTargetLock, releaseTargetLock } from '../../postgres/target-lock.js';
import { dropBelayDatabase } from '../target/leftovers.js';
import type { Target } from '../target/open-target.js';
import type { Timeline } from '../target/timeline.js';
import { type Check, ok, warn } from './check.js';

const name = 'clone method';

/**
 * How a large copy is made on this server, as measured: on the newest snapshot, or else on a throwaway copy of
 * template0. What the server merely offers is no answer: it copies in silence where the disk has no reflinks.
 */
export async function checkCloneMethod(target: Target, timeline: Timeline): Promise<Check> {
  const measured = timeline.clones.find(({ record }) =>
    ['reflink', 'file_copy'].includes(record.method),
  );
  if (measured) {
    const { method, copyMs, snapshot } = measured.record;
    const speed = `${(snapshot.sizeBytes / 1e6).toFixed(0)} MB in ${(copyMs / 1000).toFixed(2)} s`;
    return ok(name, `${method}, as measured on "${snapshot.tag}" (${speed})`);
  }
  if (target.main.serverVersion < 150000) {
    return ok(name, 'file_copy: PostgreSQL 14 always copies the files');
  }
  if (!(await offersClone(target.main))) {
    return ok(
      name,
      'file_copy for what is larger than 64 MB, wal_log below: the server has no file_copy_method = clone (PostgreSQL 18 has)',
    );
  }
  return probe(target);
}

async function probe(target: Target): Promise<Check> {
  const { main, database } = target;
  const directory = await locateDataDirectory(main, target.settings, 'pg_default');
  const { mayCreateDatabases } = await readRights(main);
  if (!directory?.certain || !mayCreateDatabases) {
    return warn(
      name,
      'the server offers reflinks; whether its disk has them cannot be seen from here',
      'The first large snapshot measures it: see `method` in `belay show latest`.',
    );
  }
  const method = await measureSmallCopy(target, directory);
  if (method === 'reflink') return ok(name, 'reflink, as measured on a copy of template0');
  return warn(
    name,
    'file_copy, as measured on a copy of template0: the server offers reflinks, its disk has none',
    `For instant copies put the data directory of "${database}" on XFS, Btrfs or APFS.`,
  );
}

async function measureSmallCopy(
  target: Target,
  dataDirectory: { path: string; certain: boolean },
): Promise<string> {
  const { main, database } = target;
  const copy = cloneName(database, newSnapshotId());
  const plan: CopyStrategy = { strategy: 'FILE_COPY', askForClone: true };
  // Under the lock: without it another run would take the throwaway copy for a leftover.
  await acquireTargetLock(main, database, { waitMs: 1000, reporter: silentReporter });
  const helper = await target.openHelper();
  try {
    const { sizeBytes, role } = await main.queryOne<{ sizeBytes: number; role: string }>(
      `SELECT pg_database_size('template0')::float8 AS "sizeBytes", current_user::text AS role`,
    );
    const source = { source: 'template0', name: copy, owner: role, sizeBytes, dataDirectory };
    const { method } = await copyDatabase({ main, helper, ...source, policy: 'fail' }, plan);
    return method;
  } finally {
    await dropBelayDatabase(main, copy).catch(() => {});
    await helper.close();
    await releaseTargetLock(main, database).catch(() => {});
  }
}
