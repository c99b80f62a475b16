import type { LockMode } from '../../impact.js';
import type { Finding } from '../finding.js';
import { lockHazard } from '../table-weight.js';
import type { World, WorldRelation } from '../world.js';
import { weightOf } from './alter-table/altered.js';

/** A lock for a change of catalogs alone, and how others feel it by the table's size and use. None where the table is new. */
export function feltLock(
  world: World,
  relation: WorldRelation,
  lock: LockMode = 'ACCESS EXCLUSIVE',
): Pick<Finding, 'lock' | 'table' | 'hazard'> {
  if (!relation.live) return { lock: null, table: null };
  const hazard = lockHazard(lock, 'nothing', weightOf({ world, family: [relation] }));
  return { lock, hazard, table: relation.live.oid };
}
