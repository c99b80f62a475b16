import { compareWithTarget, type NamedMigration } from '../../domain/branch-behind.js';
import { BelayError } from '../../errors.js';
import { recorded } from '../ledger/recorded.js';
import {
  type BackupChoice,
  type BackupOptions,
  chooseBackup,
  type MigrationImpact,
  needsBackup,
} from '../migration/backup-choice.js';
import type { OtherFiles, OwnMigrationsOptions } from '../migration/own-migrations.js';
import { type MigrateUpOptions, type MigrationBackup, migrateUp } from '../migration/up.js';
import type { Target } from '../target/open-target.js';
import type { FoundBranch } from './driver.js';
import { findBranch } from './find-branch.js';
import {
  type MainFiles,
  type MigrationStand,
  readStand,
  withMainFiles,
} from './migration-stand.js';
import { withBranchTarget } from './open-branch.js';
import { cannotBeRead } from './schema-status.js';
import { type KeptState, keepBeforeUpdate } from './update-snapshot.js';

export interface UpdateBranchOptions
  extends Omit<MigrateUpOptions, 'to' | 'allowMissing' | keyof OwnMigrationsOptions> {
  readonly name: string;
  /** Take no snapshot of the branch before; default: one is taken. */
  readonly noSnapshot?: boolean | undefined;
}

export interface UpdatedBranch {
  readonly ok: true;
  readonly dryRun: boolean;
  readonly name: string;
  /** What the branch lacked, in the order of application. */
  readonly missing: readonly NamedMigration[];
  /** What was applied; of a dry run nothing. */
  readonly applied: readonly NamedMigration[];
  /** Where the files came from: the working tree, or the main git branch; null: nothing was missing. */
  readonly filesFrom: 'working-tree' | 'main' | null;
  /** Tag of the branch's own snapshot with the state before; null: nothing was applied, or none was wanted. */
  readonly snapshot: string | null;
  /** What each would do to the data that is in the branch. */
  readonly impacts: readonly MigrationImpact[];
  readonly backup: MigrationBackup | null;
  readonly from: string;
  readonly current: string;
  readonly durationMs: number;
}

/**
 * Applies to a branch what its target or the main git branch has, and the branch has not: plain SQL migrations, which
 * Belay applies itself. The branch's own stay. What is there before is kept as a snapshot of the branch.
 *
 * @example
 * const { applied, snapshot } = await updateBranch(root, { name: 'invoices', backup: 'none' });
 * @throws BelayError BRANCH_NOT_FOUND, BRANCH_DAMAGED, OTHER_TOOL, MIGRATIONS_NOT_FOUND, and as `migrateUp`: nothing
 *   was applied then; LOSS_GREW, MIGRATION_FAILED, LOCK_TIMEOUT after those before
 */
export async function updateBranch(
  root: Target,
  options: UpdateBranchOptions,
): Promise<UpdatedBranch> {
  const startedAt = performance.now();
  const branch = await findBranch(root, options.name);
  refuseUnreadable(branch);
  const target = await readStand(root);
  refuseOtherTool(branch, target);
  return recorded(
    root,
    'branch-update',
    options.reporter,
    () =>
      withMainFiles(
        root,
        target,
        (main) =>
          withBranchTarget(root, branch, 'branch update', (opened) =>
            update(opened, { branch, target, main, startedAt }, options),
          ),
        options.signal,
      ),
    ({ name, applied, snapshot }) =>
      applied.length === 0
        ? null
        : {
            ...{ snapshot: null, rows: null },
            details: { branch: name, versions: applied.map(({ version }) => version), snapshot },
          },
  );
}

interface Situation {
  readonly branch: FoundBranch;
  /** The branch's root. */
  readonly target: MigrationStand;
  readonly main: MainFiles | null;
  readonly startedAt: number;
}

async function update(
  opened: Target,
  { branch, target, main, startedAt }: Situation,
  options: UpdateBranchOptions,
): Promise<UpdatedBranch> {
  const { name } = branch.record;
  const stand = await readStand(opened);
  const { missing, ahead } = compareWithTarget({
    ...{ applied: stand.applied, target: target.applied, main: main?.files ?? [], own: null },
  });
  const about = { ok: true, dryRun: options.dryRun ?? false, name } as const;
  const done = () => ({ durationMs: Math.round(performance.now() - startedAt) });
  const current = stand.applied.at(-1)?.version ?? '0';
  if (missing.length === 0) {
    const none = { missing: [], applied: [], filesFrom: null, snapshot: null, backup: null };
    return { ...about, ...none, impacts: [], from: current, current, ...done() };
  }
  const { files, filesFrom } = chooseFiles(missing, stand, main);
  // The branch's own have their files on another git branch, as a rule.
  const run = { ...options, otherTool: null, files, allowMissing: ahead.length > 0 };
  const { result, kept } = await applyKeeping(opened, run, options);
  return {
    ...{ ...about, missing: missing.map(asNamed), applied: result.applied.map(asNamed), filesFrom },
    ...{ snapshot: kept?.tag ?? null, impacts: result.impacts, backup: result.backup },
    ...{ from: result.from, current: result.current, ...done() },
  };
}

