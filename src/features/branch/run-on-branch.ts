import { requireCommand, runCommand } from '../../process/run-command.js';
import type { Target } from '../target/open-target.js';
import { branchEnvironment } from './branch-environment.js';
import { noteUse } from './change-record.js';
import type { FoundBranch } from './driver.js';
import { startBranchServer } from './start-server.js';

export interface RunOnBranchOptions {
  readonly cwd?: string | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Where the command's stdout goes; default "stdout". */
  readonly commandStdout?: 'stdout' | 'stderr' | undefined;
}

export interface BranchRun {
  /** The command's own; 128 + n where signal n ended it. */
  readonly exitCode: number;
  /** Names of the variables that led to the branch. */
  readonly variables: readonly string[];
  readonly durationMs: number;
}

/**
 * Runs a command that finds a branch where it would find the target: in DATABASE_URL, in libpq's variables, and in every other
 * variable of the environment or of a `.env` file that means the target. The server of a cluster branch is started. No shell is involved, and nothing is saved before.
 *
 * @example
 * const { exitCode } = await runOnBranch(root, await findBranch(root, 'invoices'), ['npm', 'test']);
 * @throws BelayError TOOL_MISSING
 */
export async function runOnBranch(
  root: Target,
  found: FoundBranch,
  command: readonly [string, ...string[]],
  options: RunOnBranchOptions = {},
): Promise<BranchRun> {
  const { cwd = root.cwd, env = root.env, commandStdout: stdout = 'stdout' } = options;
  await requireCommand(command[0], { cwd, env });
  const branch =
    found.state === 'stopped' ? (await startBranchServer(found, { env })).branch : found;
  const redirected = await branchEnvironment(root, branch, { cwd, env });
  await noteUse(root, branch);
  // The command may want every connection that the server has, or the branch without others.
  await root.close();
  const end = await runCommand(command, { cwd, env: redirected.env, stdout });
  return {
    exitCode: end.exitCode,
    variables: redirected.variables,
    durationMs: Math.round(end.durationMs),
  };
}
