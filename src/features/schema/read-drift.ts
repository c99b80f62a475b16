import { BelayError } from '../../errors.js';
import { type MigrationState, withMigrationState } from '../migration/migration-state.js';
import type { Target } from '../target/open-target.js';
import { throwIfAborted, type WorkOptions } from '../target/work.js';
import { type Drift, findDrift } from './drift.js';

/**
 * Compares the live schema with the last one that the history has. Takes no lock, and reads nothing but catalogs.
 *
 * @example
 * const { drifted, changes } = await readDrift(target);
 * @throws BelayError NO_HISTORY, MODEL_NOT_KEPT, HISTORY_DAMAGED
 */
export async function readDrift(
  target: Target,
  { signal }: Pick<WorkOptions, 'signal'> = {},
): Promise<Drift> {
  throwIfAborted(signal);
  return withMigrationState(target, async (state) => {
    const entry = state.entries.at(-1);
    if (!entry) {
      throw new BelayError(
        'NO_HISTORY',
        `nothing was ever recorded of the schema of "${target.database}"`,
        {
          hint: '`belay schema snapshot` records it as it is now; from then on drift can be told.',
        },
      );
    }
    const model = await state.history.readModel(entry.checksum);
    const drift = await findDrift(state.session, { model, entry });
    return { ...drift, notes: [...unrecorded(state, entry.applied), ...drift.notes] };
  });
}

/** Migrations of another tool that came after the last entry: what they did is no drift, but looks like it. */
function unrecorded(
  { source, applied }: MigrationState,
  known: MigrationState['applied'],
): string[] {
  const versions = new Set(known.map(({ version }) => version));
  const since = applied.filter(({ version }) => !versions.has(version));
  if (!source || since.length === 0) return [];
  const names = since.map(({ version, name }) => (name ? `${version}_${name}` : version));
  return [
    `${source.tool} has applied ${names.join(', ')} since: \`belay schema snapshot\` records the schema as it is now`,
  ];
}
