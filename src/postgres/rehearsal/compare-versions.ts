import type { KeptPair } from '../../domain/state-comparison.js';
import type { Session } from '../session.js';
import { quoteQualifiedName } from '../sql/tables.js';
import { bothSides } from './compare-buckets.js';

/** Row versions by their place (ctid): those that are no longer, and those that are new. */
export interface ChangedVersions {
  readonly rowsBefore: number;
  readonly rowsAfter: number;
  readonly gone: readonly string[];
  readonly arrived: readonly string[];
}

interface BlockCount {
  readonly block: string;
  readonly rows: string;
  readonly arrived: string;
}

interface Reading {
  readonly before: Session;
  readonly after: Session;
  readonly pair: KeptPair;
  /** A condition on `t` that holds for the row versions of the migration. */
  readonly isNew: string;
  readonly signal: AbortSignal | undefined;
}

/** Each is a small scan with a start of its own; more of them cost more than they save. */
const mostRanges = 8192;
const fanOut = 16;
/** Above, hashing all rows is cheaper than naming the differing ones. */
const mostVersions = 200_000;
const blocksPerRead = 1000;

/**
 * Finds the row versions that a migration made or ended in a table whose file it has not replaced. The copy has every
 * row at the place and with the transaction number (xmin) of its template, so its row versions that are older than the
 * migration are exactly those that nobody touched: where a range of blocks has as many of them as before, they are the same
 * rows. Nothing but counting needs to be done, and only ranges where the count differs are looked into.
 * @returns undefined where too much has changed to be named one by one
 */
export async function findChangedVersions(
  sides: { readonly before: Session; readonly after: Session },
  pair: KeptPair,
  nextXid: string,
  signal: AbortSignal | undefined,
): Promise<ChangedVersions | undefined> {
  const reading = { ...sides, pair, isNew: newVersions(nextXid), signal };
  const blocks = Math.max(
    ...(await bothSides(countBlocks(sides.before, pair), countBlocks(sides.after, pair))),
  );
  let step = fanOut;
  while (blocks / step > mostRanges) step *= fanOut;
  let ranges = await compareRanges(reading, startsOf(0, blocks, step), step);
  const { rowsBefore, rowsAfter, changes } = totalOf(ranges);
  if (changes > mostVersions || (changes > 20_000 && changes > rowsBefore / 2)) return undefined;
  while (step > 1) {
    const starts = differing(ranges).flatMap(({ start }) =>
      startsOf(start, Math.min(start + step, blocks), step / fanOut),
    );
    step /= fanOut;
    ranges = await compareRanges(reading, starts, step);
  }
  return { rowsBefore, rowsAfter, ...(await readPlaces(reading, differing(ranges))) };
}

/**
 * xid has no order, but an age. It is taken within the statement, since it grows with every transaction on the server. Where
 * numbers have gone round (nextXid has an epoch), very old rows may have numbers ahead of it, and no age.
 */
function newVersions(nextXid: string): string {
  const xid = BigInt(nextXid);
  const low = xid % 2n ** 32n;
  const mark = `(SELECT age('${low < 3n ? 3n : low}'::xid))`;
  const age = 'age(t.xmin)';
  return xid < 2n ** 32n ? `${age} <= ${mark}` : `(${age} <= ${mark} AND ${age} >= 0)`;
}

async function countBlocks(session: Session, { before }: KeptPair): Promise<number> {
  const { blocks } = await session.queryOne<{ blocks: number }>(
    `SELECT (pg_relation_size($1::oid) / current_setting('block_size')::int8)::float8 AS blocks`,
    [before.oid],
    doingRows(before),
  );
  return blocks;
}

const doingRows = ({ schema, name }: { schema: string; name: string }): string =>
  `comparing the rows of ${schema}.${name}`;

function startsOf(from: number, to: number, step: number): number[] {
  const starts: number[] = [];
  for (let start = from; start < to; start += step) starts.push(start);
  return starts;
}

