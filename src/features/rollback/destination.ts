import type { AppliedVersion } from '../../domain/history.js';
import { isVersion } from '../../domain/migration.js';
import { keptMigrations } from '../../domain/rollback.js';
import { BelayError } from '../../errors.js';
import type { MigrationState } from '../migration/migration-state.js';

/**
 * How many of the applied migrations stay when the database goes back to a version.
 * @throws BelayError VERSION_IS_CURRENT, NOT_AN_ANCESTOR, VERSION_NOT_FOUND, NO_HISTORY
 */
export function findDestination(state: MigrationState, reference: string): number {
  const { applied, entries, files, current } = state;
  if (applied.length === 0 && entries.length === 0) {
    throw new BelayError('NO_HISTORY', 'nothing was ever recorded of this database', {
      hint: 'There is nothing to go back to. `belay schema snapshot` records the schema as it is now, for the next time.',
    });
  }
  const kept = keptMigrations(applied, reference);
  if (kept === applied.length) {
    throw new BelayError('VERSION_IS_CURRENT', `the database is at version ${current} already`, {
      hint: 'There is nothing to roll back.',
    });
  }
  if (kept !== undefined) return kept;
  const isKnown = (one: AppliedVersion) => isVersion(reference, one);
  const wasThere = entries.some((entry) => entry.applied.some(isKnown) || isKnown(entry));
  if (wasThere || files.some(isKnown)) {
    throw new BelayError(
      'NOT_AN_ANCESTOR',
      `version ${reference} is not among the migrations that are in force: the database is at ${current}`,
      {
        hint: 'A rollback goes to an earlier state only. `belay schema graph` shows how the versions hang together, `belay migrate status` what is pending.',
      },
    );
  }
  throw new BelayError('VERSION_NOT_FOUND', `no migration has the version "${reference}"`, {
    hint: 'See `belay migrate status` and `belay schema list`; "0" is the state before the first migration.',
  });
}
