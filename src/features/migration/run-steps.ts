import type { MigrationScript } from '../../domain/migration.js';
import { silentReporter } from '../../domain/reporter.js';
import { BelayError } from '../../errors.js';
import { cancelOnAbort } from '../../postgres/cancel.js';
import { checkScript } from '../../postgres/check-script.js';
import { readGitState } from '../../process/git.js';
import type { Target } from '../target/open-target.js';
import { underLock, type Work, type WorkOptions } from '../target/work.js';
import { type AppliedStep, Applier, type ApplyStep } from './apply.js';
import {
  type OwnFiles,
  type OwnMigrations,
  type OwnMigrationsOptions,
  withOwnMigrations,
} from './own-migrations.js';

export interface RunMigrationsOptions extends WorkOptions, OwnMigrationsOptions {
  /** Record no schema with the versions: only their checksums. Default: what the config says, else false. */
  readonly noAutoSnapshot?: boolean | undefined;
  /** How long a statement may wait for a lock; default 5 s. */
  readonly lockTimeoutMs?: number | undefined;
}

/** What came of several steps; `failure` ended them. */
export interface StepsDone<T> {
  readonly done: readonly T[];
  readonly failure: BelayError | undefined;
}

/** Takes the target's lock and opens its database; an abort cancels what runs in it. */
export async function underMigrationLock<T>(
  target: Target,
  own: OwnFiles,
  options: RunMigrationsOptions,
  work: (state: OwnMigrations, applier: Applier) => Promise<T>,
): Promise<T> {
  const git = await readGitState(target.cwd);
  return underLock(target, options, (held) =>
    withOwnMigrations(target, own, options, (state) =>
      cancelling(held, state, () => {
        const { reporter = silentReporter, signal, lockTimeoutMs } = options;
        const noSnapshot = options.noAutoSnapshot ?? own.folder.config.autoSnapshot === false;
        const { session, history, entries } = state;
        const applier = new Applier({
          ...{ session, history, entries, git, autoSnapshot: !noSnapshot },
          ...{ reporter, signal, lockTimeoutMs },
        });
        return work(state, applier);
      }),
    ),
  );
}

/** Lets an abort cancel what runs in the session of the target's database, for as long as `work` runs. */
export async function cancelling<T>(
  { helper, signal }: Work,
  { session }: Pick<OwnMigrations, 'session'>,
  work: () => Promise<T>,
): Promise<T> {
  const stopCancelling = cancelOnAbort(signal, helper, session);
  try {
    return await work();
  } finally {
    await stopCancelling();
  }
}

/**
 * Reads scripts before the first of them runs.
 * @throws BelayError BAD_MIGRATION
 */
export async function checkScripts(scripts: readonly (MigrationScript | null)[]): Promise<void> {
  for (const script of scripts) if (script) await checkScript(script);
}

/** Applies steps one after another, each in a transaction of its own; the first that fails ends it. */
export async function applyAll<T>(
  applier: Applier,
  steps: readonly ((applier: Applier) => ApplyStep | Promise<ApplyStep>)[],
  describe: (step: ApplyStep, applied: AppliedStep) => T,
): Promise<StepsDone<T>> {
  const done: T[] = [];
  for (const toStep of steps) {
    const step = await toStep(applier);
    try {
      done.push(describe(step, await applier.apply(step)));
    } catch (error) {
      if (!(error instanceof BelayError)) throw error;
      return { done, failure: asInterruption(error, step, applier.signal) };
    }
  }
  return { done, failure: undefined };
}

/** What an abort has cancelled fails like anything that is cancelled. */
function asInterruption(
  error: BelayError,
  { migration: { version }, script }: ApplyStep,
  signal: AbortSignal | undefined,
): BelayError {
  if (!signal?.aborted) return error;
  const [code, word] =
    signal.reason === 'SIGTERM'
      ? (['TERMINATED', 'terminated'] as const)
      : (['INTERRUPTED', 'interrupted'] as const);
  return new BelayError(code, `${word} in ${version}, ${script.file}`, {
    hint: error.hint,
    details: error.details,
    cause: error,
  });
}

/** The failure with what had been done before it. */
export function failureAfter(
  failure: BelayError,
  key: 'applied' | 'rolledBack',
  versions: readonly string[],
): BelayError {
  const stays = `Done before it, and staying so: ${versions.join(', ')}.`;
  return new BelayError(failure.code, failure.message, {
    hint: [failure.hint, versions.length > 0 ? stays : ''].filter(Boolean).join(' '),
    details: { ...failure.details, [key]: versions },
    cause: failure.cause,
  });
}
