import { type Finding, finding } from '../finding.js';
import { nameSql, qualifiedSql } from '../sql-names.js';
import { printedName } from '../world/printed-names.js';
import { textAt } from '../world/tree.js';
import type { AnalysedStatement, Analysers, World, WorldRelation } from '../world.js';
import { feltLock } from './felt-lock.js';
import { exists, missing, nothingToDo } from './missing.js';
import {
  findNamed,
  kindOfObject,
  namedRelation,
  partOfTable,
  rangeOf,
  relationKind,
} from './named-object.js';
import { whoNames } from './who-names.js';

const operation = (kind: string): string => `RENAME ${kind.toUpperCase()}`;

function analyseRename(statement: AnalysedStatement, world: World): readonly Finding[] {
  const type = textAt(statement.tree, 'renameType') ?? '';
  switch (type) {
    case 'OBJECT_COLUMN':
    case 'OBJECT_ATTRIBUTE':
      return renameColumn(statement, world);
    case 'OBJECT_SCHEMA':
      return [renameSchema(statement, world)];
    case 'OBJECT_TABLE':
    case 'OBJECT_VIEW':
    case 'OBJECT_MATVIEW':
    case 'OBJECT_SEQUENCE':
    case 'OBJECT_FOREIGN_TABLE':
    case 'OBJECT_INDEX':
      return [renameRelation(statement, world)];
    case 'OBJECT_ROLE':
    case 'OBJECT_DATABASE':
    case 'OBJECT_TABLESPACE':
      return [renameBeyond(statement, type)];
    default:
      return [renameObject(statement, world, type)];
  }
}

/** What every rename says of those who still use the old name. */
function unnoticed(world: World, name: string, followers: string): string {
  const bodies = whoNames(world, name);
  const functions =
    bodies.length === 0
      ? ''
      : `; ${bodies.join(', ')} still ${bodies.length === 1 ? 'names' : 'name'} it and will fail`;
  return `${followers}${functions}; clients that use the old name fail from now on`;
}

/** Views, foreign keys and the like know it by its number, not by its name. */
function followersOf(world: World, relation: WorldRelation, id = relation.id): string {
  const views = new Set(
    world
      .dependentsOf(id)
      .flatMap(({ kind, name }) =>
        kind === 'internal' && name === ''
          ? []
          : kind === 'view' || kind === 'materialized view'
            ? [name]
            : [],
      ),
  );
  return views.size === 0
    ? ''
    : `; ${[...views].join(', ')} ${views.size === 1 ? 'follows' : 'follow'}`;
}

function renameRelation({ tree }: AnalysedStatement, world: World): Finding {
  const kind = kindOfObject(textAt(tree, 'renameType') ?? '');
  const to = textAt(tree, 'newname') ?? '';
  const name = rangeOf(tree);
  const index = world.findRelation(name) ? undefined : world.findObject('index', name);
  // ALTER TABLE also renames views, sequences and indexes.
  const found = namedRelation(world, kind === 'table' ? 'relation' : kind, name);
  const facts = { operation: operation(kind), object: index?.identity ?? found.name };
  if (index && (kind === 'index' || kind === 'table')) return renameIndex(world, index, to);
  const { relation } = found;
  if (!relation)
    return notThere(world, facts, { kind, name: found.name, isOptional: tree.missing_ok === true });
  const taken = world.findRelation({ schema: relation.schema, name: to });
  if (taken)
    return exists(facts, {
      kind: relationKind(taken),
      name: printedName(taken.schema, to),
      isOptional: false,
    });
  const reason = `the ${relationKind(relation)} is called ${to} from now on${unnoticed(world, relation.name, followersOf(world, relation))}`;
  const result = finding({
    ...{ ...facts, rule: 'rename-table', safety: 'SAFE', reason, ...feltLock(world, relation) },
    saferWay: relation.isNew || relation.kind === 'S' ? null : viewForTable(relation, to),
  });
  world.renameRelation(relation, { name: to });
  return relation.isNew
    ? ofOwn(result, `the script's own ${relationKind(relation)} is called ${to}`)
    : result;
}

const ofOwn = (found: Finding, reason: string): Finding => ({
  ...found,
  reason,
  saferWay: null,
  lock: null,
});