const asNamed = ({ version, name }: NamedMigration): NamedMigration => ({ version, name });

/** What would be lost is asked about first: a snapshot that nobody needs takes time and room. */
async function applyKeeping(opened: Target, run: MigrateUpOptions, options: UpdateBranchOptions) {
  const planned = await migrateUp(opened, { ...run, dryRun: true });
  if (options.dryRun) return { result: planned, kept: null };
  const backup = needsBackup(planned.impacts)
    ? await chooseBackup(planned.impacts, options)
    : options.backup;
  const kept = options.noSnapshot ? null : await keepBeforeUpdate(opened, options);
  try {
    const answer = options.backup === undefined ? answered(options, backup) : {};
    return { result: await migrateUp(opened, { ...run, ...answer }), kept };
  } catch (error) {
    throw await explainFailure(error, kept);
  }
}

/** The answer holds for what was shown: where the loss has grown since, `migrateUp` asks once more. */
function answered(
  { chooseBackup: ask }: BackupOptions,
  backup: BackupChoice | undefined,
): BackupOptions {
  let isFirst = true;
  if (!ask || backup === undefined) return { backup };
  return {
    backup: undefined,
    chooseBackup: async (impacts) => {
      const again = !isFirst;
      isFirst = false;
      return again ? ask(impacts) : backup;
    },
  };
}

/** A snapshot of what did not change is of no use; after a part was applied it is the way back. */
async function explainFailure(error: unknown, kept: KeptState | null): Promise<unknown> {
  if (!kept || !(error instanceof BelayError)) return error;
  const applied = error.details.applied;
  if (!Array.isArray(applied) || applied.length === 0) {
    await kept.discard();
    return error;
  }
  const back = `The branch as it was before is its snapshot "${kept.tag}": \`belay restore ${kept.tag}\` on the branch.`;
  return new BelayError(error.code, error.message, {
    hint: [error.hint, back].filter(Boolean).join(' '),
    details: { ...error.details, snapshot: kept.tag },
    cause: error.cause,
  });
}

/** Only what is missing is applied: the working tree may belong to another git branch, with work of its own. */
function chooseFiles(
  missing: readonly NamedMigration[],
  stand: MigrationStand,
  main: MainFiles | null,
): { readonly files: OtherFiles; readonly filesFrom: 'working-tree' | 'main' } {
  const versions = (all: readonly NamedMigration[]) => new Set(all.map(({ version }) => version));
  const [here, there] = [versions(stand.files), versions(main?.files ?? [])];
  const wanted = versions([...stand.applied, ...missing]);
  const accepts = (version: string) => wanted.has(version);
  if (missing.every(({ version }) => here.has(version))) {
    return { files: { cwd: stand.cwd, accepts }, filesFrom: 'working-tree' };
  }
  if (main && missing.every(({ version }) => there.has(version))) {
    return { files: { cwd: main.folder, accepts }, filesFrom: 'main' };
  }
  throw filesMissing(missing.filter(({ version }) => !there.has(version)));
}

function filesMissing(lost: readonly NamedMigration[]): BelayError {
  const named = lost.map(({ version, name }) => (name === '' ? version : `${version}_${name}`));
  return new BelayError(
    'MIGRATIONS_NOT_FOUND',
    `the main git branch has no files of what the target has: ${named.join(', ')}; nor are all that the branch lacks here`,
    {
      hint: 'Nothing was applied. Check out or fetch the git branch that has them, and try again.',
      details: { versions: lost.map(({ version }) => version) },
    },
  );
}

/** @throws BelayError USAGE, SERVER_UNREACHABLE, BRANCH_DAMAGED */
function refuseUnreadable(branch: FoundBranch): void {
  const problem = cannotBeRead(branch);
  if (problem === null) return;
  const { name, isolation } = branch.record;
  const code =
    isolation === 'schema'
      ? 'USAGE'
      : branch.state === 'stopped'
        ? 'SERVER_UNREACHABLE'
        : 'BRANCH_DAMAGED';
  throw new BelayError(code, `branch "${name}" cannot be updated: ${problem}`, {
    hint:
      isolation === 'schema'
        ? `Run the tool's own command: \`${commandFor(name, 'COMMAND')}\`; or take a newer snapshot of the target, and \`belay branch reset --to TAG\`.`
        : 'Nothing was applied.',
  });
}

const commandFor = (name: string, command: string): string =>
  `belay run --branch ${/^[\w./-]+$/.test(name) ? name : JSON.stringify(name)} -- ${command}`;

/** @throws BelayError OTHER_TOOL */
function refuseOtherTool({ record: { name } }: FoundBranch, { tool, upCommand }: MigrationStand) {
  if (tool === 'belay') return;
  throw new BelayError('OTHER_TOOL', `the migrations here belong to ${tool}`, {
    hint: `Apply them to the branch with \`${commandFor(name, upCommand)}\`.`,
    details: { tool },
  });
}
