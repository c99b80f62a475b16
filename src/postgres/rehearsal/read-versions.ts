import type { KeptPair, StateTable } from '../../domain/state-comparison.js';
import type { Session } from '../session.js';
import { quoteQualifiedName } from '../sql/tables.js';
import { bothSides, type StateSides } from './compare-sides.js';

/** How the row versions of a table are read. */
export interface VersionReading
  extends Pick<StateSides, 'before' | 'after' | 'openHelper' | 'signal'> {
  readonly pair: KeptPair;
  /** A condition on `t` that holds for the row versions of the migration. */
  readonly isNew: string;
}

/** Rows in a range of blocks. */
export interface RangeCount {
  /** Number of its first block. */
  readonly start: number;
  readonly rows: number;
  /** How many of them are the migration's. */
  readonly arrived: number;
  /** Where those are; null where they are too many to be named beside the counts, or none. */
  readonly places: readonly string[] | null;
}

/** Above so many new versions in a range only their number is given. */
const placesPerRange = 200;
/** A smaller part of a table is not worth a second session. */
const startsForHelper = 64;

/**
 * xid has no order, but an age. It is taken within the statement, since it grows with every transaction on the server. Where
 * numbers have gone round (nextXid has an epoch), very old rows may have numbers ahead of it, and a negative age. Only for
 * queries without parallel workers: each of those takes the ages at a moment of its own.
 */
export function newVersions(nextXid: string): string {
  const xid = BigInt(nextXid);
  const low = xid % 2n ** 32n;
  // 0 to 2 are no transactions, and have no age.
  const mark = `(SELECT age('${low < 3n ? 3n : low}'::xid))`;
  const age = 'age(t.xmin)';
  return xid < 2n ** 32n ? `${age} <= ${mark}` : `(${age} <= ${mark} AND ${age} >= 0)`;
}

const doingRows = ({ before }: KeptPair): string =>
  `comparing the rows of ${before.schema}.${before.name}`;

/** Blocks of the table's file: the same table has the same OID on both sides. */
export async function countBlocks(session: Session, pair: KeptPair): Promise<number> {
  const { blocks } = await session.queryOne<{ blocks: number }>(
    `SELECT (pg_relation_size($1::oid) / current_setting('block_size')::int8)::float8 AS blocks`,
    [pair.before.oid],
    doingRows(pair),
  );
  return blocks;
}

export function startsOf(from: number, to: number, step: number): number[] {
  const starts: number[] = [];
  for (let start = from; start < to; start += step) starts.push(start);
  return starts;
}

/** PostgreSQL reads just these blocks (TID Range Scan). */
const rowsWithin = (table: StateTable): string =>
  `FROM ONLY ${quoteQualifiedName(table)} t
   WHERE t.ctid >= format('(%s,0)', r.block)::tid AND t.ctid < format('(%s,0)', r.block + $2::int8)::tid`;

interface RangeRow {
  readonly block: string;
  readonly rows: string;
  readonly arrived: string;
  readonly places: string[] | null;
}

const rangeCount = ({ block, rows, arrived, places }: RangeRow): RangeCount => ({
  ...{ start: Number(block), rows: Number(rows), arrived: Number(arrived) },
  places: Number(arrived) === 0 ? [] : places,
});

/** Rows of before in ranges of `step` blocks. */
export async function readBefore(
  { before, pair, signal }: VersionReading,
  starts: readonly number[],
  step: number,
): Promise<RangeCount[]> {
  signal?.throwIfAborted();
  if (starts.length === 0) return [];
  const rows = await before.query<RangeRow>(
    `SELECT r.block, x.rows, 0 AS arrived, NULL AS places
       FROM unnest($1::int8[]) r(block), LATERAL (SELECT count(*) AS rows ${rowsWithin(pair.before)}) x`,
    [starts, step],
    doingRows(pair),
  );
  return rows.map(rangeCount);
}

/** Rows of after in ranges of `step` blocks, and which of them are new. Two sessions share the work. */
export async function readAfter(
  reading: VersionReading,
  starts: readonly number[],
  step: number,
): Promise<RangeCount[]> {
  const { after, pair, isNew, openHelper, signal } = reading;
  signal?.throwIfAborted();
  if (starts.length === 0) return [];
  const read = async (session: Session, some: readonly number[]) => {
    const rows = await session.query<RangeRow>(
      `SELECT r.block, x.rows, coalesce(cardinality(x.places), 0) AS arrived,
              CASE WHEN cardinality(x.places) <= ${placesPerRange} THEN x.places::text[] END AS places
         FROM unnest($1::int8[]) r(block),
              LATERAL (SELECT count(*) AS rows, array_agg(t.ctid) FILTER (WHERE ${isNew}) AS places
                       ${rowsWithin(pair.after)}) x`,
      [some, step],
      doingRows(pair),
    );
    return rows.map(rangeCount);
  };
  if (starts.length < startsForHelper) return read(after, starts);
  const middle = starts.length / 2;
  const helper = await openHelper();
  const halves = await bothSides(
    read(after, starts.slice(0, middle)),
    read(helper, starts.slice(middle)),
  );
  return halves.flat();
}

/** Places of rows in ranges of `step` blocks: of before; of after, those that were there before, or the new ones. */
export async function readBlocks(
  { before, after, pair, isNew, signal }: VersionReading,
  which: 'before' | 'stayed' | 'arrived',
  starts: readonly number[],
  step: number,
): Promise<string[]> {
  signal?.throwIfAborted();
  const where = { before: 'true', stayed: `NOT (${isNew})`, arrived: isNew }[which];
  const rows = await (which === 'before' ? before : after).query<{ places: string[] | null }>(
    `SELECT x.places
       FROM unnest($1::int8[]) r(block),
            LATERAL (SELECT array_agg(t.ctid::text) AS places
                     ${rowsWithin(which === 'before' ? pair.before : pair.after)} AND (${where})) x`,
    [starts, step],
    doingRows(pair),
  );
  return rows.flatMap(({ places }) => places ?? []);
}
