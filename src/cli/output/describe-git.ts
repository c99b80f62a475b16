import type {
  FollowedGit,
  GitHooksStatus,
  InstalledGitHooks,
  UninstalledGitHooks,
} from '../../index.js';
import { printable } from './printable.js';
import type { Style } from './style.js';

/** What a checkout has led to: one line, and one for each thing to know. */
export function describeFollowed({
  action,
  gitBranch,
  branch,
  database,
  notes,
}: FollowedGit): string[] {
  const on = `branch ${printable(branch ?? '')}, database ${printable(database ?? '')}`;
  const lines: Readonly<Record<FollowedGit['action'], string[]>> = {
    none: [],
    target: [`git branch ${printable(gitBranch ?? '')} works on the target itself`],
    absent: ['on the target itself'],
    switched: [`on ${on}`],
    renamed: [`on ${on}`],
    created: [`made ${on}`],
  };
  return [...lines[action], ...notes.map(printable)];
}

export function describeInstalled(style: Style, { hooks, notes }: InstalledGitHooks): string {
  const lines = hooks.map(({ hook, file, manager, changed }) => {
    const by = manager === 'git' ? '' : ` (${manager})`;
    return `${hook}: ${changed ? 'installed' : 'was installed already'} in ${printable(file)}${by}`;
  });
  const end =
    '`git checkout` now leads to the database of the git branch; BELAY_HOOKS=0 turns that off';
  return [...lines, ...notes.map((note) => style.yellow(printable(note))), end].join('\n');
}

export function describeUninstalled({ files }: UninstalledGitHooks): string {
  if (files.length === 0) return 'no hook had lines of Belay';
  return files.map((file) => `took Belay’s lines out of ${printable(file)}`).join('\n');
}

export function describeGitHooks(style: Style, status: GitHooksStatus): string {
  const { hooks, onCheckout, gitBranch, branch, settled, notes } = status;
  const where = branch === null ? 'the target itself' : `branch ${printable(branch)}`;
  return [
    ...hooks.map(({ hook, file, installed }) =>
      installed
        ? `${hook}: installed in ${printable(file)}`
        : style.yellow(`${hook}: not installed`),
    ),
    `on checkout: ${onCheckout}`,
    `git branch: ${gitBranch === null ? 'none (detached HEAD)' : printable(gitBranch)}`,
    `database: ${where}`,
    settled === null
      ? style.yellow('they do not belong together: `belay git follow` changes that')
      : `nothing to follow: ${settled}`,
    ...notes.map((note) => style.yellow(printable(note))),
  ].join('\n');
}
