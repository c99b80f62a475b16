import type { AlterTableCmd, ColumnDef, Constraint, TypeName } from 'libpg-query';
import { quotedName } from '../../../quoted-sql.js';
import type { Finding } from '../../finding.js';
import { contentOf, functionsCalled, nodeOf, replaceNodes, textsOf } from '../../grammar.js';
import { columnThenBackfill } from '../../safer-way.js';
import { nameSql, qualifiedSql } from '../../sql-names.js';
import { formatTypeName, serialTypes } from '../../type-name.js';
import type { Tree, World } from '../../world.js';
import { addConstraint } from './add-constraint.js';
import { primaryKeyColumns } from './add-foreign-key.js';
import {
  type Altered,
  type AlterFacts,
  alteration,
  countFailures,
  failing,
  measuredFamily,
  withoutInheritors,
} from './altered.js';
import { domainOf, findByText } from './domains.js';

const operation = 'ADD COLUMN';
const lock = 'ACCESS EXCLUSIVE';

/** What a column's definition says, put in order. */
interface NewColumn {
  readonly name: string;
  readonly type: string;
  readonly typeName: TypeName | undefined;
  readonly required: boolean;
  /** An expression; undefined: none, or NULL. */
  readonly default: unknown;
  /** It is not the same for all rows. */
  readonly isVolatile: boolean;
  readonly isIdentity: boolean;
  readonly isSerial: boolean;
  readonly generated: 'stored' | 'virtual' | null;
  /** Of a generated column. */
  readonly expression: unknown;
  readonly domain: { readonly isConstrained: boolean; readonly notNull: boolean } | null;
  readonly constraints: readonly Constraint[];
}

function isNull(node: unknown): boolean {
  const cast = contentOf<{ arg?: unknown }>(node, 'TypeCast');
  if (cast) return isNull(cast.arg);
  return contentOf<{ isnull?: boolean }>(node, 'A_Const')?.isnull === true;
}

/** Calls something that may give another value for each row. */
function isVolatile(world: World, expression: unknown): boolean {
  return functionsCalled(expression).some((name) => world.catalog.volatileFunctions.has(name));
}

function columnOf(world: World, definition: ColumnDef): NewColumn {
  const constraints = (definition.constraints ?? []).flatMap(
    (node) => contentOf<Constraint>(node, 'Constraint') ?? [],
  );
  const find = (type: string) => constraints.find(({ contype }) => contype === type);
  const expression = find('CONSTR_DEFAULT')?.raw_expr;
  const typeNames = textsOf(definition.typeName?.names);
  const type = formatTypeName(definition.typeName, world);
  const generated = find('CONSTR_GENERATED');
  const domain = domainOf(world, type);
  return {
    ...{ name: definition.colname ?? '', type, typeName: definition.typeName, constraints },
    required: ['CONSTR_NOTNULL', 'CONSTR_PRIMARY', 'CONSTR_IDENTITY'].some(find),
    default: expression === undefined || isNull(expression) ? undefined : expression,
    isVolatile: isVolatile(world, expression),
    isIdentity: find('CONSTR_IDENTITY') !== undefined,
    isSerial: typeNames.length === 1 && typeNames.some((one) => one in serialTypes),
    // Without a word it is virtual from version 18 on, and an error before.
    generated: generated ? (generated.generated_kind === 's' ? 'stored' : 'virtual') : null,
    expression: generated?.raw_expr,
    domain: domain
      ? { isConstrained: domain.isConstrained, notNull: findByText(world, type)?.notNull === true }
      : null,
  };
}

/** Every row gets a value of its own, so that every row is written. */
function rewriteOf(
  column: NewColumn,
  serverVersion: number,
): Pick<AlterFacts, 'rule' | 'reason'> | null {
  if (column.generated === 'stored') {
    const reason = 'its values are computed and stored: every row is written anew';
    return { rule: 'add-column-generated', reason };
  }
  if (column.isIdentity || column.isSerial) {
    const reason = 'every row gets a number: every row is written anew';
    return { rule: 'add-column-identity', reason };
  }
  if (column.default !== undefined && column.isVolatile) {
    const reason = 'its default may be another one for each row: every row is written anew';
    return { rule: 'add-column-rewrite', reason };
  }
  if (column.domain?.isConstrained && column.generated === null && serverVersion < 190000) {
    const reason = `the domain ${column.type} has constraints: every row is written anew`;
    return { rule: 'add-column-rewrite', reason };
  }
  return null;
}

