import type { BranchesConfig } from './config.js';
import { type LoadConfigInput, loadConfig } from './load-config.js';

export type { BranchesConfig };

/** What the project's config says about branches; nothing where there is none. @throws BelayError BAD_CONFIG */
export async function loadedBranches(input: LoadConfigInput): Promise<BranchesConfig> {
  return (await loadConfig({ cwd: input.cwd, env: input.env }))?.config.branches ?? {};
}
