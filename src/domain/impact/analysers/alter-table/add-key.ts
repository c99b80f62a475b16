import type { Constraint, IndexElem } from 'libpg-query';
import type { Finding } from '../../finding.js';
import { columnsUsed, contentOf, nodeOf, textsOf } from '../../grammar.js';
import type { MeasuredTable } from '../../measure.js';
import { uniqueByIndex } from '../../safer-way.js';
import { type Countable, scriptObjects } from '../../script-objects.js';
import { nameSql } from '../../sql-names.js';
import type { Tree, WorldColumn } from '../../world.js';
import { columnsByNumber, primaryKeyColumns } from './add-foreign-key.js';
import {
  type Altered,
  alteration,
  countFailures,
  failing,
  liveColumn,
  liveColumns,
} from './altered.js';
import {
  constraintName,
  missingColumn,
  type NamedConstraint,
  nameTaken,
  remember,
} from './constraint-names.js';

const lock = 'ACCESS EXCLUSIVE';

interface Key extends NamedConstraint {
  readonly constraint: Constraint;
  readonly isPrimary: boolean;
  readonly rule: 'add-primary-key' | 'add-unique';
  readonly operation: 'ADD PRIMARY KEY' | 'ADD UNIQUE';
  readonly names: readonly string[];
  readonly inline: string | undefined;
}

function keyOf(altered: Altered, constraint: Constraint, inline: string | undefined): Key {
  const isPrimary = constraint.contype === 'CONSTR_PRIMARY';
  const names = inline === undefined ? textsOf(constraint.keys) : [inline];
  const named = isPrimary
    ? constraintName(altered, constraint, [], 'pkey')
    : constraintName(altered, constraint, names, 'key');
  return {
    ...{ ...named, constraint, isPrimary, names, inline },
    rule: isPrimary ? 'add-primary-key' : 'add-unique',
    operation: isPrimary ? 'ADD PRIMARY KEY' : 'ADD UNIQUE',
  };
}

/** UNIQUE and PRIMARY KEY, also USING INDEX. */
export function addKey(
  altered: Altered,
  constraint: Constraint,
  inline?: string,
): readonly Finding[] {
  const { world, relation } = altered;
  const key = keyOf(altered, constraint, inline);
  if (key.taken) return [nameTaken(altered, key.operation, key.name)];
  const primary = primaryKeyColumns(world, relation);
  if (key.isPrimary && primary.length > 0) {
    const reason = `${altered.object} has a primary key already (${primary.join(', ')})`;
    return [failing(altered, { rule: 'object-exists', operation: key.operation, reason })];
  }
  if (constraint.indexname !== undefined) return [usingIndex(altered, key)];
  const missing = key.names.find((name) => !world.findColumn(relation, name));
  if (missing !== undefined && !relation.isNew) {
    return [missingColumn(altered, key.operation, missing)];
  }
  return [buildKey(altered, key)];
}

function buildKey(altered: Altered, key: Key): Finding {
  const { world, relation } = altered;
  const { constraint, names, isPrimary, inline } = key;
  const columns = names.flatMap((name) => world.findColumn(relation, name) ?? []);
  const kind = isPrimary ? 'p' : 'u';
  const counted = countFailures(altered, names, (table) => duplicatesOf(key, columns, table));
  remember(altered, { name: key.name, kind, columns: names, validated: true });
  if (isPrimary) requireAll(altered, names);
  const canUseIndex = relation.kind !== 'p' && !constraint.without_overlaps && inline === undefined;
  return alteration(altered, {
    ...{ rule: key.rule, operation: key.operation, lock, scan: true, work: 'index' },
    ...(inline === undefined ? {} : { column: inline }),
    reason: isPrimary
      ? `an index over (${names.join(', ')}) is built, and no row may be without a value`
      : `an index over (${names.join(', ')}) is built`,
    ...counted,
    ...(canUseIndex ? { saferWay: indexWay(altered, key) } : {}),
  });
}

function indexWay({ relation }: Altered, { constraint, name, names, isPrimary }: Key): string {
  const including = textsOf(constraint.including);
  const end = [
    ...(including.length > 0 ? [` INCLUDE (${including.map(nameSql).join(', ')})`] : []),
    ...(constraint.nulls_not_distinct ? [' NULLS NOT DISTINCT'] : []),
  ].join('');
  const columns = names.map(nameSql).join(', ');
  return uniqueByIndex(relation, {
    name,
    kind: isPrimary ? 'PRIMARY KEY' : 'UNIQUE',
    columns,
    end,
  });
}

function requireAll({ world, relation }: Altered, names: readonly string[]): void {
  for (const name of names) {
    if (world.findColumn(relation, name)) world.changeColumn(relation, name, { notNull: true });
  }
}

function duplicatesOf(
  { constraint, isPrimary, inline }: Key,
  columns: readonly WorldColumn[],
  table: MeasuredTable,
): Countable {
  const [only] = columns;
  if (inline !== undefined && only && !only.live && !only.hasDefault) {
    // An empty column: without a value nothing is a duplicate, and nothing can be a primary key.
    return { what: 'rows', table, where: isPrimary ? null : 'false' };
  }
  const by = liveColumns(columns);
  if ('unmeasured' in by) return by;
  if (constraint.without_overlaps) {
    const elements = by.sql.map((expression, index) => ({
      expression,
      operator: index === by.sql.length - 1 ? '&&' : '=',
    }));
    return { what: 'exclusion', table, elements, where: null };
  }
  return {
    ...{ what: 'duplicates', table, by: by.sql, where: null, notNull: isPrimary },
    nullsNotDistinct: constraint.nulls_not_distinct === true,
  };
}

