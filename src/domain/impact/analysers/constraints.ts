import type { AlterDomainStmt, Constraint } from 'libpg-query';
import { type Finding, finding } from '../finding.js';
import { contentOf, replaceNodes, textsOf } from '../grammar.js';
import type { LiveConstraint, LiveType } from '../live-catalog.js';
import { notValidDomain } from '../safer-way.js';
import { type Countable, checkExpression, scriptObjects } from '../script-objects.js';
import { printedName } from '../world/printed-names.js';
import type {
  AnalysedStatement,
  Analyser,
  Analysers,
  Tree,
  World,
  WorldColumn,
  WorldRelation,
} from '../world.js';
import { alteration, alteredOf, countFailures, liveColumn } from './alter-table/altered.js';
import { madeOrMissing } from './missing-object.js';

interface Holder {
  readonly relation: WorldRelation;
  readonly column: WorldColumn;
}

interface DomainChange {
  readonly statement: AnalysedStatement;
  readonly world: World;
  readonly type: LiveType;
  /** For people. */
  readonly object: string;
}

/** Columns with rows: of tables and materialized views. */
function holdersOf({ world, type }: DomainChange): readonly Holder[] {
  return world
    .columnsOfType(type)
    .filter(({ relation }) => ['r', 'p', 'm'].includes(relation.kind));
}

/** Columns of partitions are read with those of the partitioned table. */
function withoutCopies(world: World, holders: readonly Holder[]): readonly Holder[] {
  const partitioned = holders.filter(({ relation }) => relation.kind === 'p');
  return holders.filter(
    ({ relation, column }) =>
      !partitioned.some(
        (one) => one.column.name === column.name && world.isBelow(relation, one.relation),
      ),
  );
}

interface Reading {
  readonly rule: string;
  readonly operation: string;
  readonly reason: string;
  /** Rows that break it, for a column that holds the domain itself. */
  readonly breaks: (holder: Holder) => { readonly sql: string } | { readonly unmeasured: string };
  readonly saferWay: string | null;
}

/** PostgreSQL reads each table that has the domain, and keeps writers out of it meanwhile. */
function readings(change: DomainChange, reading: Reading): readonly Finding[] {
  const { world, statement, type, object } = change;
  const { rule, operation, reason, saferWay } = reading;
  const within = holdersOf(change).find((holder) => !isPlain(holder, type, world));
  if (within) return [refusedWithin(change, within, { rule, operation })];
  const found = withoutCopies(world, holdersOf(change)).map((holder) => {
    const altered = alteredOf(world, statement, holder.relation, holder.relation.kind !== 'p');
    const counted = countFailures(altered, [holder.column.name], (table): Countable => {
      const condition = reading.breaks(holder);
      return 'sql' in condition ? { what: 'violations', table, breaks: condition.sql } : condition;
    });
    return alteration(altered, {
      ...{ rule, operation, column: holder.column.name, lock: 'SHARE', scan: true, ...counted },
      ...{ reason, because: object, ...(saferWay === null ? {} : { saferWay }) },
    });
  });
  if (found.length > 0) return found;
  const none = 'no column of a table has the domain: no row is read';
  return [finding({ rule, operation, object, safety: 'SAFE', reason: none, fails: false })];
}

/** PostgreSQL does not look into arrays, ranges and composite values: it refuses instead. */
function refusedWithin(
  { object, world }: DomainChange,
  { relation, column }: Holder,
  facts: { readonly rule: string; readonly operation: string },
): Finding {
  const name = printedName(relation.schema, relation.name, column.name);
  const reason = `${name} has the domain within other values, which PostgreSQL does not check`;
  return finding({
    ...{ ...facts, object, safety: 'SAFE' },
    reason: world.isUncertain ? reason : `it fails: ${reason}`,
    fails: world.isUncertain ? null : true,
  });
}

/** Not an array of it, a composite type or range with it. Domains over it are like it. */
function isPlain({ column }: Holder, type: LiveType, world: World): boolean {
  let current: LiveType | undefined = world.catalog.types.find(
    (one) => column.type === printedType(one),
  );
  while (current && current.oid !== type.oid) {
    const { baseType } = current;
    current = world.catalog.types.find((one) => printedType(one) === baseType);
  }
  return current !== undefined;
}

const printedType = ({ schema, name }: LiveType): string => {
  const part = (text: string) =>
    /^[a-z_][a-z0-9_]*$/.test(text) ? text : `"${text.replaceAll('"', '""')}"`;
  return `${part(schema)}.${part(name)}`;
};

/** The condition with the column in place of VALUE. */
function forColumn(world: World, { relation, column }: Holder, expression: unknown) {
  const sql = world.expression(
    replaceNodes(expression, (kind, tree) => {
      const isValue =
        kind === 'ColumnRef' && textsOf(tree.fields as unknown[]).join('.') === 'value';
      return isValue ? { ColumnRef: { fields: [{ String: { sval: column.name } }] } } : undefined;
    }) as Tree,
    relation,
  );
  return 'sql' in sql ? { sql: `NOT (${sql.sql})` } : sql;
}

/** The same for a condition that the catalog prints: the column is called "value" around it. */
function forPrinted(holder: Holder, printed: string) {
  const live = liveColumn(holder.column);
  if ('unmeasured' in live) return live;
  return { sql: `(SELECT NOT (${printed}) FROM (SELECT ${live.sql} AS value) AS held)` };
}

