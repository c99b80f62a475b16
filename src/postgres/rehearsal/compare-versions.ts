import type { KeptPair } from '../../domain/state-comparison.js';
import { bothSides, chunksOf } from './compare-sides.js';
import { findByKey, type KeyLookup } from './find-by-key.js';
import {
  countBlocks,
  newVersions,
  type RangeCount,
  readAfter,
  readBefore,
  readBlocks,
  startsOf,
  type VersionReading,
} from './read-versions.js';

/** Row versions by their place (ctid): those that are no longer, and those that are new. */
export interface ChangedVersions {
  readonly rowsBefore: number;
  readonly rowsAfter: number;
  readonly gone: readonly string[];
  readonly arrived: readonly string[];
}

/** Each is a small scan with a start of its own; more of them cost more than they save. */
const mostRanges = 8192;
const fanOut = 16;
/** Above, hashing all rows is cheaper than naming the differing ones. */
const mostVersions = 200_000;
const blocksPerRead = 1000;

export interface VersionOptions {
  /** The server's next transaction id before the migration. */
  readonly nextXid: string;
  /** By the statistics: how many updates and deletes there were at most; null: they prove nothing. */
  readonly writes: { readonly updates: number; readonly deletes: number } | null;
  /** How a row of after is found before; null: not by an index. */
  readonly lookup: KeyLookup | null;
}

/**
 * Finds the row versions that a migration made or ended in a table whose file it has not replaced. The copy has every
 * row at the place and with the transaction number (xmin) of its template, so its row versions that are older than the
 * migration are exactly those that nobody touched: where a range of blocks has as many of them as before, they are the same
 * rows. Nothing but counting needs to be done, and only ranges where the count differs are looked into.
 *
 * Before need not even be counted where every update that the statistics know of is found again by its key.
 * @returns undefined where too much has changed to be named one by one
 */
export async function findChangedVersions(
  sides: Pick<VersionReading, 'before' | 'after' | 'openHelper' | 'signal'>,
  pair: KeptPair,
  { nextXid, writes, lookup }: VersionOptions,
): Promise<ChangedVersions | undefined> {
  const reading = { ...sides, pair, isNew: newVersions(nextXid) };
  const blocks = Math.max(
    ...(await bothSides(countBlocks(sides.before, pair), countBlocks(sides.after, pair))),
  );
  let step = fanOut;
  while (blocks / step > mostRanges) step *= fanOut;
  const starts = startsOf(0, blocks, step);
  const byKey = async (places: readonly string[]) =>
    lookup ? findByKey(sides, pair, lookup, places) : [];

  if (writes?.deletes === 0 && (writes.updates === 0 || lookup)) {
    const after = await readAfter(reading, starts, step);
    const arrived = await placesOf(reading, after, step);
    if (!arrived) return undefined;
    const gone = writes.updates === 0 ? [] : await byKey(arrived);
    if (gone.length === writes.updates) return versionsOf(after, gone, arrived);
    // A row that was updated twice, an update that was rolled back, a key that is another now.
    const before = await readBefore(reading, starts, step);
    return findGone(reading, { before, after, step, blocks }, arrived, gone);
  }
  const [before, after] = await bothSides(
    readBefore(reading, starts, step),
    readAfter(reading, starts, step),
  );
  const ranges = { before, after, step, blocks };
  if (isTooMuch(goneOf(ranges), sum(before.map(({ rows }) => rows)))) return undefined;
  const arrived = await placesOf(reading, after, step);
  if (!arrived) return undefined;
  return findGone(reading, ranges, arrived, await byKey(arrived));
}

interface Ranges {
  readonly before: readonly RangeCount[];
  readonly after: readonly RangeCount[];
  readonly step: number;
  readonly blocks: number;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

const isTooMuch = (versions: number, rows: number): boolean =>
  versions > mostVersions || (versions > 20_000 && versions > rows / 2);

function versionsOf(
  after: readonly RangeCount[],
  gone: readonly string[],
  arrived: readonly string[],
): ChangedVersions {
  const rowsAfter = sum(after.map(({ rows }) => rows));
  return { rowsBefore: rowsAfter - arrived.length + gone.length, rowsAfter, gone, arrived };
}

/** Row versions of before that after has no longer. */
const goneOf = ({ before, after }: Pick<Ranges, 'before' | 'after'>): number =>
  sum(before.map(({ rows }) => rows)) - sum(after.map(({ rows, arrived }) => rows - arrived));

/** Places of the new versions; undefined where there are too many. */
async function placesOf(
  reading: VersionReading,
  after: readonly RangeCount[],
  step: number,
): Promise<string[] | undefined> {
  const total = sum(after.map(({ arrived }) => arrived));
  if (isTooMuch(total, sum(after.map(({ rows }) => rows)))) return undefined;
  const known = after.flatMap(({ places }) => places ?? []);
  // Of full ranges only the number was read.
  const full = after.filter(({ arrived, places }) => arrived > 0 && places === null);
  for (const chunk of chunksOf(
    full.map(({ start }) => start),
    blocksPerRead,
  )) {
    known.push(...(await readBlocks(reading, 'arrived', chunk, step)));
  }
  return known;
}

/** Finds the versions that are gone: by their keys where that finds all, else by their places. */
async function findGone(
  reading: VersionReading,
  ranges: Ranges,
  arrived: readonly string[],
  foundByKey: readonly string[],
): Promise<ChangedVersions | undefined> {
  const total = goneOf(ranges);
  if (foundByKey.length === total) return versionsOf(ranges.after, foundByKey, arrived);
  if (isTooMuch(total, sum(ranges.before.map(({ rows }) => rows)))) return undefined;
  let { step } = ranges;
  let starts = differing(ranges);
  while (step > 1) {
    const parts = starts.flatMap((start) =>
      startsOf(start, Math.min(start + step, ranges.blocks), step / fanOut),
    );
    step /= fanOut;
    const [before, after] = await bothSides(
      readBefore(reading, parts, step),
      readAfter(reading, parts, step),
    );
    starts = differing({ before, after });
  }
  const gone: string[] = [];
  for (const chunk of chunksOf(starts, blocksPerRead)) {
    const [then, stayed] = await bothSides(
      readBlocks(reading, 'before', chunk, 1),
      readBlocks(reading, 'stayed', chunk, 1),
    );
    const staying = new Set(stayed);
    for (const place of then) if (!staying.has(place)) gone.push(place);
  }
  return versionsOf(ranges.after, gone, arrived);
}

/** Starts of the ranges in which versions are gone. */
function differing({ before, after }: Pick<Ranges, 'before' | 'after'>): number[] {
  const stayed = new Map(after.map(({ start, rows, arrived }) => [start, rows - arrived]));
  return before.filter(({ start, rows }) => stayed.get(start) !== rows).map(({ start }) => start);
}
