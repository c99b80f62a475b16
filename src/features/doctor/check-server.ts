import { describePrepared, describeSession, isIdle } from '../../domain/database-session.js';
import { freeBytes, locateDataDirectory } from '../../postgres/data-directory.js';
import { readRights } from '../../postgres/rights.js';
import { quoteIdentifier } from '../../postgres/session.js';
import {
  readDatabaseSessions,
  readPreparedTransactions,
  readReplicationBound,
} from '../../postgres/sql/activity.js';
import { collationMismatch, databaseSize } from '../../postgres/sql/databases.js';
import type { Target } from '../target/open-target.js';
import type { Timeline } from '../target/timeline.js';
import { type Check, fail, megabytes, ok, warn } from './check.js';

export async function checkDatabase(target: Target, { live, clones }: Timeline): Promise<Check> {
  const name = 'database';
  if (!live) {
    const hint =
      clones.length > 0 ? '`belay restore` brings it back from a snapshot.' : 'Check the name.';
    return fail(name, `there is no database "${target.database}" on the server`, hint);
  }
  const size = await databaseSize(target.main, live.oid);
  const { recorded, actual } = (await collationMismatch(target.main, live.oid)) ?? {};
  if (recorded !== undefined) {
    return fail(
      name,
      `"${live.name}" was made with collation version ${recorded}, the system has ${actual}: PostgreSQL refuses to copy it`,
      `In that database: REINDEX DATABASE, then ALTER DATABASE ${quoteIdentifier(live.name)} REFRESH COLLATION VERSION.`,
    );
  }
  const what = [size === null ? 'size not visible' : megabytes(size), `owner ${live.owner}`];
  return ok(name, `"${live.name}", ${what.join(', ')}, ${clones.length} snapshot(s)`);
}

export async function checkRights(target: Target, { live }: Timeline): Promise<Check> {
  const name = 'rights';
  const { main } = target;
  const rights = await readRights(main);
  if (!rights.mayCreateDatabases) {
    return fail(
      name,
      `role "${rights.role}" may not create databases`,
      `Let a superuser run: ALTER ROLE ${quoteIdentifier(rights.role)} CREATEDB`,
    );
  }
  if (live && !live.owned) {
    return fail(
      name,
      `role "${rights.role}" does not own "${live.name}" (its owner is "${live.owner}")`,
      `Connect as "${live.owner}", as a member of it, or as a superuser.`,
    );
  }
  const { may } = await main.queryOne<{ may: boolean }>(
    `SELECT pg_has_role('pg_signal_backend', 'USAGE') AS may`,
  );
  if (may) {
    return ok(name, `role "${rights.role}" may copy, rename and end sessions`);
  }
  return warn(
    name,
    `role "${rights.role}" may copy and rename, but end only its own sessions`,
    `Where other roles stay connected: GRANT pg_signal_backend TO ${quoteIdentifier(rights.role)}`,
  );
}

export async function checkBlockers(target: Target): Promise<Check> {
  const name = 'blockers';
  const { main, database } = target;
  const replication = await readReplicationBound(main, database);
  const prepared = await readPreparedTransactions(main, database);
  if (prepared.length > 0) {
    return fail(
      name,
      `prepared transactions: ${prepared.map(describePrepared).join('; ')}`,
      'End each with COMMIT PREPARED or ROLLBACK PREPARED, connected to that database.',
    );
  }
  if (replication.length > 0) {
    return warn(
      name,
      `logical replication: ${replication.map((one) => `${one.kind} "${one.name}"`).join(', ')}`,
      'Snapshots and --to work; an in-place restore refuses, because replication would go on with the replaced database.',
    );
  }
  const sessions = await readDatabaseSessions(main, database);
  const busy = sessions.filter((session) => !isIdle(session));
  if (busy.length === 0) {
    return ok(name, sessions.length === 0 ? 'no sessions' : `${sessions.length} idle session(s)`);
  }
  return warn(
    name,
    `${busy.length} busy session(s): ${busy.slice(0, 3).map(describeSession).join('; ')}`,
    'Belay waits 10 s for them; --sessions terminate ends them.',
  );
}

export async function checkDisk(target: Target, { live }: Timeline): Promise<Check> {
  const name = 'disk';
  const { main, settings } = target;
  const directory = await locateDataDirectory(main, settings, live?.tablespace ?? 'pg_default');
  const free = directory?.certain ? await freeBytes(directory.path) : undefined;
  if (!directory || free === undefined) {
    return warn(
      name,
      'the free space of the server cannot be seen from here',
      'PostgreSQL itself refuses a copy that does not fit, and removes what it had copied.',
    );
  }
  const size = live && (await databaseSize(main, live.oid));
  const detail = `${megabytes(free)} free in ${directory.path}`;
  if (!size || free > size) return ok(name, detail);
  return warn(
    name,
    `${detail}, less than a full copy of "${target.database}" (${megabytes(size)})`,
    'Free space, e.g. with `belay prune --keep-last 3`; copies by reflink need next to none.',
  );
}
