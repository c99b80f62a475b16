import type { MigrationFile } from '../../domain/migration.js';
import { requireStatements } from '../../domain/migration-files.js';
import {
  currentVersion,
  type MigrationStatus,
  migrationStatus,
  type PendingMigration,
  planUp,
  toPending,
} from '../../domain/migration-plan.js';
import { BelayError } from '../../errors.js';
import { recorded } from '../ledger/recorded.js';
import { backUpTables, type FilesBackup } from '../record-backup/back-up-tables.js';
import type { KeptSummary } from '../record-backup/keep.js';
import { stepBackup } from '../record-backup/step-backup.js';
import type { Target } from '../target/open-target.js';
import type { Applier, ApplyStep } from './apply.js';
import {
  type BackupChoice,
  type BackupOptions,
  chooseBackup,
  type MigrationImpact,
  needsBackup,
} from './backup-choice.js';
import { appliedMigrations } from './belay-source.js';
import { measurePending } from './measure-pending.js';
import { checkFolder } from './migrations-folder.js';
import { type OwnFiles, type OwnMigrations, readOwnFiles } from './own-migrations.js';
import {
  applyAll,
  checkScripts,
  failureAfter,
  type RunMigrationsOptions,
  underMigrationLock,
} from './run-steps.js';

export interface MigrateUpOptions extends RunMigrationsOptions, BackupOptions {
  /** The last version to apply; default: all that are pending. */
  readonly to?: string | undefined;
  /** Also those that come before one that is applied. */
  readonly allowOutOfOrder?: boolean | undefined;
  /** Also where applied versions have no file. */
  readonly allowMissing?: boolean | undefined;
  /** Check and list, run nothing. */
  readonly dryRun?: boolean | undefined;
}

export interface UpMigration {
  readonly version: string;
  readonly name: string;
  readonly durationMs: number;
  /** Of the schema that is there since. */
  readonly checksum: string;
}

export interface MigrateUpResult {
  readonly ok: true;
  readonly dryRun: boolean;
  readonly applied: readonly UpMigration[];
  /** What is still pending; of a dry run all that it found. */
  readonly pending: readonly PendingMigration[];
  /** What this run was to apply, in its order. */
  readonly planned: readonly PendingMigration[];
  /** The version before. */
  readonly from: string;
  readonly current: string;
  /** What each of them would do to the data that was there, in their order. */
  readonly impacts: readonly MigrationImpact[];
  /** What was kept; null where nothing was to be lost. */
  readonly backup: MigrationBackup | null;
  readonly durationMs: number;
}

/** What was kept of the records that migrations removed. */
export interface MigrationBackup {
  readonly choice: BackupChoice;
  /** "files": the sealed archive of the tables. */
  readonly archive: FilesBackup | null;
  /** "database": what lies beside the tables now, for a rollback with data. */
  readonly records: readonly KeptRecords[];
}

/** What was kept of one statement's loss. */
export interface KeptRecords extends KeptSummary {
  /** Of the migration. */
  readonly version: string;
}

interface Outcome extends MigrateUpResult {
  readonly failure: BelayError | undefined;
}

/**
 * Applies the project's pending SQL migrations, each in one transaction with its entry in the history. What they
 * would do to the rows is measured before; where records would be lost, somebody has to choose a backup.
 *
 * @example
 * const { applied, current } = await migrateUp(target, { to: '0007', backup: 'database' });
 * @throws BelayError BAD_MIGRATION, MIGRATION_CHANGED, HISTORY_AHEAD, OUT_OF_ORDER, VERSION_NOT_FOUND,
 *   VERSION_IS_CURRENT, OTHER_TOOL, MIGRATIONS_NOT_FOUND, WOULD_LOSE, NOT_CONFIRMED, NOT_PROVEN: nothing was
 *   run; LOSS_GREW, MIGRATION_FAILED, LOCK_TIMEOUT
 */
export async function migrateUp(
  target: Target,
  options: MigrateUpOptions = {},
): Promise<MigrateUpResult> {
  const startedAt = performance.now();
  const own = await readOwnFiles(target, options);
  await checkFolder(own.folder);
  const { failure, ...result } = await recorded(
    target,
    'migration',
    options.reporter,
    () => runUp(target, own, options, startedAt),
    (outcome) => (outcome.applied.length === 0 ? null : toLedger(outcome)),
  );
  const versions = result.applied.map(({ version }) => version);
  if (failure) throw failureAfter(failure, 'applied', versions);
  return result;
}

function toLedger({ applied, failure, from, current, backup }: Outcome) {
  const versions = applied.map(({ version }) => version);
  const kept = backup && {
    choice: backup.choice,
    archive: backup.archive?.tag ?? null,
    records: backup.records.reduce((sum, { rows }) => sum + rows, 0),
  };
  const details = {
    ...{ tool: 'belay', direction: 'up', from, to: current, versions },
    ...(kept ? { backup: kept } : {}),
  };
  const outcome = failure ? ('failed' as const) : ('done' as const);
  return { snapshot: null, rows: null, outcome, details };
}

/** What was chosen for the losses that were shown. */
interface Decision {
  readonly choice: BackupChoice;
  readonly impacts: readonly MigrationImpact[];
  readonly archive: FilesBackup | null;
}

/**
 * Measures, lets somebody choose, applies. Nobody is kept waiting for an answer: the lock is let go for the question
 * and for an archive. A loss that has grown since stops it, and is asked about again.
 */
