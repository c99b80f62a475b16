import type { ColumnDef, Constraint, TypeName } from 'libpg-query';
import { type Finding, finding } from '../finding.js';
import { textsOf } from '../grammar.js';
import { formatTypeName, serialTypes } from '../type-name.js';
import { printedName } from '../world/printed-names.js';
import {
  contentOf,
  nodesAt,
  qualifiedNameOf,
  relationNameOf,
  textAt,
  treeAt,
} from '../world/tree.js';
import type { AnalysedStatement, NewColumn, Tree, World, WorldRelation } from '../world.js';
import { boundOf, insideBound } from './alter-table/partition-bound.js';
import { feltLock } from './felt-lock.js';
import { exists, missing } from './missing.js';
import { relationKind } from './named-object.js';

/** Where a new relation is made, by its RangeVar. */
export function placeOf(world: World, range: Tree | undefined) {
  const { schema, name } = relationNameOf(range);
  const isTemporary = textAt(range, 'relpersistence') === 't' || schema === 'pg_temp';
  return {
    schema: isTemporary ? 'pg_temp' : (schema ?? world.creationSchema()),
    name,
    isTemporary,
  };
}

/** Why nothing can be made under a name: there is something already, or no such schema. */
export function inTheWayOf(
  world: World,
  { schema, name, isTemporary }: ReturnType<typeof placeOf>,
  { operation, isOptional }: { readonly operation: string; readonly isOptional: boolean },
): Finding | undefined {
  const object = isTemporary ? printedName(name) : printedName(schema, name);
  const facts = { operation, object };
  const taken = world.findRelation({ schema, name });
  if (taken) return exists(facts, { kind: relationKind(taken), name: object, isOptional });
  if (isTemporary || world.hasSchema(schema)) return undefined;
  const isSystem = schema === 'pg_catalog' || schema === 'information_schema';
  return isSystem
    ? undefined
    : missing(
        world,
        { ...facts, operation: `${operation}`, object },
        { kind: 'schema', name: printedName(schema) },
      );
}

/** CREATE TABLE and CREATE FOREIGN TABLE. */
export function analyseCreateTable({ kind, tree }: AnalysedStatement, world: World): Finding[] {
  const isForeign = kind === 'CreateForeignTableStmt';
  const base = isForeign ? (treeAt(tree, 'base') ?? treeAt(tree, 'base_stmt') ?? {}) : tree;
  const operation = isForeign ? 'CREATE FOREIGN TABLE' : 'CREATE TABLE';
  const place = placeOf(world, treeAt(base, 'relation'));
  const isOptional = base.if_not_exists === true;
  const obstacle = inTheWayOf(world, place, { operation, isOptional });
  if (obstacle) return [obstacle];
  const object = place.isTemporary
    ? printedName(place.name)
    : printedName(place.schema, place.name);
  const parents = nodesAt(base, 'inhRelations').map((node) =>
    relationNameOf(contentOf(node, 'RangeVar')),
  );
  const found = parents.map((name) => world.findRelation(name));
  const absent = parents.find((_, at) => !found[at]);
  if (absent)
    return [
      missing(world, { operation, object }, { kind: 'table', name: printedName(absent.name) }),
    ];
  const relation = world.addRelation({
    ...{ ...place, endsAtCommit: base.oncommit === 'ONCOMMIT_DROP' },
    kind: isForeign ? 'f' : base.partspec ? 'p' : 'r',
    columns: columnsOf(
      world,
      base,
      found.flatMap((one) => one ?? []),
    ),
  });
  const others = found.flatMap((parent) =>
    parent ? joinFamily(world, relation, { parent, bound: base.partbound }) : [],
  );
  addSequences(world, relation, base);
  const references = addConstraints(world, relation, base);
  const reason = place.isTemporary ? 'a temporary table is made' : 'a new table is made';
  const made = finding({ ...{ rule: 'create-table', operation, object }, safety: 'SAFE', reason });
  return [made, ...others, ...references];
}

