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
import type { BelayError } from '../../errors.js';
import { recorded } from '../ledger/recorded.js';
import type { Target } from '../target/open-target.js';
import type { Applier, ApplyStep } from './apply.js';
import { appliedMigrations } from './belay-source.js';
import { checkFolder } from './migrations-folder.js';
import { type OwnFiles, type OwnMigrations, readOwnFiles } from './own-migrations.js';
import {
  applyAll,
  checkScripts,
  failureAfter,
  type RunMigrationsOptions,
  underMigrationLock,
} from './run-steps.js';

export interface MigrateUpOptions extends RunMigrationsOptions {
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
  readonly current: string;
  readonly durationMs: number;
}

interface Outcome extends MigrateUpResult {
  readonly failure: BelayError | undefined;
  readonly from: string;
}

/**
 * Applies the project's pending SQL migrations, each in one transaction with its entry in the history.
 *
 * @example
 * const { applied, current } = await migrateUp(target, { to: '0007' });
 * @throws BelayError BAD_MIGRATION, MIGRATION_CHANGED, HISTORY_AHEAD, OUT_OF_ORDER, VERSION_NOT_FOUND,
 *   VERSION_IS_CURRENT, OTHER_TOOL, MIGRATIONS_NOT_FOUND: nothing was run; MIGRATION_FAILED, LOCK_TIMEOUT
 */
export async function migrateUp(
  target: Target,
  options: MigrateUpOptions = {},
): Promise<MigrateUpResult> {
  const startedAt = performance.now();
  const own = await readOwnFiles(target, options);
  await checkFolder(own.folder);
  const { failure, from, ...result } = await recorded(
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

function toLedger({ applied, failure, from, current }: Outcome) {
  const versions = applied.map(({ version }) => version);
  const details = { tool: 'belay', direction: 'up', from, to: current, versions };
  const outcome = failure ? ('failed' as const) : ('done' as const);
  return { snapshot: null, rows: null, outcome, details };
}

function runUp(
  target: Target,
  own: OwnFiles,
  options: MigrateUpOptions,
  startedAt: number,
): Promise<Outcome> {
  return underMigrationLock(target, own, options, async (state, applier) => {
    const { situation, history, folder } = state;
    const from = currentVersion(situation.applied);
    const plan = planUp(situation, options);
    requireStatements(plan);
    await checkScripts(plan.flatMap(({ up, down }) => [up, down]));
    const planned = plan.map(toPending);
    const { dryRun = false } = options;
    const isIdle = dryRun || plan.length === 0;
    if (!isIdle) await applier.recordBaseline();
    const { done, failure } = isIdle
      ? { done: [], failure: undefined }
      : await applyAll(applier, plan.map(toStep), ({ migration }, { entry, durationMs }) => ({
          ...{ ...migration, durationMs: Math.round(durationMs), checksum: entry.checksum },
        }));
    const { keep } = folder.config;
    if (done.length > 0 && keep !== undefined) await history.prune(keep);
    const { pending, current } = isIdle ? migrationStatus(situation) : await statusNow(state);
    const durationMs = Math.round(performance.now() - startedAt);
    return {
      ok: true,
      dryRun,
      applied: done,
      pending,
      planned,
      current,
      durationMs,
      failure,
      from,
    };
  });
}

const toStep =
  ({ version, name, up, down, checksum }: MigrationFile) =>
  (applier: Applier): ApplyStep => {
    if (!up) throw new Error('a migration without a way up was planned');
    const migration = { version, name };
    return {
      ...{ action: 'up', migration, script: up, up, down, fileChecksum: checksum },
      applied: [...applier.applied, migration],
    };
  };

/** Read again, so that what is told is what was committed. */
export async function statusNow({ history, files }: OwnMigrations): Promise<MigrationStatus> {
  return migrationStatus({ files, applied: appliedMigrations(await history.read()) });
}
