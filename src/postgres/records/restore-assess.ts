import {
  type BackupOutcome,
  keepsRows,
  type Placed,
  type Placement,
  type Preference,
} from '../../domain/data-rollback.js';
import { quoteIdentifier as quote, quoteLiteral, type Session } from '../session.js';
import {
  canBeThere,
  isChanged,
  isFree,
  matchOf,
  type Relation,
  recordsOf,
  textOf,
  type Verdicts,
  verdictsOf,
} from './restore-relation.js';

const doing = 'looking at what the record backups can bring back';

export const verdictsFor = (prefer: Preference): Verdicts => ({ overwrites: prefer === 'backup' });

/** For records that do not simply come back: why, each. Only for this transaction; nothing of the user's is touched. */
export async function makeVerdicts(session: Session, placement: Placement): Promise<void> {
  const name = verdictsOf(placement);
  await session.execute(
    `CREATE TEMPORARY TABLE ${name} (record tid, part integer, why text) ON COMMIT DROP`,
    doing,
  );
}

export async function dropVerdicts(session: Session, placement: Placement): Promise<void> {
  await session.execute(`DROP TABLE ${verdictsOf(placement)}`, doing);
}

const byBytes = 'COLLATE pg_catalog."C"';

/** Finds the records whose rows are gone, and those whose values or rows were changed since. */
export async function findVerdicts(
  session: Session,
  placement: Placement,
  relation: Relation,
): Promise<void> {
  const queries = keepsRows(placement.backup)
    ? rowQueries(placement, relation)
    : valueQueries(placement, relation);
  for (const query of queries) {
    await session.execute(`INSERT INTO ${verdictsOf(placement)} ${query}`, doing);
  }
}

function rowQueries(placement: Placement, relation: Relation): string[] {
  if (!canBeThere(placement)) return [];
  const { rows, records, on } = matchOf(placement, relation, { by: 'before', verdicts: null });
  return [
    `SELECT b.tid, 0, 'conflict' FROM ${records} b WHERE EXISTS (SELECT FROM ${rows} p WHERE ${on})`,
  ];
}

function valueQueries(placement: Placement, relation: Relation): string[] {
  const { values } = placement;
  const { rows, records, on } = matchOf(placement, relation, { by: 'after', verdicts: null });
  const missing = `SELECT b.tid, 0, 'missing' FROM ${records} b WHERE NOT EXISTS (SELECT FROM ${rows} p WHERE ${on})`;
  const changed = values.flatMap((placed, index) => {
    const condition = isConflict(placement, placed, relation);
    return condition === null ? [] : [`(${index + 1}, ${condition})`];
  });
  if (changed.length === 0) return [missing];
  return [
    missing,
    `SELECT b.tid, v.part, 'conflict' FROM ${rows} p JOIN ${records} b ON ${on}
       CROSS JOIN LATERAL (VALUES ${changed.join(', ')}) AS v (part, differs) WHERE v.differs`,
  ];
}

/** Condition: somebody has changed the value since the migration; null: nobody can have. */
function isConflict(
  { backup, before }: Placement,
  placed: Placed,
  relation: Relation,
): string | null {
  const { kept, column } = placed;
  const { isText = false } = relation.columns.get(column.name) ?? {};
  const own = `p.${quote(column.name)}`;
  const now = `${isText ? own : textOf(own, kept.form)} ${byBytes}`;
  const isOther = `${now} IS DISTINCT FROM b.${quote(kept.before)}::text ${byBytes}`;
  if (backup.kind === 'column') {
    // A column that the rollback makes anew has nothing in it yet.
    const isThere = before?.columns.some(({ number }) => number === column.number);
    return isThere ? `${own} IS DISTINCT FROM NULL AND ${isOther}` : null;
  }
  if (kept.after === null) return null;
  const isLeft = `${now} IS NOT DISTINCT FROM b.${quote(kept.after)}::text ${byBytes}`;
  return `NOT (${isLeft}) AND ${isOther} AND ${isChanged(placed)}`;
}

interface Counts {
  readonly rows: string;
  readonly values: string;
  readonly conflicts: string;
  readonly missing: string;
  readonly blocked: string;
}

/** What the verdicts come to. */
export async function countOutcome(
  session: Session,
  placement: Placement,
  verdicts: Verdicts,
): Promise<BackupOutcome> {
  const { backup, table, values } = placement;
  const isRows = keepsRows(backup);
  const parts = values.map((placed, index) => {
    const isValue = `b.${quote(placed.kept.before)} IS DISTINCT FROM NULL`;
    return `pg_catalog.count(*) FILTER (WHERE ${isValue} AND ${isChanged(placed)} AND ${isFree(index + 1)})`;
  });
  const verdict = (why: string) =>
    `(SELECT pg_catalog.count(*) FROM ${verdictsOf(placement)} e WHERE e.why = '${why}')`;
  const counts = await session.queryOne<Counts>(
    `SELECT ${isRows ? `pg_catalog.count(*) FILTER (WHERE ${isFree(0)})` : '0'} AS rows,
            ${isRows ? '0' : parts.join(' + ')} AS "values",
            ${verdict('conflict')} AS conflicts, ${verdict('missing')} AS missing, ${verdict('blocked')} AS blocked
       FROM ${recordsOf(placement, verdicts)} b`,
    [],
    doing,
  );
  const numbers = Object.fromEntries(
    Object.entries(counts).map(([key, value]) => [key, Number(value)]),
  ) as Record<keyof Counts, number>;
  const isListed = numbers.conflicts + numbers.missing + numbers.blocked > 0;
  return {
    ...{ backup: backup.id, migration: backup.migrationVersion, kind: backup.kind },
    table: `${table.schema}.${table.name}`,
    column: isRows ? null : values.map(({ column }) => column.name).join(', '),
    ...numbers,
    skipped: null,
    samples: isListed ? await readSamples(session, placement) : [],
  };
}

const mostSamples = 5;

async function readSamples(session: Session, placement: Placement): Promise<string[]> {
  const { backup } = placement;
  const keys = backup.columns.filter(({ isKey, number }) => isKey && number >= 0).slice(0, 5);
  const parts = keys.map(
    ({ name, before }) =>
      `${quoteLiteral(`${name} `)} || coalesce(pg_catalog.left(b.${quote(before)}::text, 60), 'NULL')`,
  );
  const rows = await session.query<{ sample: string }>(
    `SELECT e.why || ': ' || pg_catalog.concat_ws(', ', ${parts.length > 0 ? parts.join(', ') : `'a row'`}) AS sample
       FROM ${verdictsOf(placement)} e JOIN ${recordsOf(placement, null)} b ON b.tid = e.record
      ORDER BY e.record, e.part LIMIT ${mostSamples}`,
    [],
    doing,
  );
  return rows.map(({ sample }) => sample);
}