/** ADD COLUMN, with the constraints that stand in it. */
export function addColumn(altered: Altered, cmd: AlterTableCmd): readonly Finding[] {
  const { world, relation } = altered;
  const definition = contentOf<ColumnDef>(cmd.def, 'ColumnDef') ?? {};
  const column = columnOf(world, definition);
  if (world.findColumn(relation, column.name)) return [alreadyThere(altered, cmd, column.name)];
  const found = added(altered, column);
  world.addColumn(relation, {
    ...{ name: column.name, type: column.type },
    notNull: column.required || column.isSerial,
    hasDefault: column.default !== undefined || column.isSerial || column.isIdentity,
    ...{ isGenerated: column.generated !== null, isIdentity: column.isIdentity },
  });
  const kinds = ['CONSTR_CHECK', 'CONSTR_UNIQUE', 'CONSTR_PRIMARY', 'CONSTR_FOREIGN'];
  const constraints = column.constraints
    .filter(({ contype }) => kinds.includes(contype ?? ''))
    .flatMap((constraint) => inlineConstraint(altered, column, constraint));
  return [found, ...constraints];
}

function alreadyThere(altered: Altered, { missing_ok }: AlterTableCmd, column: string): Finding {
  const reason = `${altered.object} has a column ${column} already`;
  if (!missing_ok) return failing(altered, { rule: 'object-exists', operation, column, reason });
  // The lock is taken before PostgreSQL looks.
  return alteration(altered, {
    ...{ rule: 'nothing-to-do', operation, column, lock },
    reason: `${reason}: it stays as it is`,
  });
}

const isEmptyColumn = (column: NewColumn): boolean =>
  column.default === undefined && !column.isSerial && !column.isIdentity && !column.generated;

/** A check over the empty column alone cannot fail, as NULL passes it; the rest is what it is in ADD CONSTRAINT. */
function inlineConstraint(
  altered: Altered,
  column: NewColumn,
  constraint: Constraint,
): readonly Finding[] {
  const [own, ...others] = addConstraint(altered, constraint, column.name);
  if (!own || own.fails === true) return own ? [own, ...others] : others;
  const uncounted = { measure: null, counts: null, unmeasured: null } as const;
  if (isEmptyColumn(column) && constraint.contype === 'CONSTR_CHECK') {
    return [{ ...own, ...uncounted, fails: false }, ...others];
  }
  const isConstant = column.default !== undefined && !column.isVolatile && !column.generated;
  if (!isConstant || altered.relation.isNew) return [own, ...others];
  const counted = countWithDefault(altered, column, constraint);
  return [counted ? { ...own, ...uncounted, fails: null, ...counted } : own, ...others];
}

/** All rows have the default in the new column: one constraint holds for all of them or for none. */
function countWithDefault(
  altered: Altered,
  column: NewColumn,
  constraint: Constraint,
): Pick<Finding, 'measure' | 'counts' | 'after'> | null {
  const { world, relation } = altered;
  const isCheck = constraint.contype === 'CONSTR_CHECK';
  const table = measuredFamily(isCheck ? altered : withoutInheritors(altered));
  const value = castDefault(column);
  if (!table || !value) return null;
  const from = `FROM ${table.only ? 'ONLY ' : ''}${table.sql}`;
  const facts = { counts: 'failures', after: world.touchedBefore(relation) } as const;
  const query = (sql: string) =>
    ({ what: 'query', sql, searchPath: table.searchPath, tables: [table] }) as const;
  if (constraint.contype === 'CONSTR_UNIQUE' || constraint.contype === 'CONSTR_PRIMARY') {
    const sql = `SELECT CASE WHEN count(*) > 1 THEN count(*) ELSE 0 END AS rows ${from}`;
    return { ...facts, measure: query(sql) };
  }
  if (constraint.contype === 'CONSTR_FOREIGN') {
    const found = referencedBy(world, constraint);
    const sql = world.expression(value, relation);
    if (!found || !('sql' in sql)) return null;
    const exists = `EXISTS (SELECT FROM ${found.table} WHERE ${found.column} = (${sql.sql}))`;
    const none = `${exists} OR (${sql.sql}) IS NULL`;
    return {
      ...facts,
      measure: query(`SELECT CASE WHEN ${none} THEN 0 ELSE count(*) END AS rows ${from}`),
    };
  }
  const condition = world.expression(withValue(constraint.raw_expr, column.name, value), relation);
  if (!('sql' in condition)) return null;
  return { ...facts, measure: { what: 'violations', table, breaks: `NOT (${condition.sql})` } };
}

