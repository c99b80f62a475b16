import { contentOf, nodesAt, stringOf, textAt, treeAt } from '../../world/tree.js';
import type { Tree, World, WorldRelation } from '../../world.js';
import { allOf, columnRef, type Matching, select, target } from './rows.js';
import type { DmlTarget } from './target.js';

/** How the rows of the statement are called in DO UPDATE. */
const added = 'excluded';

const noValue: Tree = { A_Const: { isnull: true } };

/**
 * The condition and the join by which rows that are there already conflict with those that the statement adds. Counting by it is
 * counting an UPDATE … FROM.
 */
export function conflictingRows(
  world: World,
  { relation, range, alias }: DmlTarget,
  tree: Tree,
): Matching | { readonly unmeasured: string } {
  const conflict = treeAt(tree, 'onConflictClause') ?? {};
  const keys = arbiterColumns(world, relation, treeAt(conflict, 'infer'));
  if (keys === undefined) return { unmeasured: 'it conflicts by an expression' };
  const source = addedRows(world, relation, range, tree);
  if (source === undefined) return { unmeasured: 'its rows cannot be read before it runs' };
  const missing = keys.filter((name) => !source.columns.includes(name));
  if (missing.length > 0) {
    return { unmeasured: `its rows get ${missing.join(', ')} only when it runs` };
  }
  const equal = keys.map((name) => equals(columnRef(alias, name), columnRef(added, name)));
  const infer = treeAt(treeAt(conflict, 'infer'), 'whereClause');
  const own = treeAt(conflict, 'whereClause');
  const conditions = [...equal, ...(infer ? [qualified(infer, alias)] : []), ...(own ? [own] : [])];
  const names = source.columns.map((sval) => ({ String: { sval } }));
  return {
    where: allOf(conditions),
    from: [
      {
        RangeSubselect: {
          subquery: source.query,
          alias: { aliasname: added, colnames: names },
        },
      },
    ],
    withClause: treeAt(tree, 'withClause'),
  };
}

const equals = (lexpr: Tree, rexpr: Tree): Tree => ({
  A_Expr: { kind: 'AEXPR_OP', name: [{ String: { sval: '=' } }], lexpr, rexpr },
});

/** The predicate of a partial index is about the rows that are there. */
function qualified(value: Tree, alias: string): Tree {
  const copy = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(copy);
    if (typeof part !== 'object' || part === null) return part;
    const fields = nodesAt(contentOf(part, 'ColumnRef'), 'fields');
    const name = fields.length === 1 ? stringOf(fields[0]) : undefined;
    if (name !== undefined) return columnRef(alias, name);
    return Object.fromEntries(Object.entries(part).map(([key, below]) => [key, copy(below)]));
  };
  return copy(value) as Tree;
}

/** Columns by which it conflicts, under their present names; undefined: by an expression, or not known. */
function arbiterColumns(
  world: World,
  relation: WorldRelation,
  infer: Tree | undefined,
): readonly string[] | undefined {
  if (!infer) return undefined;
  const constraint = textAt(infer, 'conname');
  if (constraint !== undefined) {
    const found = world.constraintsOf(relation).find(({ name }) => name === constraint);
    if (!found || found.kind === 'x') return undefined;
    return world
      .columnsOf(relation)
      .filter(({ live }) => live !== null && found.columns.includes(live.number))
      .map(({ name }) => name);
  }
  const names = nodesAt(infer, 'indexElems').map((node) =>
    textAt(contentOf(node, 'IndexElem'), 'name'),
  );
  return names.every((name) => name !== undefined) ? names : undefined;
}

interface AddedRows {
  readonly columns: readonly string[];
  readonly query: Tree;
}

function addedRows(
  world: World,
  relation: WorldRelation,
  range: Tree,
  tree: Tree,
): AddedRows | undefined {
  const query = contentOf(treeAt(tree, 'selectStmt'), 'SelectStmt');
  if (!query) return undefined;
  const named = nodesAt(tree, 'cols').map(
    (node) => textAt(contentOf(node, 'ResTarget'), 'name') ?? '',
  );
  const all = world.columnsOf(relation).map(({ name }) => name);
  const rows = nodesAt(query, 'valuesLists').map((row) => nodesAt(contentOf(row, 'List'), 'items'));
  const width = rows[0]?.length ?? nodesAt(query, 'targetList').length;
  const hasStar = nodesAt(query, 'targetList').some((node) => isStar(node));
  const columns = named.length > 0 ? named : all.slice(0, hasStar ? all.length : width);
  // Literals have no type of their own: in one list with the table's columns they get those.
  const { alias: _alias, ...table } = range;
  const typed = (name: string) => ({
    ResTarget: { val: columnRef(name) },
  });
  const none = {
    fromClause: [{ RangeVar: table }],
    whereClause: { A_Const: { boolval: {} } },
  };
  if (rows.length > 0) {
    const first = columns.map((name) => ({
      SubLink: {
        subLinkType: 'EXPR_SUBLINK',
        subselect: select({ ...none, targetList: [typed(name)] }),
      },
    }));
    const given = rows.map((items) =>
      items.map((item) => ('SetToDefault' in item ? noValue : item)),
    );
    const valuesLists = [first, ...given].map((items) => ({ List: { items } }));
    return { columns, query: select({ valuesLists }) };
  }
  const larg = select({ ...none, targetList: columns.map(typed) });
  return {
    columns,
    query: {
      SelectStmt: {
        ...{ op: 'SETOP_UNION', all: true, limitOption: 'LIMIT_OPTION_DEFAULT' },
        ...{ larg: larg.SelectStmt, rarg: withoutOrder(query) },
      },
    },
  };
}

/** A SELECT with ORDER BY or LIMIT can be a part of a UNION only as a subquery. */
function withoutOrder(query: Tree): Tree {
  if (!('sortClause' in query) && !('limitCount' in query) && !('withClause' in query))
    return query;
  const inner = {
    RangeSubselect: { subquery: { SelectStmt: query }, alias: { aliasname: 'given' } },
  };
  const star = target({ ColumnRef: { fields: [{ A_Star: {} }] } });
  return select({ targetList: [star], fromClause: [inner] }).SelectStmt as Tree;
}

function isStar(node: Tree): boolean {
  const value = treeAt(contentOf(node, 'ResTarget'), 'val');
  return nodesAt(contentOf(value, 'ColumnRef'), 'fields').some((field) => 'A_Star' in field);
}
