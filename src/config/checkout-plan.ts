import { readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  findGitPlace,
  type GitPlace,
  isFreshClone,
  readDefaultBranch,
  readGitHead,
  readGitOperation,
} from '../process/git-place.js';
import { configFileName } from './config.js';
import { type CurrentBranchState, readCurrentBranchState } from './current-branch.js';
import { projectFolders } from './project-folders.js';

/** What asks: a hook of git with its arguments, or a person. */
export interface CheckoutEvent {
  readonly hook: 'post-checkout' | 'post-rewrite' | 'follow';
  readonly args: readonly string[];
}

export interface CheckoutPlanInput {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly event: CheckoutEvent;
}

/** What a checkout asks for. */
export type CheckoutPlan =
  | { readonly todo: 'nothing'; readonly why: string }
  /** The git branch is a main one, and works on the target itself. */
  | { readonly todo: 'leave'; readonly gitBranch: string; readonly place: GitPlace }
  | { readonly todo: 'follow'; readonly gitBranch: string; readonly place: GitPlace };

const nothing = (why: string): CheckoutPlan => ({ todo: 'nothing', why });

/**
 * Decides what a checkout asks for by a few small files, without a server and without starting git: most checkouts ask for
 * nothing, and people wait for them.
 */
export async function planCheckout(input: CheckoutPlanInput): Promise<CheckoutPlan> {
  const { cwd, env, event } = input;
  if (env.BELAY_HOOKS === '0' && event.hook !== 'follow') return nothing('BELAY_HOOKS is 0');
  const [oldCommit = '', , flag] = event.args;
  if (event.hook === 'post-checkout' && flag !== '1') return nothing('only files were checked out');
  if (event.hook === 'post-rewrite' && event.args[0] !== 'rebase') return nothing('no rebase');
  const place = await findGitPlace(cwd, env);
  if (!place) return nothing('there is no git repository here');
  const isFromNothing = event.hook === 'post-checkout' && /^0+$/.test(oldCommit);
  if (isFromNothing && !place.isLinked && (await isFreshClone(place))) {
    return nothing('the repository was cloned just now');
  }
  const head = await readGitHead(place);
  if (!head?.branch) return nothing('no git branch is checked out (detached HEAD)');
  // At its end a rebase moves HEAD to the branch and calls post-rewrite before it cleans up.
  const operation = event.hook === 'post-rewrite' ? null : await readGitOperation(place);
  if (operation) return nothing(`a ${operation} is under way`);
  return planBranch(input, place, head.branch);
}

async function planBranch(
  { cwd, env, event }: CheckoutPlanInput,
  place: GitPlace,
  gitBranch: string,
): Promise<CheckoutPlan> {
  const state = await readCurrentBranchState({ cwd, env });
  const isByHand = state.type === 'branch' && state.current.gitBranch === null;
  if (isByHand && place.isLinked && event.hook !== 'follow') {
    return nothing('this working tree was given a branch of its own');
  }
  const settings = await readCheckoutSettings(cwd, env);
  if (settings.isOff && event.hook !== 'follow') return nothing('branches.onCheckout is "off"');
  const main = settings.main ?? [await readDefaultBranch(place), 'main', 'master'];
  if (!main.includes(gitBranch)) {
    const isThere = state.type === 'branch' && state.current.gitBranch === gitBranch;
    if (isThere && settings.isPlain) return nothing(`on the branch of ${gitBranch} already`);
    return { todo: 'follow', gitBranch, place };
  }
  if (isOnTarget(state) && settings.isPlain) return nothing('on the target itself already');
  return { todo: 'leave', gitBranch, place };
}

const isOnTarget = ({ type }: CurrentBranchState) => type === 'none';

interface CheckoutSettings {
  readonly isOff: boolean;
  readonly main: readonly string[] | undefined;
  /** False where the config is not what it should be: then somebody has to say so. */
  readonly isPlain: boolean;
}

/**
 * The two settings that decide whether there is anything to do. Checking the whole config takes longer than all else here:
 * what is wrong with it is said where there is something to do.
 */
async function readCheckoutSettings(
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<CheckoutSettings> {
  for (const folder of await projectFolders(cwd, env)) {
    const text = await readFile(path.join(folder, configFileName), 'utf8').catch(() => null);
    if (text !== null) return settingsOf(text);
  }
  return { isOff: false, main: undefined, isPlain: true };
}

function settingsOf(text: string): CheckoutSettings {
  try {
    const { branches = {} } = JSON.parse(text.replace(/^\uFEFF/, ''));
    const { onCheckout, main } = branches;
    const isPlain =
      [undefined, 'create', 'switch', 'off'].includes(onCheckout) &&
      (main === undefined ||
        (Array.isArray(main) && main.every((name: unknown) => typeof name === 'string')));
    return { isOff: onCheckout === 'off', main: isPlain ? main : undefined, isPlain };
  } catch {
    return { isOff: false, main: undefined, isPlain: false };
  }
}
