import { formatQualifiedName } from '../../domain/qualified-name.js';
import { reportStep } from '../../domain/reporter.js';
import type { PlacedTable } from '../../domain/shadow-mapping.js';
import { countAll } from '../../postgres/count-tables.js';
import type { Session } from '../../postgres/session.js';
import type { WrittenRows } from '../../postgres/shadow/read-written.js';
import { quoteQualifiedName, readTables } from '../../postgres/sql/tables.js';
import type { Work } from '../target/work.js';
import type { RowCounts } from './describe-tables.js';

type OpenSession = () => Promise<Session>;

/** Rows of those tables that hold rows of their own. */
export async function countRowsOf(
  work: Work,
  open: OpenSession,
  first: Session,
  tables: readonly PlacedTable[],
  only: (table: PlacedTable) => boolean = () => true,
): Promise<RowCounts> {
  const byName = new Map(tables.map((table) => [formatQualifiedName(table), table]));
  const wanted = (await readTables(first)).filter((table) => {
    const placed = byName.get(formatQualifiedName(table));
    return placed !== undefined && only(placed);
  });
  const opened: Session[] = [];
  const openMore = async () => {
    const session = await open();
    opened.push(session);
    return session;
  };
  try {
    const counted = await reportStep(work.reporter, { name: 'count' }, () =>
      countAll(openMore, first, wanted, { signal: work.signal }),
    );
    return new Map(
      counted.flatMap(({ table, rows }): [number, number][] => {
        const placed = byName.get(formatQualifiedName(table));
        return placed ? [[placed.oid, rows]] : [];
      }),
    );
  } finally {
    await Promise.all(opened.map((session) => session.close()));
  }
}

export interface ChangedTables {
  readonly tables: readonly PlacedTable[];
  readonly rows: RowCounts;
  readonly after: readonly PlacedTable[];
  readonly written: ReadonlyMap<number, WrittenRows>;
}

/** Only tables that were written to, that are new or that have another file: the others have the rows that they had. */
export async function countChanged(
  work: Work,
  open: OpenSession,
  changed: ChangedTables,
): Promise<RowCounts> {
  const session = await open();
  const had = new Map(changed.tables.map((table) => [table.oid, table]));
  const isLossy = session.serverVersion < 150000;
  const isSame = ({ oid, file }: PlacedTable): boolean =>
    !isLossy && !changed.written.has(oid) && had.get(oid)?.file === file;
  const counted = await countRowsOf(work, open, session, changed.after, (table) => !isSame(table));
  const roots = changed.after.filter(({ oid, isPartitioned }) => isPartitioned && !had.has(oid));
  const ofRoots = await countRoots(session, roots);
  await session.close();
  return new Map([...changed.rows, ...counted, ...ofRoots]);
}

/** Tables with a write in between. */
export function writtenSince(
  before: ReadonlyMap<number, WrittenRows>,
  after: ReadonlyMap<number, WrittenRows>,
): Map<number, WrittenRows> {
  const changed = new Map<number, WrittenRows>();
  for (const [oid, now] of after) {
    const was = before.get(oid) ?? { inserted: 0, updated: 0, deleted: 0 };
    const difference = {
      inserted: now.inserted - was.inserted,
      updated: now.updated - was.updated,
      deleted: now.deleted - was.deleted,
    };
    const isAny = difference.inserted + difference.updated + difference.deleted > 0;
    if (isAny) changed.set(oid, difference);
  }
  return changed;
}

/** A table that the migration has partitioned has the rows of all its partitions. */
async function countRoots(
  session: Session,
  roots: readonly PlacedTable[],
): Promise<[number, number][]> {
  const counted: [number, number][] = [];
  for (const root of roots) {
    const { rows } = await session.queryOne<{ rows: number }>(
      `SELECT count(*)::float8 AS rows FROM ${quoteQualifiedName(root)}`,
      [],
      `counting the rows of ${formatQualifiedName(root)}`,
    );
    counted.push([root.oid, rows]);
  }
  return counted;
}
