import type { RehearsedRow, RehearsedTable } from '../../domain/rehearsal.js';
import { hashEachLargeObject } from '../sql/large-objects.js';
import { bothSides, type StateSides } from './compare-sides.js';
import type { TableWrites } from './read-state.js';

/** Named as in a fingerprint: no table can have this name. */
const name = 'large objects';

/** OIDs of pg_largeobject and pg_largeobject_metadata, the same on every server. */
const catalogs = [2613, 2995];

/** Large objects as rows of one table, by their OIDs. @returns undefined where there are none, or nothing was done to them */
export async function compareLargeObjects(
  { before, after, sampleLimit }: Pick<StateSides, 'before' | 'after' | 'sampleLimit'>,
  writes: ReadonlyMap<number, TableWrites>,
): Promise<RehearsedTable | undefined> {
  if (catalogs.every((oid) => isUnwritten(writes.get(oid)))) return undefined;
  const [then, now] = await bothSides(hashEachLargeObject(before), hashEachLargeObject(after));
  const gone = [...then.keys()].filter((id) => !now.has(id));
  const come = [...now.keys()].filter((id) => !then.has(id));
  const other = [...now].filter(([id, hash]) => then.has(id) && then.get(id) !== hash);
  const rows = (ids: readonly string[], change: RehearsedRow['change']): RehearsedRow[] =>
    ids.map((oid) => ({ key: { oid }, change, values: [] }));
  const changed = other.map(([id]) => id);
  const samples = [
    ...rows(gone, 'deleted'),
    ...rows(changed, 'updated'),
    ...rows(come, 'inserted'),
  ];
  if (samples.length === 0) return undefined;
  return {
    ...{ table: name, renamedTo: null, change: 'kept', identity: 'primary key' },
    ...{ rowsBefore: then.size, rowsAfter: now.size, rowsInserted: come.length },
    ...{ rowsDeleted: gone.length, rowsUpdated: changed.length },
    ...{ valuesLost: 0, valuesChanged: changed.length, columns: [] },
    samples: samples.slice(0, sampleLimit),
  };
}

const isUnwritten = (writes: TableWrites | undefined): boolean =>
  writes !== undefined && writes.inserts + writes.updates + writes.deletes === 0;