async function runUp(
  target: Target,
  own: OwnFiles,
  options: MigrateUpOptions,
  startedAt: number,
): Promise<Outcome> {
  const done: UpMigration[] = [];
  const records: KeptRecords[] = [];
  let decision: Decision | null = null;
  let first: Attempt | undefined;
  for (;;) {
    const attempt = await attemptUp(target, own, options, decision);
    first ??= attempt;
    done.push(...attempt.applied);
    records.push(...attempt.records);
    const hasGrown = attempt.failure?.code === 'LOSS_GREW' && options.chooseBackup !== undefined;
    const next = await goOn(target, attempt, { hasGrown, isFirst: done.length === 0 }, options);
    if (next === 'again' || (next && !(next instanceof BelayError))) {
      decision = next === 'again' ? null : next;
      continue;
    }
    const { pending, current, impacts } = attempt;
    const { from, planned } = first;
    const durationMs = Math.round(performance.now() - startedAt);
    return {
      ...{ ok: true, dryRun: options.dryRun ?? false, applied: done, planned, pending },
      ...{ from, current, impacts, backup: backupOf(decision, records), durationMs },
      failure: next ?? attempt.failure,
    };
  }
}

/**
 * What follows an attempt: a decision to go on with, another look where the loss has grown, or undefined: that was it. An
 * answer that ends it is a failure as data where migrations were applied before, which the ledger has to know.
 */
async function goOn(
  target: Target,
  { isOpen, impacts, failure }: Attempt,
  { hasGrown, isFirst }: { readonly hasGrown: boolean; readonly isFirst: boolean },
  options: MigrateUpOptions,
): Promise<Decision | 'again' | BelayError | undefined> {
  if (hasGrown && !options.backup) {
    options.reporter?.({ type: 'warning', message: failure?.message ?? '' });
    return 'again';
  }
  if (!isOpen) return undefined;
  try {
    return await decide(target, impacts, options);
  } catch (error) {
    if (isFirst || !(error instanceof BelayError)) throw error;
    return error;
  }
}

function backupOf(
  decision: Decision | null,
  records: readonly KeptRecords[],
): MigrationBackup | null {
  if (decision) return { choice: decision.choice, archive: decision.archive, records };
  return records.length > 0 ? { choice: 'database', archive: null, records } : null;
}

async function decide(
  target: Target,
  impacts: readonly MigrationImpact[],
  options: MigrateUpOptions,
): Promise<Decision> {
  const choice = await chooseBackup(impacts, options);
  const archive = choice === 'files' ? await backUpTables(target, impacts, options) : null;
  return { choice, impacts, archive };
}

interface Attempt extends Omit<Outcome, 'ok' | 'dryRun' | 'durationMs' | 'backup'> {
  /** Something would be lost, and nobody has chosen yet: nothing was applied. */
  readonly isOpen: boolean;
  readonly records: readonly KeptRecords[];
}

function attemptUp(
  target: Target,
  own: OwnFiles,
  options: MigrateUpOptions,
  decision: Decision | null,
): Promise<Attempt> {
  return underMigrationLock(target, own, options, async (state, applier) => {
    const { situation, session } = state;
    const from = currentVersion(situation.applied);
    const plan = planUp(situation, options);
    requireStatements(plan);
    await checkScripts(plan.flatMap(({ up, down }) => [up, down]));
    const planned = plan.map(toPending);
    const impacts = decision?.impacts ?? (await measurePending(session, plan, options));
    const about = { isOpen: false, planned, from, impacts };
    const isOpen = !options.dryRun && !decision && needsBackup(impacts);
    if (isOpen || options.dryRun || plan.length === 0) {
      const { pending, current } = migrationStatus(situation);
      return { ...about, isOpen, applied: [], pending, current, records: [], failure: undefined };
    }
    // Also where nothing is lost now: what an earlier migration of this run writes a later one may remove.
    const kept = options.backup === 'database' ? options.backup : 'none';
    const order = { choice: decision?.choice ?? kept, impacts } as const;
    const { done, failure, records } = await applyPlan(state, applier, plan, order, options);
    const { pending, current } = await statusNow(state);
    return { ...about, applied: done, pending, current, records, failure };
  });
}

async function applyPlan(
  { session, history, folder }: OwnMigrations,
  applier: Applier,
  plan: readonly MigrationFile[],
  { choice, impacts }: Pick<Decision, 'choice' | 'impacts'>,
  options: MigrateUpOptions,
) {
  await applier.recordBaseline();
  const records: KeptRecords[] = [];
  const toStep = (file: MigrationFile) => async (runner: Applier) => {
    const step = stepOf(file, runner);
    const { version } = file;
    // Who says beforehand that no backup is wanted has approved whatever goes.
    const isBlind = options.backup === 'none';
    const approved = isBlind ? undefined : impacts.find((one) => one.version === version)?.impact;
    const order = { script: step.script, version, choice, approved, ...options };
    const backup = await stepBackup(session, order);
    return {
      ...step,
      hooks: backup?.hooks,
      onApplied: () => {
        records.push(...(backup?.kept() ?? []).map((kept) => ({ version, ...kept })));
      },
    };
  };
  const { done, failure } = await applyAll(
    applier,
    plan.map(toStep),
    ({ migration, onApplied }, { entry, durationMs }) => {
      onApplied?.();
      return { ...migration, durationMs: Math.round(durationMs), checksum: entry.checksum };
    },
  );
  const { keep } = folder.config;
  if (done.length > 0 && keep !== undefined) await history.prune(keep);
  return { done, failure, records };
}

function stepOf({ version, name, up, down, checksum }: MigrationFile, applier: Applier): ApplyStep {
  if (!up) throw new Error('a migration without a way up was planned');
  const migration = { version, name };
  return {
    ...{ action: 'up', migration, script: up, up, down, fileChecksum: checksum },
    applied: [...applier.applied, migration],
  };
}

/** Read again, so that what is told is what was committed. */
export async function statusNow({ history, files }: OwnMigrations): Promise<MigrationStatus> {
  return migrationStatus({ files, applied: appliedMigrations(await history.read()) });
}
