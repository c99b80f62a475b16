import { readCurrentBranch } from '../../config/current-branch.js';
import type { BranchIsolation } from '../../domain/branch.js';
import {
  type BehindState,
  type BranchBehind,
  behindState,
  compareWithTarget,
  type NamedMigration,
} from '../../domain/branch-behind.js';
import type { AppliedMigration, MigrationFile } from '../../domain/migration.js';
import { currentVersion } from '../../domain/migration-plan.js';
import type { RunOptions } from '../../domain/reporter.js';
import { BelayError } from '../../errors.js';
import { findGitPlace, readGitHead } from '../../process/git-place.js';
import type { Target } from '../target/open-target.js';
import type { FoundBranch } from './driver.js';
import { findBranches } from './find-branch.js';
import { type MigrationStand, readStand, withMainFiles } from './migration-stand.js';
import { withBranchTarget } from './open-branch.js';

/** How one branch stands to its target. */
export interface BranchStatus extends BranchBehind {
  readonly name: string;
  readonly isolation: BranchIsolation;
  /** "unknown": it cannot be read now, see `problem`. */
  readonly state: BehindState;
  readonly problem: string | null;
  /** The version it is at; null: unknown. */
  readonly current: string | null;
}

/** Which branches of a target are behind, and by what. */
export interface SchemaStatus {
  readonly ok: true;
  /** "belay", or the tool that applies the project's migrations. */
  readonly tool: string;
  readonly upCommand: string;
  readonly target: {
    readonly database: string;
    readonly current: string;
    /** What the main git branch has, and the target has not. */
    readonly pending: readonly NamedMigration[];
  };
  /** The git branch that counts as the main one; null: none, or it has no migrations. */
  readonly main: string | null;
  readonly branches: readonly BranchStatus[];
}

export type SchemaStatusOptions = RunOptions;

/**
 * Compares the migrations of every branch with those of the target and of the main git branch. Changes nothing, and starts
 * no server: of one that is stopped it says so.
 *
 * @example
 * const { branches } = await readSchemaStatus(root);
 * const behind = branches.filter(({ missing }) => missing.length > 0);
 * @throws BelayError BAD_MIGRATION, BAD_CONFIG, HISTORY_DAMAGED, TARGET_NOT_FOUND
 */
export async function readSchemaStatus(
  root: Target,
  options: SchemaStatusOptions = {},
): Promise<SchemaStatus> {
  const target = await readStand(root);
  return withMainFiles(
    root,
    target,
    async (main) => {
      const files = main?.files ?? [];
      const { missing } = compareWithTarget({ ...target, target: [], main: files, own: null });
      const branches: BranchStatus[] = [];
      for (const branch of await findBranches(root)) {
        branches.push(await statusOf(root, branch, target, files));
      }
      const { tool, upCommand, applied } = target;
      const pending = missing.map(({ version, name }) => ({ version, name }));
      const about = { database: root.database, current: currentVersion(applied), pending };
      return { ok: true, tool, upCommand, target: about, main: main?.branch ?? null, branches };
    },
    options.signal,
  );
}

const nothing: BranchBehind = { missing: [], ahead: [], changed: [], pending: [] };

async function statusOf(
  root: Target,
  branch: FoundBranch,
  target: MigrationStand,
  main: readonly MigrationFile[],
): Promise<BranchStatus> {
  const { name, isolation } = branch.record;
  const problem = cannotBeRead(branch);
  if (problem !== null) {
    return { name, isolation, state: 'unknown', problem, current: null, ...nothing };
  }
  try {
    const { applied, files } = await withBranchTarget(root, branch, 'branch status', readStand);
    const own = (await isOfWorkTree(root, branch)) ? files : null;
    return { name, isolation, problem: null, ...describe(applied, target, main, own) };
  } catch (error) {
    // One branch that cannot be read is no reason to say nothing of the others.
    if (!(error instanceof BelayError) || error.kind === 'bug') throw error;
    const { message } = error;
    return { name, isolation, state: 'unknown', problem: message, current: null, ...nothing };
  }
}

function describe(
  applied: readonly AppliedMigration[],
  target: MigrationStand,
  main: readonly MigrationFile[],
  own: readonly MigrationFile[] | null,
) {
  const behind = compareWithTarget({ applied, target: target.applied, main, own });
  return { state: behindState(behind), current: currentVersion(applied), ...behind };
}

/** Why a branch is not read; null: it can be. */
export function cannotBeRead({ record, state, problem }: FoundBranch): string | null {
  if (record.isolation === 'schema') {
    return 'a schema has no record of its migrations of its own: it shares that of its database';
  }
  if (state === 'stopped') {
    return `its server is stopped: \`belay branch start ${JSON.stringify(record.name)}\` starts it`;
  }
  return state === 'damaged' ? (problem ?? 'it is damaged') : null;
}

/** Whether the working tree works on the branch: then the files in it are the branch's own. */
async function isOfWorkTree(root: Target, { record }: FoundBranch): Promise<boolean> {
  const place = { cwd: root.cwd, env: root.env };
  if ((await readCurrentBranch(place))?.id === record.id) return true;
  if (!record.git) return false;
  const git = await findGitPlace(place.cwd, place.env);
  const head = git && (await readGitHead(git));
  return git?.commonFolder === record.git.repository && head?.branch === record.git.branch;
}
