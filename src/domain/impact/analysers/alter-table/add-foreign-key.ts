import type { Constraint } from 'libpg-query';
import { formatQualifiedName } from '../../../qualified-name.js';
import type { Finding } from '../../finding.js';
import { textsOf } from '../../grammar.js';
import type { MeasuredTable } from '../../measure.js';
import { notValidFirst } from '../../safer-way.js';
import { type Countable, scriptObjects } from '../../script-objects.js';
import { nameSql, qualifiedSql } from '../../sql-names.js';
import { cannotRefer } from '../../type-conversion.js';
import type { World, WorldColumn, WorldRelation } from '../../world.js';
import {
  type Altered,
  alteration,
  alteredOf,
  countFailures,
  failing,
  liveColumns,
} from './altered.js';
import { constraintName, missingColumn, nameTaken, remember } from './constraint-names.js';

const rule = 'add-foreign-key';
const operation = 'ADD FOREIGN KEY';
const lock = 'SHARE ROW EXCLUSIVE';

/** Columns of a live table by their attribute numbers, as far as the script has left them. */
export function columnsByNumber(
  world: World,
  relation: WorldRelation,
  numbers: readonly number[],
): WorldColumn[] {
  const columns = world.columnsOf(relation);
  return numbers.flatMap((number) => columns.filter(({ live }) => live?.number === number));
}

/** Columns of the primary key, of the live database's or the script's. */
export function primaryKeyColumns(world: World, relation: WorldRelation): readonly string[] {
  const live = world.constraintsOf(relation).find(({ kind }) => kind === 'p');
  if (live) return columnsByNumber(world, relation, live.columns).map(({ name }) => name);
  const added = scriptObjects(world).constraints.find(
    (one) => one.relation === relation.id && one.kind === 'p',
  );
  return added?.columns ?? [];
}

const sameSet = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((name) => other.includes(name));

/** Something in the referenced table sees to it that the columns are unique. */
function isUnique(world: World, relation: WorldRelation, columns: readonly string[]): boolean {
  const byIndex = world
    .indexesOf(relation)
    .filter(({ unique, immediate, predicate, valid }) => {
      return unique && immediate && valid && predicate === null;
    })
    .some((index) =>
      sameSet(
        columnsByNumber(world, relation, index.columns).map(({ name }) => name),
        columns,
      ),
    );
  const { constraints, indexes } = scriptObjects(world);
  return (
    byIndex ||
    [...constraints.filter(({ kind }) => kind === 'p' || kind === 'u'), ...indexes].some(
      (one) => one.relation === relation.id && sameSet(one.columns, columns),
    )
  );
}

interface Reference {
  readonly name: string;
  readonly columns: readonly string[];
  readonly to: WorldRelation;
  readonly toColumns: readonly string[];
  readonly match: 'simple' | 'full';
}

/** @returns the reference, or why there can be none */
function referenceOf(
  altered: Altered,
  constraint: Constraint,
  inline: string | undefined,
): Reference | Finding {
  const { world, relation } = altered;
  const columns = inline === undefined ? textsOf(constraint.fk_attrs) : [inline];
  const { name, taken } = constraintName(altered, constraint, columns, 'fkey');
  if (taken) return nameTaken(altered, operation, name);
  const { schemaname: schema, relname: table = '' } = constraint.pktable ?? {};
  const to = world.findRelation({ schema, name: table });
  if (!to) {
    const missing = schema === undefined ? table : formatQualifiedName({ schema, name: table });
    return failing(altered, {
      ...{ rule: 'object-missing', operation },
      reason: `there is no table ${missing} to refer to`,
    });
  }
  const missing = columns.find((column) => !world.findColumn(relation, column));
  if (missing !== undefined && missing !== inline) {
    return missingColumn(altered, operation, missing);
  }
  const named = textsOf(constraint.pk_attrs);
  const toColumns = named.length > 0 ? named : primaryKeyColumns(world, to);
  if (!to.isNew && !isUnique(world, to, toColumns)) {
    return failing(altered, {
      ...{ rule: 'object-missing', operation },
      reason: `nothing makes ${toColumns.join(', ') || 'a key'} of ${formatQualifiedName(to)} unique`,
    });
  }
  const unfit = unfitColumn(world, { relation, columns, to, toColumns });
  if (unfit !== null) return failing(altered, { rule, operation, reason: unfit });
  return {
    name,
    columns,
    to,
    toColumns,
    match: constraint.fk_matchtype === 'f' ? 'full' : 'simple',
  };
}

