import { finding } from '../../domain/impact/finding.js';
import { impactOf, impactPlan } from '../../domain/impact/impact-of.js';
import type { ImpactPlan, StatementImpact, Waiver } from '../../domain/impact.js';
import type { MigrationScript } from '../../domain/migration.js';
import { reportStep, silentReporter } from '../../domain/reporter.js';
import type { Session } from '../../postgres/session.js';
import { closingSessions } from '../snapshot/read-clone.js';
import type { Target } from '../target/open-target.js';
import { throwIfAborted } from '../target/work.js';
import { analyseImpact, type MeasureOptions, measureAnalysis } from './analyse-impact.js';
import type { CopiedRows, UnseenPart } from './expand-script.js';

/** SQL to be planned, and what was found in its files beside it. */
export interface PlanOrder {
  readonly scripts: readonly MigrationScript[];
  readonly unseen?: readonly UnseenPart[] | undefined;
  readonly copies?: readonly CopiedRows[] | undefined;
  readonly notes?: readonly string[] | undefined;
}

export interface PlanMigrationOptions extends PlanOrder, MeasureOptions {}

/**
 * Says of each statement what it would do to the data that is in the target now: what goes, what fails, what others have to
 * wait for. It is measured in read-only scans, one for each table; nothing is changed, and no lock is taken that a writer feels.
 *
 * @example
 * const script = { file: 'up.sql', line: 1, sql: 'ALTER TABLE users DROP email', inTransaction: true };
 * const { totals, safety } = await planMigration(target, { scripts: [script] });
 * @throws BelayError BAD_MIGRATION with file, line and column; TARGET_NOT_FOUND; INTERRUPTED
 */
export function planMigration(target: Target, options: PlanMigrationOptions): Promise<ImpactPlan> {
  return withPlanSession(target, options, (session) => measureOrder(session, options, options));
}

/** Counts in a session of the target's database. */
async function measureOrder(
  session: Session,
  order: PlanOrder,
  options: MeasureOptions,
): Promise<ImpactPlan> {
  const { reporter = silentReporter } = options;
  const analysis = await analyseImpact(session, order.scripts, {
    ...{ allowCopiedData: true, signal: options.signal },
  });
  const plan = await reportStep(reporter, { name: 'count what the migration would do' }, () =>
    measureAnalysis(session, analysis, options),
  );
  const { unseen = [], copies = [], notes = [] } = order;
  const first = plan.statements.length + 1;
  const parts = unseen.map((part, at) => {
    const neighbour = plan.statements.find(({ file }) => file === part.file);
    const waivers = neighbour?.waivers.filter(({ forFile }) => forFile) ?? [];
    return unseenStatement(part, first + at, waivers);
  });
  const copied = copies.map(
    ({ file, line, rows }) =>
      `${file}, line ${line}: COPY adds ${rows.toLocaleString('en-US')} rows`,
  );
  const all = { notes: [...notes, ...copied, ...plan.notes], measuredAt: plan.measuredAt };
  return impactPlan([...plan.statements, ...parts], all);
}

/** What could not be looked at may do anything. */
function unseenStatement(
  { file, line, text }: UnseenPart,
  index: number,
  waivers: readonly Waiver[] = [],
): StatementImpact {
  const found = finding({
    ...{ rule: 'opaque-code', operation: 'NOT LOOKED AT', object: file, safety: 'UNSAFE' },
    ...{ reason: text, unmeasured: 'its effect is not known before it runs' },
  });
  return {
    ...{ index, file, line, sql: '', kind: '', transactional: true, waivers },
    ...{ impacts: [impactOf(found, null)], safety: 'UNSAFE' },
  };
}

/** A migration that is a program of another tool's. */
export function unseenProgram({ version, name }: { version: string; name: string }) {
  const file = name === '' ? version : `${version}_${name}`;
  const text = 'the migration is a program, not SQL, and was not looked at';
  return unseenStatement({ file, line: 1, text }, 1);
}

/** An abort cancels what is counted. */
async function withPlanSession<T>(
  target: Target,
  { signal }: MeasureOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  throwIfAborted(signal);
  return closingSessions(
    () => target.openDatabase(target.database),
    async (open) => {
      const session = await open();
      const cancel = () => {
        target.main.query('SELECT pg_cancel_backend($1)', [session.pid]).catch(() => {});
      };
      signal?.addEventListener('abort', cancel);
      try {
        return await work(session);
      } catch (error) {
        throwIfAborted(signal);
        throw error;
      } finally {
        signal?.removeEventListener('abort', cancel);
      }
    },
  );
}
