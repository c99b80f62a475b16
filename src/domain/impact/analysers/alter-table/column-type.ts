import type { AlterTableCmd, ColumnDef, TypeName } from 'libpg-query';
import { quotedName } from '../../../quoted-sql.js';
import type { Finding } from '../../finding.js';
import { contentOf, hasSubquery, nodeOf, textsOf } from '../../grammar.js';
import { columnBeside, withLockTimeout } from '../../safer-way.js';
import { nameSql } from '../../sql-names.js';
import { type Conversion, convert } from '../../type-conversion.js';
import { formatTypeName } from '../../type-name.js';
import { printedName } from '../../world/printed-names.js';
import type { Dropped, Tree, World, WorldColumn, WorldRelation } from '../../world.js';
import {
  type Altered,
  alteration,
  alteredOf,
  columnObject,
  failing,
  measuredFamily,
} from './altered.js';
import { missingColumn } from './constraint-names.js';
import { conversionSurroundings } from './domains.js';
import { dependentExpressions, refusesDefault } from './type-dependents.js';

const rule = 'alter-column-type';
const operation = 'ALTER COLUMN TYPE';
const lock = 'ACCESS EXCLUSIVE';

/** USING that is no more than the column, cast to the new type. */
function isPlainCast(using: unknown, column: string, type: string, world: World): boolean {
  const cast = contentOf<{ arg?: unknown; typeName?: TypeName }>(using, 'TypeCast');
  if (cast) {
    return (
      formatTypeName(cast.typeName, world) === type && isPlainCast(cast.arg, column, type, world)
    );
  }
  const reference = contentOf<{ fields?: unknown[] }>(using, 'ColumnRef');
  return reference !== undefined && textsOf(reference.fields).at(-1) === column;
}

interface Change {
  readonly column: WorldColumn;
  readonly from: string;
  readonly to: string;
  readonly conversion: Conversion;
  readonly using: unknown;
  readonly collation: string | null;
}

const rewritten: Conversion = { rewrite: true, keepsValues: false, rebuildsIndexes: true };

function changeOf(world: World, column: WorldColumn, definition: ColumnDef): Change {
  const to = formatTypeName(definition.typeName, world);
  const using = definition.raw_default;
  const from = column.type;
  const conversion =
    using === undefined || isPlainCast(using, column.name, to, world)
      ? convert(from, to, conversionSurroundings(world))
      : rewritten;
  const collation = textsOf(definition.collClause?.collname).at(-1) ?? null;
  return { column, from, to, conversion, using, collation };
}

/** What PostgreSQL does not make anew when a column's type changes: it refuses instead. */
const refusing: ReadonlySet<string> = new Set([
  ...['view', 'materialized view', 'rule', 'policy', 'trigger', 'function', 'procedure'],
]);

/** Why the type cannot change, whatever the rows; null: it can. */
function refusal(altered: Altered, column: WorldColumn): string | null {
  const { world, relation } = altered;
  const object = columnObject(altered, column.name);
  const key = relation.live?.partitionKey;
  if (column.live && key?.columns.includes(column.live.number)) {
    return `${object} is part of the partition key`;
  }
  const all = world.dependentsOf(column.id);
  // Its own expression is not in the way.
  const generated = all.filter((one) => one.name !== object && isGeneratedFrom(world, one));
  const using = all.filter(({ kind }) => refusing.has(kind));
  const named = [...generated, ...using].map(({ kind, name }) => `${kind} ${name}`);
  const names = [...new Set([...named, ...all.flatMap((one) => viewOf(world, one))])];
  if (names.length === 0) return null;
  return `${names.join(', ')} uses ${object}: drop that first, and make it again afterwards`;
}

/** A view depends on columns by its rule, which is a part of it. */
function viewOf(world: World, { id }: Dropped): readonly string[] {
  if (!id.startsWith('pg_rewrite/')) return [];
  const owner = world.catalog.dependencies.find(({ dependent, type }) => {
    return dependent === id && type === 'i';
  });
  const view = world.relations().find((one) => one.id === owner?.on);
  return view ? [`view ${printedName(view.schema, view.name)}`] : [];
}

/** A generated column, or the expression by which it is computed. */
function isGeneratedFrom(world: World, { kind, column, relation, id }: Dropped): boolean {
  if (kind === 'column') return column?.isGenerated === true;
  if (kind !== 'expression' || !relation) return false;
  return world
    .columnsOf(relation)
    .some((one) => one.isGenerated && world.dependentsOf(one.id).some((other) => other.id === id));
}

/** ALTER COLUMN … TYPE: values that fail, values that come out as other ones, and a table written anew. */
export function alterColumnType(altered: Altered, cmd: AlterTableCmd): readonly Finding[] {
  const { world, relation } = altered;
  const name = cmd.name ?? '';
  const column = world.findColumn(relation, name);
  if (!column) return [missingColumn(altered, operation, name)];
  const definition = contentOf<ColumnDef>(cmd.def, 'ColumnDef') ?? {};
  if (hasSubquery(definition.raw_default)) {
    return [failing(altered, { rule, operation, column: name, reason: 'USING has a subquery' })];
  }
  const reason = refusal(altered, column);
  if (reason !== null) {
    const facts = { rule: 'dependents-in-the-way', operation, column: name };
    return [failing(altered, { ...facts, reason })];
  }
  const change = changeOf(world, column, definition);
  if (refusesDefault(altered, column, change.to)) {
    const why = `its default cannot be cast to ${change.to} automatically: drop it first, and set it again afterwards`;
    return [failing(altered, { rule, operation, column: name, reason: why })];
  }
  const found = [
    converted(altered, change),
    ...dependentExpressions(altered, column, change.to),
    ...referencingTables(altered, change),
  ];
  world.changeColumn(relation, name, { type: change.to });
  if (!change.conversion.keepsValues) world.touch(relation, [name]);
  return found;
}

