import { planCheckout } from '../../config/checkout-plan.js';
import { readCurrentBranchState } from '../../config/current-branch.js';
import { loadConfig } from '../../config/load-config.js';
import { type GitHook, hookMarks } from '../../domain/git-hook-script.js';
import { hasBlock } from '../../domain/marked-block.js';
import { readGitHead } from '../../process/git-place.js';
import { readHookFile } from './hook-file.js';
import { findHookPlaces, type HookManager } from './hook-places.js';
import { type GitHooksOptions, lefthookRuns, requireGit } from './install.js';

export interface GitHooksStatus {
  readonly installed: boolean;
  readonly hooks: readonly {
    readonly hook: GitHook;
    readonly file: string;
    readonly manager: HookManager;
    readonly installed: boolean;
  }[];
  readonly onCheckout: 'create' | 'switch' | 'off';
  /** What is checked out; null: no branch. */
  readonly gitBranch: string | null;
  /** Name of the current branch; null: the target itself. */
  readonly branch: string | null;
  /** Null: `belay git follow` would change something; else why not. */
  readonly settled: string | null;
  readonly notes: readonly string[];
}

/**
 * Whether the hooks are in place, and whether the working tree is on the branch of its git branch. Asks no server.
 *
 * @throws BelayError HOOKS_TAKEN, FILE_ERROR, TOOL_MISSING, BAD_CONFIG; USAGE outside a repository
 */
export async function readGitHooks(options: GitHooksOptions): Promise<GitHooksStatus> {
  const place = await requireGit(options);
  const places = await findHookPlaces(place);
  const hooks = await Promise.all(
    places.map(async ({ hook, file, manager }) => {
      const text = await readHookFile(file);
      return { hook, file, manager, installed: text !== null && hasBlock(text, hookMarks) };
    }),
  );
  const state = await readCurrentBranchState(options);
  const isWaiting = places[0]?.manager === 'lefthook' && !(await lefthookRuns(place));
  const plan = await planCheckout({ ...options, event: { hook: 'follow', args: [] } });
  return {
    installed: hooks.every(({ installed }) => installed),
    hooks,
    onCheckout: (await loadConfig(options))?.config.branches?.onCheckout ?? 'create',
    gitBranch: (await readGitHead(place))?.branch ?? null,
    branch: state.type === 'branch' ? state.current.name : null,
    settled: plan.todo === 'nothing' ? plan.why : null,
    notes: [
      ...(state.type === 'unreadable' ? [`${state.file} cannot be read, and counts as none`] : []),
      ...(isWaiting ? ['lefthook has no hook for checkouts yet: run `lefthook install`'] : []),
    ],
  };
}
