import { isAtRisk } from '../../domain/impact/impact-of.js';
import type { ImpactPlan, StatementImpact } from '../../domain/impact.js';
import type { MigrationScript } from '../../domain/migration.js';
import { silentReporter } from '../../domain/reporter.js';
import type { ScriptHooks } from '../../postgres/run-script.js';
import type { Session } from '../../postgres/session.js';
import {
  analyseImpact,
  type ImpactAnalysis,
  type MeasureOptions,
  measureAnalysis,
} from '../plan/analyse-impact.js';
import { type ApprovedLoss, lossGuard } from './guard.js';
import { type KeptSummary, recordKeeper } from './keep.js';

export interface StepBackupOrder extends MeasureOptions {
  readonly script: MigrationScript;
  readonly version: string;
  /** "database": what goes is kept beside it. Else it is watched that no more goes than was approved. */
  readonly choice: 'none' | 'files' | 'database';
  /** What was shown to whoever chose; undefined: nobody has seen numbers, whatever goes is approved. */
  readonly approved: ImpactPlan | undefined;
}

/** What is done around the statements of one migration. */
export interface StepBackup {
  readonly hooks: ScriptHooks;
  /** Of use when the migration has been committed. */
  kept(): readonly KeptSummary[];
}

/**
 * Prepares a migration that is about to run: keeps what its statements take away, or watches how much that is. The script is
 * analysed again for that, as those before it have changed the database.
 * @returns null where it takes nothing away
 * @throws BelayError PERMISSION_DENIED, SCHEMA_TAKEN, CANNOT_BACK_UP: nothing was run
 */
export async function stepBackup(
  session: Session,
  order: StepBackupOrder,
): Promise<StepBackup | null> {
  const { script, version, choice, approved, reporter } = order;
  const analysis = await analyseImpact(session, [script]);
  if (choice === 'database') nameWhatIsNotKept(analysis, order);
  const losses = analysis.statements.map(({ findings }) =>
    findings.flatMap(({ loss, safety }) => (loss && safety !== 'SAFE' ? [loss] : [])),
  );
  if (losses.flat().length === 0) return null;
  if (choice === 'database') {
    const keeper = await recordKeeper({ session, version, losses, reporter });
    return { hooks: keeper.hooks, kept: () => keeper.kept() };
  }
  if (!approved) return null;
  const hooks = lossGuard({
    ...{ session, losses, approved: approved.statements.map(approvedLoss) },
    remeasure: (index) => countAgain(session, analysis, index, order),
  });
  return { hooks, kept: () => [] };
}

/** What code takes away is not known before it runs, so there is nothing to copy. */
function nameWhatIsNotKept(
  { statements }: ImpactAnalysis,
  { reporter = silentReporter, script }: StepBackupOrder,
): void {
  for (const { statement, findings } of statements) {
    const opaque = findings.find(({ rule, loss }) => isOpaque.has(rule) && loss === null);
    if (!opaque) continue;
    const place = `${script.file}, line ${statement.line}`;
    const message = `${place}: nothing is kept of what ${opaque.operation} may remove, as that is not known before it runs; \`--backup files\` keeps the whole database`;
    reporter({ type: 'warning', message });
  }
}

const isOpaque: ReadonlySet<string> = new Set(['opaque-code', 'unknown-statement']);

/** Undefined where the statement takes nothing away. */
function approvedLoss({ impacts }: StatementImpact): ApprovedLoss | undefined {
  const lost = impacts.filter(({ safety, wouldFail }) => safety !== 'SAFE' && wouldFail !== true);
  const [first] = lost;
  if (!first) return undefined;
  // What the migration itself adds to the loss before was approved with it.
  const isKnown = lost.every(({ after, measured }) => after.length === 0 && measured === 'exact');
  const own = lost.filter(({ because }) => because === null);
  const rows = own.reduce((sum, { rowsAffected }) => sum + (rowsAffected ?? 0), 0);
  return {
    records: isKnown ? sumOf(lost) : null,
    rows: isKnown && own.length === 1 ? rows : null,
    object: first.object,
  };
}

const sumOf = (impacts: readonly { readonly recordsAtRisk: number | null }[]): number =>
  impacts.reduce((sum, { recordsAtRisk }) => sum + (recordsAtRisk ?? 0), 0);

/** Null where it cannot be counted any more: the script has renamed what it is about. */
async function countAgain(
  session: Session,
  analysis: ImpactAnalysis,
  index: number,
  { countTimeoutMs, signal }: MeasureOptions,
): Promise<number | null> {
  const statement = analysis.statements[index];
  if (!statement) return null;
  const one = { ...analysis, statements: [statement] };
  const plan = await measureAnalysis(session, one, { countTimeoutMs, signal });
  const impacts = plan.statements.flatMap((each) => each.impacts).filter(isAtRisk);
  return impacts.some(({ recordsAtRisk }) => recordsAtRisk === null) ? null : sumOf(impacts);
}
