import { createHash, randomBytes } from 'node:crypto';
import { madeByBelayConnectionLimit } from '../../domain/clone-name.js';
import { quoteIdentifier, type Session } from '../../postgres/session.js';

/** "BLDR": keeps these advisory locks apart from those on targets. */
const lockClass = 0x424c4452;
const namePattern = '^belay_(drill|rehearsal)_[0-9a-f]{12}$';
/** PostgreSQL's mark of a database whose removal was interrupted. */
const halfDropped = -2;

const lockKey = (name: string) => createHash('sha256').update(name).digest().readInt32BE(0);

/**
 * The name of a new database for a drill, or for what a rehearsal throws away. It is taken as long as the session lives:
 * a kill -9 ends that.
 */
export async function claimDrillName(
  session: Session,
  purpose: 'drill' | 'rehearsal' = 'drill',
): Promise<string> {
  const name = `belay_${purpose}_${randomBytes(6).toString('hex')}`;
  await session.query('SELECT pg_advisory_lock($1, $2)', [lockClass, lockKey(name)]);
  return name;
}

export async function dropDrillDatabase(session: Session, name: string): Promise<void> {
  const drop = `DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`;
  await session.execute(drop, 'removing a drill database');
  await session.query('SELECT pg_advisory_unlock($1, $2)', [lockClass, lockKey(name)]);
}

/** Databases of drills and rehearsals that were killed, on a server that lives longer than they do. */
export async function findDeadDrills(session: Session): Promise<string[]> {
  const found = await session.query<{ name: string }>(
    `SELECT datname::text AS name FROM pg_database
      WHERE datname ~ $1 AND datconnlimit IN ($2, $3)`,
    [namePattern, madeByBelayConnectionLimit, halfDropped],
  );
  const dead: string[] = [];
  for (const { name } of found) {
    if (!(await isTaken(session, name))) dead.push(name);
  }
  return dead;
}

/** @returns the names of those that were removed; whoever may not remove one leaves it to whose it is */
export async function removeDeadDrills(session: Session): Promise<string[]> {
  const removed: string[] = [];
  for (const name of await findDeadDrills(session)) {
    const isGone = await dropDrillDatabase(session, name).then(
      () => true,
      () => false,
    );
    if (isGone) removed.push(name);
  }
  return removed;
}

/** In whichever database of the server the lock is held. */
async function isTaken(session: Session, name: string): Promise<boolean> {
  const rows = await session.query(
    `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
        AND classid = $1::int8::oid AND objid = $2::int8::oid`,
    [lockClass, lockKey(name) >>> 0],
  );
  return rows.length > 0;
}
