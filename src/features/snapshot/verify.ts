import { compareFingerprints, type FingerprintDifference } from '../../domain/fingerprint.js';
import { nothingWritten, sameStatistics } from '../../domain/write-evidence.js';
import { BelayError } from '../../errors.js';
import type { KnownCounts } from '../../postgres/fingerprint.js';
import { readUnloggedRelations } from '../../postgres/unlogged-relations.js';
import { readWriteEvidence, readWrittenTables } from '../../postgres/write-evidence.js';
import type { Clone } from '../target/timeline.js';
import type { Work } from '../target/work.js';
import type { MadeCopy } from './make-copy.js';
import { countClone, readingClone } from './read-clone.js';

/**
 * How the rows were verified. count: each table was counted again. unwritten: no byte was copied (the state was
 * renamed, or shares its blocks by reflink), and the server's statistics show that nothing was written to the
 * snapshot since its rows were counted. Schema and sequences are read again in either case.
 */
export type VerifiedBy = 'count' | 'unwritten';

/**
 * Compares a new copy of a snapshot with the snapshot's fingerprint. Bytes that were copied are counted again: that
 * is the proof that copying worked. Blocks that are shared can only have changed with the snapshot itself.
 * @throws BelayError FINGERPRINT_MISMATCH
 */
export function verifyCopy(work: Work, clone: Clone, copy: MadeCopy): Promise<VerifiedBy> {
  return verifyDatabase(work, clone, {
    database: copy.database,
    sharesBytes: copy.method === 'reflink',
    settle: true,
  });
}

/**
 * Verifies that a snapshot is still what its record says.
 * @throws BelayError FINGERPRINT_MISMATCH
 */
export function verifyUnchanged(work: Work, clone: Clone): Promise<VerifiedBy> {
  return verifyDatabase(work, clone, {
    database: clone.database.name,
    sharesBytes: true,
    // It was settled when it was counted, and a snapshot is not written to.
    settle: false,
  });
}

interface VerifyOrder {
  readonly database: string;
  readonly sharesBytes: boolean;
  readonly settle: boolean;
}

async function verifyDatabase(
  work: Work,
  clone: Clone,
  { database, sharesBytes, settle }: VerifyOrder,
): Promise<VerifiedBy> {
  const expected = clone.record.snapshot.fingerprint;
  if (!expected) throw new BelayError('BUG', `"${clone.database.name}" was never counted`);
  const isUnwritten = (await unwrittenSinceCounted(work, clone)) && sharesBytes;
  const counts: KnownCounts = new Map(Object.entries(expected.rowCounts));
  const known = isUnwritten ? async () => counts : undefined;
  const { fingerprint: actual } = await countClone(work, {
    database,
    step: 'verify',
    known,
    settle,
  });
  const found = compareFingerprints(expected, actual);
  const differences = found.length === 0 ? [] : await withoutCrashLosses(work, database, found);
  if (differences.length > 0) throw mismatch(clone.record.snapshot.tag, differences);
  return isUnwritten ? 'unwritten' : 'count';
}

async function unwrittenSinceCounted(work: Work, clone: Clone): Promise<boolean> {
  const { evidence } = clone.record;
  if (!evidence) return false;
  const now = await readWriteEvidence(work.main, clone.database.oid);
  if (now === null || !sameStatistics(evidence, now)) return false;
  const isUnwritten = nothingWritten(evidence, now);
  if (!isUnwritten) await warnOfWrites(work, clone);
  return isUnwritten;
}

/**
 * Values that were changed in place leave every count as it was, so this is all that can be said about them. A state
 * that was renamed away or restored has the counters of its life before, which say nothing; autovacuum writes to
 * catalogs only.
 */
async function warnOfWrites(work: Work, clone: Clone): Promise<void> {
  if (['rename', 'archive'].includes(clone.record.method)) return;
  const { name } = clone.database;
  const written = await readingClone(work, name, async (open) => readWrittenTables(await open()));
  if (written.length === 0) return;
  work.reporter({
    type: 'warning',
    message: `somebody has written to ${written.slice(0, 3).join(', ')}${written.length > 3 ? ', …' : ''} in snapshot "${clone.record.snapshot.tag}" ("${name}"): rows are counted again, but changed values do not show in that`,
  });
}

/**
 * A crash of the server empties unlogged tables, those of snapshots too. That is what they are declared to be, and no
 * reason to refuse the rest of the snapshot for ever; but it is said.
 */
async function withoutCrashLosses(
  work: Work,
  database: string,
  differences: readonly FingerprintDifference[],
): Promise<FingerprintDifference[]> {
  const unlogged = await readingClone(work, database, async (open) =>
    readUnloggedRelations(await open()),
  );
  return differences.filter(({ what, name, expected, actual }) => {
    const isLost = unlogged.has(name) && (what === 'sequence' || actual === '0');
    if (!isLost) return true;
    work.reporter({
      type: 'warning',
      message: `${what === 'sequence' ? 'sequence' : 'table'} ${name} is unlogged: a crash of the server has emptied it, in the snapshot too (${actual} instead of ${expected})`,
    });
    return false;
  });
}

/** The error of a copy that is not what its record says. */
function mismatch(tag: string, differences: readonly FingerprintDifference[]): BelayError {
  const shown = differences
    .slice(0, 3)
    .map(
      ({ what, name, expected, actual }) => `${what} of ${name}: ${actual} instead of ${expected}`,
    );
  const more = differences.length > 3 ? ` and ${differences.length - 3} more` : '';
  return new BelayError(
    'FINGERPRINT_MISMATCH',
    `the copy of "${tag}" is not what was recorded: ${shown.join('; ')}${more}`,
    {
      hint: 'Nothing was replaced: your database is as it was. Somebody has changed the snapshot’s database.',
      details: { differences },
    },
  );
}