/** The index is there and valid: only catalogs change, unless a primary key has columns that may be empty. */
function usingIndex(altered: Altered, key: Key): Finding {
  const { world, relation } = altered;
  const indexName = key.constraint.indexname ?? '';
  const { indexes } = scriptObjects(world);
  const live = world.indexesOf(relation).find((one) => one.name === indexName);
  const made = indexes.find((one) => one.relation === relation.id && one.name === indexName);
  if (!live && !made) {
    const reason = `${altered.object} has no index ${indexName}`;
    return failing(altered, { rule: 'object-missing', operation: key.operation, reason });
  }
  const isFit = live ? live.unique && live.valid && live.predicate === null : made?.unique;
  if (!isFit || live?.columns.includes(0)) {
    const reason = `the index ${indexName} is not unique, not valid, partial or over an expression`;
    return failing(altered, { rule: 'object-missing', operation: key.operation, reason });
  }
  const names = live
    ? columnsByNumber(world, relation, live.columns).map(({ name }) => name)
    : (made?.columns ?? []);
  const mayBeEmpty = names
    .flatMap((name) => world.findColumn(relation, name) ?? [])
    .filter(({ notNull }) => key.isPrimary && !notNull);
  const name = key.constraint.conname ?? indexName;
  remember(altered, { name, kind: key.isPrimary ? 'p' : 'u', columns: names, validated: true });
  const counted = countFailures(altered, names, (table) => emptyOnes(mayBeEmpty, table));
  if (key.isPrimary) requireAll(altered, names);
  return alteration(altered, {
    ...{ rule: 'add-constraint-using-index', operation: key.operation, lock },
    ...(mayBeEmpty.length === 0
      ? { reason: `${indexName} becomes the constraint ${name}: no row is read`, fails: false }
      : {
          ...{ scan: true, ...counted },
          reason: `${indexName} becomes the constraint ${name}; every row is read, as ${mayBeEmpty.map((one) => one.name).join(', ')} may be without a value`,
        }),
  });
}

function emptyOnes(columns: readonly WorldColumn[], table: MeasuredTable): Countable {
  const names = columns.map(liveColumn);
  const missing = names.find((one) => 'unmeasured' in one);
  if (missing && 'unmeasured' in missing) return missing;
  const breaks = names.map((one) => ('sql' in one ? `${one.sql} IS NULL` : '')).join(' OR ');
  return { what: 'violations', table, breaks: breaks || 'false' };
}

/** EXCLUDE: two rows for which all operators are true make it fail. */
export function addExclusion(altered: Altered, constraint: Constraint): Finding {
  const { world, relation } = altered;
  const elements = (constraint.exclusions ?? []).map(elementOf);
  const columns = columnsUsed([constraint.exclusions, constraint.where_clause]);
  const named = elements.flatMap(({ name }) => (name === undefined ? [] : [name]));
  const { name, taken } = constraintName(altered, constraint, named, 'excl');
  const operation = 'ADD EXCLUDE';
  if (taken) return nameTaken(altered, operation, name);
  const missing = named.find((one) => !world.findColumn(relation, one));
  if (missing !== undefined && !relation.isNew) return missingColumn(altered, operation, missing);
  const used = [...new Set([...named, ...columns])];
  const counted = countFailures(altered, used, (table) =>
    exclusionOf(altered, { elements, where: constraint.where_clause }, table),
  );
  remember(altered, { name, kind: 'x', columns: named, validated: true });
  return alteration(altered, {
    ...{ rule: 'add-exclusion', operation, lock, scan: true, work: 'index' },
    reason: `an index is built, in which no two rows may exclude each other (${name})`,
    ...counted,
  });
}

interface Element {
  /** A plain column. */
  readonly name: string | undefined;
  readonly expression: Tree | undefined;
  readonly operator: string;
}

function elementOf(node: unknown): Element {
  const [item, operators] = contentOf<{ items?: unknown[] }>(node, 'List')?.items ?? [];
  const element = contentOf<IndexElem>(item, 'IndexElem');
  const words = textsOf(contentOf<{ items?: unknown[] }>(operators, 'List')?.items);
  const operator = words.at(-1) ?? '=';
  const schema = words.length > 1 ? words[0] : undefined;
  return {
    name: element?.name,
    expression: element?.expr as unknown as Tree | undefined,
    operator: schema === undefined ? operator : `OPERATOR(${nameSql(schema)}.${operator})`,
  };
}

function exclusionOf(
  { world, relation }: Altered,
  { elements, where }: { readonly elements: readonly Element[]; readonly where: unknown },
  table: MeasuredTable,
): Countable {
  const parts: { expression: string; operator: string }[] = [];
  for (const { name, expression, operator } of elements) {
    const column = name === undefined ? undefined : world.findColumn(relation, name);
    const sql = column ? liveColumn(column) : world.expression(expression ?? {}, relation);
    if ('unmeasured' in sql) return sql;
    parts.push({ expression: sql.sql, operator });
  }
  if (!nodeOf(where)) return { what: 'exclusion', table, elements: parts, where: null };
  const condition = world.expression(where as Tree, relation);
  if ('unmeasured' in condition) return condition;
  return { what: 'exclusion', table, elements: parts, where: condition.sql };
}
