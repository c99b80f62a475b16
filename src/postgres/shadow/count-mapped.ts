import { formatQualifiedName, type QualifiedName } from '../../domain/qualified-name.js';
import type { ShadowTable } from '../../domain/shadow.js';
import { cancelQueries } from '../cancel.js';
import type { Session } from '../session.js';
import { quoteQualifiedName } from '../sql/tables.js';
import { readPlacedTables } from './read-mapping.js';

/** Rows of a table of the target and of the one in the shadow that takes its rows; null: there is none. */
export interface CountedPair {
  /** "schema.table" in the target; of one that only the shadow has, there. */
  readonly table: string;
  /** Its name in the shadow, where that is another. */
  readonly renamedTo: string | null;
  readonly rows: number | null;
  readonly shadowRows: number | null;
}

export interface CountedSides {
  readonly source: Session;
  readonly shadow: Session;
  readonly tables: readonly ShadowTable[];
  readonly signal?: AbortSignal | undefined;
}

interface Countable extends QualifiedName {
  readonly oid: number;
  readonly isPartitioned: boolean;
}

/**
 * Counts every table of a target and its place in the shadow, one after the other: each count is a statement of its own, so that
 * it holds back nobody for long.
 */
export async function countMapped(sides: CountedSides): Promise<CountedPair[]> {
  const { source, shadow, signal } = sides;
  const cancel = () => {
    cancelQueries(async () => shadow, [source]).catch(() => {});
    cancelQueries(async () => source, [shadow]).catch(() => {});
  };
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    const pairs = await countPairs(sides);
    return pairs.sort((a, b) => (a.table < b.table ? -1 : a.table > b.table ? 1 : 0));
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

async function countPairs({ source, shadow, tables, signal }: CountedSides) {
  const here = byOid(await readPlacedTables(source));
  const there = byOid(await readPlacedTables(shadow));
  const pairs: CountedPair[] = [];
  for (const { oid, shadowOid, name } of tables) {
    signal?.throwIfAborted();
    const [mine, its] = [here.get(oid), shadowOid === null ? undefined : there.get(shadowOid)];
    const table = mine ? formatQualifiedName(mine) : name;
    const other = its && formatQualifiedName(its);
    pairs.push({
      ...{ table, renamedTo: other !== undefined && other !== table ? other : null },
      rows: mine ? await countOne(source, mine) : null,
      shadowRows: its ? await countOne(shadow, its) : null,
    });
  }
  const known = new Set(tables.map(({ shadowOid }) => shadowOid));
  for (const table of there.values()) {
    signal?.throwIfAborted();
    if (known.has(table.oid) || table.isPartitioned) continue;
    const shadowRows = await countOne(shadow, table);
    pairs.push({ table: formatQualifiedName(table), renamedTo: null, rows: null, shadowRows });
  }
  return pairs;
}

const byOid = <T extends Countable>(tables: readonly T[]): Map<number, T> =>
  new Map(tables.map((table) => [table.oid, table]));

/** A partitioned table has the rows of all its partitions; of one that is inherited from, only its own count. */
async function countOne(session: Session, table: Countable): Promise<number> {
  const only = table.isPartitioned ? '' : 'ONLY ';
  const { rows } = await session.queryOne<{ rows: number }>(
    `SELECT count(*)::float8 AS rows FROM ${only}${quoteQualifiedName(table)}`,
    [],
    `counting the rows of ${formatQualifiedName(table)}`,
  );
  return rows;
}
