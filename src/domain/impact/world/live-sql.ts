import type { LiveSql, RelationName, Tree, World, WorldColumn, WorldRelation } from '../world.js';
import {
  contentOf,
  isTree,
  namesOf,
  nodesAt,
  qualifiedNameOf,
  relationNameOf,
  textAt,
  walk,
} from './tree.js';

/** What the writer has to know besides {@link World}. */
export interface PrintingWorld extends World {
  readonly deparse: (node: Tree) => string;
}

/** Ends the writing; its message is the reason. */
class Unmeasured extends Error {}

/** Volatile as functions, but the same within one transaction; or with no effect that a count could see. */
const steady = new Set([
  ...['now', 'statement_timestamp', 'transaction_timestamp', 'current_setting'],
  ...['pg_typeof', 'col_description', 'obj_description', 'pg_column_size', 'current_query'],
]);

const systemColumns = new Set(['ctid', 'tableoid', 'xmin', 'xmax', 'cmin', 'cmax']);

function attempt(work: () => string): LiveSql {
  try {
    return { sql: work() };
  } catch (error) {
    if (error instanceof Unmeasured) return { unmeasured: error.message };
    throw error;
  }
}

function print(world: PrintingWorld, node: Tree): string {
  try {
    return world.deparse(node);
  } catch {
    throw new Unmeasured('Belay cannot write its condition down for counting');
  }
}

/** See {@link World.expression}. */
export function writeExpression(
  world: PrintingWorld,
  node: Tree,
  { relation, alias }: { readonly relation: WorldRelation; readonly alias?: string | undefined },
): LiveSql {
  const columnOf = (content: Tree): Tree => {
    const fields = nodesAt(content, 'fields');
    const names = namesOf(fields);
    if (names.length < fields.length) throw new Unmeasured('it names the whole row');
    const name = names.at(-1) ?? '';
    if (!isOwn(names.slice(0, -1), relation, alias)) {
      throw new Unmeasured(`it needs ${names.join('.')}, which is not a column of the table`);
    }
    return { fields: [{ String: { sval: liveColumnName(world, relation, name) } }] };
  };
  const rewrite = new Rewriter(world, {
    ColumnRef: columnOf,
    SubLink: () => {
      throw new Unmeasured('it looks at rows of other tables');
    },
  });
  return attempt(() => print(world, rewrite.node(node)));
}

function isOwn(
  qualifier: readonly string[],
  relation: WorldRelation,
  alias: string | undefined,
): boolean {
  if (qualifier.length === 0) return true;
  const [last, schema] = [qualifier.at(-1), qualifier.at(-2)];
  if (schema === undefined) return last === (alias ?? relation.name);
  return alias === undefined && last === relation.name && schema === relation.schema;
}

function liveColumnName(world: World, relation: WorldRelation, name: string): string {
  const column = world.findColumn(relation, name);
  if (!column) {
    if (systemColumns.has(name)) return name;
    throw new Unmeasured(`there is no column ${name}`);
  }
  return liveNameOf(relation, column);
}

function liveNameOf(relation: WorldRelation, column: WorldColumn): string {
  const shown = `${relation.schema}.${relation.name}.${column.name}`;
  if (!column.live) throw new Unmeasured(`it needs ${shown}, which an earlier statement makes`);
  if (column.live.type !== column.type) {
    throw new Unmeasured(
      `it needs ${shown} as ${column.type}, which an earlier statement makes it`,
    );
  }
  return column.live.name;
}

type Replacement = (content: Tree) => Tree;

/** Copies trees with some kinds of nodes replaced, and refuses what cannot be counted. */
class Rewriter {
  readonly #world: World;
  readonly #replacements: Readonly<Record<string, Replacement>>;

  constructor(world: World, replacements: Readonly<Record<string, Replacement>>) {
    this.#world = world;
    this.#replacements = replacements;
  }

  node(tree: Tree): Tree {
    return this.#copy(tree) as Tree;
  }

