import { impactPlan } from '../../domain/impact/impact-of.js';
import type { MigrationFile } from '../../domain/migration.js';
import { reportStep, silentReporter } from '../../domain/reporter.js';
import type { Session } from '../../postgres/session.js';
import { analyseImpact, type MeasureOptions, measureAnalysis } from '../plan/analyse-impact.js';
import type { MigrationImpact } from './backup-choice.js';

/**
 * What each of several migrations would do, one after another: a later one is said of the database as those before
 * leave it, its numbers are those of now.
 */
export async function measurePending(
  session: Session,
  plan: readonly MigrationFile[],
  options: MeasureOptions,
): Promise<MigrationImpact[]> {
  if (plan.length === 0) return [];
  const { reporter = silentReporter } = options;
  const scripts = plan.flatMap(({ up }) => (up ? [up] : []));
  const analysis = await analyseImpact(session, scripts);
  const step = { name: 'count what would be lost' };
  const { statements, notes, measuredAt } = await reportStep(reporter, step, () =>
    measureAnalysis(session, analysis, options),
  );
  return plan.map(({ version, name, up }, at) => {
    const own = statements.filter((_, index) => analysis.statements[index]?.script === up);
    // Notes are of files; which file they are about stands in them.
    const about = { notes: at === 0 ? notes : [], measuredAt };
    return { version, name, impact: impactPlan(own, about) };
  });
}
