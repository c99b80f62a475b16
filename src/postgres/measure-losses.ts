import type { ColumnName, Measure } from '../domain/change-safety.js';
import { sqlStateOf } from './pg-error.js';
import type { Session } from './session.js';

/** What was counted for one {@link Measure}. */
export interface Measured {
  /** Rows or values that go, change, or are in the way; null where they could not be counted. */
  readonly count: number | null;
  /** All rows of the table; null where there is no one table. */
  readonly total: number | null;
  /** Why there is no count, for people. */
  readonly unknown: string | null;
}

interface Counter {
  readonly table: string;
  /** An aggregate over the table's own rows. */
  readonly sql: string;
}

const count = (condition: string): string => `count(*) FILTER (WHERE ${condition})`;

/** Texts of labels are quoted in the model. */
const isLabel = ({ column }: ColumnName, labels: readonly string[]): string =>
  `${column}::text IN (${labels.join(', ')})`;

/**
 * Aggregates that can be had in one scan of a table with all others. What has to look at other rows is a query
 * of its own.
 */
function countersOf(measure: Measure): Counter[] {
  switch (measure.what) {
    case 'rows':
      return [{ table: measure.table, sql: 'count(*)' }];
    case 'values':
      return [{ table: measure.table, sql: `count(${measure.column})` }];
    case 'nulls':
      return [{ table: measure.table, sql: count(`${measure.column} IS NULL`) }];
    case 'labels':
      return measure.columns.map((column) => ({
        table: column.table,
        sql: count(isLabel(column, measure.labels)),
      }));
    default:
      return [];
  }
}

/** A count that needs a query of its own; undefined where there is no way to count it. */
function queryOf(measure: Measure): string | undefined {
  if (measure.what === 'conversion') {
    const { table, column, from, to } = measure;
    return `SELECT ${count(`(${column}::${to})::${from} IS DISTINCT FROM ${column}`)} AS n, count(*) AS total FROM ONLY ${table}`;
  }
  return measure.what === 'violations' ? violationsQuery(measure) : undefined;
}

const checkPattern = /^CHECK \((.*)\)(?: NO INHERIT)?$/s;
const uniquePattern = /^(?:UNIQUE|PRIMARY KEY)(?: NULLS NOT DISTINCT)? \(([^()]*)\)/;
const foreignKeyPattern = /^FOREIGN KEY \(([^()]*)\) REFERENCES (.+?)\(([^()]*)\)/;

/** Rows that break a constraint, by its definition as PostgreSQL prints it. */
function violationsQuery({ table, definition }: Extract<Measure, { what: 'violations' }>) {
  const [, check] = checkPattern.exec(definition) ?? [];
  if (check) return `SELECT ${count(`NOT (${check})`)} AS n, count(*) AS total FROM ONLY ${table}`;
  const [, unique] = uniquePattern.exec(definition) ?? [];
  if (unique) {
    const needed = definition.startsWith('PRIMARY') ? 'true' : `ROW(${unique}) IS NOT NULL`;
    return `SELECT coalesce(sum(CASE WHEN n > 1 OR NOT isset THEN n END), 0) AS n, coalesce(sum(n), 0) AS total
              FROM (SELECT count(*) AS n, bool_and(ROW(${unique}) IS NOT NULL) AS isset
                      FROM ONLY ${table} WHERE ${needed} GROUP BY ${unique}) counted`;
  }
  const [, own, other, theirs] = foreignKeyPattern.exec(definition) ?? [];
  if (!own || !theirs) return undefined;
  const condition = `ROW(${own}) IS NOT NULL AND (${own}) NOT IN
    (SELECT ${theirs} FROM ${other} WHERE ROW(${theirs}) IS NOT NULL)`;
  return `SELECT ${count(condition)} AS n, count(*) AS total FROM ONLY ${table}`;
}

export interface MeasureOptions {
  /** For each scan of a table, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Counts in the session's database what changes of its schema would do to the rows that are there now: one scan
 * for each table, in one read-only transaction. A count that takes too long, or that the database refuses, is unknown.
 */
export async function measureLosses(
  session: Session,
  measures: readonly Measure[],
  { timeoutMs }: MeasureOptions,
): Promise<Measured[]> {
  if (measures.length === 0) return [];
  return session.transaction(async () => {
    await session.execute(
      `SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
       SET LOCAL statement_timeout = ${Math.round(timeoutMs)}`,
      doing,
    );
    const counts = await scanTables(session, measures.flatMap(countersOf));
    const results: Measured[] = [];
    for (const measure of measures) {
      const query = queryOf(measure);
      results.push(query ? await countAlone(session, query) : addUp(measure, counts));
    }
    return results;
  });
}

const doing = 'counting what would be lost';

type Counts = ReadonlyMap<string, ReadonlyMap<string, number> | string>;

/** For each table the value of each aggregate, or why there is none. */
async function scanTables(session: Session, counters: readonly Counter[]): Promise<Counts> {
  const byTable = new Map<string, Set<string>>();
  for (const { table, sql } of counters) {
    const aggregates = byTable.get(table) ?? new Set(['count(*)']);
    byTable.set(table, aggregates.add(sql));
  }
  const counts = new Map<string, ReadonlyMap<string, number> | string>();
  for (const [table, aggregates] of byTable) {
    const list = [...aggregates];
    const columns = list.map((sql, index) => `${sql} AS c${index}`).join(', ');
    const row = await tryQuery(session, `SELECT ${columns} FROM ONLY ${table}`);
    if (typeof row === 'string') counts.set(table, row);
    else counts.set(table, new Map(list.map((sql, index) => [sql, Number(row[`c${index}`])])));
  }
  return counts;
}

function addUp(measure: Measure, counts: Counts): Measured {
  const counters = countersOf(measure);
  const isKnown = measure.what !== 'conversion' && measure.what !== 'violations';
  if (!isKnown)
    return { count: null, total: null, unknown: 'this kind of constraint is not counted' };
  let [sum, total] = [0, 0];
  for (const { table, sql } of counters) {
    const found = counts.get(table);
    if (found === undefined || typeof found === 'string') {
      return { count: null, total: null, unknown: found ?? 'not counted' };
    }
    sum += found.get(sql) ?? 0;
    total += found.get('count(*)') ?? 0;
  }
  return { count: sum, total, unknown: null };
}

async function countAlone(session: Session, query: string): Promise<Measured> {
  const row = await tryQuery(session, query);
  if (typeof row === 'string') return { count: null, total: null, unknown: row };
  return { count: Number(row.n), total: Number(row.total), unknown: null };
}

/** Why a count is refused, by SQLSTATE; others are failures of Belay's. */
function refusal(state: string | undefined): string | undefined {
  if (state === '57014') return 'counting took too long';
  if (state === '42501') return 'the role may not read it';
  if (state?.startsWith('22')) return 'a value does not fit';
  if (state === '42846' || state === '42883' || state === '42804') return 'there is no conversion';
  if (state === '42P01' || state === '42703' || state === '3F000' || state === '42704') {
    return 'it is not there now: an earlier step makes it';
  }
  return undefined;
}

async function tryQuery(
  session: Session,
  sql: string,
): Promise<Readonly<Record<string, string>> | string> {
  await session.execute('SAVEPOINT counting', doing);
  try {
    return await session.queryOne<Record<string, string>>(sql, [], doing);
  } catch (error) {
    const why = refusal(sqlStateOf(error));
    if (why === undefined) throw error;
    await session.execute('ROLLBACK TO SAVEPOINT counting', doing);
    return why;
  }
}
