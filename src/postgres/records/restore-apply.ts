import {
  type BackupOutcome,
  keepsRows,
  type Placed,
  type Placement,
} from '../../domain/data-rollback.js';
import { BelayError } from '../../errors.js';
import { quoteIdentifier as quote, type Session } from '../session.js';
import {
  isChanged,
  isFree,
  isWhole,
  keptValue,
  matchOf,
  recordsOf,
  rowPlace,
  tableRelation,
  textOf,
  type Verdicts,
  verdictsOf,
} from './restore-relation.js';

const doing = 'putting records back';

const tableOf = (placement: Placement): string =>
  isWhole(placement) ? placement.table.sql : `ONLY ${placement.table.sql}`;

/**
 * Puts the records of one backup back and proves it by counting. What has a verdict against it stays out.
 * @throws BelayError FINGERPRINT_MISMATCH where afterwards not all is there: the caller's transaction must not be committed
 */
export async function applyBackup(
  session: Session,
  placement: Placement,
  outcome: BackupOutcome,
  verdicts: Verdicts,
): Promise<void> {
  // Without any verdict the records are joined as they are: nothing has to be asked of each.
  const needed = outcome.conflicts + outcome.blocked > 0 ? verdicts : null;
  if (keepsRows(placement.backup)) {
    const rows = await putRowsBack(session, placement, needed);
    if (rows !== outcome.rows) throw notProven(placement, outcome.rows, rows);
  } else {
    const updated = await session.run(updateSql(placement, needed), doing);
    if (placement.backup.identity === 'whole-row') {
      await proveUpdated(session, placement, updated ?? 0, verdicts);
    }
  }
  await prove(session, placement, outcome, needed);
}

function freeOf(verdicts: Verdicts | null, part: number): string[] {
  return verdicts ? [isFree(part)] : [];
}

/** Condition: this value of the record comes back. */
export function comesBack(placed: Placed, part: number, verdicts: Verdicts | null): string {
  const changed = placed.kept.after === null ? [] : [isChanged(placed)];
  return [...changed, ...freeOf(verdicts, part)].join(' AND ') || 'true';
}

function updateSql(placement: Placement, verdicts: Verdicts | null): string {
  const { backup, values } = placement;
  const conditions = values.map((placed, index) => comesBack(placed, index + 1, verdicts));
  const sets = values.map((placed, index) => {
    const own = quote(placed.column.name);
    const condition = conditions[index] ?? 'true';
    // A single value is not asked for twice: rows to which nothing comes back are left out below.
    const isAlways = values.length === 1 || condition === 'true';
    return `${own} = ${isAlways ? keptValue(placed) : `CASE WHEN ${condition} THEN ${keptValue(placed)} ELSE p.${own} END`}`;
  });
  const some = conditions.includes('true') ? [] : [`(${conditions.join(' OR ')})`];
  const set = `UPDATE ${tableOf(placement)} AS p SET ${sets.join(', ')}`;
  // A conversion is keyed by what the column had: the way back of the type has made something of it.
  const by = 'after' as const;
  if (backup.identity !== 'whole-row') {
    const target = { ...tableRelation(placement), sql: tableOf(placement) };
    const { records, on } = matchOf(placement, target, { by, verdicts, isTable: true });
    return `${set} FROM ${records} b WHERE ${[on, ...some].join(' AND ')}`;
  }
  const { rows, records, on } = matchOf(placement, tableRelation(placement), { by, verdicts });
  const found = `(SELECT p.${rowPlace} AS "belay at", p."belay table" AS "belay in", b.*
                    FROM ${rows} p JOIN ${records} b ON ${on})`;
  const at = 'p.ctid = b."belay at" AND p.tableoid = b."belay in"';
  return `${set} FROM ${found} b WHERE ${[at, ...some].join(' AND ')}`;
}

/** @returns how many rows are back */
async function putRowsBack(
  session: Session,
  placement: Placement,
  verdicts: Verdicts | null,
): Promise<number> {
  const { table, values } = placement;
  const columns = values.map(({ column }) => quote(column.name)).join(', ');
  const list = values.map((placed) => keptValue(placed)).join(', ');
  const isThere = `b.tid IN (SELECT e.record FROM ${verdictsOf(placement)} e WHERE e.why = 'conflict')`;
  const overwritten = verdicts?.overwrites
    ? await overwriteRows(session, placement, verdicts, isThere)
    : 0;
  const conditions = [
    ...freeOf(verdicts, 0),
    ...(verdicts?.overwrites ? [`NOT (${isThere})`] : []),
  ];
  const inserted = await session.run(
    `INSERT INTO ${table.sql} (${columns}) OVERRIDING SYSTEM VALUE
     SELECT ${list} FROM ${recordsOf(placement, verdicts)} b WHERE ${conditions.join(' AND ') || 'true'}`,
    doing,
  );
  return overwritten + (inserted ?? 0);
}

