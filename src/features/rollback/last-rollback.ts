import { type Reporter, silentReporter } from '../../domain/reporter.js';
import { toBelayError } from '../../errors.js';
import { withHistory } from '../schema/with-history.js';
import type { Target } from '../target/open-target.js';

/** A rollback after which nothing else happened to the schema. */
export interface LastRollback {
  readonly at: string;
  /** The snapshot that was taken before it; null where nothing was to be lost, or none was wanted. */
  readonly snapshotId: string | null;
  readonly to: string;
}

/**
 * The rollback that an undo would take back: the last thing that the history knows. The history is
 * part of the database, so what is restored brings its own. A history that cannot be read is no reason to keep somebody from undoing a restore.
 */
export async function findLastRollback(
  target: Target,
  reporter: Reporter = silentReporter,
): Promise<LastRollback | null> {
  try {
    return await withHistory(target, async ({ history }) => {
      const entries = await history.read();
      const last = entries.at(-1);
      if (last?.action !== 'rollback') return null;
      return { at: last.at, snapshotId: last.snapshotId, to: last.version };
    });
  } catch (error) {
    const { code, message } = toBelayError(error);
    if (code !== 'TARGET_NOT_FOUND') {
      reporter({
        type: 'warning',
        message: `the history of the schema was not looked at: ${message}`,
      });
    }
    return null;
  }
}
