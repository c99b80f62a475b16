import type { ShadowReplication } from '../../domain/shadow.js';
import { BelayError } from '../../errors.js';
import { readPlacedTables } from '../../postgres/shadow/read-mapping.js';
import {
  canReplicate,
  createReplication,
  dropReplication,
} from '../../postgres/shadow/replication.js';
import { closingSessions } from '../snapshot/read-clone.js';
import type { Work } from '../target/work.js';
import type { CreateShadowOptions } from './create-options.js';

/** How changes will be found, and since when they are kept for it. */
export interface PreparedReplication {
  readonly replication: (ShadowReplication & { readonly lsn: string }) | null;
  /** Why not by logical replication, where that was wanted. */
  readonly why: string | null;
  /** Tables whose changes have to be found by scanning all the same, and why. */
  readonly notes: readonly string[];
}

const mostNoted = 5;

/**
 * Sets up logical replication before the copy is begun, so that nothing in between is missed. No session of it is left in the
 * target: it would be in the way of a clone.
 * @throws BelayError where it was asked for by name and is not possible
 */
export async function prepareReplication(
  { target, signal }: Work,
  { replication: wanted = 'auto' }: CreateShadowOptions,
  id: string,
): Promise<PreparedReplication> {
  if (wanted === 'scan') return { replication: null, why: null, notes: [] };
  return closingSessions(
    () => target.openDatabase(target.database),
    async (open) => {
      const source = await open();
      const { why } = await canReplicate(source);
      if (why !== null) {
        if (wanted === 'logical') throw notPossible(why);
        return { replication: null, why, notes: [] };
      }
      try {
        const placed = await readPlacedTables(source);
        const tables = placed.filter(({ isPartitioned }) => !isPartitioned);
        const made = await createReplication(source, id, tables, { signal });
        const { slot, publication, lsn, leftOut } = made;
        const notes = leftOut.map((one) => `${one.table} is scanned at each sync: ${one.why}`);
        const more = `and ${notes.length - mostNoted} more tables are scanned at each sync`;
        return {
          replication: { slot, publication, lsn },
          why: null,
          notes: notes.length > mostNoted ? [...notes.slice(0, mostNoted), more] : notes,
        };
      } catch (error) {
        if (wanted === 'logical' || !isExpected(error)) throw error;
        return { replication: null, why: error.message, notes: [] };
      }
    },
  );
}

/** What other work or missing rights bring about; scanning is possible all the same. */
function isExpected(error: unknown): error is BelayError {
  return (
    error instanceof BelayError &&
    [
      'LOCK_TIMEOUT',
      'CANCELED_BY_SERVER',
      'TABLE_NOT_FOUND',
      'PERMISSION_DENIED',
      'DATABASE_ERROR',
    ].includes(error.code)
  );
}

function notPossible(why: string): BelayError {
  return new BelayError('PERMISSION_DENIED', `logical replication is not possible: ${why}`, {
    hint: 'Set wal_level = logical and let the role have REPLICATION, or take --replication scan.',
  });
}

/** Takes back what was set up. What cannot be removed now is found by its name later, by `belay repair`. */
export async function removeReplication(
  { target, reporter }: Work,
  replication: ShadowReplication | null,
): Promise<void> {
  if (!replication) return;
  try {
    await closingSessions(
      () => target.openDatabase(target.database),
      async (open) => dropReplication(await open(), replication),
    );
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `slot or publication "${replication.slot}" could not be removed: ${why}; \`belay repair\` does it`;
    reporter({ type: 'warning', message });
  }
}
