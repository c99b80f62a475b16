import type { Finding } from '../../domain/impact/finding.js';
import { impactPlan, isAtRisk } from '../../domain/impact/impact-of.js';
import type { LiveCatalog } from '../../domain/impact/live-catalog.js';
import type { Impact } from '../../domain/impact.js';
import type { MigrationFile } from '../../domain/migration.js';
import { formatQualifiedName } from '../../domain/qualified-name.js';
import { reportStep, silentReporter } from '../../domain/reporter.js';
import type { Session } from '../../postgres/session.js';
import { analyseImpact, type MeasureOptions, measureAnalysis } from '../plan/analyse-impact.js';
import { unseenProgram } from '../plan/plan-migration.js';
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
    const own = up
      ? statements.filter((_, index) => analysis.statements[index]?.script === up)
      : [unseenProgram({ version, name })];
    // Notes are of files; which file they are about stands in them.
    const about = { notes: at === 0 ? notes : [], measuredAt };
    const lost = analysis.statements.flatMap(({ script, findings }, index) =>
      script === up ? lostFrom(findings, statements[index]?.impacts ?? [], analysis.catalog) : [],
    );
    const tables = lost.includes(null) || !up ? null : [...new Set(lost.map((name) => name ?? ''))];
    return { version, name, impact: impactPlan(own, about), tables };
  });
}

/** Names of the live tables that a statement takes records from; null for what is known of no table. */
function lostFrom(
  findings: readonly Finding[],
  impacts: readonly Impact[],
  { relations }: LiveCatalog,
): (string | null)[] {
  return findings.flatMap(({ loss }, at) => {
    const impact = impacts[at];
    if (!impact || !isAtRisk(impact)) return [];
    const relation = relations.find(({ oid }) => oid === loss?.table);
    return [relation ? formatQualifiedName(relation) : null];
  });
}
