import { nameTables } from '../../domain/partial-archive.js';
import { BelayError } from '../../errors.js';
import type { Archive } from './archives.js';

/** A name that a shell passes on as it is. */
const plainName = /^[\w.]+$/;

/**
 * An archive of some tables would empty all others: it must never stand in for the whole database.
 * @param newestWhole tag of a snapshot that can
 * @throws BelayError PARTIAL_ARCHIVE
 */
export function refusePartial(
  { manifest }: Pick<Archive, 'manifest'>,
  newestWhole?: string | undefined,
): void {
  const { partial, snapshot } = manifest;
  if (!partial) return;
  const { dataOf } = partial;
  const { tag } = snapshot;
  const instead =
    newestWhole === undefined
      ? ''
      : ` The newest snapshot of the whole database is "${newestWhole}".`;
  throw new BelayError('PARTIAL_ARCHIVE', `"${tag}" holds the rows of ${nameTables(dataOf)} only`, {
    hint: `${restoreHint(tag, dataOf)}.${instead}`,
    details: { dataOf },
  });
}

/**
 * @param tables as in a fingerprint
 * @throws BelayError PARTIAL_ARCHIVE where it does not hold the rows of all of them
 */
export function refuseTablesNotIn(
  { manifest }: Pick<Archive, 'manifest'>,
  tables: readonly string[],
): void {
  const { partial, snapshot } = manifest;
  if (!partial) return;
  const known = new Set([...partial.dataOf, ...Object.keys(partial.partitioned)]);
  const missing = tables.filter((table) => !known.has(table));
  if (missing.length === 0) return;
  const { tag } = snapshot;
  throw new BelayError(
    'PARTIAL_ARCHIVE',
    `"${tag}" holds the rows of ${nameTables(partial.dataOf)} only, not of ${nameTables(missing)}`,
    {
      hint: 'Nothing was changed. Restore the table from another snapshot: `belay list` shows what there is.',
      details: { dataOf: partial.dataOf, missing },
    },
  );
}

function restoreHint(tag: string, dataOf: readonly string[]): string {
  const table = dataOf.find((name) => plainName.test(name)) ?? 'schema.table';
  return `Nothing was changed. \`belay restore ${tag} --table ${table}\` brings one of them back`;
}
