import { textsOf } from '../grammar.js';
import { contentOf, isTree, nodesAt, relationNameOf, textAt, treeAt, walk } from '../world/tree.js';
import type { NewColumn, Tree, World, WorldRelation } from '../world.js';

/** Output columns of a query, as far as its text has them. */
export function outputColumns(world: World, select: Tree): NewColumn[] {
  const left = treeAt(select, 'larg');
  if (left) return outputColumns(world, contentOf(left, 'SelectStmt') ?? left);
  return nodesAt(select, 'targetList').flatMap((node): NewColumn[] => {
    const target = contentOf(node, 'ResTarget');
    const name = textAt(target, 'name');
    if (name !== undefined) return [{ name, type: '' }];
    const value = treeAt(target, 'val');
    const reference = contentOf(value, 'ColumnRef');
    const fields = nodesAt(reference, 'fields');
    if (isStar(value)) return starColumns(world, select, textsOf(fields.slice(0, -1)));
    const last =
      textsOf(fields).at(-1) ?? textsOf(nodesAt(contentOf(value, 'FuncCall'), 'funcname')).at(-1);
    return [{ name: last ?? '?column?', type: '' }];
  });
}

/** Names of output columns: null where PostgreSQL makes up the name. Undefined: how many there are is not plain. */
export function certainColumns(world: World, select: Tree): readonly (string | null)[] | undefined {
  const left = treeAt(select, 'larg');
  if (left) return certainColumns(world, contentOf(left, 'SelectStmt') ?? left);
  const isPlain = nodesAt(select, 'fromClause').every((node) => {
    const range = contentOf(node, 'RangeVar');
    return range !== undefined && world.findRelation(relationNameOf(range)) !== undefined;
  });
  const targets = nodesAt(select, 'targetList').map((node) => contentOf(node, 'ResTarget'));
  const hasStar = targets.some((target) => isStar(treeAt(target, 'val')));
  if (targets.length === 0 || (hasStar && (!isPlain || select.withClause !== undefined)))
    return undefined;
  const names = outputColumns(world, select).map(({ name }) => name);
  if (hasStar) return targets.length === 1 ? names : undefined;
  return targets.map((target, at) => {
    const isNamed = target?.name !== undefined || contentOf(target?.val, 'ColumnRef') !== undefined;
    return isNamed ? (names[at] ?? null) : null;
  });
}

const isStar = (value: Tree | undefined): boolean =>
  nodesAt(contentOf(value, 'ColumnRef'), 'fields').some((field) => 'A_Star' in field);

/** `*` or `t.*`. */
function starColumns(world: World, select: Tree, qualifier: readonly string[]): NewColumn[] {
  return rangesOf(nodesAt(select, 'fromClause')).flatMap((range) => {
    const alias = textAt(treeAt(range, 'alias'), 'aliasname') ?? textAt(range, 'relname');
    if (qualifier.length > 0 && alias !== qualifier.at(-1)) return [];
    const relation = world.findRelation(relationNameOf(range));
    return relation ? world.columnsOf(relation).map(({ name, type }) => ({ name, type })) : [];
  });
}

/** Tables of a FROM, in joins too, not in subqueries. */
function rangesOf(nodes: readonly unknown[]): Tree[] {
  return nodes.flatMap((node) => {
    const range = contentOf(node, 'RangeVar');
    if (range) return [range];
    const join = contentOf(node, 'JoinExpr');
    return join ? rangesOf([join.larg, join.rarg].filter(isTree)) : [];
  });
}

/**
 * The new view is in the way of what its query reads: tables, and columns where it is plain which one is meant. Where it
 * is not, nothing is said of a column: its table is in the list at least.
 */
export function dependOnQuery(world: World, view: WorldRelation, query: Tree): void {
  const ctes = new Set<string>();
  const tables = new Map<string, WorldRelation>();
  const names = new Set<string>();
  for (const [kind, content] of walk(query)) {
    if (kind === 'CommonTableExpr') ctes.add(textAt(content, 'ctename') ?? '');
    if (kind === 'ColumnRef') names.add(textsOf(nodesAt(content, 'fields')).at(-1) ?? '');
  }
  for (const [kind, content] of walk(query)) {
    const name = relationNameOf(content);
    if (kind !== 'RangeVar' || (name.schema === undefined && ctes.has(name.name))) continue;
    const relation = world.findRelation(name);
    if (relation) tables.set(relation.id, relation);
  }
  for (const relation of tables.values()) world.addDependency(view.id, relation.id, 'n');
  for (const name of names) {
    const owners = [...tables.values()].flatMap(
      (relation) => world.findColumn(relation, name) ?? [],
    );
    const [only] = owners;
    if (only && owners.length === 1) world.addDependency(view.id, only.id, 'n');
  }
  if (usesStar(query)) dependOnAllColumns(world, view, [...tables.values()]);
}

function usesStar(query: Tree): boolean {
  for (const [kind] of walk(query)) if (kind === 'A_Star') return true;
  return false;
}

/** `SELECT *` of one table. */
function dependOnAllColumns(
  world: World,
  view: WorldRelation,
  tables: readonly WorldRelation[],
): void {
  const [only] = tables;
  if (!only || tables.length > 1) return;
  for (const column of world.columnsOf(only)) world.addDependency(view.id, column.id, 'n');
}
