import type { Caller } from '../../contract/caller.js';
import type { Inventory } from '../../contract/inventory.js';
import type { JobInput } from '../../contract/job.js';
import { resolveReference } from '../../domain/reference.js';
import type { Services } from '../services.js';

/** Fields of jobs' inputs that name snapshots, or versions of a schema. */
const referenceFields = ['reference', 'a', 'b', 'from'] as const;

/**
 * Databases of one name may share a store, and the library finds archives of the one for the other: that is how a server that was
 * lost comes back. Whoever is bound to databases reaches the timelines of these alone.
 * @throws BelayError SNAPSHOT_NOT_FOUND, AMBIGUOUS_REFERENCE, BAD_REFERENCE
 */
export async function checkOwnReferences(
  { inventories }: Pick<Services, 'inventories'>,
  { databases }: Pick<Caller, 'databases'>,
  { database, input }: { readonly database: string; readonly input: JobInput },
): Promise<void> {
  if (databases === null) return;
  const given = referenceFields.map((field) => (input as Record<string, unknown>)[field]);
  const references = given.filter((value) => typeof value === 'string');
  if (references.length === 0) return;
  const inventory = await inventories.read(database);
  for (const reference of references) {
    if (!isNoSnapshot(reference, inventory)) resolveReference(reference, inventory.snapshots);
  }
}

/** Sides of comparisons and starts of branches that are no snapshots. */
function isNoSnapshot(reference: string, { versions, branches }: Inventory): boolean {
  return (
    reference === 'live' ||
    reference === '0' ||
    versions.some(({ id, version }) => id === reference || version === reference) ||
    branches.some(({ name }) => name === reference)
  );
}
