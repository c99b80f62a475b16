import type { Address } from '../live-catalog.js';
import type { NewObject, WorldColumn, WorldObject, WorldRelation } from '../world.js';
import { addressIn, wholeOf } from './address.js';
import type { ColumnState } from './world-relations.js';
import type { WorldState } from './world-state.js';

interface NewName {
  readonly schema?: string;
  readonly name?: string;
}

export function renameSchema({ path, relations, objects }: WorldState, from: string, to: string) {
  path.rename(from, to);
  for (const relation of [...relations.all()]) {
    if (relation.schema === from) relations.rename(relation, { schema: to });
  }
  for (const object of [...objects.all()]) {
    if (object.kind === 'schema' && object.name === from) objects.rename(object, { name: to });
    else if (object.schema === from) objects.rename(object, { schema: to });
  }
}

/** Its row type has its name too; into another schema its indexes and the sequences of its columns go along. */
export function renameRelation(state: WorldState, { id, live }: WorldRelation, to: NewName): void {
  const { relations, objects, catalog } = state;
  const relation = relations.byId(id);
  if (!relation) return;
  relations.rename(relation, to);
  const rowType = live && catalog.types.find((type) => type.relation === live.oid);
  const type = rowType && objects.byId(addressIn('pg_type', rowType.oid));
  if (type) objects.rename(type, to);
  const { schema } = to;
  if (schema === undefined) return;
  state.dependOnSchema(id, schema);
  for (const object of [...objects.all()]) {
    if (object.kind === 'index' && object.table === id) objects.rename(object, { schema });
  }
  for (const sequence of ownedSequences(state, id)) renameRelation(state, sequence, { schema });
}

function ownedSequences({ graph, relations }: WorldState, id: Address): WorldRelation[] {
  return graph.dependentsOf(id).flatMap(({ dependent, type, on }) => {
    const relation = relations.byId(dependent);
    const isOwned = (type === 'a' || type === 'i') && wholeOf(on) === id;
    return relation?.kind === 'S' && isOwned ? [relation] : [];
  });
}

export function renameObject(state: WorldState, { id }: WorldObject, to: NewName): void {
  const object = state.objects.byId(id);
  if (!object) return;
  state.objects.rename(object, to);
  if (to.schema !== undefined) state.dependOnSchema(id, to.schema);
}

type ColumnChange = Partial<
  Pick<WorldColumn, 'type' | 'notNull' | 'hasDefault' | 'isGenerated' | 'isIdentity'>
>;

/** @returns whether its values are other ones now */
export function changeColumn(
  state: WorldState,
  column: ColumnState,
  change: ColumnChange,
): boolean {
  const hasNewType = change.type !== undefined && change.type !== column.type;
  forgetFormer(state, column, change);
  Object.assign(column, change);
  if (hasNewType) state.graph.remove(column.id, ({ on }) => on.startsWith('pg_type/'));
  return hasNewType;
}

/** With a default or an expression goes what it needed; with an identity its sequence. */
function forgetFormer(
  state: WorldState,
  { id }: ColumnState,
  { hasDefault, isGenerated, isIdentity }: ColumnChange,
): void {
  const former = defaultOf(state, id);
  if (former && (hasDefault !== undefined || isGenerated === false)) state.forget(former);
  if (isIdentity !== false) return;
  for (const { dependent, type } of state.graph.dependentsOf(id)) {
    if (type === 'i' && state.relations.byId(dependent)?.kind === 'S') state.forget(dependent);
  }
}

export function defaultOf({ objects }: WorldState, column: Address): Address | undefined {
  const find = (kind: string) => objects.find(kind, column, '')[0]?.id;
  return find('default value') ?? find('expression');
}

export function addObject(state: WorldState, object: NewObject): Address {
  const { kind, name, schema = null, relation, partOf = [], dependsOn = [] } = object;
  // An index belongs to a table, but has its name in a schema.
  const isInSchema = kind === 'index' || relation === undefined;
  const { id } = state.objects.add({
    ...{ kind, name, arguments: object.arguments ?? null },
    schema: isInSchema ? schema : null,
    relation: isInSchema ? null : relation.id,
    table: relation?.id ?? null,
  });
  if (relation) state.graph.add({ dependent: id, on: relation.id, type: 'a' });
  else if (schema !== null) state.dependOnSchema(id, schema);
  for (const on of partOf) state.graph.add({ dependent: id, on, type: 'a' });
  for (const on of dependsOn) state.graph.add({ dependent: id, on, type: 'n' });
  return id;
}