/** With what is to be counted, and the safer way where others would wait. */
function converted(altered: Altered, change: Change): Finding {
  const { world, relation } = altered;
  const { column, to, conversion } = change;
  const { rewrite, keepsValues, rebuildsIndexes } = conversion;
  const reindexed = !rewrite && (rebuildsIndexes || isCollationChange(world, relation, change));
  const live =
    relation.live && column.live ? { relation: relation.live, column: column.live } : null;
  const loss =
    live && !keepsValues
      ? {
          loss: {
            what: 'conversion',
            table: live.relation.oid,
            column: live.column.number,
          } as const,
        }
      : {};
  const lossless = keepsValues || column.isGenerated || relation.isNew || column.isNew;
  return alteration(altered, {
    ...{ rule, operation, column: column.name, lock, rewrite },
    safety: lossless ? 'SAFE' : 'DATA_LOSS',
    ...(reindexed ? { work: 'index' } : {}),
    reason: reasonOf(change, reindexed),
    ...(lossless ? {} : { ...loss, ...countConversion(altered, change) }),
    saferWay: rewrite
      ? columnBeside(relation, { column: column.name, type: to, value: newValue(altered, change) })
      : withLockTimeout(altered.statement.sql),
    ...(world.touchedBefore(relation, [column.name]).length > 0
      ? { after: world.touchedBefore(relation, [column.name]) }
      : {}),
  });
}

/** Without COLLATE a column gets the collation of its type. */
function isCollationChange(
  world: World,
  relation: WorldRelation,
  { column, collation }: Change,
): boolean {
  const live = world.catalog.columns.find(
    (one) => one.relation === relation.live?.oid && one.number === column.live?.number,
  );
  const before = live?.collation?.split('.').at(-1)?.replaceAll('"', '') ?? 'default';
  return before !== (collation ?? 'default');
}

function reasonOf({ from, to, conversion }: Change, reindexed: boolean): string {
  const what = from === to ? `its type stays ${to}` : `its values become ${to} instead of ${from}`;
  if (reindexed) return `${what}; rows stay as they are, indexes on it are built anew`;
  if (!conversion.rewrite) return `${what}; rows stay as they are`;
  return `${what}: every row and every index of the table is written anew`;
}

/** The new value as it is written in SQL. */
function newValue({ world, relation }: Altered, { column, to, using }: Change): string {
  if (nodeOf(using)) {
    const expression = world.expression(using as Tree, relation);
    if ('sql' in expression) return expression.sql;
  }
  return `${nameSql(column.name)}::${to}`;
}

function countConversion(
  altered: Altered,
  change: Change,
): Pick<Finding, 'unmeasured'> | Pick<Finding, 'measure' | 'counts'> {
  const { world, relation } = altered;
  const { column, to, using } = change;
  const table = measuredFamily(altered);
  if (!table || !column.live) return { unmeasured: 'the script itself makes the column' };
  const expression = nodeOf(using) ? world.expression(using as Tree, relation) : null;
  if (expression && 'unmeasured' in expression) return { unmeasured: expression.unmeasured };
  if (isNewType(world, to)) return { unmeasured: `the script itself makes the type ${to}` };
  return {
    measure: {
      ...{ what: 'conversion', table, to, column: quotedName(column.live.name) },
      ...{ from: column.live.type, using: expression ? expression.sql : null },
    },
    counts: 'conversion',
  } as const;
}

/** Types of the user's are qualified; one that the live database has not is the script's. */
function isNewType(world: World, type: string): boolean {
  const { types } = world.catalog;
  const parts = type.replaceAll('[]', '').split('.');
  if (parts.length !== 2) return false;
  return !types.some(
    ({ schema, name }) => `${nameSql(schema)}.${nameSql(name)}` === parts.join('.'),
  );
}

/** Foreign keys on the column are made anew, for which the other table is locked just as strongly. */
function referencingTables(altered: Altered, { column, from, to }: Change): readonly Finding[] {
  const { world, relation, statement } = altered;
  const number = column.live?.number;
  const oid = relation.live?.oid;
  if (number === undefined || oid === undefined || from === to) return [];
  const others = world.catalog.constraints.flatMap((constraint) => {
    if (constraint.kind !== 'f') return [];
    if (constraint.relation === oid && constraint.columns.includes(number)) {
      return [constraint.referenced];
    }
    const isReferenced =
      constraint.referenced === oid && constraint.referencedColumns.includes(number);
    return isReferenced ? [constraint.relation] : [];
  });
  const tables = [...new Set(others)].flatMap((other) => world.relationByOid(other) ?? []);
  return tables
    .filter(({ id }) => id !== relation.id)
    .map((other) =>
      alteration(alteredOf(world, statement, other, true), {
        ...{ rule, operation, lock, scan: true, because: columnObject(altered, column.name) },
        reason: 'the foreign key between them is checked anew',
      }),
    );
}
