import type { Placement } from '../../domain/data-rollback.js';
import { quoteIdentifier as quote, type Session } from '../session.js';
import { comesBack, notProven } from './restore-apply.js';
import {
  isFree,
  isWhole,
  keptValue,
  line,
  linesOf,
  matchOf,
  type Relation,
  recordsOf,
  type Verdicts,
} from './restore-relation.js';

const doing = 'putting converted values back';

/** Until the transaction ends tables are read from their beginning to their end, by one process. */
export async function readInOrder(session: Session): Promise<void> {
  await session.execute(
    `SELECT pg_catalog.set_config('synchronize_seqscans', 'off', true),
            pg_catalog.set_config('max_parallel_workers_per_gather', '0', true)`,
    doing,
  );
}

/** Before the schema's step: notes which row belongs to which record. */
export async function findLines(
  session: Session,
  placement: Placement,
  relation: Relation,
): Promise<void> {
  const { rows, records, on } = matchOf(placement, relation, { by: 'after', verdicts: null });
  await session.execute(
    `CREATE TEMPORARY TABLE ${linesOf(placement)} ON COMMIT DROP AS
     SELECT b.tid AS record, p.${line} AS line FROM ${rows} p JOIN ${records} b ON ${on}`,
    doing,
  );
}

/**
 * Right after the schema's step: all columns of a table at once, as the first change of a row moves it.
 * @throws BelayError FINGERPRINT_MISMATCH where the table has not the rows any more that were noted
 */
export async function applyByOrder(
  session: Session,
  placements: readonly Placement[],
  verdicts: Verdicts,
): Promise<void> {
  const tables = [...new Set(placements.map(({ table }) => table.sql))];
  for (const sql of tables) {
    await applyToTable(
      session,
      placements.filter(({ table }) => table.sql === sql),
      verdicts,
    );
  }
}

async function applyToTable(
  session: Session,
  placements: readonly Placement[],
  verdicts: Verdicts,
): Promise<void> {
  const [first] = placements;
  if (!first) return;
  const from = isWhole(first) ? first.table.sql : `ONLY ${first.table.sql}`;
  const parts = placements.flatMap((placement, index) => {
    const [placed] = placement.values;
    if (!placed) return [];
    const name = quote(`belay ${index}`);
    const condition = comesBack(placed, 1, verdicts);
    const records = `(SELECT l.line, ${keptValue(placed)} AS value FROM ${linesOf(placement)} l
      JOIN ${recordsOf(placement, verdicts)} b ON b.tid = l.record WHERE ${condition} AND ${isFree(0)})`;
    const own = quote(placed.column.name);
    return [
      {
        records,
        set: `${own} = CASE WHEN b.${quote(`has ${index}`)} THEN b.${name} ELSE p.${own} END`,
        shown: `${name}.value AS ${name}, ${name}.line IS NOT NULL AS ${quote(`has ${index}`)}`,
        join: `LEFT JOIN ${records} ${name} ON ${name}.line = n.line`,
        has: `b.${quote(`has ${index}`)}`,
      },
    ];
  });
  const wanted = parts.map(({ records }) => `SELECT r.line FROM ${records} r`).join(' UNION ');
  const { n } = await session.queryOne<{ n: string }>(
    `SELECT pg_catalog.count(*)::text AS n FROM (${wanted}) w`,
    [],
    doing,
  );
  const updated = await session.run(
    `UPDATE ${from} AS p SET ${parts.map(({ set }) => set).join(', ')}
       FROM (SELECT n.*, ${parts.map(({ shown }) => shown).join(', ')}
               FROM (SELECT t.ctid AS place, t.tableoid AS home, pg_catalog.row_number() OVER () AS line FROM ${from} t) n
               ${parts.map(({ join }) => join).join(' ')}) b
      WHERE p.ctid = b.place AND p.tableoid = b.home AND (${parts.map(({ has }) => has).join(' OR ')})`,
    doing,
  );
  if (updated !== Number(n)) throw notProven(first, Number(n), updated ?? 0);
}
