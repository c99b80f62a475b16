import { type Finding, finding } from '../finding.js';
import { textsOf } from '../grammar.js';
import { printedName } from '../world/printed-names.js';
import { contentOf, nodesAt, treeAt } from '../world/tree.js';
import type { AnalysedStatement, Tree, World, WorldRelation } from '../world.js';
import { inTheWayOf, placeOf } from './create-table.js';
import { feltLock } from './felt-lock.js';
import { certainColumns, dependOnQuery, outputColumns } from './query-parts.js';

/** CREATE VIEW; with OR REPLACE the view that is there gets another query. */
export function analyseCreateView({ tree }: AnalysedStatement, world: World): Finding[] {
  const operation = 'CREATE VIEW';
  const place = placeOf(world, treeAt(tree, 'view'));
  const object = place.isTemporary
    ? printedName(place.name)
    : printedName(place.schema, place.name);
  const query = contentOf(tree.query, 'SelectStmt') ?? {};
  const taken = world.findRelation({ schema: place.schema, name: place.name });
  if (taken?.kind === 'v' && tree.replace === true) {
    const refused = refusal(world, taken, { query, named: textsOf(nodesAt(tree, 'aliases')) });
    if (refused) {
      const facts = { rule: 'replace-object', operation: 'REPLACE VIEW', object } as const;
      return [finding({ ...facts, safety: 'SAFE', reason: `it fails: ${refused}`, fails: true })];
    }
    dependOnQuery(world, taken, query);
    const reason =
      'the view gets another query; it fails where columns would go or change their type';
    return [
      finding({
        ...{ rule: 'replace-object', operation: 'REPLACE VIEW', object, safety: 'SAFE', reason },
        ...feltLock(world, taken),
      }),
    ];
  }
  const obstacle = inTheWayOf(world, place, { operation, isOptional: false });
  if (obstacle) return [obstacle];
  const named = textsOf(nodesAt(tree, 'aliases'));
  const columns = outputColumns(world, query).map((column, at) => ({
    ...{ ...column, name: named[at] ?? column.name },
  }));
  const view = world.addRelation({ ...place, kind: 'v', columns });
  dependOnQuery(world, view, query);
  return [
    finding({
      ...{ rule: 'create-object', operation, object },
      safety: 'SAFE',
      reason: 'a view is made',
    }),
  ];
}

/** PostgreSQL only adds columns at a view's end. What cannot be told from the text alone is no reason. */
function refusal(
  world: World,
  view: WorldRelation,
  { query, named }: { readonly query: Tree; readonly named: readonly string[] },
): string | undefined {
  const columns = certainColumns(world, query);
  if (!columns) return undefined;
  const old = world.columnsOf(view);
  const lost = old[columns.length];
  if (lost) return `the view would lose its column ${lost.name}`;
  const other = old.findIndex(({ name }, at) => (named[at] ?? columns[at] ?? name) !== name);
  return other < 0 ? undefined : `its column ${old[other]?.name} cannot get another name or place`;
}

/** CREATE TABLE AS, CREATE MATERIALIZED VIEW and SELECT INTO: columns as far as the query names them. */
export function analyseCreateAs({ kind, tree }: AnalysedStatement, world: World): Finding[] {
  const isSelect = kind === 'SelectStmt';
  const into = treeAt(tree, isSelect ? 'intoClause' : 'into');
  if (!into) return [];
  const isView = tree.objtype === 'OBJECT_MATVIEW';
  const operation = isSelect
    ? 'SELECT INTO'
    : isView
      ? 'CREATE MATERIALIZED VIEW'
      : 'CREATE TABLE AS';
  const place = placeOf(world, treeAt(into, 'rel'));
  const kindName = isView ? 'materialized view' : 'table';
  const isOptional = tree.if_not_exists === true;
  const obstacle = inTheWayOf(world, place, { operation, isOptional });
  if (obstacle) return [obstacle];
  const select = isSelect ? tree : (contentOf(tree.query, 'SelectStmt') ?? {});
  const named = textsOf(nodesAt(into, 'colNames'));
  const columns = outputColumns(world, select).map((column, at) => ({
    ...{ ...column, name: named[at] ?? column.name },
  }));
  const relation = world.addRelation({
    ...{ ...place, kind: isView ? 'm' : 'r', columns },
    endsAtCommit: into.onCommit === 'ONCOMMIT_DROP',
  });
  if (isView) dependOnQuery(world, relation, select);
  const object = place.isTemporary
    ? printedName(place.name)
    : printedName(place.schema, place.name);
  const reason = `a new ${kindName} is made of the rows of a query; these stay where they are`;
  return [
    finding({
      ...{ rule: isView ? 'create-object' : 'create-table', operation, object },
      safety: 'SAFE',
      reason,
    }),
  ];
}
