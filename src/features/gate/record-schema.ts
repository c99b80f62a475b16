import { loadConfig } from '../../config/load-config.js';
import { silentReporter } from '../../domain/reporter.js';
import { toBelayError } from '../../errors.js';
import { readGitState } from '../../process/git.js';
import { recordVersion } from '../history/record-version.js';
import { withMigrationState } from '../migration/migration-state.js';
import { pruneHistory } from '../schema/with-history.js';
import { type OpenTargetOptions, openTarget } from '../target/open-target.js';
import { underLock, type WorkOptions } from '../target/work.js';

/** A state of the schema that was recorded on the way. */
export interface RecordedState {
  readonly version: string;
  readonly checksum: string;
}

export interface RecordSchemaOptions extends WorkOptions {
  /** Default: as the configuration says, else true. */
  readonly autoSnapshot?: boolean | undefined;
  /** The checkpoint before. */
  readonly snapshotId?: string | undefined;
}

/**
 * Records the schema as it is, where a migration tool is known or a history is kept: before and after somebody else's
 * migration, so that there is a way back from it. A command must neither be kept from running by this, nor fail by it.
 */
export async function recordSchema(
  where: OpenTargetOptions,
  options: RecordSchemaOptions,
): Promise<RecordedState | null> {
  const { reporter = silentReporter, snapshotId } = options;
  const { cwd = process.cwd(), env = process.env } = where;
  try {
    const loaded = await loadConfig({ cwd, env });
    const isWanted = options.autoSnapshot ?? loaded?.config.migrations?.autoSnapshot ?? true;
    if (!isWanted) return null;
    const git = await readGitState(cwd);
    const target = await openTarget({ ...where, action: 'run' });
    try {
      return await underLock(target, options, () =>
        withMigrationState(target, async (state) => {
          if (!state.source && state.entries.length === 0) return null;
          const { entry, isNew } = await recordVersion(state, { git, snapshotId });
          if (isNew) await pruneHistory(state);
          return { version: entry.version, checksum: entry.checksum };
        }),
      );
    } finally {
      await target.close();
    }
  } catch (error) {
    const { code, message, hint } = toBelayError(error);
    if (code === 'INTERRUPTED' || code === 'TERMINATED') throw error;
    reporter({
      type: 'warning',
      message: `the schema was not recorded: ${message}${hint ? ` (${hint})` : ''}`,
    });
    return null;
  }
}
