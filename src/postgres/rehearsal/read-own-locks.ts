import type { Session } from '../session.js';
import { firstUserOid } from './watch-sample.js';

export interface OwnLock {
  readonly relation: number;
  readonly mode: string;
}

/**
 * Locks on user relations that the session holds now, readers' apart. In the middle of somebody's transaction, under whatever settings
 * that has made.
 */
export function readOwnLocks(session: Session): Promise<OwnLock[]> {
  return session.query<OwnLock>(
    `SELECT relation::pg_catalog.int8::pg_catalog.float8 AS relation, mode
       FROM pg_catalog.pg_locks
      WHERE pid = pg_catalog.pg_backend_pid() AND locktype = 'relation' AND granted
        AND relation >= ${firstUserOid} AND mode <> 'AccessShareLock'`,
    [],
    'reading the locks of a migration',
  );
}
