import type { LiveIndex } from '../live-catalog.js';
import { scriptObjects } from '../script-objects.js';
import type { RelationName, World, WorldRelation } from '../world.js';

/** An index of the live database or of the script, with its table. */
export interface FoundIndex {
  readonly name: string;
  readonly schema: string;
  readonly relation: WorldRelation;
  /** Null where the script has made it. */
  readonly live: LiveIndex | null;
}

/** By its present name: indexes stand apart from relations. */
export function findIndex(world: World, name: RelationName): FoundIndex | undefined {
  const object = world.findObject('index', name);
  if (!object) return undefined;
  const live = world.catalog.indexes.find(({ oid }) => object.id === `pg_class/${oid}/0`);
  const made = scriptObjects(world).indexes.find(({ id }) => id === object.id);
  const relation = live
    ? world.relationByOid(live.relation)
    : world.relations().find(({ id }) => id === made?.relation);
  const { schema } = object;
  return relation && schema !== null
    ? { name: object.name, schema, relation, live: live ?? null }
    : undefined;
}