function notThere(
  world: World,
  facts: Pick<Finding, 'operation' | 'object'>,
  what: { kind: string; name: string; isOptional: boolean },
): Finding {
  return what.isOptional && !world.isUncertain
    ? nothingToDo(facts, `there is no ${what.kind} ${what.name}`)
    : missing(world, facts, what);
}

function renameIndex(
  world: World,
  index: NonNullable<ReturnType<World['findObject']>>,
  to: string,
): Finding {
  const reason = `the index is called ${to} from now on; it goes on as it is`;
  const result = finding({
    ...{ rule: 'rename', operation: 'RENAME INDEX', object: index.identity },
    ...{ safety: 'SAFE', reason, lock: index.isNew ? null : 'SHARE UPDATE EXCLUSIVE' },
  });
  world.renameObject(index, { name: to });
  return result;
}

/** Under the old name a view, until nobody uses that any more. */
function viewForTable({ schema, name }: WorldRelation, to: string): string {
  const now = qualifiedSql({ schema, name: to });
  return [
    '-- both names at once, in one transaction; a simple view can be written to like its table:',
    `ALTER TABLE ${qualifiedSql({ schema, name })} RENAME TO ${nameSql(to)};`,
    `CREATE VIEW ${qualifiedSql({ schema, name })} AS SELECT * FROM ${now};`,
    '-- when all clients use the new name:',
    `DROP VIEW ${qualifiedSql({ schema, name })};`,
  ].join('\n');
}

function renameColumn({ tree }: AnalysedStatement, world: World): Finding[] {
  const isAttribute = tree.renameType === 'OBJECT_ATTRIBUTE';
  const what = isAttribute ? 'attribute' : 'column';
  const [from, to] = [textAt(tree, 'subname') ?? '', textAt(tree, 'newname') ?? ''];
  const { relation, name } = namedRelation(world, 'relation', rangeOf(tree));
  const facts = { operation: operation(what), object: `${name}.${printedName(from)}` };
  if (!relation)
    return [notThere(world, facts, { kind: 'table', name, isOptional: tree.missing_ok === true })];
  const object = printedName(relation.schema, relation.name, from);
  const column = world.findColumn(relation, from);
  if (!column) return [missing(world, { ...facts, object }, { kind: what, name: object })];
  if (world.findColumn(relation, to)) {
    return [exists({ ...facts, object }, { kind: what, name: to, isOptional: false })];
  }
  const reason = `the ${what} is called ${to} from now on${unnoticed(world, from, followersOf(world, relation, column.id))}`;
  const isOwn = column.isNew || relation.isNew;
  const result = finding({
    ...{
      ...facts,
      object,
      rule: 'rename-column',
      safety: 'SAFE',
      reason,
      ...feltLock(world, relation),
    },
    saferWay:
      isOwn || isAttribute
        ? null
        : columnUnderBothNames(relation, column.name, { to, type: column.type }),
  });
  // Partitions and inheritors have the column under the same name.
  for (const one of [relation, ...world.descendantsOf(relation)]) world.renameColumn(one, from, to);
  return [isOwn ? ofOwn(result, `the script's own ${what} is called ${to}`) : result];
}

function columnUnderBothNames(
  relation: WorldRelation,
  from: string,
  { to, type }: { readonly to: string; readonly type: string },
): string {
  const table = qualifiedSql(relation);
  const [old, now] = [nameSql(from), nameSql(to)];
  return [
    '-- both columns at once; let a trigger or the application write both:',
    `ALTER TABLE ${table} ADD COLUMN ${now} ${type};`,
    `UPDATE ${table} SET ${now} = ${old} WHERE ${now} IS DISTINCT FROM ${old}; -- some thousand rows at a time, by the key`,
    '-- when all clients use the new name:',
    `ALTER TABLE ${table} DROP COLUMN ${old};`,
  ].join('\n');
}

function renameSchema({ tree }: AnalysedStatement, world: World): Finding {
  const [from, to] = [textAt(tree, 'subname') ?? '', textAt(tree, 'newname') ?? ''];
  const facts = { operation: 'RENAME SCHEMA', object: printedName(from) };
  if (!world.hasSchema(from))
    return missing(world, facts, { kind: 'schema', name: printedName(from) });
  if (world.hasSchema(to)) return exists(facts, { kind: 'schema', name: to, isOptional: false });
  const reason = `the schema is called ${to} from now on${unnoticed(world, from, '')}`;
  world.renameSchema(from, to);
  return finding({ ...facts, rule: 'rename', safety: 'SAFE', reason });
}

