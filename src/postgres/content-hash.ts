import { formatQualifiedName } from '../domain/qualified-name.js';
import type { Session } from './session.js';
import { hashLargeObjects } from './sql/large-objects.js';
import { hashTables, type RowScope, readTableShapes, type TableShape } from './sql/rows.js';
import { readTables } from './sql/tables.js';
import { readEachTable, type TableQueueOptions } from './table-queue.js';

/** Prints money the same everywhere; the other formats are fixed by the session. */
const hashSettings = `
  SET jit = off;
  SET max_parallel_workers_per_gather = 4;
  SET lc_monetary = 'C';
`;

/** The name under which large objects are hashed; no qualified name has a space outside of quotes. */
const largeObjects = 'large objects';

/**
 * Columns by name, because a restore may order those of inherited tables differently. Generated ones are not in an
 * archive: the server that restores computes them, and its locales may be others.
 */
function scopeOf(shape: TableShape): RowScope {
  const stored = shape.columns.filter(({ isGenerated }) => !isGenerated);
  const columns = stored.map(({ name }) => name).sort();
  return { table: shape, columns, key: null };
}

export interface ContentHashOptions extends TableQueueOptions {
  /** Only tables of which this is true, by qualified name, and no large objects. */
  readonly only?: ((qualified: string) => boolean) | undefined;
}

/**
 * One hash over the content of each table, and one over the large objects, if there are any. It does not depend on
 * the order of rows, and is the same for the source and for what was restored from its archive.
 *
 * Materialized views are left out: a restore fills them from their query, so they need not be as stale as the source's.
 *
 * @param openSession the first session that it opens reads the catalogs too; the caller closes them
 */
export async function readContentHashes(
  openSession: () => Promise<Session>,
  options: ContentHashOptions = {},
): Promise<Record<string, string>> {
  const first = await openSession();
  options.signal?.throwIfAborted();
  const shapes = await readTableShapes(first);
  const scopes = new Map(shapes.map((shape) => [formatQualifiedName(shape), scopeOf(shape)]));
  const { within = (_session, work) => work(), only } = options;
  const tables = (await readTables(first)).filter((table) => {
    const name = formatQualifiedName(table);
    return scopes.has(name) && (only?.(name) ?? true);
  });
  const reading = {
    settings: hashSettings,
    purpose: 'hash',
    read: (session: Session, batch: readonly (typeof tables)[number][]) =>
      hashTables(
        session,
        batch.flatMap((table) => scopes.get(formatQualifiedName(table)) ?? []),
      ),
  };
  const read = await readEachTable(openSession, first, tables, reading, options);
  const objects = only ? null : await within(first, () => hashLargeObjects(first));
  const entries = read.map(({ table, result }): [string, string] => [
    formatQualifiedName(table),
    result,
  ]);
  if (objects !== null) entries.push([largeObjects, objects]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
