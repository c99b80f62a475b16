import { quotedName } from '../../quoted-sql.js';
import type { LiveRelation } from '../live-catalog.js';
import type { Measure } from '../measure.js';
import type { World, WorldRelation } from '../world.js';

/** It is below the other one in the live database, so that counting in that one counts it too. */
export function isLiveFamily(world: World, above: WorldRelation, below: WorldRelation): boolean {
  const { live } = above;
  return live !== null && livePartsOf(world, live).some(({ oid }) => oid === below.live?.oid);
}

/** Partitions of all levels in the live database. */
function livePartsOf(world: World, { oid }: LiveRelation): LiveRelation[] {
  const children = world.catalog.relations.filter(
    ({ isPartition, parents }) => isPartition && parents.includes(oid),
  );
  return children.flatMap((child) => [child, ...livePartsOf(world, child)]);
}

/**
 * Counts rows, or values of a column, in the partitions that a table still has: the script has detached others, so that counting
 * in the live table would count too much. Undefined: it has all of them.
 */
export function partsMeasure(
  world: World,
  relation: WorldRelation,
  column?: string,
): Measure | undefined {
  if (relation.kind !== 'p' || !relation.live) return undefined;
  const live = livePartsOf(world, relation.live);
  const parts = live.map(({ oid }) => world.relationByOid(oid));
  const left = parts.filter((part) => part !== undefined && world.isBelow(part, relation));
  if (left.length === live.length) return undefined;
  const leaves = left.flatMap((part) => {
    const table = part && part.kind !== 'p' ? world.measured(part) : undefined;
    const name =
      column === undefined ? undefined : part && world.findColumn(part, column)?.live?.name;
    return table ? [{ table, name }] : [];
  });
  const counts = leaves.map(({ table, name }) => {
    const what = name === undefined ? '*' : quotedName(name);
    return `(SELECT pg_catalog.count(${what}) FROM ONLY ${table.sql})`;
  });
  return {
    what: 'query',
    sql: `SELECT ${counts.length > 0 ? counts.join(' + ') : '0::bigint'} AS rows`,
    searchPath: null,
    tables: leaves.map(({ table }) => table),
  };
}
