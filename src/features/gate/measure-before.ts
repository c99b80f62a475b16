import { silentReporter } from '../../domain/reporter.js';
import { toBelayError } from '../../errors.js';
import type { MigrationImpact } from '../migration/backup-choice.js';
import { measurePending } from '../migration/measure-pending.js';
import { withMigrationState } from '../migration/migration-state.js';
import type { MeasureOptions } from '../plan/analyse-impact.js';
import { pendingMigrations } from '../plan/plan-input.js';
import { type OpenTargetOptions, openTarget } from '../target/open-target.js';

/**
 * What the project's pending migrations would do, whoever applies them: so that somebody sees it before the command runs.
 * Where that is not known it is said, and keeps no command from running: the checkpoint is the safety then.
 * @throws BelayError as `openTarget`
 */
export async function measureBefore(
  where: OpenTargetOptions,
  options: MeasureOptions,
): Promise<readonly MigrationImpact[]> {
  const { reporter = silentReporter } = options;
  const target = await openTarget({ ...where, action: 'run' });
  try {
    return await withMigrationState(target, (state) =>
      measurePending(state.session, pendingMigrations(state), options),
    );
  } catch (error) {
    const { code, message } = toBelayError(error);
    if (code === 'INTERRUPTED' || code === 'TERMINATED') throw error;
    const why = `what the pending migrations would do was not measured: ${message}`;
    reporter({ type: 'warning', message: why });
    return [];
  } finally {
    await target.close();
  }
}