/** The default as the column has it, as a node of the grammar. */
function castDefault({ default: expression, typeName }: NewColumn): Tree | undefined {
  if (!nodeOf(expression) || !typeName) return undefined;
  return { TypeCast: { arg: expression, typeName, location: -1 } };
}

function withValue(expression: unknown, column: string, value: Tree): Tree {
  return replaceNodes(expression, (kind, tree) => {
    if (kind !== 'ColumnRef') return undefined;
    return textsOf(tree.fields as unknown[]).at(-1) === column ? value : undefined;
  }) as Tree;
}

/** The one live column to which a column refers. */
function referencedBy(
  world: World,
  { pktable, pk_attrs }: Constraint,
): { readonly table: string; readonly column: string } | null {
  const to = world.findRelation({ schema: pktable?.schemaname, name: pktable?.relname ?? '' });
  const table = to && world.measured(to);
  const named = textsOf(pk_attrs);
  const [name = ''] = named.length > 0 || !to ? named : primaryKeyColumns(world, to);
  const column = to && world.findColumn(to, name);
  return table && column?.live ? { table: table.sql, column: quotedName(column.live.name) } : null;
}

function added(altered: Altered, column: NewColumn): Finding {
  const { world, relation } = altered;
  const { serverVersion } = world.catalog;
  const rewrite = relation.kind === 'f' ? null : rewriteOf(column, serverVersion);
  const isEmpty = isEmptyColumn(column);
  const facts = { operation, column: column.name, lock } as const;
  if (isEmpty && (column.required || column.domain?.notNull)) {
    return alteration(altered, {
      ...{ ...facts, rule: 'add-column-not-null', scan: true },
      reason: 'it is required and has no default: rows that are there have no value for it',
      ...countFailures(altered, undefined, (table) => ({ what: 'rows', table, where: null })),
      saferWay: backfill(altered, column, '…'),
    });
  }
  if (rewrite) {
    return alteration(altered, {
      ...{ ...facts, ...rewrite, rewrite: true },
      saferWay: safeRewrite(altered, column),
    });
  }
  const reason =
    column.generated === 'virtual'
      ? 'its values are computed when they are read: no row is written'
      : column.default === undefined
        ? 'it is empty in all rows: no row is written'
        : 'its default is the same for all rows: no row is written';
  return alteration(altered, { ...facts, rule: 'add-column', reason });
}

function backfill({ relation, world }: Altered, column: NewColumn, value: string): string {
  const { name, type } = column;
  const required = column.required || column.isSerial;
  const facts = { column: name, type, value, required };
  return columnThenBackfill(relation, facts, world.catalog.serverVersion);
}

function safeRewrite(altered: Altered, column: NewColumn): string {
  const { world, relation } = altered;
  if (column.generated === 'stored') return insteadOfStored(altered, column);
  if (column.isIdentity || column.isSerial) {
    const sequence = nameSql(`${relation.name}_${column.name}_seq`);
    const create = `CREATE SEQUENCE ${nameSql(relation.schema)}.${sequence};\n`;
    const value = `nextval('${nameSql(relation.schema)}.${sequence}')`;
    return `${create}${backfill(altered, column, value)}`;
  }
  const value = nodeOf(column.default)
    ? world.expression(column.default as Tree, relation)
    : { unmeasured: '' };
  return backfill(altered, column, 'sql' in value ? value.sql : defaultText(column.default));
}

/** Computed when it is read (18), or by a trigger. */
function insteadOfStored(altered: Altered, column: NewColumn): string {
  const { world, relation } = altered;
  const expression = world.expression(column.expression as Tree, relation);
  const sql = 'sql' in expression ? expression.sql : '…';
  const add = `ALTER TABLE ${qualifiedSql(relation)} ADD COLUMN ${nameSql(column.name)} ${column.type}`;
  return world.catalog.serverVersion >= 180000
    ? `${add} GENERATED ALWAYS AS (${sql}) VIRTUAL; -- computed when it is read: no row is written`
    : `${add};\n-- with a trigger that sets it in new and changed rows; then, some thousand rows at a time, by the key:\nUPDATE ${qualifiedSql(relation)} SET ${nameSql(column.name)} = ${sql} WHERE ${nameSql(column.name)} IS NULL;`;
}

/** A call without arguments, which is what defaults that differ by row mostly are. */
function defaultText(expression: unknown): string {
  const call = contentOf<{ funcname?: unknown[]; args?: unknown[] }>(expression, 'FuncCall');
  if (!call || (call.args ?? []).length > 0) return '…';
  return `${textsOf(call.funcname)
    .filter((one) => one !== 'pg_catalog')
    .map(nameSql)
    .join('.')}()`;
}
