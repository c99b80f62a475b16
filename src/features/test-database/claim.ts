import { createHash } from 'node:crypto';
import type { Session } from '../../postgres/session.js';

/** "BLTD": keeps these advisory locks apart from Belay's others. */
const lockClass = 0x424c5444;

const lockKey = (name: string) => createHash('sha256').update(name).digest().readInt32BE(0);

/** The server gives a session a lock that it has already: within one process two would then have the same database. */
const claims = new WeakMap<Session, Set<string>>();

function claimsOf(session: Session): Set<string> {
  const known = claims.get(session) ?? new Set<string>();
  claims.set(session, known);
  return known;
}

/**
 * Takes a name for as long as the session lives, without waiting: a kill -9 ends that too.
 * @returns whether it was free
 */
export async function tryClaim(session: Session, name: string): Promise<boolean> {
  const own = claimsOf(session);
  if (own.has(name)) return false;
  own.add(name);
  let locked = false;
  try {
    ({ locked } = await session.queryOne<{ locked: boolean }>(
      'SELECT pg_try_advisory_lock($1, $2) AS locked',
      [lockClass, lockKey(name)],
    ));
    // Advisory locks hold within one database, and somebody else may work from another one.
    if (locked && !(await isClaimedByOthers(session, name))) return true;
  } catch (error) {
    own.delete(name);
    throw error;
  }
  if (locked) await endClaim(session, name);
  else own.delete(name);
  return false;
}

/** Takes a name that was just drawn, so nobody else has it. */
export async function claimNew(session: Session, name: string): Promise<void> {
  await session.query('SELECT pg_advisory_lock($1, $2)', [lockClass, lockKey(name)]);
  claimsOf(session).add(name);
}

export async function endClaim(session: Session, name: string): Promise<void> {
  await session.query('SELECT pg_advisory_unlock($1, $2)', [lockClass, lockKey(name)]);
  claimsOf(session).delete(name);
}

async function isClaimedByOthers(session: Session, name: string): Promise<boolean> {
  const rows = await session.query(
    `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
        AND pid <> pg_backend_pid() AND classid = $1::int8::oid AND objid = $2::int8::oid`,
    [lockClass, lockKey(name) >>> 0],
  );
  return rows.length > 0;
}