function columnsOf(world: World, base: Tree, parents: readonly WorldRelation[]): NewColumn[] {
  const inherited = parents.flatMap((parent) => world.columnsOf(parent));
  const own = nodesAt(base, 'tableElts').flatMap((node): NewColumn[] => {
    const column = contentOf(node, 'ColumnDef') as ColumnDef | undefined;
    if (column) return [newColumn(world, column)];
    const like = contentOf(node, 'TableLikeClause');
    const source = like && world.findRelation(relationNameOf(treeAt(like, 'relation')));
    return source
      ? world.columnsOf(source).map(({ name, type, notNull }) => ({ name, type, notNull }))
      : [];
  });
  const composite = typeOf(world, base);
  const all = [...inherited, ...composite, ...own].map(copyOf);
  // A column that parents and the table have is one column.
  return [...new Map(all.map((column) => [column.name, column])).values()];
}

/** CREATE TABLE … OF a composite type. */
function typeOf(world: World, base: Tree): readonly NewColumn[] {
  const type = treeAt(base, 'ofTypename');
  const name = type && qualifiedNameOf(textsOf(nodesAt(type, 'names')));
  const relation = name && world.findRelation(name);
  return relation ? world.columnsOf(relation) : [];
}

const copyOf = ({
  name,
  type,
  notNull,
  hasDefault,
  isGenerated,
  isIdentity,
}: NewColumn): NewColumn => ({
  ...{ name, type, notNull: notNull === true, hasDefault: hasDefault === true },
  ...{ isGenerated: isGenerated === true, isIdentity: isIdentity === true },
});

const constraintsOf = (nodes: readonly unknown[] | undefined): Constraint[] =>
  (nodes ?? []).flatMap((node) => (contentOf(node, 'Constraint') as Constraint | undefined) ?? []);

const hasSerialType = ({ typeName }: ColumnDef): boolean =>
  (textsOf(typeName?.names).at(-1) ?? '') in serialTypes;

/** A column as CREATE TABLE or a composite type defines it. */
export function newColumn(world: World, column: ColumnDef): NewColumn {
  const kinds = new Set(constraintsOf(column.constraints).map(({ contype }) => contype));
  const isSerial = hasSerialType(column);
  return {
    name: column.colname ?? '',
    type: formatTypeName(column.typeName as TypeName | undefined, world),
    notNull:
      isSerial ||
      kinds.has('CONSTR_NOTNULL') ||
      kinds.has('CONSTR_PRIMARY') ||
      kinds.has('CONSTR_IDENTITY'),
    hasDefault: isSerial || kinds.has('CONSTR_DEFAULT'),
    isGenerated: kinds.has('CONSTR_GENERATED'),
    isIdentity: kinds.has('CONSTR_IDENTITY'),
  };
}

/** A partition locks its table for a moment; an inheritor only against other DDL. */
function joinFamily(
  world: World,
  relation: WorldRelation,
  { parent, bound }: { readonly parent: WorldRelation; readonly bound: unknown },
): Finding[] {
  const isPartition = bound !== undefined;
  const own = finding({
    ...{ rule: 'create-table', operation: isPartition ? 'PARTITION OF' : 'INHERITS' },
    object: printedName(parent.schema, parent.name),
    safety: 'SAFE',
    reason: isPartition ? 'the table gets a new partition' : 'the table gets an inheritor',
    ...feltLock(world, parent, isPartition ? 'ACCESS EXCLUSIVE' : 'SHARE UPDATE EXCLUSIVE'),
  });
  const others = isPartition ? inDefaultPartition(world, parent, bound) : [];
  world.addParent(relation, parent);
  return [own, ...others];
}

/** Rows of the default partition that belong to the new one make it fail. */
function inDefaultPartition(world: World, parent: WorldRelation, bound: unknown): Finding[] {
  const spec = boundOf(bound);
  const holder = world
    .descendantsOf(parent)
    .find(
      ({ live }) =>
        live?.partitionBound === 'DEFAULT' && live.parents.includes(parent.live?.oid ?? 0),
    );
  const table = holder && world.measured(holder);
  if (!holder || !table || spec.is_default) return [];
  const inside = insideBound(world, spec, { parent, holder });
  return [
    finding({
      ...{ rule: 'attach-partition', operation: 'PARTITION OF', safety: 'SAFE' },
      object: printedName(holder.schema, holder.name),
      reason:
        'every row of the default partition is read: those that belong to the new one make it fail',
      ...{
        lock: 'ACCESS EXCLUSIVE',
        scan: true,
        table: table.oid,
        because: printedName(parent.schema, parent.name),
      },
      after: world.touchedBefore(holder),
      ...('sql' in inside
        ? {
            measure: {
              what: 'violations',
              table: { ...table, only: holder.kind !== 'p' },
              breaks: inside.sql,
            },
            counts: 'failures',
          }
        : { unmeasured: inside.unmeasured }),
    }),
  ];
}