  #copy(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#copy(item));
    if (!isTree(value)) return value;
    const copied = Object.entries(value).map(([key, child]) => [key, this.#child(key, child)]);
    return Object.fromEntries(copied);
  }

  #child(key: string, child: unknown): unknown {
    if (!isTree(child)) return this.#copy(child);
    const replace = this.#replacements[key];
    if (replace) return replace(child);
    if (key === 'ParamRef') throw new Unmeasured('its parameters are not known');
    if (key === 'FuncCall') checkFunction(this.#world, child);
    if (key === 'TypeName' || key === 'typeName') {
      return this.#copy(liveTypeName(this.#world, child));
    }
    return this.#copy(child);
  }
}

function checkFunction(world: World, call: Tree): void {
  const parts = namesOf(nodesAt(call, 'funcname'));
  const name = parts.at(-1) ?? '';
  const made = world.findObject('function', qualifiedNameOf(parts));
  if (made?.isNew) throw new Unmeasured(`it calls ${name}(), which an earlier statement makes`);
  if (world.catalog.volatileFunctions.has(name) && !steady.has(name)) {
    throw new Unmeasured(`it calls ${name}(), which may give another answer each time`);
  }
}

/** A type that the script has renamed or moved has its live name in the live database. */
function liveTypeName(world: World, type: Tree): Tree {
  const parts = namesOf(nodesAt(type, 'names'));
  const name = qualifiedNameOf(parts);
  if (parts.length === 0 || name.schema === 'pg_catalog') return type;
  for (const kind of ['type', 'domain']) {
    const found = world.findObject(kind, name);
    if (found?.isNew) {
      throw new Unmeasured(`it needs the type ${name.name}, which an earlier statement makes`);
    }
  }
  const live = world.findType(name);
  if (!live) return type;
  return { ...type, names: [live.schema, live.name].map((sval) => ({ String: { sval } })) };
}

/** See {@link World.query}. */
export function writeQuery(world: PrintingWorld, select: Tree): LiveSql {
  return attempt(() => {
    const content = contentOf(select, 'SelectStmt') ?? select;
    const writer = new QueryWriter(world);
    return print(world, { SelectStmt: writer.select(content) });
  });
}

class QueryWriter {
  readonly #world: World;
  /** Tables that the query reads. */
  readonly #tables: WorldRelation[] = [];
  /** Names of columns that it has anywhere. */
  readonly #names = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  select(content: Tree): Tree {
    for (const [kind, node] of walk(content)) {
      const last = kind === 'ColumnRef' ? namesOf(nodesAt(node, 'fields')).at(-1) : undefined;
      if (last !== undefined) this.#names.add(last);
    }
    const copy = this.#scoped(content, new Set());
    this.#checkColumns();
    return copy;
  }