/** Of the whole server, beyond this database. */
function renameBeyond({ tree }: AnalysedStatement, type: string): Finding {
  const kind = kindOfObject(type);
  const reason = `the ${kind} is called ${textAt(tree, 'newname')} from now on, for everybody who connects to this server`;
  return finding({
    ...{
      rule: 'beyond-database',
      operation: operation(kind),
      object: textAt(tree, 'subname') ?? '',
    },
    ...{ safety: 'UNSAFE', reason },
  });
}

/** Parts of tables are looked up there; all others by their names. */
function renameObject({ tree }: AnalysedStatement, world: World, type: string): Finding {
  const kind = kindOfObject(type);
  const to = textAt(tree, 'newname') ?? '';
  const part = textAt(tree, 'subname') ?? '';
  const found =
    tree.relation === undefined
      ? findNamed(world, type, objectNode(tree))
      : partOfTable(world, kind, { table: rangeOf(tree), name: part });
  const facts = { operation: operation(kind), object: found.name };
  if (type === 'OBJECT_DOMCONSTRAINT' || found.isUnclear) {
    const reason = `the ${kind} is called ${to} from now on`;
    return finding({ ...facts, rule: 'rename', safety: 'SAFE', reason });
  }
  const { object, relation } = found;
  if (!object)
    return notThere(world, facts, { kind, name: found.name, isOptional: tree.missing_ok === true });
  const reason = `the ${kind} is called ${to} from now on${relation ? '' : unnoticed(world, object.name, '')}`;
  world.renameObject(object, { name: to });
  return finding({
    ...facts,
    rule: 'rename',
    safety: 'SAFE',
    reason,
    ...(relation ? feltLock(world, relation) : {}),
  });
}

function objectNode(tree: AnalysedStatement['tree']): unknown {
  return tree.object ?? { String: { sval: textAt(tree, 'subname') } };
}

/** SET SCHEMA. */
function analyseMove({ tree }: AnalysedStatement, world: World): Finding[] {
  const type = textAt(tree, 'objectType') ?? '';
  const kind = kindOfObject(type);
  const to = textAt(tree, 'newschema') ?? '';
  const isRelation = tree.relation !== undefined;
  const found = isRelation
    ? namedRelation(world, 'relation', rangeOf(tree))
    : findNamed(world, type, tree.object);
  const facts = { operation: 'SET SCHEMA', object: found.name };
  const { relation, object } = found;
  if (!relation && !object && !found.isUnclear) {
    return [
      notThere(world, facts, { kind, name: found.name, isOptional: tree.missing_ok === true }),
    ];
  }
  if (!world.hasSchema(to))
    return [missing(world, facts, { kind: 'schema', name: printedName(to) })];
  const name = relation?.name ?? object?.name ?? found.name;
  const followers = relation ? followersOf(world, relation) : '';
  const reason = `the ${kind} is in the schema ${to} from now on${unnoticed(world, name, followers)}`;
  const result = finding({
    ...{
      ...facts,
      rule: 'move-schema',
      safety: 'SAFE',
      reason,
      ...(relation ? feltLock(world, relation) : {}),
    },
    saferWay:
      relation && !relation.isNew && relation.kind !== 'S' ? viewForMoved(relation, to) : null,
  });
  if (relation) world.renameRelation(relation, { schema: to });
  else if (object) world.renameObject(object, { schema: to });
  return [result];
}

function viewForMoved({ schema, name }: WorldRelation, to: string): string {
  const old = qualifiedSql({ schema, name });
  return [
    '-- both names at once, in one transaction; a simple view can be written to like its table:',
    `ALTER TABLE ${old} SET SCHEMA ${nameSql(to)};`,
    `CREATE VIEW ${old} AS SELECT * FROM ${qualifiedSql({ schema: to, name })};`,
    '-- when all clients use the new name:',
    `DROP VIEW ${old};`,
  ].join('\n');
}

export const renameAnalysers: Analysers = {
  RenameStmt: analyseRename,
  AlterObjectSchemaStmt: analyseMove,
};