interface Range {
  readonly start: number;
  readonly before: number;
  /** Row versions after that were there before. */
  readonly stayed: number;
  readonly arrived: number;
}

/** A range of blocks has no index to be found by: PostgreSQL reads just these blocks. */
const withinBlocks = `t.ctid >= format('(%s,0)', r.block)::tid AND t.ctid < format('(%s,0)', r.block + $2::int8)::tid`;

async function compareRanges(
  { before, after, pair, isNew, signal }: Reading,
  starts: readonly number[],
  step: number,
): Promise<Range[]> {
  signal?.throwIfAborted();
  if (starts.length === 0) return [];
  const read = (session: Session, table: KeptPair['before'], arrived: string) =>
    session.query<BlockCount>(
      `SELECT r.block, x.rows, x.arrived
         FROM unnest($1::int8[]) r(block),
              LATERAL (SELECT count(*) AS rows, ${arrived} AS arrived
                         FROM ONLY ${quoteQualifiedName(table)} t WHERE ${withinBlocks}) x`,
      [starts, step],
      doingRows(pair.before),
    );
  const [left, right] = await bothSides(
    read(before, pair.before, '0::int8'),
    read(after, pair.after, `count(*) FILTER (WHERE ${isNew})`),
  );
  const found = new Map(right.map((one) => [one.block, one]));
  return left.map(({ block, rows }) => {
    const other = found.get(block);
    const arrived = Number(other?.arrived ?? 0);
    const stayed = Number(other?.rows ?? 0) - arrived;
    return { start: Number(block), before: Number(rows), stayed, arrived };
  });
}

const differing = (ranges: readonly Range[]): Range[] =>
  ranges.filter(({ before, stayed, arrived }) => before !== stayed || arrived > 0);

function totalOf(ranges: readonly Range[]) {
  let rowsBefore = 0;
  let rowsAfter = 0;
  let changes = 0;
  for (const { before, stayed, arrived } of ranges) {
    rowsBefore += before;
    rowsAfter += stayed + arrived;
    changes += before - stayed + arrived;
  }
  return { rowsBefore, rowsAfter, changes };
}

interface Places {
  readonly block: string;
  readonly places: string[] | null;
}

async function readPlaces(reading: Reading, blocks: readonly Range[]) {
  const { before, after, pair, isNew } = reading;
  const gone: string[] = [];
  const arrived: string[] = [];
  const left = blocks.filter((one) => one.before !== one.stayed).map(({ start }) => start);
  for (const chunk of chunksOf(left, blocksPerRead)) {
    const [then, stayed] = await bothSides(
      readBlocks(reading, before, pair.before, chunk, 'true'),
      readBlocks(reading, after, pair.after, chunk, `NOT (${isNew})`),
    );
    const staying = new Set(stayed);
    for (const place of then) if (!staying.has(place)) gone.push(place);
  }
  const right = blocks.filter((one) => one.arrived > 0).map(({ start }) => start);
  for (const chunk of chunksOf(right, blocksPerRead)) {
    arrived.push(...(await readBlocks(reading, after, pair.after, chunk, isNew)));
  }
  return { gone, arrived };
}

async function readBlocks(
  { signal, pair }: Reading,
  session: Session,
  table: KeptPair['before'],
  blocks: readonly number[],
  where: string,
): Promise<string[]> {
  signal?.throwIfAborted();
  const rows = await session.query<Places>(
    `SELECT r.block, x.places
       FROM unnest($1::int8[]) r(block),
            LATERAL (SELECT array_agg(t.ctid::text) AS places
                       FROM ONLY ${quoteQualifiedName(table)} t WHERE ${withinBlocks} AND (${where})) x`,
    [blocks, 1],
    doingRows(pair.before),
  );
  return rows.flatMap(({ places }) => places ?? []);
}

function* chunksOf<T>(list: readonly T[], size: number): Generator<T[]> {
  for (let at = 0; at < list.length; at += size) yield list.slice(at, at + size);
}
