import path from 'node:path';
import type { Rehearsal } from '../../domain/rehearsal.js';
import { silentReporter } from '../../domain/reporter.js';
import { BelayError } from '../../errors.js';
import { type CommandEnd, requireCommand, runCommand } from '../../process/run-command.js';
import {
  type CheckpointOptions,
  type CheckpointResult,
  takeCheckpoint,
} from '../archive/checkpoint.js';
import { openConfiguredStore } from '../archive/open-configured-store.js';
import { recordInLedger } from '../ledger/append.js';
import type { MigrationImpact } from '../migration/backup-choice.js';
import type { RehearseOptions } from '../rehearsal/rehearse.js';
import { type OpenTargetOptions, openTarget } from '../target/open-target.js';
import { throwIfAborted } from '../target/work.js';
import { measureBefore } from './measure-before.js';
import { type RecordedState, recordSchema } from './record-schema.js';
import { type RehearsedCheckpoint, takeRehearsedCheckpoint } from './rehearse-drilled.js';

export interface RunAfterCheckpointOptions extends CheckpointOptions {
  /** Where the command's stdout goes; default "stdout". */
  readonly commandStdout?: 'stdout' | 'stderr' | undefined;
  /** Record the schema before and after, where a migration tool is known; default: as the configuration says, else true. */
  readonly autoSnapshot?: boolean | undefined;
  /** For each scan of a table that is counted, in milliseconds; default 60 s. */
  readonly countTimeoutMs?: number | undefined;
  /**
   * Gets what the project's pending migrations would do, before anything is done. Default: it is measured and returned.
   * What it throws ends the run.
   */
  readonly onImpacts?: ((impacts: readonly MigrationImpact[]) => Promise<void>) | undefined;
  /** Rehearse the command on the copy that the drill has restored, and run it only if that is ok. */
  readonly rehearse?: GateRehearsal | undefined;
}

/** How the command is rehearsed. */
export type GateRehearsal = Pick<
  RehearseOptions,
  | 'thresholds'
  | 'probes'
  | 'timeoutMs'
  | 'sampleLimit'
  | 'compareAll'
  | 'allowHardcoded'
  | 'urlVariables'
>;

export interface GatedRun {
  /** Whether the checkpoint was proven, the rehearsal (where one was wanted) was ok, and the command succeeded. */
  readonly ok: boolean;
  readonly checkpoint: CheckpointResult;
  /** Null where none was wanted, or where there was no proven copy. */
  readonly rehearsal: Rehearsal | null;
  /** What the pending migrations would do, where a migration tool is known; counted before the checkpoint. */
  readonly impacts: readonly MigrationImpact[];
  /** The command's own, 128 + n where signal n ended it; null: it was not run, because the checkpoint is not proven or the rehearsal not ok. */
  readonly exitCode: number | null;
  /** The version that the schema is at afterwards, where it was recorded. */
  readonly schema: RecordedState | null;
  /** Of checkpoint and command. */
  readonly durationMs: number;
}

/**
 * Makes a checkpoint and, only if that is proven, runs a command, e.g. a migration. The command gets this process's
 * stdin, stdout and stderr, and `BELAY_CHECKPOINT_TAG`.
 *
 * @example
 * const { ok, exitCode } = await runAfterCheckpoint(['npm', 'run', 'migrate'], { url });
 * @throws BelayError as `takeCheckpoint`; TOOL_MISSING where there is no such command, before anything is done
 */
export async function runAfterCheckpoint(
  command: readonly [string, ...string[]],
  where: OpenTargetOptions,
  options: RunAfterCheckpointOptions = {},
): Promise<GatedRun> {
  const startedAt = performance.now();
  const { cwd = process.cwd(), env = process.env } = where;
  const { reporter = silentReporter, commandStdout: stdout = 'stdout' } = options;
  await requireCommand(command[0], { cwd, env });
  const impacts = await measureBefore(where, options);
  await options.onImpacts?.(impacts);
  const tag = options.tag ?? commandTag(command[0], new Date());
  const { checkpoint, rehearsal } = await takeAlone(where, { ...options, tag }, command);
  const isProven =
    checkpoint.ok && checkpoint.restore_drill === 'proven' && (rehearsal?.ok ?? true);
  throwIfAborted(options.signal);
  if (isProven) {
    const { number, sha256 } = checkpoint.ledger;
    const proven = `"${tag}" is proven, ledger head ${number} ${sha256}`;
    reporter({ type: 'note', message: `${proven}: running ${command[0]}` });
  }
  const recording = { ...options, snapshotId: checkpoint.snapshot.id };
  if (isProven) await recordSchema(where, recording);
  const end = isProven
    ? await runCommand(command, { cwd, env: { ...env, BELAY_CHECKPOINT_TAG: tag }, stdout })
    : null;
  await record(command[0], where, checkpoint, end, options);
  // Also after a failure: some tools leave the migrations that succeeded.
  const schema = end === null ? null : await recordSchema(where, recording);
  return {
    ...{ ok: end?.exitCode === 0, checkpoint, rehearsal, exitCode: end?.exitCode ?? null },
    ...{ schema, impacts },
    durationMs: Math.round(performance.now() - startedAt),
  };
}

/** The connection is closed before the command runs: a migration may take hours, or want the server for itself. */
async function takeAlone(
  where: OpenTargetOptions,
  options: RunAfterCheckpointOptions,
  command: readonly [string, ...string[]],
): Promise<RehearsedCheckpoint> {
  if (options.drill === false) {
    throw new BelayError('USAGE', 'a command is run only after a checkpoint that was drilled');
  }
  const target = await openTarget({ ...where, action: 'run' });
  const { rehearse, signal, reporter, commandStdout } = options;
  try {
    if (!rehearse) return { checkpoint: await takeCheckpoint(target, options), rehearsal: null };
    const order = { ...rehearse, command, signal, reporter, commandStdout };
    return await takeRehearsedCheckpoint(target, options, order);
  } finally {
    await target.close();
  }
}

/** The arguments stay out of the ledger: nobody knows whether one is a password. */
async function record(
  program: string,
  where: OpenTargetOptions,
  { snapshot: { id, tag, target } }: CheckpointResult,
  end: CommandEnd | null,
  { reporter }: RunAfterCheckpointOptions,
): Promise<void> {
  const opening = openConfiguredStore(where);
  const outcome = end === null ? 'refused' : end.exitCode === 0 ? 'done' : 'failed';
  const details = { command: path.basename(program), ...end };
  await recordInLedger(
    () => opening,
    { action: 'migration', target, snapshot: { id, tag }, outcome, rows: null, details },
    { reporter },
  );
  await opening.then((store) => store.close()).catch(() => {});
}

/** e.g. "before-npm-20261121-065143-k3v9": two runs of one second still have tags of their own. */
function commandTag(program: string, at: Date): string {
  const word =
    path
      .basename(program)
      .replace(/[^A-Za-z0-9_-]+/g, '-')
      .slice(0, 40) || 'command';
  const stamp = at.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const few = Math.floor(Math.random() * 36 ** 4)
    .toString(36)
    .padStart(4, '0');
  return `before-${word}-${stamp}-${few}`;
}
