import path from 'node:path';
import { gitEnvironment } from './git.js';
import { runProgram } from './run.js';

/**
 * Whether git leaves a file out of commits.
 * @returns null where there is no git or no repository: then nobody commits it
 */
export async function isIgnoredByGit(file: string): Promise<boolean | null> {
  const cwd = path.dirname(file);
  const args = ['check-ignore', '--quiet', '--', path.basename(file)];
  const result = await runProgram('git', args, {
    ...{ cwd, env: gitEnvironment(cwd), timeoutMs: 2_000 },
  }).catch(() => null);
  if (!result || result.exitCode === null || result.exitCode > 1) return null;
  return result.exitCode === 0;
}
