import type { LiveIndex } from '../live-catalog.js';
import { type ScriptIndex, scriptObjects } from '../script-objects.js';
import type { RelationName, World, WorldRelation } from '../world.js';

/** An index of the live database or of the script, with its table. */
export interface FoundIndex {
  readonly name: string;
  readonly schema: string;
  readonly relation: WorldRelation;
  /** Null where the script has made it. */
  readonly live: LiveIndex | null;
}

function isNamed(
  world: World,
  index: Pick<ScriptIndex, 'schema' | 'name'>,
  { schema, name }: RelationName,
): boolean {
  if (index.name !== name) return false;
  if (schema !== undefined) return index.schema === schema;
  return [world.creationSchema(), ...world.catalog.searchPath].includes(index.schema);
}

/** Indexes stand apart from relations in the catalog; a renamed one is found under its live name. */
export function findIndex(world: World, name: RelationName): FoundIndex | undefined {
  for (const live of world.catalog.indexes) {
    if (!isNamed(world, live, name)) continue;
    const relation = world.relationByOid(live.relation);
    if (relation && world.indexesOf(relation).some(({ oid }) => oid === live.oid)) {
      return { name: live.name, schema: live.schema, relation, live };
    }
  }
  const made = scriptObjects(world).indexes.find((index) => isNamed(world, index, name));
  const relation = made && world.findRelation({ schema: made.schema, name: made.table });
  return made && relation
    ? { name: made.name, schema: made.schema, relation, live: null }
    : undefined;
}
