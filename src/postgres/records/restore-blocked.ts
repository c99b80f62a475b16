import {
  type ConstraintShape,
  type DataViolation,
  keepsRows,
  type Placement,
  type TableShape,
} from '../../domain/data-rollback.js';
import { sqlStateOf } from '../pg-error.js';
import { quoteIdentifier as quote, type Session } from '../session.js';
import {
  isChanged,
  isFree,
  type Relation,
  recordsOf,
  sourceOf,
  type Verdicts,
  verdictsOf,
} from './restore-relation.js';

const doing = 'checking the restored rows against the constraints';

type Unique = Extract<ConstraintShape, { kind: 'unique' }>;
type ForeignKey = Extract<ConstraintShape, { kind: 'foreign key' }>;

/** A table after a step with what is put back into it. */
export interface RestoredTable {
  readonly table: TableShape;
  readonly placements: readonly Placement[];
}

/** The rows of each table when everything was put back that has no verdict against it. */
export type RelationsAfter = (oid: number) => Relation;

/** Which parts of a placement's records a constraint is about; none: it is about nothing that is put back. */
function partsUnder(placement: Placement, columns: readonly string[]): number[] {
  if (keepsRows(placement.backup)) return [0];
  return placement.values.flatMap(({ column }, index) =>
    columns.includes(column.name) ? [index + 1] : [],
  );
}

/**
 * Finds what constraints do not let back: a row whose parent was deleted since, a value that another row has taken since. One
 * may leave out another one's parent: so until nothing more is found.
 */
export async function findBlocked(
  session: Session,
  tables: readonly RestoredTable[],
  relations: RelationsAfter,
  verdicts: Verdicts,
): Promise<void> {
  const checks = tables.flatMap((restored) =>
    restored.table.constraints.flatMap((constraint) => {
      const isAbout = restored.placements.some(
        (placement) => partsUnder(placement, constraint.columns).length > 0,
      );
      return isAbout && constraint.kind !== 'check' ? [{ restored, constraint }] : [];
    }),
  );
  for (let found = checks.length; found > 0; ) {
    found = 0;
    for (const { restored, constraint } of checks) {
      found += await blockBy(session, restored, constraint, { relations, verdicts });
    }
  }
}

interface Context {
  readonly relations: RelationsAfter;
  readonly verdicts: Verdicts;
}

async function blockBy(
  session: Session,
  { table, placements }: RestoredTable,
  constraint: Unique | ForeignKey,
  { relations, verdicts }: Context,
): Promise<number> {
  const relation = relations(table.oid);
  const broken =
    constraint.kind === 'unique'
      ? takenRows(relation, constraint)
      : orphans(relation, constraint, relations);
  let found = 0;
  for (const placement of placements) {
    const source = sourceOf(placement.backup.id);
    for (const part of partsUnder(placement, constraint.columns)) {
      const placed = placement.values[part - 1];
      const isChange = placed && part > 0 ? ` AND ${isChanged(placed)}` : '';
      const query = `INSERT INTO ${verdictsOf(placement)}
        SELECT b.tid, ${part}, 'blocked' FROM ${recordsOf(placement, verdicts)} b
         WHERE ${isFree(part)}${isChange} AND b.tid IN (SELECT q.${source} FROM ${broken} q)`;
      found += await runOrSkip(session, query);
    }
  }
  return found;
}

const isSet = (list: readonly string[]): string =>
  list.map((one) => `(${one}) IS NOT NULL`).join(' AND ') || 'true';

/** Rows that came back and are not the first with their key; rows that are there come first. */
function takenRows(relation: Relation, { by, where, nullsNotDistinct }: Unique): string {
  const isOwn = relation.sources.map((id) => `p.${sourceOf(id)} IS NULL`).join(' AND ');
  const conditions = [
    ...(where === null ? [] : [`(${where})`]),
    ...(nullsNotDistinct ? [] : [isSet(by)]),
  ];
  return `(SELECT * FROM (SELECT *, pg_catalog.row_number() OVER (PARTITION BY ${by.join(', ')} ORDER BY (${isOwn}) DESC) AS "belay place"
             FROM ${relation.sql} p WHERE ${conditions.join(' AND ') || 'true'}) n WHERE n."belay place" > 1)`;
}

