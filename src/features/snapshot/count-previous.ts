import { type CloneRecord, encodeRecord } from '../../domain/record.js';
import { commentDatabaseSql } from '../../postgres/sql/databases.js';
import { readUnwrittenTables, readWriteEvidence } from '../../postgres/write-evidence.js';
import type { Clone } from '../target/timeline.js';
import type { Work } from '../target/work.js';
import { type CountOrder, countClone } from './read-clone.js';

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
  const { oid, name: database } = clone.database;
  const known = knownCounts(work, oid);
  const order = { database, step: 'count what was there', known, settle: true };
  const { fingerprint, sizeBytes } = await countClone(work, order);
  return writeRecord(work, clone, {
    ...clone.record,
    snapshot: { ...snapshot, fingerprint, sizeBytes },
    evidence: await readWriteEvidence(work.main, oid),
  });
}

/**
 * A database that was made from a snapshot still has the snapshot's rows in every table that was not written to
 * since. Most tables are such ones, and need not be counted again.
 */
function knownCounts(work: Work, oid: number): CountOrder['known'] {
  for (const { record } of work.timeline.clones) {
    const made = record.restoredAs.find((restored) => restored.oid === oid)?.evidence;
    const counts = record.snapshot.fingerprint?.rowCounts;
    if (!made || !counts) continue;
    return async (session) => {
      const unwritten = await readUnwrittenTables(session, oid, made);
      return new Map(
        unwritten.flatMap((table): [string, number][] => {
          const rows = counts[table];
          return rows === undefined ? [] : [[table, rows]];
        }),
      );
    };
  }
  return undefined;
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
