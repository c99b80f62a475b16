import type { HistoryEntry } from '../../domain/history.js';
import {
  currentVersion,
  type DownStep,
  type PendingMigration,
  planDown,
} from '../../domain/migration-plan.js';
import { BelayError } from '../../errors.js';
import { recorded } from '../ledger/recorded.js';
import { guardProduction, type ProductionApproval } from '../target/guard.js';
import type { Target } from '../target/open-target.js';
import type { Applier, ApplyStep } from './apply.js';
import { appliedWithout } from './belay-source.js';
import { type OwnFiles, type OwnMigrations, readOwnFiles } from './own-migrations.js';
import {
  applyAll,
  checkScripts,
  failureAfter,
  type RunMigrationsOptions,
  underMigrationLock,
} from './run-steps.js';
import { statusNow } from './up.js';

export type { DownStep } from '../../domain/migration-plan.js';

export interface MigrateDownOptions extends RunMigrationsOptions, ProductionApproval {
  /** The version to go back to, "0" for the state before the first; default: one migration. */
  readonly to?: string | undefined;
  /** Asked with what would be run, before anything is. Default: it is run. */
  readonly confirm?: ((steps: readonly DownStep[]) => Promise<boolean>) | undefined;
}

export interface MigrateDownResult {
  readonly ok: true;
  /** Versions that were taken back, the last applied one first. */
  readonly rolledBack: readonly string[];
  readonly pending: readonly PendingMigration[];
  readonly current: string;
  readonly durationMs: number;
}

interface Outcome extends MigrateDownResult {
  readonly failure: BelayError | undefined;
  readonly from: string;
}

/**
 * Takes migrations back by their down scripts: those of the files, or where these are gone the recorded ones. It measures no
 * loss: that is what `executeRollback` does.
 *
 * @example
 * await migrateDown(target, { to: '0007', confirm: async (steps) => steps.length === 1 });
 * @throws BelayError PRODUCTION_GUARD, NOT_CONFIRMED, NO_WAY_DOWN, BAD_MIGRATION, VERSION_NOT_FOUND, VERSION_IS_CURRENT,
 *   OTHER_TOOL: nothing was run; MIGRATION_FAILED, LOCK_TIMEOUT
 */
export async function migrateDown(
  target: Target,
  options: MigrateDownOptions = {},
): Promise<MigrateDownResult> {
  const startedAt = performance.now();
  const own = await readOwnFiles(target, options);
  const { failure, from, ...result } = await recorded(
    target,
    'migration',
    options.reporter,
    async () => {
      guardProduction(target, 'take migrations back in', options);
      return runDown(target, own, options, startedAt);
    },
    (outcome) => (outcome.rolledBack.length === 0 ? null : toLedger(outcome)),
  );
  if (failure) throw failureAfter(failure, 'rolledBack', result.rolledBack);
  return result;
}

function toLedger({ rolledBack, failure, from, current }: Outcome) {
  const details = { tool: 'belay', direction: 'down', from, to: current, versions: rolledBack };
  const outcome = failure ? ('failed' as const) : ('done' as const);
  return { snapshot: null, rows: null, outcome, details };
}

function runDown(
  target: Target,
  own: OwnFiles,
  options: MigrateDownOptions,
  startedAt: number,
): Promise<Outcome> {
  return underMigrationLock(target, own, options, async (state, applier) => {
    const from = currentVersion(state.situation.applied);
    const plan = planDown(state.situation, options.to);
    await checkScripts(plan.map(({ script }) => script));
    await confirmDown(plan, options);
    const steps = plan.map((step) => toStep(step, state));
    const { done, failure } = await applyAll(applier, steps, ({ migration }) => migration.version);
    const { pending, current } = await statusNow(state);
    const durationMs = Math.round(performance.now() - startedAt);
    return { ok: true, rolledBack: done, pending, current, durationMs, failure, from };
  });
}

async function confirmDown(
  plan: readonly DownStep[],
  { confirm }: MigrateDownOptions,
): Promise<void> {
  if (!confirm || (await confirm(plan))) return;
  const names = plan.map(({ version }) => version).join(', ');
  throw new BelayError('NOT_CONFIRMED', `not confirmed: ${names} would be taken back`, {
    hint: 'Nothing was run. Pass --yes to take them back without being asked.',
    details: { versions: plan.map(({ version }) => version) },
  });
}

const lastUp = (entries: readonly HistoryEntry[], version: string): HistoryEntry | undefined =>
  entries.findLast((entry) => entry.action === 'up' && entry.version === version);

const toStep =
  ({ version, name, script }: DownStep, { entries }: OwnMigrations) =>
  (applier: Applier): ApplyStep => {
    const up = lastUp(entries, version);
    return {
      ...{ action: 'down', migration: { version, name }, script, down: script },
      ...{ up: up?.up ?? null, fileChecksum: up?.fileChecksum ?? null },
      applied: appliedWithout(applier.applied, version, entries),
    };
  };