/** Rows whose parent is not there. */
function orphans(
  relation: Relation,
  { columns, parent, parentColumns }: ForeignKey,
  relations: RelationsAfter,
): string {
  const other = relations(parent);
  const pairs = columns.map((name, index) => {
    const parentName = parentColumns[index] ?? '';
    const isText = [relation.columns.get(name), other.columns.get(parentName)].some(
      (column) => column?.isText,
    );
    const cast = isText ? '::text' : '';
    return `r.${quote(parentName)}${cast} = p.${quote(name)}${cast}`;
  });
  return `(SELECT * FROM ${relation.sql} p WHERE ${isSet(columns.map((name) => `p.${quote(name)}`))}
             AND NOT EXISTS (SELECT FROM ${other.sql} r WHERE ${pairs.join(' AND ')}))`;
}

/** An expression of an index may need what is there only after the step; PostgreSQL itself checks then. */
async function runOrSkip(session: Session, query: string): Promise<number> {
  await session.execute('SAVEPOINT belay_checking', doing);
  try {
    const count = await session.run(query, doing);
    await session.execute('RELEASE belay_checking', doing);
    return count ?? 0;
  } catch (error) {
    const state = sqlStateOf(error) ?? '';
    if (!['42', '22', '0A'].includes(state.slice(0, 2))) throw error;
    await session.execute('ROLLBACK TO belay_checking', doing);
    return 0;
  }
}

/** Rows that break what the step asks for and the schema before it did not, when everything is back that can come back. */
export async function countViolations(
  session: Session,
  { table, placements }: RestoredTable,
  relations: RelationsAfter,
): Promise<DataViolation[]> {
  const [first] = placements;
  if (!first?.before) return [];
  const relation = relations(table.oid);
  const found: DataViolation[] = [];
  const count = async (facts: Pick<DataViolation, 'constraint' | 'kind'>, broken: string) => {
    const query = `SELECT pg_catalog.count(*)::text AS n FROM ${broken} q`;
    const rows = await countOrSkip(session, query);
    const { migrationVersion: migration } = first.backup;
    if (rows > 0) {
      found.push({ migration, table: `${table.schema}.${table.name}`, ...facts, rows });
    }
  };
  for (const { name, where } of newNotNulls(table, first.before)) {
    await count(
      { constraint: name, kind: 'not null' },
      `(SELECT FROM ${relation.sql} p WHERE ${where})`,
    );
  }
  const before = new Set(first.before.constraints.map(({ oid }) => oid));
  for (const constraint of table.constraints.filter(({ oid }) => !before.has(oid))) {
    const { name, kind } = constraint;
    await count({ constraint: name, kind }, brokenBy(constraint, relation, relations));
  }
  return found;
}

function brokenBy(
  constraint: ConstraintShape,
  relation: Relation,
  relations: RelationsAfter,
): string {
  if (constraint.kind === 'unique') return takenRows(relation, constraint);
  if (constraint.kind === 'foreign key') return orphans(relation, constraint, relations);
  return `(SELECT FROM ${relation.sql} p WHERE NOT (${constraint.expression}))`;
}

/** A new column with a default has a value in every row. */
function newNotNulls(table: TableShape, before: TableShape) {
  return table.columns.flatMap((column) => {
    const was = before.columns.find(({ number }) => number === column.number);
    const isNew = column.notNull && !was?.notNull && !(was === undefined && column.hasDefault);
    if (!isNew || column.isGenerated) return [];
    return [{ name: column.name, where: `p.${quote(column.name)} IS NOT DISTINCT FROM NULL` }];
  });
}

async function countOrSkip(session: Session, query: string): Promise<number> {
  await session.execute('SAVEPOINT belay_checking', doing);
  try {
    const { n } = await session.queryOne<{ n: string }>(query, [], doing);
    await session.execute('RELEASE belay_checking', doing);
    return Number(n);
  } catch (error) {
    const state = sqlStateOf(error) ?? '';
    if (!['42', '22', '0A'].includes(state.slice(0, 2))) throw error;
    await session.execute('ROLLBACK TO belay_checking', doing);
    return 0;
  }
}
