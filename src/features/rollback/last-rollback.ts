import { type Reporter, silentReporter } from '../../domain/reporter.js';
import { toBelayError } from '../../errors.js';
import { withHistory } from '../schema/with-history.js';
import type { Target } from '../target/open-target.js';

/** A rollback after which nothing else happened to the schema. */
export interface LastRollback {
  readonly at: string;
  /** The snapshot that was taken before it. */
  readonly snapshotId: string;
  readonly from: string;
}

/**
 * The rollback that an undo would take back: the last thing that the history knows, with a snapshot of the state before. The history is
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
      if (last?.action !== 'rollback' || last.snapshotId === null) return null;
      const { at, snapshotId } = last;
      const first = entries.find((entry) => entry.snapshotId === snapshotId);
      return { at, snapshotId, from: first?.from ?? last.version };
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