/** Of serial and identity columns; they go with the table. */
function addSequences(world: World, relation: WorldRelation, base: Tree): void {
  for (const node of nodesAt(base, 'tableElts')) {
    const column = contentOf(node, 'ColumnDef') as ColumnDef | undefined;
    if (!column) continue;
    const isIdentity = constraintsOf(column.constraints).some(
      ({ contype }) => contype === 'CONSTR_IDENTITY',
    );
    if (!isIdentity && !hasSerialType(column)) continue;
    const { schema, isTemporary } = relation;
    const name = `${relation.name}_${column.colname}_seq`;
    const sequence = world.addRelation({ schema, name, kind: 'S', isTemporary });
    world.addDependency(
      sequence.id,
      world.findColumn(relation, column.colname ?? '')?.id ?? relation.id,
      'a',
    );
  }
}

/** Foreign keys are in the way of what they refer to, and lock it. */
function addConstraints(world: World, relation: WorldRelation, base: Tree): Finding[] {
  const elements = nodesAt(base, 'tableElts');
  const ofColumns = elements.flatMap((node) => {
    const column = contentOf(node, 'ColumnDef') as ColumnDef | undefined;
    return constraintsOf(column?.constraints).map((constraint) => ({
      constraint,
      columns: [column?.colname ?? ''],
    }));
  });
  const ofTable = [...constraintsOf(elements), ...constraintsOf(nodesAt(base, 'constraints'))].map(
    (constraint) => ({ constraint, columns: textsOf(constraint.fk_attrs ?? constraint.keys) }),
  );
  return [...ofColumns, ...ofTable].flatMap(({ constraint, columns }) =>
    addConstraint(world, relation, { constraint, columns }),
  );
}

const endOfKind: Readonly<Record<string, string>> = {
  ...{ CONSTR_PRIMARY: 'pkey', CONSTR_UNIQUE: 'key', CONSTR_FOREIGN: 'fkey' },
  ...{ CONSTR_CHECK: 'check', CONSTR_EXCLUSION: 'excl' },
};

function addConstraint(
  world: World,
  relation: WorldRelation,
  { constraint, columns }: { readonly constraint: Constraint; readonly columns: readonly string[] },
): Finding[] {
  const type = String(constraint.contype);
  const end = endOfKind[type];
  if (!end) return [];
  const parts = type === 'CONSTR_PRIMARY' ? [] : columns;
  const name = constraint.conname ?? [relation.name, ...parts, end].join('_');
  const range = constraint.pktable as Tree | undefined;
  const target = range && world.findRelation(relationNameOf(range));
  const isSelf = target?.id === relation.id;
  world.addObject({
    ...{ kind: 'constraint', name, relation },
    dependsOn: target && !isSelf ? [target.id] : [],
  });
  if (end === 'pkey' || end === 'key' || end === 'excl') {
    world.addObject({ kind: 'index', name, schema: relation.schema, relation });
  }
  if (!range || isSelf) return [];
  return [referenceTo(world, target, { range, name })];
}

function referenceTo(
  world: World,
  target: WorldRelation | undefined,
  { range, name }: { readonly range: Tree; readonly name: string },
): Finding {
  const operation = 'ADD FOREIGN KEY';
  if (!target) {
    const wanted = printedName(relationNameOf(range).name);
    return missing(world, { operation, object: wanted }, { kind: 'table', name: wanted });
  }
  return finding({
    ...{ rule: 'add-foreign-key', operation, object: printedName(target.schema, target.name) },
    safety: 'SAFE',
    reason: `the new table refers to it by ${name}: deleting its rows, or dropping it, is checked from now on`,
    ...feltLock(world, target, 'SHARE ROW EXCLUSIVE'),
  });
}