/** A row that is there again gets all the values that it had: to delete it would take along what refers to it. */
async function overwriteRows(
  session: Session,
  placement: Placement,
  verdicts: Verdicts,
  isThere: string,
): Promise<number> {
  const sets = placement.values.map(
    (placed) => `${quote(placed.column.name)} = ${keptValue(placed)}`,
  );
  const target = { ...tableRelation(placement), sql: tableOf(placement) };
  const { records, on } = matchOf(placement, target, { by: 'before', verdicts, isTable: true });
  const updated = await session.run(
    `UPDATE ${tableOf(placement)} AS p SET ${sets.join(', ')} FROM ${records} b WHERE ${on} AND ${isFree(0)} AND ${isThere}`,
    doing,
  );
  return updated ?? 0;
}

const byBytes = 'COLLATE pg_catalog."C"';

/** The kept value in the text form that the column has of it. */
function asText(placed: Placed): string {
  const sql = placed.kept.form === 'text' ? `b.${quote(placed.kept.before)}` : keptValue(placed);
  return `(${sql})::text ${byBytes}`;
}

/** Rows without a key cannot be found again once their values are back: as many were changed as there was something for. */
async function proveUpdated(
  session: Session,
  placement: Placement,
  updated: number,
  verdicts: Verdicts,
): Promise<void> {
  const parts = placement.values.map((placed, index) => comesBack(placed, index + 1, verdicts));
  const { n } = await session.queryOne<{ n: string }>(
    `SELECT pg_catalog.count(*)::text AS n FROM ${recordsOf(placement, verdicts)} b WHERE ${parts.map((part) => `(${part})`).join(' OR ')}`,
    [],
    doing,
  );
  if (Number(n) !== updated) throw notProven(placement, Number(n), updated);
}

/** Counts the values that are in the table as the backup has them: they are what was said to come back. */
async function prove(
  session: Session,
  placement: Placement,
  outcome: BackupOutcome,
  verdicts: Verdicts | null,
): Promise<void> {
  const { backup, values, keys } = placement;
  const wanted = backup.columns.filter(({ isKey, number }) => isKey && number >= 0);
  // Rows without a key are found by their values: what was put back and what is there are then the same thing.
  if (backup.identity === 'whole-row' || keys.length < wanted.length) return;
  const isRows = keepsRows(backup);
  const target = { ...tableRelation(placement), sql: tableOf(placement) };
  const { records, on } = matchOf(placement, target, { by: 'before', verdicts, isTable: true });
  const isSame = (placed: Placed) => {
    const own = textOf(`p.${quote(placed.column.name)}`, placed.kept.form);
    return `${own} ${byBytes} IS NOT DISTINCT FROM ${asText(placed)}`;
  };
  const counted = isRows
    ? `pg_catalog.count(*) FILTER (WHERE ${[...values.map(isSame), ...freeOf(verdicts, 0)].join(' AND ')})`
    : values
        .map((placed, index) => {
          const isValue = `b.${quote(placed.kept.before)} IS DISTINCT FROM NULL`;
          const condition = [isValue, comesBack(placed, index + 1, verdicts), isSame(placed)];
          return `pg_catalog.count(*) FILTER (WHERE ${condition.join(' AND ')})`;
        })
        .join(' + ');
  const { n } = await session.queryOne<{ n: string }>(
    `SELECT (${counted})::text AS n FROM ${tableOf(placement)} p JOIN ${records} b ON ${on}`,
    [],
    doing,
  );
  const expected = isRows ? outcome.rows : outcome.values;
  if (Number(n) !== expected) throw notProven(placement, expected, Number(n));
}

export function notProven(
  { backup, table }: Placement,
  expected: number,
  found: number,
): BelayError {
  const what = backup.columnName === null ? table.sql : `${table.sql}.${backup.columnName}`;
  return new BelayError(
    'FINGERPRINT_MISMATCH',
    `of ${expected} records of ${what} that were put back, ${found} are as they were kept`,
    {
      hint: 'Nothing was kept of it. Does a trigger or a rule of another table change them? `belay rollback` without --data takes the schema back alone.',
      details: { backup: backup.id, table: table.sql, expected, found },
    },
  );
}
