import type { ImpactPlan } from '../../domain/impact.js';
import type { MigrationFile } from '../../domain/migration.js';
import { type MigrationState, withMigrationState } from '../migration/migration-state.js';
import type { Target } from '../target/open-target.js';
import type { MeasureOptions } from './analyse-impact.js';
import { type DeclarativeOptions, declarativeScript } from './declarative-script.js';
import { type PlanOrder, planMigration } from './plan-migration.js';
import { readPlanInput } from './read-input.js';

export interface PlanInputOptions
  extends MeasureOptions,
    Pick<DeclarativeOptions, 'renames' | 'noRenames' | 'askRenames'> {
  /** Files, one folder, `OLD:NEW`, or a text; none: what is pending in the project. */
  readonly input: readonly string[] | { readonly stdin: string | Uint8Array };
  /** Variables of psql. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
}

/**
 * Plans what somebody names: files of SQL, a folder of which the pending migrations count, the way between two schemas, or
 * what is pending in the project.
 *
 * @example
 * const { totals } = await planInput(target, { input: ['migrations/0007_drop_email/up.sql'] });
 * @throws BelayError MIGRATIONS_NOT_FOUND, FILE_ERROR, BAD_MIGRATION, and as `planMigration`
 */
export async function planInput(target: Target, options: PlanInputOptions): Promise<ImpactPlan> {
  return planMigration(target, { ...options, ...(await readOrder(target, options)) });
}

async function readOrder(target: Target, options: PlanInputOptions): Promise<PlanOrder> {
  const { input, variables } = options;
  const { cwd } = target;
  if (Array.isArray(input) && input.length === 0) return pendingOrder(target);
  const appliedVersions = () =>
    withMigrationState(target, async ({ applied }) => new Set(applied.map((one) => one.version)));
  const read = await readPlanInput(input, { cwd, variables, appliedVersions });
  if (read.sides) {
    const { script, notes } = await declarativeScript(target, { ...options, ...read.sides, cwd });
    return { scripts: [script], notes };
  }
  return read;
}

async function pendingOrder(target: Target): Promise<PlanOrder> {
  const pending = await withMigrationState(target, async (state) => pendingMigrations(state));
  const notes = pending.length === 0 ? ['no migration is pending'] : [];
  return { ...pendingScripts(pending), notes };
}

/** Of the project's migrations those that are not in force, in their order. */
export function pendingMigrations({ files, applied }: MigrationState): readonly MigrationFile[] {
  const versions = new Set(applied.map(({ version }) => version));
  return files.filter(({ version }) => !versions.has(version));
}

function pendingScripts(pending: readonly MigrationFile[]): PlanOrder {
  const programs = pending.filter(({ up }) => up === null);
  return {
    scripts: pending.flatMap(({ up }) => (up ? [up] : [])),
    unseen: programs.map(({ version, name }) => ({
      ...{ file: name === '' ? version : `${version}_${name}`, line: 1 },
      text: 'the migration is a program, not SQL, and was not looked at',
    })),
  };
}
