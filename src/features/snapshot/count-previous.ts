import { type CloneRecord, encodeRecord } from '../../domain/record.js';
import { commentDatabaseSql } from '../../postgres/sql/databases.js';
import type { Clone } from '../target/timeline.js';
import type { Work } from '../target/work.js';
import { countClone } from './read-clone.js';

/** Writes a changed record of a clone. The caller holds the target's lock. */
export async function writeRecord(
  work: Pick<Work, 'main'>,
  clone: Clone,
  record: CloneRecord,
): Promise<Clone> {
  const { name } = clone.database;
  await work.main.execute(commentDatabaseSql(name, encodeRecord(record)), `recording "${name}"`);
  return { ...clone, record };
}

/** The clone with its fingerprint: counted now, if an interruption came before that. */
export async function ensureCounted(work: Work, clone: Clone): Promise<Clone> {
  const { snapshot } = clone.record;
  if (snapshot.fingerprint !== null) return clone;
  const { fingerprint, sizeBytes } = await countClone(work, clone.database.name, 'count');
  return writeRecord(work, clone, {
    ...clone.record,
    snapshot: { ...snapshot, fingerprint, sizeBytes },
  });
}

/**
 * Counts what a swap has just renamed away. The swap is done and the user's database is in place, so a failure
 * here must not look like one of the swap: the snapshot stays uncounted, and `belay repair` counts it.
 */
export async function countPrevious(work: Work, previous: Clone | null): Promise<Clone | null> {
  if (previous === null) return null;
  try {
    return await ensureCounted(work, previous);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    work.reporter({
      type: 'warning',
      message: `"${previous.record.snapshot.tag}" is kept, but its rows could not be counted yet: ${why}`,
    });
    return previous;
  }
}