function addConstraint(change: DomainChange, tree: AlterDomainStmt): readonly Finding[] {
  const { type, object, world } = change;
  const constraint = contentOf<Constraint>(tree.def, 'Constraint') ?? {};
  const operation = 'ALTER DOMAIN ADD CONSTRAINT';
  if (constraint.contype === 'CONSTR_NOTNULL') return setNotNull(change);
  const rule = 'add-domain-constraint';
  const { conname: name } = constraint;
  if (name !== undefined && domainConstraint(change, name)) {
    const reason = `the domain has a constraint ${name} already`;
    return [
      finding({ rule: 'object-exists', operation, object, safety: 'SAFE', reason, fails: true }),
    ];
  }
  if (constraint.skip_validation) {
    const reason = 'it is checked for new values only, until it is validated';
    return [finding({ rule, operation, object, safety: 'SAFE', reason })];
  }
  const [holder] = holdersOf(change);
  const shown = holder ? forColumn(world, holder, constraint.raw_expr) : null;
  return readings(change, {
    ...{ rule, operation },
    reason: 'every value of the domain is checked',
    breaks: (one) => forColumn(world, one, constraint.raw_expr),
    saferWay: shown ? notValidDomain(type, name ?? `${type.name}_check`) : null,
  });
}

function domainConstraint({ world, type }: DomainChange, name: string): LiveConstraint | undefined {
  return world.catalog.constraints.find((one) => one.domain === type.oid && one.name === name);
}

function setNotNull(change: DomainChange): readonly Finding[] {
  return readings(change, {
    ...{ rule: 'set-domain-not-null', operation: 'ALTER DOMAIN SET NOT NULL' },
    reason: 'every value of the domain is read',
    breaks: ({ column }) => {
      const live = liveColumn(column);
      return 'sql' in live ? { sql: `${live.sql} IS NULL` } : live;
    },
    saferWay: null,
  });
}

function validate(change: DomainChange, name: string): readonly Finding[] {
  const { object, world } = change;
  const facts = { rule: 'validate-constraint', operation: 'ALTER DOMAIN VALIDATE CONSTRAINT' };
  const constraint = domainConstraint(change, name);
  if (!constraint) return [noConstraint(change, name, facts.operation, false)];
  const { validated } = scriptObjects(world);
  if (constraint.validated || validated.has(constraint.oid)) {
    const reason = `${name} is valid already`;
    return [finding({ ...facts, object, safety: 'SAFE', reason })];
  }
  validated.add(constraint.oid);
  const printed = checkExpression(constraint) ?? 'true';
  return readings(change, {
    ...{ ...facts, reason: `every value of the domain is checked against ${name}` },
    breaks: (holder) => forPrinted(holder, printed),
    saferWay: null,
  });
}

function noConstraint(
  { object }: DomainChange,
  name: string,
  operation: string,
  missingOk: boolean,
): Finding {
  const rule = missingOk ? 'nothing-to-do' : 'object-missing';
  const reason = `the domain has no constraint ${name} in the live database`;
  // One that the script has added itself is not followed.
  return finding({ rule, operation, object, safety: 'SAFE', reason });
}

function dropConstraint(change: DomainChange, tree: AlterDomainStmt): Finding {
  const { name = '', missing_ok = false } = tree;
  const operation = 'ALTER DOMAIN DROP CONSTRAINT';
  if (!domainConstraint(change, name)) return noConstraint(change, name, operation, missing_ok);
  return finding({
    ...{ rule: 'drop-domain-constraint', operation, object: change.object, safety: 'UNSAFE' },
    reason: `${name} goes: from now on values that break it can be written`,
  });
}

function simple(change: DomainChange, subtype: string, isSet: boolean): Finding {
  const { object } = change;
  if (subtype === 'N') {
    const reason = 'from now on values of the domain may be empty';
    const facts = { rule: 'drop-domain-constraint', operation: 'ALTER DOMAIN DROP NOT NULL' };
    return finding({ ...facts, object, safety: 'UNSAFE', reason });
  }
  const operation = isSet ? 'ALTER DOMAIN SET DEFAULT' : 'ALTER DOMAIN DROP DEFAULT';
  const reason = 'only new rows feel it; rows that are there stay as they are';
  return finding({ rule: 'alter-domain', operation, object, safety: 'SAFE', reason });
}

const alterDomain: Analyser = (statement, world) => {
  const tree = statement.tree as AlterDomainStmt;
  const names = textsOf(tree.typeName);
  const name = { schema: names.length > 1 ? names.at(-2) : undefined, name: names.at(-1) ?? '' };
  const type = world.findType(name);
  if (type?.kind !== 'd') return [madeOrMissing(world, 'domain', name, 'ALTER DOMAIN')];
  const change = { statement, world, type, object: printedName(type.schema, type.name) };
  switch (tree.subtype) {
    case 'C':
      return addConstraint(change, tree);
    case 'O':
      return setNotNull(change);
    case 'V':
      return validate(change, tree.name ?? '');
    case 'X':
      return [dropConstraint(change, tree)];
    default:
      return [simple(change, tree.subtype ?? '', tree.def !== undefined)];
  }
};

/** Constraints of domains: they hold for every column that has the domain. */
export const constraintAnalysers: Analysers = { AlterDomainStmt: alterDomain };