  /** A SELECT, whose WITH adds names that are no tables. */
  #scoped(content: Tree, outer: ReadonlySet<string>): Tree {
    if ('intoClause' in content) throw new Unmeasured('it makes a table');
    const { withClause, lockingClause: _locks, ...rest } = content;
    let scope = outer;
    const copied: Record<string, unknown> = {};
    if (isTree(withClause)) {
      const { clause, names } = this.#with(withClause, outer);
      copied.withClause = clause;
      scope = names;
    }
    for (const [key, value] of Object.entries(rest)) {
      copied[key] =
        (key === 'larg' || key === 'rarg') && isTree(value)
          ? this.#scoped(contentOf(value, 'SelectStmt') ?? value, scope)
          : this.#rewrite(value, scope);
    }
    return copied;
  }

  #with(clause: Tree, outer: ReadonlySet<string>) {
    const entries = nodesAt(clause, 'ctes').map((node) => contentOf(node, 'CommonTableExpr') ?? {});
    const all = entries.map((entry) => textAt(entry, 'ctename') ?? '');
    // Without RECURSIVE each sees only those before it: `WITH t AS (SELECT … FROM t)` reads the table.
    const names = new Set(clause.recursive ? [...outer, ...all] : outer);
    const ctes = entries.map((entry, index) => {
      const body = contentOf(entry.ctequery, 'SelectStmt');
      if (!body) throw new Unmeasured('it changes rows in its WITH');
      const ctequery = { SelectStmt: this.#scoped(body, names) };
      names.add(all[index] ?? '');
      return { CommonTableExpr: { ...entry, ctequery } };
    });
    return { clause: { ...clause, ctes }, names };
  }

  #rewrite(value: unknown, scope: ReadonlySet<string>): unknown {
    const rewriter = new Rewriter(this.#world, {
      SelectStmt: (content) => ({ ...this.#scoped(content, scope) }),
    });
    return mapRanges(rewriter.node({ value }).value, (range) => this.#range(range, scope));
  }

  /** What stands for a table in FROM. */
  #range(range: Tree, scope: ReadonlySet<string>): Tree {
    const name = relationNameOf(range);
    if (name.schema === undefined && scope.has(name.name)) return { RangeVar: range };
    const relation = this.#world.findRelation(name);
    if (!relation) {
      if (isSystemName(name)) return { RangeVar: range };
      throw new Unmeasured(`there is no table ${name.name}`);
    }
    const { live } = relation;
    if (!live) throw new Unmeasured(`it needs ${name.name}, which an earlier statement makes`);
    this.#tables.push(relation);
    const alias = isTree(range.alias) ? range.alias : { aliasname: relation.name };
    const { catalogname: _catalog, ...rest } = range;
    const table = { ...rest, schemaname: live.schema, relname: live.name };
    if (!this.#isRenamedWithin(relation)) return { RangeVar: { ...table, alias } };
    return this.#asNow(relation, table, alias);
  }

  #isRenamedWithin(relation: WorldRelation): boolean {
    const columns = this.#world.columnsOf(relation);
    const count = this.#world.catalog.columns.filter(
      (column) => column.relation === relation.live?.oid,
    ).length;
    return columns.length !== count || columns.some(({ live, name }) => live?.name !== name);
  }

  /** `(SELECT live AS now, … FROM table) AS name`: the table with its present columns. */
  #asNow(relation: WorldRelation, table: Tree, alias: Tree): Tree {
    const { alias: _alias, ...plain } = table;
    const target = (name: string, now: string) => ({
      ResTarget: { name: now, val: { ColumnRef: { fields: [{ String: { sval: name } }] } } },
    });
    const own = this.#world
      .columnsOf(relation)
      .flatMap(({ live, name }) => (live ? [target(live.name, name)] : []));
    const system = [...systemColumns]
      .filter((name) => this.#names.has(name))
      .map((name) => target(name, name));
    const subquery = {
      SelectStmt: {
        ...{ targetList: [...system, ...own], fromClause: [{ RangeVar: plain }] },
        ...{ limitOption: 'LIMIT_OPTION_DEFAULT', op: 'SETOP_NONE' },
      },
    };
    return { RangeSubselect: { subquery, alias } };
  }

  /** Names that only the script's own or changed columns have in this query. */
  #checkColumns(): void {
    const columns = this.#tables.flatMap((relation) =>
      this.#world.columnsOf(relation).map((column) => ({ relation, column })),
    );
    for (const { relation, column } of columns) {
      const isAsItWas = column.live !== null && column.live.type === column.type;
      if (isAsItWas || !this.#names.has(column.name)) continue;
      liveNameOf(relation, column);
    }
  }
}

/** What lies in the system's schemas is not followed; it is there. */
function isSystemName({ schema, name }: RelationName): boolean {
  return schema === undefined
    ? name.startsWith('pg_')
    : schema === 'pg_catalog' || schema === 'information_schema';
}

/** Replaces the tables of a FROM, not those of SELECTs below, which have been replaced. */
function mapRanges(value: unknown, replace: (range: Tree) => Tree): unknown {
  if (Array.isArray(value)) return value.map((item) => mapRanges(item, replace));
  if (!isTree(value)) return value;
  const range = contentOf(value, 'RangeVar');
  if (range && Object.keys(value).length === 1) return replace(range);
  const entries = Object.entries(value).map(([key, child]) => [
    key,
    key === 'SelectStmt' ? child : mapRanges(child, replace),
  ]);
  return Object.fromEntries(entries);
}