/** Types that cannot be compared; null: they can, or that is not known. */
function unfitColumn(
  world: World,
  {
    relation,
    columns,
    to,
    toColumns,
  }: Omit<Reference, 'name' | 'match'> & {
    readonly relation: WorldRelation;
  },
): string | null {
  if (columns.length !== toColumns.length) {
    return `${columns.length} columns refer to ${toColumns.length} of ${formatQualifiedName(to)}`;
  }
  for (const [at, name] of columns.entries()) {
    const own = world.findColumn(relation, name);
    const other = world.findColumn(to, toColumns[at] ?? '');
    if (own && other && cannotRefer(own.type, other.type)) {
      return `${name} is ${own.type}, and ${other.name} of ${formatQualifiedName(to)} is ${other.type}`;
    }
  }
  return null;
}

function orphans(altered: Altered, reference: Reference, table: MeasuredTable): Countable {
  const { world, relation } = altered;
  const { to, match } = reference;
  const references = world.measured(to);
  if (!references) {
    return { unmeasured: `${formatQualifiedName(to)} is a table that the script itself makes` };
  }
  const columnsOf = (of: WorldRelation, names: readonly string[]) =>
    liveColumns(names.flatMap((name) => world.findColumn(of, name) ?? []));
  const own = columnsOf(relation, reference.columns);
  const theirs = columnsOf(to, reference.toColumns);
  if ('unmeasured' in own) return own;
  if ('unmeasured' in theirs) return theirs;
  return {
    ...{ what: 'orphans', match, columns: own.sql },
    table,
    references: { table: references, columns: theirs.sql },
  };
}

/** REFERENCES: both tables are locked against writes, and every row is looked up in the other table. */
export function addForeignKey(
  altered: Altered,
  constraint: Constraint,
  inline?: string,
): readonly Finding[] {
  const { world, relation } = altered;
  const reference = referenceOf(altered, constraint, inline);
  if ('rule' in reference) return [reference];
  const { name, columns, to, toColumns } = reference;
  const enforced = constraint.is_enforced === true;
  const validated = enforced && constraint.skip_validation !== true;
  const isOld = world.catalog.serverVersion < 180000;
  if (relation.kind === 'p' && enforced && !validated && isOld) {
    const reason = `PostgreSQL refuses NOT VALID for foreign keys of partitioned tables before version 18`;
    return [failing(altered, { rule, operation, reason })];
  }
  const countable = (table: MeasuredTable) => orphans(altered, reference, table);
  remember(altered, {
    ...{ name, kind: 'f', columns, validated, countable },
    ...{ references: to, referencedColumns: toColumns },
  });
  const otherWay =
    relation.kind === 'p' && isOld ? null : notValidFirst(relation, name, textOf(reference));
  const isEmptyColumn = inline !== undefined && !world.findColumn(relation, inline)?.hasDefault;
  const checks = validated && !isEmptyColumn;
  const own = alteration(altered, {
    ...{ rule, operation, lock: inline === undefined ? lock : 'ACCESS EXCLUSIVE', scan: checks },
    ...(inline === undefined ? {} : { column: inline }),
    reason: checks
      ? `every row is looked up in ${formatQualifiedName(to)} (${toColumns.join(', ')})`
      : whyNothingIsRead({ name, enforced, isEmptyColumn }),
    ...(checks ? countFailures(altered, columns, countable) : {}),
    ...(checks && otherWay !== null ? { saferWay: otherWay } : {}),
  });
  if (to.id === relation.id) return [own];
  const other = alteration(alteredOf(world, altered.statement, to), {
    ...{ rule, operation, lock, scan: checks, because: altered.object },
    reason: `${altered.object} is about to refer to it`,
    ...(checks && otherWay !== null ? { saferWay: otherWay } : {}),
  });
  return [own, other];
}

function whyNothingIsRead(facts: {
  readonly name: string;
  readonly enforced: boolean;
  readonly isEmptyColumn: boolean;
}): string {
  if (facts.isEmptyColumn) return 'the column is empty: no row is looked up';
  return facts.enforced
    ? `${facts.name} is checked for new and changed rows only, until it is validated`
    : `${facts.name} is not enforced: nothing checks it`;
}

function textOf({ columns, to, toColumns, match }: Reference): string {
  const list = (names: readonly string[]) => names.map(nameSql).join(', ');
  const full = match === 'full' ? ' MATCH FULL' : '';
  return `FOREIGN KEY (${list(columns)}) REFERENCES ${qualifiedSql(to)} (${list(toColumns)})${full}`;
}
