import type { BranchSize } from '../../domain/branch.js';
import { locateDatabaseFiles } from '../../postgres/database-files.js';
import { measureDiskUsage } from '../../process/disk-usage.js';
import type { Target } from '../target/open-target.js';

type Place = Pick<Target, 'main' | 'settings'>;

/**
 * What databases of the target's server take: as the server counts it, and on disk where that can be seen. A reflink
 * shares its blocks until somebody writes, so the two may be far apart.
 *
 * @example
 * const sizes = await measureDatabaseSizes(target, ['shop_invoices']);
 * sizes.get('shop_invoices')?.ownBytes;
 * @returns without those that are gone
 */
async function measureDatabaseSizes(
  { main, settings }: Place,
  databases: readonly string[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, BranchSize>> {
  const rows = await main.query<{ name: string; bytes: number }>(
    // A database that is dropped meanwhile has no size, and is no error.
    `SELECT datname::text AS name, COALESCE(pg_database_size(oid), 0)::float8 AS bytes
       FROM pg_database WHERE datname = ANY ($1) AND datconnlimit <> -2`,
    [databases],
  );
  const places = await locateDatabaseFiles(
    main,
    settings,
    rows.map(({ name }) => name),
  );
  const sizes = new Map<string, BranchSize>();
  for (const { name, bytes } of rows) {
    const folders = places?.get(name);
    const usage = folders && (await measureDiskUsage(folders, { signal }));
    sizes.set(name, {
      logicalBytes: bytes,
      ownBytes: usage?.ownBytes ?? null,
      memoryBytes: null,
    });
  }
  return sizes;
}

const nothing: BranchSize = { logicalBytes: 0, ownBytes: null, memoryBytes: null };

/** As {@link measureDatabaseSizes} for one; without a size where it is gone. */
export async function measureDatabaseSize(
  target: Place,
  database: string,
  signal?: AbortSignal,
): Promise<BranchSize> {
  return (await measureDatabaseSizes(target, [database], signal)).get(database) ?? nothing;
}
